package attest

import (
	"context"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/workqueue"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/healthz"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
)

// Retries of a registry that does not answer: the first after retryFirst, then
// each time twice as long, up to retryMost.
const (
	retryFirst = time.Second
	retryMost  = 5 * time.Minute
	// tryTimeout bounds one try, so that a registry that hangs holds no worker.
	tryTimeout = 2 * time.Minute
	// workers is how many runs are signed at once.
	workers = 4
)

// ManagerOptions returns the settings of a manager that holds no more of the cluster
// than signing needs: runs, trimmed, and the one Secret. Of several processes one
// leads, since a registry takes writes from one at a time.
func ManagerOptions(secret types.NamespacedName, health string) (ctrl.Options, error) {
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{corev1.AddToScheme, v1.AddToScheme} {
		if err := add(scheme); err != nil {
			return ctrl.Options{}, err
		}
	}
	return ctrl.Options{
		Scheme: scheme,
		Cache: cache.Options{ByObject: map[client.Object]cache.ByObject{
			&v1.TaskRun{}:     {Transform: Trim},
			&v1.PipelineRun{}: {Transform: Trim},
			&corev1.Secret{}: {Namespaces: map[string]cache.Config{
				secret.Namespace: {FieldSelector: fields.OneTermEqualSelector("metadata.name", secret.Name)},
			}},
		}},
		HealthProbeBindAddress:        health,
		Metrics:                       metricsserver.Options{BindAddress: "0"},
		LeaderElection:                true,
		LeaderElectionID:              "signer.slipway.dev",
		LeaderElectionNamespace:       secret.Namespace,
		LeaderElectionReleaseOnCancel: true,
	}, nil
}

// Setup adds both reconcilers to the manager, and the answer to whether there is a
// key to its readiness.
func Setup(mgr ctrl.Manager, c Config) error {
	if err := mgr.AddReadyzCheck("key", c.Keyring.Ready); err != nil {
		return err
	}
	if err := mgr.AddHealthzCheck("ping", healthz.Ping); err != nil {
		return err
	}
	taskRuns := ctrl.NewControllerManagedBy(mgr).Named("taskrun").WithOptions(options()).
		For(&v1.TaskRun{}, builder.WithPredicates(predicate.NewPredicateFuncs(func(o client.Object) bool { return taskRunDue(o.(*v1.TaskRun)) }))).
		Watches(&corev1.Secret{}, handler.EnqueueRequestsFromMapFunc(func(ctx context.Context, _ client.Object) []reconcile.Request {
			return dueTaskRuns(ctx, c.Client)
		}))
	if err := taskRuns.Complete(&TaskRuns{c}); err != nil {
		return err
	}
	return ctrl.NewControllerManagedBy(mgr).Named("pipelinerun").WithOptions(options()).
		For(&v1.PipelineRun{}, builder.WithPredicates(predicate.NewPredicateFuncs(func(o client.Object) bool { return pipelineRunDue(o.(*v1.PipelineRun)) }))).
		Watches(&v1.TaskRun{}, handler.EnqueueRequestsFromMapFunc(parent)).
		Watches(&corev1.Secret{}, handler.EnqueueRequestsFromMapFunc(func(ctx context.Context, _ client.Object) []reconcile.Request {
			return duePipelineRuns(ctx, c.Client)
		})).
		Complete(&PipelineRuns{c})
}

func options() controller.Options {
	return controller.Options{
		MaxConcurrentReconciles: workers,
		ReconciliationTimeout:   tryTimeout,
		RateLimiter:             workqueue.NewTypedItemExponentialFailureRateLimiter[reconcile.Request](retryFirst, retryMost),
	}
}

// parent is the PipelineRun that a TaskRun belongs to.
func parent(_ context.Context, o client.Object) []reconcile.Request {
	name := o.GetLabels()[v1.LabelPipelineRun]
	if name == "" {
		return nil
	}
	return []reconcile.Request{{NamespacedName: types.NamespacedName{Namespace: o.GetNamespace(), Name: name}}}
}

// dueTaskRuns and duePipelineRuns are the runs that waited for a key. A list that
// fails finds the cache closed: the process is ending.
func dueTaskRuns(ctx context.Context, from client.Reader) []reconcile.Request {
	var all v1.TaskRunList
	if err := from.List(ctx, &all); err != nil {
		return nil
	}
	var due []reconcile.Request
	for i := range all.Items {
		if taskRunDue(&all.Items[i]) {
			due = append(due, reconcile.Request{NamespacedName: client.ObjectKeyFromObject(&all.Items[i])})
		}
	}
	return due
}

func duePipelineRuns(ctx context.Context, from client.Reader) []reconcile.Request {
	var all v1.PipelineRunList
	if err := from.List(ctx, &all); err != nil {
		return nil
	}
	var due []reconcile.Request
	for i := range all.Items {
		if pipelineRunDue(&all.Items[i]) {
			due = append(due, reconcile.Request{NamespacedName: client.ObjectKeyFromObject(&all.Items[i])})
		}
	}
	return due
}
