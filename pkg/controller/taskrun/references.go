package taskrun

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"

	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
	"github.com/slipway-dev/slipway/api/tekton/v1beta1"
	"github.com/slipway-dev/slipway/pkg/compile"
	"github.com/slipway-dev/slipway/pkg/expr"
	"github.com/slipway-dev/slipway/pkg/kube"
	"github.com/slipway-dev/slipway/pkg/resolve"
)

// awaiting is the error of a run whose references are being found elsewhere.
type awaiting struct {
	reason v1.TaskRunReason
	err    error
}

func (a awaiting) Error() string { return a.err.Error() }
func (a awaiting) Unwrap() error { return a.err }

// await records that the run waits; the answer will bring it back.
func (r *Reconciler) await(ctx context.Context, a *attempt, waits awaiting) (time.Duration, error) {
	err := r.record(ctx, a, verdict{status: corev1.ConditionUnknown, reason: waits.reason.String(),
		message: fmt.Sprintf("TaskRun %s/%s %s", a.run.Namespace, a.run.Name, resolve.ErrPending)})
	wait := time.Duration(0)
	for _, end := range []time.Time{r.deadline(a), resolve.Until(waits)} {
		if !end.IsZero() {
			wait = soonest(wait, kube.Until(a.now, end))
		}
	}
	return wait, err
}

// pin writes what was found elsewhere into the status before it is run: whoever
// takes the run up later runs the same.
func (r *Reconciler) pin(ctx context.Context, a *attempt, spec *resolvedSpec) error {
	a.run.Status.TaskSpec, a.run.Status.Provenance = spec.task, spec.provenance
	if len(spec.steps) > 0 {
		a.run.Status.Steps = make([]v1.StepState, len(spec.task.Steps))
		for i, s := range spec.task.Steps {
			a.run.Status.Steps[i] = v1.StepState{Name: cmp.Or(s.Name, fmt.Sprintf("unnamed-%d", i)), Provenance: spec.steps[i]}
		}
	}
	return r.record(ctx, a, verdict{status: corev1.ConditionUnknown, reason: v1.TaskRunReasonStarted.String()})
}

// fromElsewhere reports whether a resolver has found a part of what runs.
func fromElsewhere(run *v1.TaskRun, spec *v1.TaskSpec) bool {
	ref := run.Spec.TaskRef
	return ref != nil && ref.Resolver != "" ||
		slices.ContainsFunc(spec.Steps, func(s v1.Step) bool { return s.Ref != nil && s.Ref.Resolver != "" })
}

// asker is the run as the one that a reference is found for.
func asker(run *v1.TaskRun) resolve.Asker {
	return resolve.Asker{Kind: v1.KindTaskRun, Namespace: run.Namespace, Name: run.Name, UID: run.UID}
}

// task is what the run refers to, or has written in place.
func (r *Reconciler) task(ctx context.Context, run *v1.TaskRun) (*resolve.Task, error) {
	switch {
	case run.Spec.TaskSpec != nil:
		return &resolve.Task{Name: run.Name, Spec: run.Spec.TaskSpec}, nil
	case run.Spec.TaskRef == nil:
		return nil, &refusal{v1.TaskRunReasonFailedValidation, errors.New("spec: neither taskRef nor taskSpec is given")}
	}
	ref := run.Spec.TaskRef.DeepCopy()
	vars := contextOf(run)
	for _, p := range run.Spec.Params {
		vars.Set("params."+p.Name, compile.ValueOf(p.Value))
	}
	vars.Close("params")
	if err := resolve.Fill(&ref.Name, &ref.ResolverRef, vars); err != nil {
		return nil, &refusal{v1.TaskRunReasonFailedResolution, fmt.Errorf("taskRef.%w", err)}
	}
	task, err := r.References.Task(ctx, asker(run), ref)
	if errors.Is(err, resolve.ErrPending) {
		return nil, awaiting{v1.TaskRunReasonResolvingTaskRef, err}
	}
	return task, err
}

// actions finds the StepActions that steps refer to, all at once, and notes
// where they came from.
func (r *Reconciler) actions(ctx context.Context, run *v1.TaskRun, spec *v1.TaskSpec, resolved *resolvedSpec) (map[int]*v1beta1.StepActionSpec, error) {
	found := map[int]*v1beta1.StepActionSpec{}
	var pending error
	for i, s := range spec.Steps {
		if s.Ref == nil {
			continue
		}
		ref, err := stepRef(run, spec, s.Ref)
		if err != nil {
			return nil, fmt.Errorf("steps[%d].ref.%w", i, err)
		}
		action, err := r.References.StepAction(ctx, asker(run), ref)
		switch {
		case errors.Is(err, resolve.ErrPending):
			pending = err
		case err != nil:
			return nil, fmt.Errorf("steps[%d].%w", i, err)
		default:
			found[i] = action.Spec
			resolved.steps[i] = &v1.Provenance{RefSource: action.Source}
		}
	}
	if pending != nil {
		return nil, awaiting{v1.TaskRunReasonResolvingStepActionRef, pending}
	}
	return found, nil
}

// stepRef is the reference with the Task's params put in.
func stepRef(run *v1.TaskRun, spec *v1.TaskSpec, ref *v1.Ref) (*v1.Ref, error) {
	if ref.Resolver == "" {
		return ref, nil
	}
	values, err := compile.Params(spec.Params, run.Spec.Params, run.Spec.TaskSpec != nil)
	if err != nil {
		return nil, &refusal{v1.TaskRunReasonFailedValidation, err}
	}
	vars := contextOf(run)
	for name, value := range values {
		vars.Set("params."+name, value)
	}
	vars.Close("params")
	ref = ref.DeepCopy()
	if err := resolve.Fill(&ref.Name, &ref.ResolverRef, vars); err != nil {
		return nil, &refusal{v1.TaskRunReasonFailedResolution, err}
	}
	return ref, nil
}

// contextOf are the variables that every run has.
func contextOf(run *v1.TaskRun) expr.Vars {
	var vars expr.Vars
	vars.SetText("context.taskRun.name", run.Name)
	vars.SetText("context.taskRun.namespace", run.Namespace)
	vars.SetText("context.taskRun.uid", string(run.UID))
	return vars
}

// unresolved tells references that lead nowhere from a cluster that does not answer.
func unresolved(err error) error {
	var nowhere *resolve.Error
	if errors.As(err, &nowhere) {
		return &refusal{v1.TaskRunReasonFailedResolution, err}
	}
	return err
}
