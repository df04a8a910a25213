package settings

import (
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	config "github.com/slipway-dev/slipway/api/config/v1alpha1"
	"github.com/slipway-dev/slipway/pkg/suggest"
)

// Store holds the present settings. It is safe for concurrent use.
type Store struct {
	base    config.RunDefaults
	log     *slog.Logger
	current atomic.Pointer[Settings]

	mu sync.Mutex
	// applied holds the data last seen, good the values of it that count, both by
	// ConfigMap and key.
	applied, good map[string]map[string]string
	// said holds the keys that were spoken of.
	said map[string]bool
}

// NewStore returns a Store that holds base until ConfigMaps say otherwise. What is
// wrong in these goes to log.
func NewStore(base config.RunDefaults, log *slog.Logger) *Store {
	s := &Store{base: base, log: log, applied: map[string]map[string]string{}, good: map[string]map[string]string{}, said: map[string]bool{}}
	s.current.Store(from(base))
	return s
}

// Current returns what is set now.
func (s *Store) Current() *Settings { return s.current.Load() }

// Apply takes the data of one of the ConfigMaps; nil when there is none. A value
// that is refused leaves the last good one of its key in place.
func (s *Store) Apply(name string, data map[string]string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if maps.Equal(s.applied[name], data) {
		return
	}
	s.applied[name] = maps.Clone(data)
	before, good := s.good[name], map[string]string{}
	var idle []string
	for _, key := range slices.Sorted(maps.Keys(data)) {
		set, acted := keys[name][key]
		why, known := ignored[name][key]
		switch {
		case acted:
			s.take(good, before, setting{name, key, data[key], set})
		case key == "_example" || s.said[name+"/"+key]:
		case known:
			idle = append(idle, fmt.Sprintf("%s (%s)", key, why))
			s.said[name+"/"+key] = true
		default:
			s.log.Warn("no such setting", "configmap", name, "key", key, "hint", strings.TrimPrefix(suggest.DidYouMean(key, names(name)), "; "))
			s.said[name+"/"+key] = true
		}
	}
	if len(idle) > 0 {
		s.log.Info("settings that mean nothing here: "+strings.Join(idle, ", "), "configmap", name)
	}
	s.good[name] = good
	s.rebuild()
}

// setting is one entry of a ConfigMap.
type setting struct {
	configMap, key, value string
	set                   setter
}

// take keeps a value that is good, and otherwise the one before.
func (s *Store) take(good, before map[string]string, e setting) {
	err := e.set(&Settings{}, e.value)
	if err == nil {
		good[e.key] = e.value
		return
	}
	kept := "the default"
	if last, ok := before[e.key]; ok {
		good[e.key], kept = last, last
	}
	s.log.Error(e.key+" "+err.Error(), "configmap", e.configMap, "value", e.value, "stays", kept)
}

// rebuild makes the settings of all values that count.
func (s *Store) rebuild() {
	next := from(s.base)
	for name, values := range s.good {
		for key, value := range values {
			_ = keys[name][key](next, value) // it was good when it was taken
		}
	}
	s.current.Store(next)
}
