package pipelinerun

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
	"github.com/slipway-dev/slipway/api/tekton/v1beta1"
	"github.com/slipway-dev/slipway/pkg/kube"
	"github.com/slipway-dev/slipway/pkg/plan"
	"github.com/slipway-dev/slipway/pkg/plan/names"
	"github.com/slipway-dev/slipway/pkg/resolve"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// userError is a failure that only the user can mend; it ends the run.
type userError struct {
	reason v1.PipelineRunReason
	err    error
}

func (e *userError) Error() string { return e.err.Error() }
func (e *userError) Unwrap() error { return e.err }

// Reconcile loads a run, decides, acts and records.
func (r *Reconciler) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	run := &v1.PipelineRun{}
	if err := r.Client.Get(ctx, req.NamespacedName, run); err != nil || !ours(run) {
		r.unsure.Delete(req.NamespacedName)
		r.behind.Forget(req.NamespacedName)
		r.gate.leave(req.NamespacedName)
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	if r.behind.Is(run, r.Now()) {
		return ctrl.Result{RequeueAfter: kube.Settle}, nil
	}
	if run.IsDone() {
		r.gate.leave(req.NamespacedName)
	}
	r.Settings.Current().PipelineRun(run)
	in, err := r.load(ctx, run)
	if err == nil {
		err = r.enter(ctx, in)
	}
	var result ctrl.Result
	if err == nil {
		result, err = r.act(ctx, run, plan.Next(in))
		r.remember(run, err)
	}
	if err != nil {
		result, err = r.excuse(ctx, in, err)
	}
	if kube.IsStale(err) {
		return ctrl.Result{RequeueAfter: kube.Settle}, nil // the change that made it so is on its way here
	}
	if err != nil {
		return ctrl.Result{}, err
	}
	return result, nil
}

// excuse records why a run does not go on, if that is for the run's user to know.
func (r *Reconciler) excuse(ctx context.Context, in plan.Input, err error) (result ctrl.Result, _ error) {
	if errors.Is(err, resolve.ErrPending) {
		if until := resolve.Until(err); !until.IsZero() {
			result.RequeueAfter = kube.Until(r.Now(), until)
		}
		reason := v1.PipelineRunReasonResolvingPipelineRef
		if errors.As(err, new(*taskPending)) {
			reason = v1.PipelineRunReasonResolvingTaskRef
		}
		err = r.record(ctx, in.Run, plan.Awaiting(in, reason, resolve.ErrPending))
	}
	if wait := new(queued); errors.As(err, &wait) {
		err = r.record(ctx, in.Run, plan.Awaiting(in, reasonQueued, wait))
	}
	if user := new(userError); errors.As(err, &user) {
		err = r.record(ctx, in.Run, plan.Failed(in, user.reason, user.err))
	}
	return result, err
}

// remember notes whether all that was decided was also done.
func (r *Reconciler) remember(run *v1.PipelineRun, err error) {
	if err != nil {
		r.unsure.Store(client.ObjectKeyFromObject(run), true)
	} else {
		r.unsure.Delete(client.ObjectKeyFromObject(run))
	}
}

// ours tells the runs that this controller manages from those of others and
// those on their way out.
func ours(run *v1.PipelineRun) bool {
	by := run.Spec.ManagedBy
	return run.DeletionTimestamp.IsZero() && (by == nil || *by == "" || *by == v1.ManagedBy)
}

// act carries a decision out. It stops at the first error, and what is left
// is decided anew.
func (r *Reconciler) act(ctx context.Context, run *v1.PipelineRun, d plan.Decision) (ctrl.Result, error) {
	if len(d.Labels) > 0 || len(d.Annotations) > 0 {
		// The write changes the version that the status is bound to: the event of
		// the write brings the run back.
		return ctrl.Result{RequeueAfter: kube.Settle}, r.label(ctx, run, d)
	}
	for _, o := range toCreate(d) {
		if err := r.create(ctx, run, o); err != nil {
			return ctrl.Result{}, err
		}
	}
	for _, c := range d.Cancel {
		if err := r.cancel(ctx, run.Namespace, c); err != nil {
			return ctrl.Result{}, fmt.Errorf("cancel %s %s: %w", c.Kind, c.Name, err)
		}
	}
	if err := r.record(ctx, run, d.Status); kube.IsTooLarge(err) {
		return ctrl.Result{}, &userError{v1.PipelineRunReasonCouldntGetPipelineResult, fmt.Errorf(
			"the run is larger with its results than the API server stores, %s: write what is large to a workspace, and return its path (%w)", kube.Stored, err)}
	} else if err != nil {
		return ctrl.Result{}, err
	}
	if d.Again.IsZero() {
		return ctrl.Result{}, nil
	}
	return ctrl.Result{RequeueAfter: kube.Until(r.Now(), d.Again)}, nil
}

func toCreate(d plan.Decision) []client.Object {
	var out []client.Object
	for _, o := range d.Claims {
		out = append(out, o)
	}
	for _, o := range d.TaskRuns {
		out = append(out, o)
	}
	for _, o := range d.CustomRuns {
		out = append(out, o)
	}
	for _, o := range d.PipelineRuns {
		out = append(out, o)
	}
	return out
}

