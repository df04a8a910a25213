// Package event works off what happened at repositories: in the order in which it
// was received, one event of a repository at a time, it reads the pipelines of the
// event's commit and creates the runs that they ask for.
//
// Nothing is remembered that objects do not say. Names of runs are derived from the
// event, so that one that is worked off twice starts nothing twice, and which runs
// wait for others is counted anew each time.
package event

import (
	"context"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/workqueue"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/slipway-dev/slipway/api/slipway/v1alpha1"
	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
	"github.com/slipway-dev/slipway/pkg/forge"
	"github.com/slipway-dev/slipway/pkg/kube"
	"github.com/slipway-dev/slipway/pkg/trigger"
)

// Deps is all that a Reconciler needs; every field is required.
type Deps struct {
	// Client reads from the manager's cache and writes to the API server.
	Client client.Client
	// Live reads past the cache, Secrets among others.
	Live client.Reader
	// Forge returns the client of a repository, with its credentials.
	Forge func(context.Context, *v1alpha1.Repository) (forge.Client, error)
	// Fetch reads a Task or Pipeline that is at an address or in a hub.
	Fetch func(context.Context, *v1alpha1.Repository, trigger.Reference) ([]byte, error)
	// Now is the clock.
	Now func() time.Time
}

// Reconciler works off the events of one Repository at a time.
type Reconciler struct {
	Deps
	// notBefore is when the events that failed are tried again, by their uid. A restart
	// tries them at once.
	notBefore sync.Map
}

// New returns a Reconciler; Setup registers it.
func New(d Deps) *Reconciler { return &Reconciler{Deps: d} }

// Setup registers the reconciler with the manager. workers is how many repositories
// are looked at side by side.
func (r *Reconciler) Setup(m ctrl.Manager, workers int) error {
	return ctrl.NewControllerManagedBy(m).Named("event").For(&v1alpha1.Repository{}).
		Watches(&v1alpha1.RepositoryEvent{}, handler.EnqueueRequestsFromMapFunc(func(_ context.Context, o client.Object) []reconcile.Request {
			return request(o.GetNamespace(), o.(*v1alpha1.RepositoryEvent).Spec.Repository)
		})).
		Watches(&v1.PipelineRun{}, handler.EnqueueRequestsFromMapFunc(func(_ context.Context, o client.Object) []reconcile.Request {
			return request(o.GetNamespace(), v1alpha1.OwnedBy(o))
		})).
		WithOptions(controller.Options{
			MaxConcurrentReconciles: workers,
			ReconciliationTimeout:   kube.ReconcileTimeout,
			RateLimiter:             workqueue.NewTypedItemExponentialFailureRateLimiter[reconcile.Request](50*time.Millisecond, time.Minute),
		}).
		Complete(r)
}

func request(namespace, repository string) []reconcile.Request {
	if repository == "" {
		return nil
	}
	return []reconcile.Request{{NamespacedName: types.NamespacedName{Namespace: namespace, Name: repository}}}
}
