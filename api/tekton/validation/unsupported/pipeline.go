package unsupported

import (
	"slices"

	"k8s.io/apimachinery/pkg/util/validation/field"

	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
)

// What is not implemented of a PipelineRun and a task of a Pipeline. Remove a
// line when a controller acts on the field.
var (
	pipelineTaskGaps = []gap[v1.PipelineTask]{
		{"retries", func(t *v1.PipelineTask) bool { return runsPipeline(t) && t.Retries > 0 }},
	}
	// What is said of one task reaches only what the task runs as: a child
	// PipelineRun has no steps of its own, and a CustomRun no Pod.
	childPipelineGaps = []gap[v1.PipelineTaskRunSpec]{
		{"stepSpecs", func(s *v1.PipelineTaskRunSpec) bool { return len(s.StepSpecs) > 0 }},
		{"sidecarSpecs", func(s *v1.PipelineTaskRunSpec) bool { return len(s.SidecarSpecs) > 0 }},
		{"computeResources", func(s *v1.PipelineTaskRunSpec) bool { return s.ComputeResources != nil }},
	}
	customTaskGaps = append([]gap[v1.PipelineTaskRunSpec]{
		{"podTemplate", func(s *v1.PipelineTaskRunSpec) bool { return s.PodTemplate != nil }},
	}, childPipelineGaps...)
)

func runsPipeline(t *v1.PipelineTask) bool { return t.PipelineRef != nil || t.PipelineSpec != nil }

// PipelineRun lists the fields of the run, and of the Pipeline written
// in it, that no controller acts on yet. at is the path of the spec.
func PipelineRun(spec *v1.PipelineRunSpec, at *field.Path) (errs field.ErrorList) {
	if spec.PipelineSpec != nil {
		errs = append(errs, PipelineSpec(spec.PipelineSpec, at.Child("pipelineSpec"))...)
		errs = append(errs, TaskRunSpecs(spec, spec.PipelineSpec, at)...)
	}
	return errs
}

// TaskRunSpecs lists the settings that a run makes for single tasks of
// its Pipeline and that no controller acts on for what those tasks run as. at is
// the path of the run's spec.
func TaskRunSpecs(run *v1.PipelineRunSpec, of *v1.PipelineSpec, at *field.Path) (errs field.ErrorList) {
	for _, t := range slices.Concat(of.Tasks, of.Finally) {
		i := slices.IndexFunc(run.TaskRunSpecs, func(s v1.PipelineTaskRunSpec) bool { return s.PipelineTaskName == t.Name })
		gaps := customTaskGaps
		switch {
		case i < 0, !runsPipeline(&t) && !t.IsCustomTask():
			continue
		case runsPipeline(&t):
			gaps = childPipelineGaps
		}
		for _, g := range gaps {
			errs = append(errs, g.check(&run.TaskRunSpecs[i], at.Child("taskRunSpecs").Index(i))...)
		}
	}
	return errs
}

// PipelineSpec lists the fields of a Pipeline that no controller acts
// on yet.
func PipelineSpec(spec *v1.PipelineSpec, at *field.Path) (errs field.ErrorList) {
	for i := range spec.Tasks {
		errs = append(errs, pipelineTask(&spec.Tasks[i], at.Child("tasks").Index(i))...)
	}
	for i := range spec.Finally {
		errs = append(errs, pipelineTask(&spec.Finally[i], at.Child("finally").Index(i))...)
	}
	return errs
}

func pipelineTask(t *v1.PipelineTask, at *field.Path) (errs field.ErrorList) {
	for _, g := range pipelineTaskGaps {
		errs = append(errs, g.check(t, at)...)
	}
	if t.PipelineSpec != nil {
		errs = append(errs, PipelineSpec(t.PipelineSpec, at.Child("pipelineSpec"))...)
	}
	if t.TaskSpec != nil && !t.TaskSpec.IsCustomTask() {
		errs = append(errs, TaskSpec(&t.TaskSpec.TaskSpec, at.Child("taskSpec"))...)
	}
	return errs
}