// create makes a child. One that exists is as good as made, if it is this run's.
func (r *Reconciler) create(ctx context.Context, run *v1.PipelineRun, o client.Object) error {
	kind, key := o.GetObjectKind().GroupVersionKind().Kind, client.ObjectKeyFromObject(o)
	err := r.Client.Create(ctx, o)
	switch {
	case apierrors.IsAlreadyExists(err) && kind == "PersistentVolumeClaim":
		return nil // its name holds a checksum of the run's uid, so nobody else made it
	case apierrors.IsAlreadyExists(err):
		if err := r.Live.Get(ctx, key, o); err != nil {
			return fmt.Errorf("get %s %s, which exists: %w", kind, key.Name, err) // it is being deleted, and then made anew
		}
		if metav1.IsControlledBy(o, run) {
			return nil
		}
		return &userError{v1.PipelineRunReasonCreateRunFailed,
			fmt.Errorf("%s %q exists and is not of this run: delete it, or give the run another name", kind, key.Name)}
	case kube.IsRefused(err):
		return &userError{v1.PipelineRunReasonCreateRunFailed, fmt.Errorf("create %s %q: %w", kind, key.Name, err)}
	case err != nil:
		return fmt.Errorf("create %s %s: %w", kind, key.Name, err)
	}
	return nil
}

func (r *Reconciler) cancel(ctx context.Context, namespace string, c plan.Cancel) error {
	spec := map[string]string{"status": c.Status}
	if c.Message != "" {
		spec["statusMessage"] = c.Message
	}
	patch, err := json.Marshal(map[string]any{"spec": spec})
	if err != nil {
		return err
	}
	o := childOf(c.Kind)
	o.SetNamespace(namespace)
	o.SetName(c.Name)
	return client.IgnoreNotFound(r.Client.Patch(ctx, o, client.RawPatch(types.MergePatchType, patch)))
}

func childOf(kind string) client.Object {
	switch kind {
	case "CustomRun":
		return &v1beta1.CustomRun{}
	case "PipelineRun":
		return &v1.PipelineRun{}
	}
	return &v1.TaskRun{}
}

func (r *Reconciler) label(ctx context.Context, run *v1.PipelineRun, d plan.Decision) error {
	patch, err := json.Marshal(map[string]any{"metadata": map[string]any{"labels": d.Labels, "annotations": d.Annotations}})
	if err != nil {
		return err
	}
	return r.Client.Patch(ctx, run.DeepCopy(), client.RawPatch(types.MergePatchType, patch))
}

// record writes the status, if it differs, and tells of it.
func (r *Reconciler) record(ctx context.Context, run *v1.PipelineRun, status v1.PipelineRunStatus) error {
	if !run.IsDone() && !status.GetCondition(v1.ConditionSucceeded).IsUnknown() {
		if err := r.release(ctx, run); err != nil {
			return err
		}
	}
	after := run.DeepCopy()
	after.Status = status
	wrote, err := kube.PatchStatus(ctx, r.Client, run, after)
	if err != nil || !wrote {
		return err
	}
	r.behind.Wrote(run, r.Now())
	for _, o := range r.Observers {
		o.PipelineRunWritten(run, after)
	}
	r.tell(run, after)
	return nil
}

// tell sends the events of what was written: that the run started, that its tasks
// run, and how it ended.
func (r *Reconciler) tell(before, after *v1.PipelineRun) {
	condition := after.Status.GetCondition(v1.ConditionSucceeded)
	if condition == nil || before.IsDone() {
		return
	}
	if !before.HasStarted() && after.HasStarted() {
		kube.Tell(r.Events, after, true, v1.PipelineRunReasonStarted.String(), "the run has started")
	}
	running := v1.PipelineRunReasonRunning.String()
	was := before.Status.GetCondition(v1.ConditionSucceeded)
	switch {
	case condition.IsTrue():
		kube.Tell(r.Events, after, true, eventSucceeded, condition.Message)
	case condition.IsFalse():
		kube.Tell(r.Events, after, false, eventFailed, condition.Message)
	case condition.Reason == running && (was == nil || was.Reason != running):
		kube.Tell(r.Events, after, true, running, condition.Message)
	}
}

// unprotect takes away what keeps a claim until the last Pod that names it is
// deleted: those of the run are kept for their logs.
const unprotect = `{"metadata":{"$deleteFromPrimitiveList/finalizers":["kubernetes.io/pvc-protection"]}}`

// release deletes the claims that go with the end of the run: before the end is
// written, as nobody looks again after it.
func (r *Reconciler) release(ctx context.Context, run *v1.PipelineRun) error {
	for _, name := range names.PassingClaims(run) {
		claim := &corev1.PersistentVolumeClaim{ObjectMeta: metav1.ObjectMeta{Namespace: run.Namespace, Name: name}}
		if err := r.Client.Delete(ctx, claim); client.IgnoreNotFound(err) != nil {
			return fmt.Errorf("delete volume claim %s: %w", name, err)
		}
		patch := client.RawPatch(types.StrategicMergePatchType, []byte(unprotect))
		if err := r.Client.Patch(ctx, claim, patch); client.IgnoreNotFound(err) != nil {
			return fmt.Errorf("release volume claim %s: %w", name, err)
		}
	}
	return nil
}

// The reasons of the events at the end of a run.
const (
	eventSucceeded = "Succeeded"
	eventFailed    = "Failed"
)
