package metrics

import (
	"slices"
	"strings"
	"sync"

	"github.com/prometheus/client_golang/prometheus"
)

// bounded is a histogram of which the labels that users name have a bounded
// number of combinations.
type bounded struct {
	vec   *prometheus.HistogramVec
	mu    sync.Mutex
	known map[string]bool
}

func newBounded(name, help string, buckets []float64, labels ...string) *bounded {
	return &bounded{
		vec:   prometheus.NewHistogramVec(prometheus.HistogramOpts{Namespace: namespace, Name: name, Help: help, Buckets: buckets}, labels),
		known: map[string]bool{},
	}
}

// observe adds a value. fixed are the values of the first labels, of which there
// are few; named are those of the rest.
func (b *bounded) observe(value float64, fixed []string, named ...string) {
	if !b.admit(named) {
		named = slices.Repeat([]string{Other}, len(named))
	}
	b.vec.WithLabelValues(slices.Concat(fixed, named)...).Observe(value)
}

// admit reports whether a combination has, or now gets, series of its own.
func (b *bounded) admit(named []string) bool {
	key := strings.Join(named, "\x00")
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.known[key] && len(b.known) < MaxSeries {
		b.known[key] = true
	}
	return b.known[key]
}
