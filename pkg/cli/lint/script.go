package lint

import (
	"fmt"

	"k8s.io/apimachinery/pkg/util/validation/field"

	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
	"github.com/slipway-dev/slipway/api/tekton/v1beta1"
	"github.com/slipway-dev/slipway/pkg/expr"
	"github.com/slipway-dev/slipway/pkg/manifest"
)

// pasted warns of parameters that become part of a script's text.
func pasted(d manifest.Document) []finding {
	s, spec := scripts{doc: d}, field.NewPath("spec")
	switch o := d.Object.(type) {
	case *v1.Task:
		s.task(&o.Spec, spec)
	case *v1.TaskRun:
		if o.Spec.TaskSpec != nil {
			s.task(o.Spec.TaskSpec, spec.Child("taskSpec"))
		}
	case *v1.Pipeline:
		s.pipeline(&o.Spec, spec)
	case *v1.PipelineRun:
		if o.Spec.PipelineSpec != nil {
			s.pipeline(o.Spec.PipelineSpec, spec.Child("pipelineSpec"))
		}
	case *v1beta1.StepAction:
		s.script(o.Spec.Script, o.Spec.Params, spec.Child("script"))
	}
	return s.found
}

type scripts struct {
	doc   manifest.Document
	found []finding
}

func (s *scripts) pipeline(spec *v1.PipelineSpec, at *field.Path) {
	for _, list := range []struct {
		at    *field.Path
		tasks []v1.PipelineTask
	}{{at.Child("tasks"), spec.Tasks}, {at.Child("finally"), spec.Finally}} {
		for i := range list.tasks {
			t, at := &list.tasks[i], list.at.Index(i)
			if t.TaskSpec != nil {
				s.task(&t.TaskSpec.TaskSpec, at.Child("taskSpec"))
			}
			if t.PipelineSpec != nil {
				s.pipeline(t.PipelineSpec, at.Child("pipelineSpec"))
			}
		}
	}
}

func (s *scripts) task(spec *v1.TaskSpec, at *field.Path) {
	for i := range spec.Steps {
		s.script(spec.Steps[i].Script, spec.Params, at.Child("steps").Index(i).Child("script"))
	}
	for i := range spec.Sidecars {
		s.script(spec.Sidecars[i].Script, spec.Params, at.Child("sidecars").Index(i).Child("script"))
	}
}

// script reports each parameter once. One with an enum can be no more than what
// the author listed.
func (s *scripts) script(text string, params v1.ParamSpecs, at *field.Path) {
	safe := map[string]bool{}
	for _, p := range params {
		safe[p.Name] = len(p.Enum) > 0
	}
	for _, r := range expr.References(text) {
		name, ok := r.Param()
		if !ok || safe[name] {
			continue
		}
		safe[name] = true
		s.found = append(s.found, finding{s.doc.File, s.doc.TextLine(at.String(), r.Pos), at.String(), ruleScript, severityWarning,
			fmt.Sprintf("%s becomes part of the script: who sets it can run anything; pass it in env, as {name: X, value: %s}, and write \"$X\"", r, r)})
	}
}
