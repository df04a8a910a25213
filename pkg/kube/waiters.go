package kube

import (
	"cmp"
	"slices"
	"sync"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Waiters are objects that wait for room in their namespace. The zero value is none.
type Waiters struct {
	mu   sync.Mutex
	born map[client.ObjectKey]time.Time
}

// Add has an object wait, and says how many older ones of its namespace do.
func (w *Waiters) Add(o client.Object) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.born == nil {
		w.born = map[client.ObjectKey]time.Time{}
	}
	key := client.ObjectKeyFromObject(o)
	w.born[key] = o.GetCreationTimestamp().Time
	ahead := 0
	for other := range w.born {
		if other.Namespace == key.Namespace && w.compare(other, key) < 0 {
			ahead++
		}
	}
	return ahead
}

// compare is negative when a is older than b.
func (w *Waiters) compare(a, b client.ObjectKey) int {
	return cmp.Or(w.born[a].Compare(w.born[b]), cmp.Compare(a.Name, b.Name))
}

// Leave has it wait no more.
func (w *Waiters) Leave(key client.ObjectKey) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.born, key)
}

// First are at most n of those of a namespace, the oldest first.
func (w *Waiters) First(namespace string, n int) []client.ObjectKey {
	w.mu.Lock()
	defer w.mu.Unlock()
	if n == 0 {
		return nil // as each change of a full quota finds it
	}
	var keys []client.ObjectKey
	for key := range w.born {
		if key.Namespace == namespace {
			keys = append(keys, key)
		}
	}
	slices.SortFunc(keys, w.compare)
	return keys[:min(n, len(keys))]
}
