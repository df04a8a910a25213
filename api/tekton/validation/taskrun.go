package validation

import (
	"slices"

	"k8s.io/apimachinery/pkg/util/validation/field"

	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
	"github.com/slipway-dev/slipway/pkg/suggest"
)

// TaskRun checks a TaskRun, and the Task that is written in it: that one may use
// the run's parameters and workspaces without declaring them.
func TaskRun(tr *v1.TaskRun) field.ErrorList {
	if tr.Malformed != nil {
		return unread(tr.Malformed)
	}
	spec, at := &tr.Spec, field.NewPath("spec")
	errs := exactlyOne(at, []string{"taskRef", "taskSpec"}, spec.TaskRef != nil, spec.TaskSpec != nil)
	if spec.TaskRef != nil {
		errs = append(errs, ref(spec.TaskRef.Name, spec.TaskRef.ResolverRef, at.Child("taskRef"))...)
	}
	errs = append(errs, givenParams(spec.Params, at.Child("params"))...)
	errs = append(errs, bindings(spec.Workspaces, at.Child("workspaces"))...)
	if spec.TaskSpec != nil {
		around := scope{}.give(spec.Params).bind(bindingNames(spec.Workspaces)...)
		errs = append(errs, taskSpec(spec.TaskSpec, at.Child("taskSpec"), taskScope{scope: around})...)
		errs = append(errs, Params(spec.TaskSpec.Params, spec.Params, at.Child("params"))...)
		errs = append(errs, TaskRunFits(spec, spec.TaskSpec, at)...)
	}
	errs = append(errs, taskRunStatus(tr, at)...)
	errs = append(errs, debug(spec.Debug, at.Child("debug"))...)
	if spec.Retries < 0 {
		errs = append(errs, invalid(at.Child("retries"), spec.Retries, "a count cannot be negative"))
	}
	if spec.Timeout != nil && spec.Timeout.Duration < 0 {
		errs = append(errs, invalid(at.Child("timeout"), spec.Timeout.Duration.String(), "a timeout cannot be negative; 0 means without limit"))
	}
	return append(errs, overrides(spec.StepSpecs, spec.SidecarSpecs, spec.ComputeResources != nil, at)...)
}

func taskRunStatus(tr *v1.TaskRun, at *field.Path) (errs field.ErrorList) {
	known := []string{string(v1.TaskRunSpecStatusCancelled), string(v1.TaskRunSpecStatusPending)}
	s := string(tr.Spec.Status)
	switch {
	case s != "" && !slices.Contains(known, s):
		errs = append(errs, invalid(at.Child("status"), s, "%q: use TaskRunCancelled or TaskRunPending%s", s, suggest.DidYouMean(s, known)))
	case tr.IsPending() && tr.HasStarted():
		errs = append(errs, invalid(at.Child("status"), s, "a TaskRun that has started cannot be held back: cancel it by TaskRunCancelled"))
	}
	if s == "" && tr.Spec.StatusMessage != "" {
		errs = append(errs, invalid(at.Child("statusMessage"), tr.Spec.StatusMessage, "statusMessage needs status"))
	}
	return errs
}

func debug(d *v1.TaskRunDebug, at *field.Path) (errs field.ErrorList) {
	if d == nil || d.Breakpoints == nil {
		return nil
	}
	at = at.Child("breakpoints")
	if f := d.Breakpoints.OnFailure; f != "" && f != "enabled" {
		errs = append(errs, invalid(at.Child("onFailure"), f, "%q: use enabled", f))
	}
	for i, s := range d.Breakpoints.BeforeSteps {
		if slices.Contains(d.Breakpoints.BeforeSteps[:i], s) {
			errs = append(errs, fail(field.ErrorTypeDuplicate, at.Child("beforeSteps").Index(i), s, "is listed twice"))
		}
	}
	return errs
}

// TaskRunFits checks what the run sets for single steps and sidecars against the
// Task that it runs: each must be there. at is the path of the run's spec.
func TaskRunFits(run *v1.TaskRunSpec, task *v1.TaskSpec, at *field.Path) (errs field.ErrorList) {
	var steps, sidecars []string
	for i, s := range task.Steps {
		steps = append(steps, orUnnamed(s.Name, i))
	}
	for i, s := range task.Sidecars {
		sidecars = append(sidecars, orUnnamed(s.Name, i))
	}
	for i, s := range run.StepSpecs {
		if !slices.Contains(steps, s.Name) {
			errs = append(errs, unknown(at.Child("stepSpecs").Index(i).Child("name"), "step", s.Name, steps))
		}
	}
	for i, s := range run.SidecarSpecs {
		if !slices.Contains(sidecars, s.Name) {
			errs = append(errs, unknown(at.Child("sidecarSpecs").Index(i).Child("name"), "sidecar", s.Name, sidecars))
		}
	}
	if run.Debug != nil && run.Debug.Breakpoints != nil {
		for i, name := range run.Debug.Breakpoints.BeforeSteps {
			if !slices.Contains(steps, name) {
				errs = append(errs, unknown(at.Child("debug", "breakpoints", "beforeSteps").Index(i), "step", name, steps))
			}
		}
	}
	return errs
}

// overrides checks what a run sets for single steps and sidecars.
func overrides(steps []v1.TaskRunStepSpec, sidecars []v1.TaskRunSidecarSpec, whole bool, at *field.Path) field.ErrorList {
	errs := unique(at.Child("stepSpecs"), "step", len(steps), func(i int) string { return steps[i].Name })
	errs = append(errs, unique(at.Child("sidecarSpecs"), "sidecar", len(sidecars), func(i int) string { return sidecars[i].Name })...)
	for i, s := range steps {
		if s.Name == "" {
			errs = append(errs, required(at.Child("stepSpecs").Index(i).Child("name"), "say which step it is for"))
		}
		if whole && (len(s.ComputeResources.Limits) > 0 || len(s.ComputeResources.Requests) > 0) {
			errs = append(errs, fail(field.ErrorTypeForbidden, at.Child("stepSpecs").Index(i).Child("computeResources"), "", "computeResources is given for all steps together: give one of the two"))
		}
	}
	for i, s := range sidecars {
		if s.Name == "" {
			errs = append(errs, required(at.Child("sidecarSpecs").Index(i).Child("name"), "say which sidecar it is for"))
		}
	}
	return errs
}
