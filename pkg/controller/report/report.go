// Package report tells the forge how the runs of its repositories stand: once for
// each change, on the commit, and on the pull request where something failed.
package report

import (
	"context"
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/workqueue"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/slipway-dev/slipway/api/slipway/v1alpha1"
	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
	"github.com/slipway-dev/slipway/pkg/forge"
	"github.com/slipway-dev/slipway/pkg/kube"
	"github.com/slipway-dev/slipway/pkg/trigger"
)

// Retries of a forge that does not answer: the first after retryFirst, then each time
// twice as long, up to retryMost, until the run is over for maxAge.
const (
	retryFirst = time.Second
	retryMost  = 5 * time.Minute
	maxAge     = 24 * time.Hour
)

// Deps is all that a Reconciler needs; every field but RunURL is required.
type Deps struct {
	// Client reads from the manager's cache and writes to the API server.
	Client client.Client
	// Forge returns the client of a repository, with its credentials.
	Forge func(context.Context, *v1alpha1.Repository) (forge.Client, error)
	// Log returns the last lines that a container of a Pod wrote.
	Log func(ctx context.Context, pod *corev1.Pod, container string, lines int64) (string, error)
	// RunURL is where people see a run, with {namespace} and {name} for the run's; it may
	// be empty.
	RunURL string
	// Now is the clock.
	Now func() time.Time
}

// Reconciler tells of one run at a time.
type Reconciler struct {
	Deps
	// told is what the forge was told of runs whose annotation the cache may not show
	// yet, by uid.
	told sync.Map
}

// New returns a Reconciler; Setup registers it.
func New(d Deps) *Reconciler { return &Reconciler{Deps: d} }

// Setup registers the reconciler with the manager. workers is how many runs are told
// of side by side.
func (r *Reconciler) Setup(m ctrl.Manager, workers int) error {
	return ctrl.NewControllerManagedBy(m).Named("report").
		For(&v1.PipelineRun{}, builder.WithPredicates(predicate.NewPredicateFuncs(func(o client.Object) bool { return v1alpha1.OwnedBy(o) != "" }))).
		WithOptions(controller.Options{
			MaxConcurrentReconciles: workers,
			ReconciliationTimeout:   kube.ReconcileTimeout,
			RateLimiter:             workqueue.NewTypedItemExponentialFailureRateLimiter[reconcile.Request](retryFirst, retryMost),
		}).
		Complete(r)
}

// commented is added to the annotation of a run that its pull request has a comment of.
const commented = "+comment"

// Reconcile tells the forge how a run stands, unless it knows.
func (r *Reconciler) Reconcile(ctx context.Context, req reconcile.Request) (reconcile.Result, error) {
	run := &v1.PipelineRun{}
	if err := r.Client.Get(ctx, req.NamespacedName, run); err != nil || run.DeletionTimestamp != nil {
		return reconcile.Result{}, client.IgnoreNotFound(err)
	}
	state, known := stateOf(run), strings.TrimSuffix(run.Annotations[v1alpha1.AnnotationReported], commented)
	if last, ok := r.told.Load(run.UID); ok && last == known {
		r.told.Delete(run.UID)
	} else if ok {
		known = last.(string)
	}
	if known == string(state) {
		return reconcile.Result{}, nil
	}
	repository := &v1alpha1.Repository{}
	if err := r.Client.Get(ctx, client.ObjectKey{Namespace: run.Namespace, Name: v1alpha1.OwnedBy(run)}, repository); err != nil {
		return reconcile.Result{}, client.IgnoreNotFound(err)
	}
	mark, err := r.tell(ctx, repository, run, state)
	if err != nil && !r.hopeless(run, err) {
		return reconcile.Result{}, err
	}
	if err != nil {
		log.FromContext(ctx).Info("the forge is not told of a run", "run", run.Name, "state", state, "error", err.Error())
	}
	r.told.Store(run.UID, string(state))
	return reconcile.Result{}, client.IgnoreNotFound(r.note(ctx, run, mark))
}

// hopeless says whether trying again is of no use.
func (r *Reconciler) hopeless(run *v1.PipelineRun, err error) bool {
	end := run.Status.CompletionTime
	return errors.Is(err, forge.ErrNotFound) || end != nil && r.Now().Sub(end.Time) > maxAge
}

