// Package repository keeps the status of Repositories: whether the forge answers and
// takes the credentials, what ran last, and until when all that happened is known.
// What no webhook told, because it was lost or nobody was there to take it, is found by
// asking the forge.
package repository

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
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
)

const (
	// keepEvents is how long an event stays after it was worked off.
	keepEvents = 24 * time.Hour
	// keepRuns is how many runs the status lists.
	keepRuns = 10
	// overlap is how far back of what is known the forge is asked again: its clock is
	// not ours, and an event may be on its way.
	overlap = 2 * time.Minute
	// firstRetry is how soon a connection that failed is tried again; then twice as late each
	// time.
	firstRetry = 2 * time.Second
	// maxBack is how far back the forge is asked at most, after a long absence.
	maxBack = 24 * time.Hour
)

// Deps is all that a Reconciler needs; every field is required.
type Deps struct {
	// Client reads from the manager's cache and writes to the API server.
	Client client.Client
	// Live reads past the cache.
	Live client.Reader
	// Forge returns the client of a repository, with its credentials.
	Forge func(context.Context, *v1alpha1.Repository) (forge.Client, error)
	// Every is how often the forge is asked what happened.
	Every time.Duration
	// Now is the clock.
	Now func() time.Time
}

// Reconciler looks at one Repository at a time.
type Reconciler struct {
	Deps
	// asked is when the forge was last asked about a repository, by uid, and of which
	// generation. A restart asks at once: what happened meanwhile is the first to find.
	asked sync.Map
}

type asked struct {
	at         time.Time
	generation int64
	// failures is how often in a row it was for nothing.
	failures int
}

// New returns a Reconciler; Setup registers it.
func New(d Deps) *Reconciler { return &Reconciler{Deps: d} }

// Setup registers the reconciler with the manager. workers is how many repositories
// are looked at side by side.
func (r *Reconciler) Setup(m ctrl.Manager, workers int) error {
	return ctrl.NewControllerManagedBy(m).Named("repository").For(&v1alpha1.Repository{}).
		Watches(&v1.PipelineRun{}, handler.EnqueueRequestsFromMapFunc(func(_ context.Context, o client.Object) []reconcile.Request {
			if owner := v1alpha1.OwnedBy(o); owner != "" {
				return []reconcile.Request{{NamespacedName: types.NamespacedName{Namespace: o.GetNamespace(), Name: owner}}}
			}
			return nil
		})).
		WithOptions(controller.Options{
			MaxConcurrentReconciles: workers,
			ReconciliationTimeout:   kube.ReconcileTimeout,
			RateLimiter:             workqueue.NewTypedItemExponentialFailureRateLimiter[reconcile.Request](100*time.Millisecond, time.Minute),
		}).
		Complete(r)
}

// Reconcile brings the status of a repository up to date, and stores what happened that
// is not known, and the times of its schedules that came.
func (r *Reconciler) Reconcile(ctx context.Context, req reconcile.Request) (reconcile.Result, error) {
	repository := &v1alpha1.Repository{}
	if err := r.Client.Get(ctx, req.NamespacedName, repository); err != nil || repository.DeletionTimestamp != nil {
		return reconcile.Result{}, client.IgnoreNotFound(err)
	}
	after := repository.DeepCopy()
	if err := r.listRuns(ctx, after); err != nil {
		return reconcile.Result{}, err
	}
	tick, err := r.schedule(ctx, after)
	if err != nil {
		return reconcile.Result{}, err
	}
	answered, err := r.inquire(ctx, repository, after)
	if err != nil {
		return reconcile.Result{}, err
	}
	_, err = kube.PatchStatus(ctx, r.Client, repository, after)
	switch {
	case kube.IsStale(err):
		// The change that made it so is on its way here; what the forge said is not written,
		// and asked again.
		return reconcile.Result{RequeueAfter: kube.Settle}, nil
	case err != nil && !kube.IsGone(err):
		return reconcile.Result{}, err
	}
	if answered != nil {
		r.asked.Store(repository.UID, *answered)
	}
	wait := r.due(repository)
	if !tick.IsZero() {
		wait = min(wait, tick.Sub(r.Now()))
	}
	return reconcile.Result{RequeueAfter: max(wait, time.Millisecond)}, nil
}

// inquire asks the forge if it is time to. It returns what is to be remembered once
// the answer is written; nil if nothing was asked.
func (r *Reconciler) inquire(ctx context.Context, of, after *v1alpha1.Repository) (*asked, error) {
	if r.due(of) > 0 {
		return nil, nil
	}
	answered := &asked{at: r.Now(), generation: of.Generation}
	if !r.ask(ctx, after) {
		answered.failures = r.failures(of) + 1
	}
	return answered, r.forget(ctx, of)
}

// failures is how often in a row the repository, as it is, was not to be connected.
func (r *Reconciler) failures(of *v1alpha1.Repository) int {
	if last, ok := r.asked.Load(of.UID); ok && last.(asked).generation == of.Generation {
		return last.(asked).failures
	}
	return 0
}

// due is how long until the forge is to be asked again. What was for nothing is tried
// sooner, as somebody may be mending it, or making the Secret just now; not all
// repositories are looked at at once.
func (r *Reconciler) due(of *v1alpha1.Repository) time.Duration {
	last, ok := r.asked.Load(of.UID)
	if !ok || last.(asked).generation != of.Generation {
		return 0
	}
	every := r.Every
	if n := last.(asked).failures; n > 0 {
		every = min(every/5, firstRetry<<min(n-1, 10))
	}
	every += rand.N(every/10 + 1)
	return every - r.Now().Sub(last.(asked).at)
}

