package taskrun

import (
	"context"
	"time"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
)

const (
	// quotaRetry is how long to wait before a Pod that had no room is tried again.
	quotaRetry = 5 * time.Second
	// quotaStep is what each run adds to that which waits longer: hundreds that wait
	// are to cost the API server little more than ten.
	quotaStep = 200 * time.Millisecond
	// quotaBatch is how many runs may try at once where the quota does not count Pods.
	quotaBatch = 4
)

// room has as many runs try again as a quota that changed has room for.
func (r *Reconciler) room(_ context.Context, o client.Object) []reconcile.Request {
	quota, ok := o.(*corev1.ResourceQuota)
	if !ok {
		return nil
	}
	var out []reconcile.Request
	for _, key := range r.waiters.First(quota.Namespace, freePods(quota)) {
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
