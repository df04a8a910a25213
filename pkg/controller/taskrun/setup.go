package taskrun

import (
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/util/workqueue"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/controller-runtime/pkg/source"

	resolution "github.com/slipway-dev/slipway/api/tekton/resolution/v1beta1"
	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
	"github.com/slipway-dev/slipway/pkg/kube"
)

// SetupWithManager has the manager call the reconciler for each TaskRun that is
// ours, for its Pods, and when its references were found.
func (r *Reconciler) SetupWithManager(m ctrl.Manager) error {
	return ctrl.NewControllerManagedBy(m).Named("taskrun").
		For(&v1.TaskRun{}, builder.WithPredicates(predicate.NewPredicateFuncs(isOurs))).
		Owns(&corev1.Pod{}).
		Watches(&corev1.ResourceQuota{}, handler.EnqueueRequestsFromMapFunc(r.room)).
		Watches(&corev1.Pod{}, handler.EnqueueRequestsFromMapFunc(r.mates)).
		Owns(&resolution.ResolutionRequest{}).
		WatchesRawSource(source.Channel(r.Resolved, &handler.EnqueueRequestForObject{})).
		WithOptions(controller.Options{
			MaxConcurrentReconciles: r.Config.Workers,
			ReconciliationTimeout:   kube.ReconcileTimeout,
			RateLimiter:             workqueue.NewTypedItemExponentialFailureRateLimiter[reconcile.Request](50*time.Millisecond, time.Minute),
		}).
		Complete(r)
}

// isOurs reports whether no other controller was named for the run.
func isOurs(o client.Object) bool {
	run, ok := o.(*v1.TaskRun)
	return !ok || run.Spec.ManagedBy == nil || *run.Spec.ManagedBy == "" || *run.Spec.ManagedBy == v1.ManagedBy
}
