package taskrun

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
)

// waiters are the runs whose Pods a quota has no room for, the oldest run first. They
// are told of room by the quota, and look for themselves in case that is not heard.
type waiters struct {
	mu   sync.Mutex
	runs map[client.ObjectKey]time.Time
}

const (
	// quotaRetry is how long to wait before a Pod that had no room is tried again.
	quotaRetry = 5 * time.Second
	// quotaStep is what each run adds to that which waits longer: hundreds that wait
	// are to cost the API server little more than ten.
	quotaStep = 200 * time.Millisecond
	// quotaBatch is how many runs may try at once where the quota does not count Pods.
	quotaBatch = 4
)

// add has the run wait, and says for how long before it looks for itself.
func (w *waiters) add(run *v1.TaskRun) time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.runs == nil {
		w.runs = map[client.ObjectKey]time.Time{}
	}
	key := client.ObjectKeyFromObject(run)
	w.runs[key] = run.CreationTimestamp.Time
	return quotaRetry + time.Duration(slices.Index(w.queue(run.Namespace), key))*quotaStep
}

func (w *waiters) leave(key client.ObjectKey) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.runs, key)
}

// first are at most n of those that wait longest.
func (w *waiters) first(namespace string, n int) []client.ObjectKey {
	w.mu.Lock()
	defer w.mu.Unlock()
	queue := w.queue(namespace)
	return queue[:min(n, len(queue))]
}

func (w *waiters) queue(namespace string) []client.ObjectKey {
	var keys []client.ObjectKey
	for key := range w.runs {
		if key.Namespace == namespace {
			keys = append(keys, key)
		}
	}
	slices.SortFunc(keys, func(a, b client.ObjectKey) int {
		return cmp.Or(w.runs[a].Compare(w.runs[b]), cmp.Compare(a.Name, b.Name))
	})
	return keys
}

// room has as many runs try again as a quota that changed has room for.
func (r *Reconciler) room(_ context.Context, o client.Object) []reconcile.Request {
	quota, ok := o.(*corev1.ResourceQuota)
	if !ok {
		return nil
	}
	var out []reconcile.Request
	for _, key := range r.waiters.first(quota.Namespace, freePods(quota)) {
		out = append(out, reconcile.Request{NamespacedName: key})
	}
	return out
}

// freePods is how many more Pods a quota allows; quotaBatch where it counts something else.
func freePods(quota *corev1.ResourceQuota) int {
	for _, name := range []corev1.ResourceName{corev1.ResourcePods, "count/pods"} {
		if hard, ok := quota.Status.Hard[name]; ok {
			used := quota.Status.Used[name]
			return int(max(0, hard.Value()-used.Value()))
		}
	}
	return quotaBatch
}
