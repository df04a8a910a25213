package resolve

import (
	"container/list"
	"fmt"
	"time"

	"github.com/slipway-dev/slipway/pkg/resolve/fetch"
	"github.com/slipway-dev/slipway/pkg/suggest"
)

// cacheMode is the value of the param cache, which every resolver takes.
type cacheMode string

const (
	// cacheAuto, the default, keeps what cannot change.
	cacheAuto cacheMode = "auto"
	// cacheAlways keeps everything; what may change, for alwaysLife.
	cacheAlways cacheMode = "always"
	// cacheNever keeps nothing and takes nothing that was kept.
	cacheNever cacheMode = "never"
)

// The bounds of the cache.
const (
	alwaysLife  = 5 * time.Minute
	cacheLength = 1000
	cacheBytes  = 64 << 20
)

func cacheModeOf(text string) (cacheMode, error) {
	switch m := cacheMode(text); m {
	case "":
		return cacheAuto, nil
	case cacheAuto, cacheAlways, cacheNever:
		return m, nil
	}
	return "", fmt.Errorf("param cache: %q: use always, never or auto%s", text, suggest.DidYouMean(text, []string{"always", "never", "auto"}))
}

// life is how long to keep a document: forever is less than 0, not at all is 0.
func life(m cacheMode, immutable bool) time.Duration {
	switch {
	case m == cacheNever:
		return 0
	case immutable:
		return -1
	case m == cacheAlways:
		return alwaysLife
	}
	return 0
}

// cache keeps the documents used last. Its caller locks.
type cache struct {
	now     func() time.Time
	entries map[string]*list.Element
	recent  *list.List
	bytes   int
}

type cached struct {
	key      string
	document *fetch.Document
	// until is zero for what never changes.
	until time.Time
}

func newCache(now func() time.Time) *cache {
	return &cache{now: now, entries: map[string]*list.Element{}, recent: list.New()}
}

// get returns nil for what is not there, or must not be taken from here.
func (c *cache) get(key string, m cacheMode) *fetch.Document {
	at, ok := c.entries[key]
	if !ok || m == cacheNever {
		return nil
	}
	e := at.Value.(*cached)
	if !e.until.IsZero() && (m != cacheAlways || c.now().After(e.until)) {
		return nil
	}
	c.recent.MoveToFront(at)
	return e.document
}

func (c *cache) put(key string, document *fetch.Document, life time.Duration) {
	if life == 0 {
		return
	}
	if old, ok := c.entries[key]; ok {
		c.drop(old)
	}
	e := &cached{key: key, document: document}
	if life > 0 {
		e.until = c.now().Add(life)
	}
	c.entries[key] = c.recent.PushFront(e)
	c.bytes += len(document.Content)
	for c.recent.Len() > cacheLength || c.bytes > cacheBytes {
		c.drop(c.recent.Back())
	}
}

func (c *cache) drop(at *list.Element) {
	e := c.recent.Remove(at).(*cached)
	delete(c.entries, e.key)
	c.bytes -= len(e.document.Content)
}
