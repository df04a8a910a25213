package taskrun

import (
	"context"
	"errors"
	"fmt"

	"k8s.io/apimachinery/pkg/util/validation/field"

	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
	"github.com/slipway-dev/slipway/api/tekton/validation"
	"github.com/slipway-dev/slipway/api/tekton/validation/unsupported"
	"github.com/slipway-dev/slipway/pkg/compile"
	"github.com/slipway-dev/slipway/pkg/resolve"
	"github.com/slipway-dev/slipway/pkg/untrusted"
)

// spec finds what the run runs and binds it to the run. A retry runs what the
// first attempt ran, whatever has become of the Task since.
func (r *Reconciler) spec(ctx context.Context, run *v1.TaskRun) (*resolvedSpec, error) {
	if task := run.Status.TaskSpec; task != nil {
		workspaces, err := r.workspaces(run, task)
		return &resolvedSpec{task: task, provenance: run.Status.Provenance, workspaces: workspaces}, err
	}
	task, err := r.task(ctx, run)
	if err != nil {
		return nil, unresolved(err)
	}
	resolved := &resolvedSpec{steps: map[int]*v1.Provenance{}}
	if resolved.workspaces, err = r.workspaces(run, task.Spec); err != nil {
		return nil, err
	}
	if task.Source != nil {
		resolved.provenance = &v1.Provenance{RefSource: task.Source}
	}
	if run.Spec.TaskRef != nil {
		resolved.labels, resolved.annotations = inherited(run, task)
	}
	actions, err := r.actions(ctx, run, task.Spec, resolved)
	if err != nil {
		return nil, unresolved(err)
	}
	resolved.task, err = compile.Spec(task.Spec, compile.Binding{
		Name: run.Name, Namespace: run.Namespace, UID: string(run.UID), TaskName: task.Name,
		Inline: run.Spec.TaskSpec != nil, Params: run.Spec.Params, Workspaces: bound(run, resolved.workspaces), StepActions: actions,
		Strangers: untrusted.Of(run.Annotations),
	})
	if err != nil {
		return nil, unfit(err)
	}
	resolved.elsewhere = fromElsewhere(run, task.Spec)
	return resolved, check(run, task)
}

// workspaces are the volumes of the run with its parameters put in, and those of
// the installation for what it leaves out.
func (r *Reconciler) workspaces(run *v1.TaskRun, task *v1.TaskSpec) ([]v1.WorkspaceBinding, error) {
	given, err := compile.Workspaces(task.Params, compile.Binding{
		Name: run.Name, Namespace: run.Namespace, UID: string(run.UID), Params: run.Spec.Params, Workspaces: run.Spec.Workspaces})
	if err != nil {
		return nil, unfit(err)
	}
	return r.Settings.Current().Bind(task, given), nil
}

// unfit is the refusal of a run that does not fit its Task.
func unfit(err error) error {
	var invalid *compile.InvalidValue
	if errors.As(err, &invalid) {
		return &refusal{v1.TaskRunReasonInvalidParamValue, err}
	}
	return &refusal{v1.TaskRunReasonFailedValidation, err}
}

// check finds what is wrong with a run or its Task and what nothing here acts on
// yet: the schema cannot say it, and no run is to pass it over.
func check(run *v1.TaskRun, task *resolve.Task) error {
	if err := wrong(run); err != nil {
		return &refusal{v1.TaskRunReasonFailedValidation, err}
	}
	spec := field.NewPath("spec")
	if run.Spec.TaskSpec != nil {
		if err := validation.Err(unsupported.TaskRun(&run.Spec, spec)); err != nil {
			return &refusal{v1.TaskRunReasonFailedValidation, err}
		}
		return nil
	}
	if err := validation.Err(append(validation.TaskRunFits(&run.Spec, task.Spec, spec), unsupported.TaskRun(&run.Spec, spec)...)); err != nil {
		return &refusal{v1.TaskRunReasonFailedValidation, err}
	}
	named := task.Spec.DeepCopy()
	named.SetDefaults()
	if err := validation.Err(append(validation.TaskSpec(named, spec), unsupported.TaskSpec(named, spec)...)); err != nil {
		return &refusal{v1.TaskRunReasonTaskFailedValidation, fmt.Errorf("task %q: %w", task.Name, err)}
	}
	return nil
}

// wrong is all that is wrong with the run on its face.
func wrong(run *v1.TaskRun) error {
	run = run.DeepCopy()
	run.SetDefaults()
	return validation.Err(validation.TaskRun(run))
}

// worded has the refusal of a run that is wrong on its face say so as admission
// does, which was not there when the run was made.
func worded(run *v1.TaskRun, err error) error {
	var refused *refusal
	if !errors.As(err, &refused) {
		return err
	}
	all := wrong(run)
	switch {
	case all == nil:
		return err
	case refused.reason == v1.TaskRunReasonFailedResolution:
		return &refusal{v1.TaskRunReasonFailedValidation, all}
	}
	return &refusal{refused.reason, all}
}
