package registry

import (
	"container/list"
	"context"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"
	corev1 "k8s.io/api/core/v1"
)

// Cache remembers the answers of a Lookup: for good when the image was named by
// digest, for TTL when by tag, and at most Size of them. Several callers that
// ask for the same image at once share one request. A failed lookup is not
// remembered.
type Cache struct {
	lookup Lookup
	ttl    time.Duration
	size   int
	now    func() time.Time

	flight  singleflight.Group
	mu      sync.Mutex
	entries map[string]*list.Element
	recent  *list.List
}

// Lookup finds the command of an image.
type Lookup func(ctx context.Context, image string, pullSecrets []corev1.Secret) (Command, error)

// Secrets reads the pull secrets that may be needed for an image; it is called
// only when a registry must be asked.
type Secrets func(ctx context.Context) ([]corev1.Secret, error)

type entry struct {
	key     string
	command Command
	// expires is zero for what a digest names: that cannot change.
	expires time.Time
}

func (e *entry) expired(now time.Time) bool { return !e.expires.IsZero() && now.After(e.expires) }

// CacheOptions bounds a Cache.
type CacheOptions struct {
	// TTL is how long a tag is taken to name the same image.
	TTL time.Duration
	// Size is how many images are remembered.
	Size int
	// Now tells the time.
	Now func() time.Time
}

// NewCache returns a cache in front of lookup.
func NewCache(lookup Lookup, o CacheOptions) *Cache {
	return &Cache{lookup: lookup, ttl: o.TTL, size: o.Size, now: o.Now, entries: map[string]*list.Element{}, recent: list.New()}
}

// Command is Lookup, from memory where it can be. The scope separates callers
// who may not see each other's images; a namespace is one.
func (c *Cache) Command(ctx context.Context, scope, image string, secrets Secrets) (Command, error) {
	key := scope + " " + image
	if found, ok := c.get(key); ok {
		return found, nil
	}
	answer, err, _ := c.flight.Do(key, func() (any, error) {
		pullSecrets, err := secrets(ctx)
		if err != nil {
			return nil, err
		}
		return c.lookup(ctx, image, pullSecrets)
	})
	if err != nil {
		return Command{}, err
	}
	c.put(key, answer.(Command))
	return answer.(Command), nil
}

func (c *Cache) get(key string) (Command, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	el, ok := c.entries[key]
	if !ok || el.Value.(*entry).expired(c.now()) {
		return Command{}, false
	}
	c.recent.MoveToFront(el)
	return el.Value.(*entry).command, true
}

func (c *Cache) put(key string, command Command) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if old, ok := c.entries[key]; ok {
		c.recent.Remove(old)
	}
	e := &entry{key: key, command: command}
	if !strings.Contains(key, "@") {
		e.expires = c.now().Add(c.ttl)
	}
	c.entries[key] = c.recent.PushFront(e)
	for c.recent.Len() > c.size {
		oldest := c.recent.Remove(c.recent.Back()).(*entry)
		delete(c.entries, oldest.key)
	}
}