// ask sets the condition Ready, and reads what happened.
func (r *Reconciler) ask(ctx context.Context, of *v1alpha1.Repository) bool {
	reason, err := r.connect(ctx, of)
	condition := metav1.Condition{Type: v1alpha1.ConditionReady, Status: metav1.ConditionTrue, Reason: reason, ObservedGeneration: of.Generation}
	if err != nil {
		condition.Status, condition.Message = metav1.ConditionFalse, err.Error()
	}
	meta.SetStatusCondition(&of.Status.Conditions, condition)
	of.Status.ObservedGeneration = of.Generation
	return err == nil
}

func (r *Reconciler) connect(ctx context.Context, of *v1alpha1.Repository) (reason string, err error) {
	if err := r.webhookSecret(ctx, of); err != nil {
		return v1alpha1.ReasonNoWebhookSecret, err
	}
	client, err := r.Forge(ctx, of)
	if err != nil {
		return v1alpha1.ReasonNoCredentials, err
	}
	info, err := client.Repository(ctx)
	if err != nil {
		return reasonOf(err), err
	}
	of.Status.DefaultBranch = info.DefaultBranch
	if err := r.catchUp(ctx, client, of); err != nil {
		return v1alpha1.ReasonNotCaughtUp, fmt.Errorf("what happened at the forge cannot be read: %w", err)
	}
	return v1alpha1.ReasonConnected, nil
}

func reasonOf(err error) string {
	switch {
	case errors.Is(err, forge.ErrDenied):
		return v1alpha1.ReasonDenied
	case errors.Is(err, forge.ErrNotFound):
		return v1alpha1.ReasonNotFound
	}
	return v1alpha1.ReasonUnreachable
}

// webhookSecret says whether webhooks can be verified. A repository without may be
// meant to be read only now and then.
func (r *Reconciler) webhookSecret(ctx context.Context, of *v1alpha1.Repository) error {
	key := of.Spec.WebhookSecret
	if key == nil {
		return nil
	}
	var secret corev1.Secret
	err := r.Live.Get(ctx, client.ObjectKey{Namespace: of.Namespace, Name: key.Name}, &secret)
	if kube.IsGone(err) {
		return fmt.Errorf("spec.webhookSecret: there is no secret %s", key.Name)
	} else if err != nil {
		return err
	}
	name := key.Key
	if name == "" {
		name = v1alpha1.WebhookSecretKey
	}
	if len(secret.Data[name]) == 0 {
		return fmt.Errorf("spec.webhookSecret: secret %s has no key %s", key.Name, name)
	}
	return nil
}

// listRuns sets the last runs, the newest first.
func (r *Reconciler) listRuns(ctx context.Context, of *v1alpha1.Repository) error {
	runs, err := kube.RunsOf(ctx, r.Client, of)
	if err != nil {
		return err
	}
	var last []v1alpha1.RepositoryRun
	for i := len(runs) - 1; i >= 0 && len(last) < keepRuns; i-- {
		run := &runs[i]
		one := v1alpha1.RepositoryRun{
			Name: run.Name, Pipeline: run.Annotations[v1alpha1.AnnotationPipeline], Commit: run.Labels[v1alpha1.LabelCommit],
			Event: v1alpha1.EventType(run.Labels[v1alpha1.LabelEventType]), Started: &run.CreationTimestamp, Finished: run.Status.CompletionTime,
		}
		if c := run.Status.GetCondition(v1.ConditionSucceeded); c != nil {
			one.Reason = c.Reason
		}
		last = append(last, one)
	}
	of.Status.Runs = last
	return nil
}

// forget deletes the events that are over for long.
func (r *Reconciler) forget(ctx context.Context, of *v1alpha1.Repository) error {
	events, err := kube.Happened(ctx, r.Client, of)
	if err != nil {
		return err
	}
	old := r.Now().Add(-keepEvents)
	for i := range events {
		if end := events[i].Status.Finished; end != nil && end.Time.Before(old) {
			if err := r.Client.Delete(ctx, &events[i]); client.IgnoreNotFound(err) != nil {
				return err
			}
		}
	}
	return nil
}

// catchUp stores what happened that no webhook told.
func (r *Reconciler) catchUp(ctx context.Context, from forge.Client, of *v1alpha1.Repository) error {
	now := r.Now()
	since := of.CreationTimestamp.Time
	if c := of.Status.CaughtUp; c != nil {
		since = c.Add(-overlap)
	}
	if oldest := now.Add(-maxBack + overlap); since.Before(oldest) {
		since = oldest
	}
	happened, err := from.Happened(ctx, since)
	if err != nil {
		return err
	}
	known, err := kube.Happened(ctx, r.Client, of)
	if err != nil {
		return err
	}
	for i := range happened {
		e := &happened[i]
		if slices.ContainsFunc(known, func(k v1alpha1.RepositoryEvent) bool { return same(&k.Spec.Event, e) }) {
			continue
		}
		// Those of one catch-up keep their order.
		found := v1alpha1.NewEvent(of, v1alpha1.OriginCatchUp, []byte(identity(e)), now.Add(time.Duration(i)*time.Microsecond))
		found.Spec.Event = *e
		if err := r.Client.Create(ctx, found); err != nil && !kube.IsTaken(err) {
			return err
		}
	}
	of.Status.CaughtUp = &metav1.Time{Time: now}
	return nil
}

// same says whether two events are of the same push, or of the same head of a pull
// request.
func same(a, b *v1alpha1.Event) bool { return identity(a) == identity(b) }

func identity(e *v1alpha1.Event) string {
	number := int64(0)
	if e.PullRequest != nil {
		number = e.PullRequest.Number
	}
	return fmt.Sprintf("%s %s %s %d", e.Type, e.Ref, e.Commit, number)
}
