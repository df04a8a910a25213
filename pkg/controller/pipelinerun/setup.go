// Package pipelinerun drives PipelineRuns: it loads one with its children, asks
// plan what to do, does it and records the outcome.
package pipelinerun

import (
	"context"
	"sync"
	"time"

	resolution "github.com/slipway-dev/slipway/api/tekton/resolution/v1beta1"
	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
	"github.com/slipway-dev/slipway/api/tekton/v1beta1"
	"github.com/slipway-dev/slipway/pkg/kube"
	"github.com/slipway-dev/slipway/pkg/kube/settings"
	"github.com/slipway-dev/slipway/pkg/resolve"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/events"
	"k8s.io/client-go/util/workqueue"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/controller-runtime/pkg/source"
)

// Deps is all that a Reconciler needs; every field is required.
type Deps struct {
	// Client reads from the manager's cache and writes to the API server.
	Client client.Client
	// Live reads past the cache; it is used when the cache contradicts itself.
	Live client.Reader
	// References finds Pipelines and Tasks.
	References *resolve.Finder
	// Resolved brings the runs whose references were found.
	Resolved <-chan event.GenericEvent
	Events   events.EventRecorder
	// Observers are told of what was written; there may be none.
	Observers []Observer
	// Settings is what users set for all runs.
	Settings *settings.Store
	// Now is the clock.
	Now func() time.Time
}

// Reconciler moves PipelineRuns on.
type Reconciler struct {
	Deps
	// unsure holds the names of runs of which a decision was carried out in part:
	// the cache may not show yet what was created, and the status does not name it.
	// A restart needs no memory of it, as the cache then begins with all there is.
	unsure sync.Map
	// behind: what is not in the status yet as the cache has it would not be waited
	// for, and a child that neither shows would be passed over.
	behind kube.Behind
	gate   *gate
}

// New returns a Reconciler; Setup registers it.
func New(d Deps) *Reconciler { return &Reconciler{Deps: d, gate: newGate()} }

// ownerField is the index of children by the uid of the PipelineRun that owns them.
const ownerField = "metadata.ownerReferences.pipelineRun"

// ownerIndex is the index function of ownerField, for every kind of child.
func ownerIndex(o client.Object) []string {
	if owner := metav1.GetControllerOf(o); owner != nil && owner.Kind == "PipelineRun" {
		return []string{string(owner.UID)}
	}
	return nil
}

// Setup registers the reconciler and its indexes with the manager. workers is
// how many runs are looked at side by side.
func (r *Reconciler) Setup(ctx context.Context, mgr ctrl.Manager, workers int) error {
	for _, child := range children() {
		if err := mgr.GetFieldIndexer().IndexField(ctx, child, ownerField, ownerIndex); err != nil {
			return err
		}
	}
	if err := mgr.GetFieldIndexer().IndexField(ctx, &v1.PipelineRun{}, groupField, groupIndex); err != nil {
		return err
	}
	b := ctrl.NewControllerManagedBy(mgr).Named("pipelinerun").For(&v1.PipelineRun{}).
		WatchesRawSource(source.Channel(r.Resolved, &handler.EnqueueRequestForObject{})).
		WatchesRawSource(source.Channel(r.gate.wake, &handler.EnqueueRequestForObject{})).
		WithOptions(controller.Options{
			MaxConcurrentReconciles: workers,
			ReconciliationTimeout:   kube.ReconcileTimeout,
			RateLimiter:             workqueue.NewTypedItemExponentialFailureRateLimiter[reconcile.Request](50*time.Millisecond, time.Minute),
		})
	for _, child := range children() {
		b = b.Owns(child)
	}
	b = b.Owns(&resolution.ResolutionRequest{}).Owns(&corev1.Pod{})
	return b.Complete(r)
}

func children() []client.Object {
	return []client.Object{&v1.TaskRun{}, &v1beta1.CustomRun{}, &v1.PipelineRun{}}
}
