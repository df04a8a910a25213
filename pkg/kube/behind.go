package kube

import (
	"sync"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Settle is how long an event may take that is certain to come; an object is looked
// at again then in any case.
const Settle = 5 * time.Second

// Behind knows of which objects the cache does not show this process's last write
// yet. A decision on such an object would be refused only after it was acted on.
// The zero value knows of none. It is for objects of one kind.
type Behind struct {
	mu sync.Mutex
	// replaced holds the version that the last write was made to.
	replaced map[client.ObjectKey]replaced
}

type replaced struct {
	version string
	at      time.Time
}

// Wrote notes a write that was made to this version of an object.
func (b *Behind) Wrote(before client.Object, at time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.replaced == nil {
		b.replaced = map[client.ObjectKey]replaced{}
	}
	b.replaced[client.ObjectKeyFromObject(before)] = replaced{before.GetResourceVersion(), at}
}

// Is reports whether the cache still shows what was replaced. It is not for longer
// than Settle: the API server refuses what is decided on an old version in any case.
func (b *Behind) Is(shown client.Object, now time.Time) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	key := client.ObjectKeyFromObject(shown)
	old, ok := b.replaced[key]
	if ok && old.version == shown.GetResourceVersion() && now.Sub(old.at) < Settle {
		return true
	}
	delete(b.replaced, key)
	return false
}

// Forget is for an object that is gone.
func (b *Behind) Forget(object client.ObjectKey) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.replaced, object)
}