// note writes down what the forge was told.
func (r *Reconciler) note(ctx context.Context, run *v1.PipelineRun, mark string) error {
	patch, err := json.Marshal(map[string]any{"metadata": map[string]any{"annotations": map[string]string{v1alpha1.AnnotationReported: mark}}})
	if err != nil {
		return err
	}
	return r.Client.Patch(ctx, run.DeepCopy(), client.RawPatch(types.MergePatchType, patch))
}

// stateOf is how a run stands in the words of forges. One that waits for its turn is
// pending; one that may run counts as running from its creation on, as it is within
// a second and each word is a call.
func stateOf(run *v1.PipelineRun) forge.State {
	c := run.Status.GetCondition(v1.ConditionSucceeded)
	switch {
	case !run.IsDone() && run.IsPending():
		return forge.StatePending
	case !run.IsDone():
		return forge.StateRunning
	case c.IsTrue():
		return forge.StateSuccess
	case c.Reason == v1.PipelineRunReasonCancelled.String() || run.Spec.Status == v1.PipelineRunSpecStatusCancelledRunFinally:
		return forge.StateCancelled
	case run.Status.StartTime == nil || len(run.Status.ChildReferences) == 0:
		return forge.StateError
	}
	return forge.StateFailure
}

// tell says how the run stands. It returns what to note.
func (r *Reconciler) tell(ctx context.Context, of *v1alpha1.Repository, run *v1.PipelineRun, state forge.State) (mark string, err error) {
	mark = string(state)
	runs, err := kube.RunsOf(ctx, r.Client, of)
	if err != nil {
		return mark, err
	}
	commit, pipeline := run.Labels[v1alpha1.LabelCommit], run.Annotations[v1alpha1.AnnotationPipeline]
	if commit == "" || newer(runs, run) {
		return mark, nil
	}
	client, err := r.Forge(ctx, of)
	if err != nil {
		return mark, err
	}
	s := forge.Status{Name: "slipway/" + pipeline, State: state, Number: numberOf(run), URL: r.urlOf(run)}
	if s.Description, s.Text, err = r.describe(ctx, run); err != nil {
		return mark, err
	}
	if err := client.SetStatus(ctx, commit, s); err != nil {
		return mark, err
	}
	if s.Number == 0 || !worthSaying(state, runs, run) {
		return mark, nil
	}
	tag := trigger.Mark + "pipeline:" + pipeline + " -->"
	return mark + commented, client.Comment(ctx, s.Number, tag, tag+"\n"+s.Text)
}

// urlOf is where people see the run; empty if nobody said.
func (r *Reconciler) urlOf(run *v1.PipelineRun) string {
	return strings.NewReplacer("{namespace}", run.Namespace, "{name}", run.Name).Replace(r.RunURL)
}

// numberOf is that of the run's pull request; 0 for none.
func numberOf(run *v1.PipelineRun) int64 {
	number, err := strconv.ParseInt(run.Labels[v1alpha1.LabelPullRequest], 10, 64)
	if err != nil {
		return 0
	}
	return number
}

// worthSaying is what failed, and that it does so no more.
func worthSaying(state forge.State, runs []v1.PipelineRun, run *v1.PipelineRun) bool {
	return state == forge.StateFailure || state == forge.StateError || state == forge.StateSuccess && mends(runs, run)
}

// newer says whether a later run of the same pipeline has taken over the status at
// the commit.
func newer(runs []v1.PipelineRun, run *v1.PipelineRun) bool {
	for i := range runs {
		if other := &runs[i]; sameStatus(other, run) && other.Labels[v1alpha1.LabelCommit] == run.Labels[v1alpha1.LabelCommit] && after(other, run) {
			return true
		}
	}
	return false
}

// mends says whether the last run of the pipeline before this one left a comment that
// something is wrong.
func mends(runs []v1.PipelineRun, run *v1.PipelineRun) bool {
	last := ""
	for i := range runs {
		if other := &runs[i]; sameStatus(other, run) && after(run, other) {
			last = other.Annotations[v1alpha1.AnnotationReported]
		}
	}
	return strings.HasSuffix(last, commented) && !strings.HasPrefix(last, string(forge.StateSuccess))
}

func sameStatus(a, b *v1.PipelineRun) bool {
	return a.Annotations[v1alpha1.AnnotationPipeline] == b.Annotations[v1alpha1.AnnotationPipeline] &&
		a.Labels[v1alpha1.LabelPullRequest] == b.Labels[v1alpha1.LabelPullRequest]
}

func after(a, b *v1.PipelineRun) bool {
	return a.Annotations[v1alpha1.AnnotationReceived] > b.Annotations[v1alpha1.AnnotationReceived]
}
