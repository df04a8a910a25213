// Package listener serves EventListeners: one controller keeps the Service and the status of
// each, another works off the requests that the gateway stored. What Triggers make is made
// as their service account, and named by the request, so that one that is worked off twice
// makes nothing twice.
package listener

import (
	"context"
	"time"

	"k8s.io/client-go/util/workqueue"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/slipway-dev/slipway/api/slipway/v1alpha1"
	triggersv1 "github.com/slipway-dev/slipway/api/triggers/v1beta1"
	"github.com/slipway-dev/slipway/pkg/interceptor"
	"github.com/slipway-dev/slipway/pkg/kube"
)

// Deps is all that the controllers need; every field is required.
type Deps struct {
	// Client reads from the manager's cache and writes to the API server.
	Client client.Client
	// Live reads past the cache.
	Live client.Reader
	// As returns a client that acts as a service account.
	As func(namespace, account string) (client.Client, error)
	// World is what interceptors ask.
	World interceptor.World
	// Gateway is the host name of the Service of the gateway.
	Gateway string
	// Domain is that of Services' names, such as cluster.local.
	Domain string
	// Now is the clock.
	Now func() time.Time
}

// Reconciler has both controllers.
type Reconciler struct{ Deps }

// New returns a Reconciler; Setup registers it.
func New(d Deps) *Reconciler { return &Reconciler{d} }

const (
	// firstPause doubles with each failed attempt, up to maxPause.
	firstPause = 500 * time.Millisecond
	maxPause   = 5 * time.Minute
)

// Setup registers the controllers with the manager. workers is how many requests are worked
// off side by side.
func (r *Reconciler) Setup(m ctrl.Manager, workers int) error {
	options := func() controller.Options {
		return controller.Options{
			MaxConcurrentReconciles: workers,
			ReconciliationTimeout:   kube.ReconcileTimeout,
			RateLimiter:             workqueue.NewTypedItemExponentialFailureRateLimiter[reconcile.Request](firstPause, maxPause),
		}
	}
	// What is written to a status brings nothing new, and must not cut short a pause.
	changed := builder.WithPredicates(predicate.GenerationChangedPredicate{})
	err := ctrl.NewControllerManagedBy(m).Named("eventlistener").For(&triggersv1.EventListener{}, changed).
		WithOptions(options()).Complete(reconcile.Func(r.reconcileListener))
	if err != nil {
		return err
	}
	return ctrl.NewControllerManagedBy(m).Named("listenerevent").For(&v1alpha1.ListenerEvent{}, changed).
		WithOptions(options()).Complete(reconcile.Func(r.reconcileEvent))
}

// get reads an object, and says whether there is one. What was made together with a
// request may be there and not in the cache yet.
func (r *Reconciler) get(ctx context.Context, key client.ObjectKey, into client.Object) (found bool, err error) {
	if err = r.Client.Get(ctx, key, into); kube.IsGone(err) {
		err = r.Live.Get(ctx, key, into)
	}
	return err == nil, client.IgnoreNotFound(err)
}
