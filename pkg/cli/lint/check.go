package lint

import (
	"cmp"
	"slices"

	"k8s.io/apimachinery/pkg/util/validation/field"

	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
	"github.com/slipway-dev/slipway/api/tekton/v1beta1"
	"github.com/slipway-dev/slipway/api/tekton/validation"
	"github.com/slipway-dev/slipway/pkg/manifest"
	"github.com/slipway-dev/slipway/pkg/trigger"
)

type severity string

const (
	severityError   severity = "error"
	severityWarning severity = "warning"
)

// finding is one thing to say about a file.
type finding struct {
	File string `json:"file"`
	// Line counts from 1; it is 0 when no line is at fault.
	Line     int      `json:"line,omitempty"`
	Field    string   `json:"field,omitempty"`
	Rule     string   `json:"rule"`
	Severity severity `json:"severity"`
	Message  string   `json:"message"`
}

// The rules. What each is about stands in rules.
const (
	ruleManifest  = "manifest"
	ruleReference = "reference"
	ruleScript    = "param-in-script"
)

// check returns everything that there is to say about the files, by file and line.
func check(f *files) []finding {
	found := []finding{}
	for _, e := range f.errs {
		found = append(found, finding{e.File, e.Line, e.Field, ruleManifest, severityError, e.Message})
	}
	for _, d := range f.docs {
		found = append(found, crossed(d, f.docs)...)
		found = append(found, pasted(d)...)
		found = append(found, started(d, f.restore[d.File])...)
	}
	for i := range found {
		if restore := f.restore[found[i].File]; restore != nil {
			found[i].Message = restore(found[i].Message)
		}
	}
	slices.SortStableFunc(found, func(a, b finding) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line))
	})
	return slices.Compact(found)
}

// started checks the annotations by which an event starts a run.
func started(d manifest.Document, restore func(string) string) (found []finding) {
	run, ok := d.Object.(*v1.PipelineRun)
	if !ok || restore == nil {
		return nil
	}
	for key, err := range trigger.CheckAnnotations(run.Annotations, restore) {
		path := "metadata.annotations[" + key + "]"
		found = append(found, finding{d.File, d.Line(path), path, ruleManifest, severityError, err.Error()})
	}
	return found
}

// crossed checks an object against those that it refers to.
func crossed(d manifest.Document, all []manifest.Document) (found []finding) {
	x := index{from: d, docs: all}
	spec := field.NewPath("spec")
	var errs field.ErrorList
	switch o := d.Object.(type) {
	case *v1.Task:
		errs = x.steps(&o.Spec, spec)
	case *v1.TaskRun:
		errs = x.taskRun(o, spec)
		found = x.unbound(o, spec)
	case *v1.Pipeline:
		errs = x.pipeline(&o.Spec, spec)
	case *v1.PipelineRun:
		errs = x.pipelineRun(o, spec)
	}
	for _, e := range errs {
		found = append(found, finding{d.File, d.Line(e.Field), d.Field(e.Field), ruleReference, severityError, e.Detail})
	}
	return append(found, x.slips...)
}

func (x *index) taskRun(run *v1.TaskRun, at *field.Path) (errs field.ErrorList) {
	if run.Spec.TaskSpec != nil {
		return x.steps(run.Spec.TaskSpec, at.Child("taskSpec"))
	}
	task := x.task(run.Spec.TaskRef, at.Child("taskRef"))
	if task == nil {
		return nil
	}
	errs = validation.Params(task.Params, run.Spec.Params, at.Child("params"))
	return append(errs, validation.TaskRunFits(&run.Spec, task, at)...)
}

func (x *index) pipelineRun(run *v1.PipelineRun, at *field.Path) field.ErrorList {
	if run.Spec.PipelineSpec != nil {
		return x.pipeline(run.Spec.PipelineSpec, at.Child("pipelineSpec"))
	}
	ref := run.Spec.PipelineRef
	if ref == nil || ref.Resolver != "" {
		return nil
	}
	if o, ok := x.find(v1.KindPipeline, ref.Name, at.Child("pipelineRef", "name")).(*v1.Pipeline); ok {
		return validation.PipelineRunFits(&run.Spec, &o.Spec, at)
	}
	return nil
}

// pipeline checks the tasks of a Pipeline, and those of the Pipelines written in it.
func (x *index) pipeline(spec *v1.PipelineSpec, at *field.Path) (errs field.ErrorList) {
	known := map[string]*v1.TaskSpec{}
	for _, list := range []struct {
		at    *field.Path
		tasks []v1.PipelineTask
	}{{at.Child("tasks"), spec.Tasks}, {at.Child("finally"), spec.Finally}} {
		for i := range list.tasks {
			t, at := &list.tasks[i], list.at.Index(i)
			switch {
			case t.TaskRef != nil:
				known[t.Name] = x.task(t.TaskRef, at.Child("taskRef"))
			case t.TaskSpec != nil:
				errs = append(errs, x.steps(&t.TaskSpec.TaskSpec, at.Child("taskSpec"))...)
			case t.PipelineSpec != nil:
				errs = append(errs, x.pipeline(t.PipelineSpec, at.Child("pipelineSpec"))...)
			}
		}
	}
	return append(errs, validation.PipelineFits(spec, known, at)...)
}

// steps checks what steps give to their StepActions.
func (x *index) steps(spec *v1.TaskSpec, at *field.Path) (errs field.ErrorList) {
	for i := range spec.Steps {
		s, at := &spec.Steps[i], at.Child("steps").Index(i)
		if s.Ref == nil || s.Ref.Resolver != "" {
			continue
		}
		if o, ok := x.find(kindStepAction, s.Ref.Name, at.Child("ref", "name")).(*v1beta1.StepAction); ok {
			errs = append(errs, validation.Params(o.Spec.Params, s.Params, at.Child("params"))...)
		}
	}
	return errs
}
