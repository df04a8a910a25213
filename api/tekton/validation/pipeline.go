package validation

import (
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation/field"

	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
)

// Pipeline checks a Pipeline.
func Pipeline(p *v1.Pipeline) field.ErrorList {
	if p.Malformed != nil {
		return unread(p.Malformed)
	}
	return PipelineSpec(&p.Spec, field.NewPath("spec"))
}

// PipelineSpec checks a Pipeline that stands by itself: it may use only what it
// declares.
func PipelineSpec(spec *v1.PipelineSpec, at *field.Path) field.ErrorList {
	return pipelineSpec(spec, at, scope{})
}

// pipelineSpec checks a Pipeline that also sees what is around it.
func pipelineSpec(spec *v1.PipelineSpec, at *field.Path, around scope) field.ErrorList {
	var errs field.ErrorList
	if len(spec.Tasks) == 0 {
		errs = append(errs, required(at.Child("tasks"), "a Pipeline needs at least one task"))
	}
	errs = append(errs, paramSpecs(spec.Params, at.Child("params"))...)
	errs = append(errs, unique(at.Child("workspaces"), "workspace", len(spec.Workspaces), func(i int) string { return spec.Workspaces[i].Name })...)
	for i, w := range spec.Workspaces {
		if w.Name == "" {
			errs = append(errs, required(at.Child("workspaces").Index(i).Child("name"), "a workspace needs a name"))
		}
	}
	s := around.declare(spec.Params)
	for _, w := range spec.Workspaces {
		s = s.bind(w.Name)
	}
	errs = append(errs, taskNames(spec, at)...)
	errs = append(errs, eachTask(spec, at, s)...)
	errs = append(errs, runAfter(spec, at)...)
	errs = append(errs, cycle(spec, at.Child("tasks"))...)
	return append(errs, pipelineResults(spec, at.Child("results"))...)
}

func taskNames(spec *v1.PipelineSpec, at *field.Path) (errs field.ErrorList) {
	tasks, finally := at.Child("tasks"), at.Child("finally")
	errs = append(errs, unique(tasks, "task", len(spec.Tasks), func(i int) string { return spec.Tasks[i].Name })...)
	errs = append(errs, unique(finally, "task", len(spec.Finally), func(i int) string { return spec.Finally[i].Name })...)
	for i, f := range spec.Finally {
		if j := slices.IndexFunc(spec.Tasks, func(t v1.PipelineTask) bool { return t.Name == f.Name }); f.Name != "" && j >= 0 {
			errs = append(errs, fail(field.ErrorTypeDuplicate, finally.Index(i).Child("name"), f.Name,
				fmt.Sprintf("two tasks are named %q: rename this one or %s", f.Name, tasks.Index(j))))
		}
	}
	return errs
}

// eachTask checks every task by itself and its references.
func eachTask(spec *v1.PipelineSpec, at *field.Path, s scope) (errs field.ErrorList) {
	for _, list := range []struct {
		at      *field.Path
		tasks   []v1.PipelineTask
		finally bool
	}{{at.Child("tasks"), spec.Tasks, false}, {at.Child("finally"), spec.Finally, true}} {
		for i := range list.tasks {
			t := taskCheck{PipelineTask: &list.tasks[i], at: list.at.Index(i), scope: s,
				tasks: &pipelineTasks{spec: spec, finally: list.finally, self: list.tasks[i].Name}}
			errs = append(errs, t.check()...)
			errs = append(errs, t.references()...)
		}
	}
	return errs
}

// taskCheck checks one task of a Pipeline.
type taskCheck struct {
	*v1.PipelineTask
	at    *field.Path
	scope scope
	tasks *pipelineTasks
}

func (t taskCheck) check() field.ErrorList {
	var errs field.ErrorList
	if t.Name == "" {
		errs = append(errs, required(t.at.Child("name"), "a task of a Pipeline needs a name"))
	}
	errs = append(errs, dnsLabel(t.Name, t.at.Child("name"))...)
	errs = append(errs, exactlyOne(t.at, []string{"taskRef", "taskSpec", "pipelineRef", "pipelineSpec"},
		t.TaskRef != nil, t.TaskSpec != nil, t.PipelineRef != nil, t.PipelineSpec != nil)...)
	errs = append(errs, t.what()...)
	errs = append(errs, onError(string(t.OnError), t.at.Child("onError"))...)
	if t.OnError == v1.PipelineTaskContinue && t.Retries > 0 {
		errs = append(errs, fail(field.ErrorTypeForbidden, t.at.Child("onError"), "", "a task that is retried cannot have onError continue: remove retries or onError"))
	}
	if t.Retries < 0 {
		errs = append(errs, invalid(t.at.Child("retries"), t.Retries, "a count cannot be negative"))
	}
	if t.Timeout != nil && t.Timeout.Duration < 0 {
		errs = append(errs, invalid(t.at.Child("timeout"), t.Timeout.Duration.String(), "a timeout cannot be negative"))
	}
	errs = append(errs, givenParams(t.Params, t.at.Child("params"))...)
	errs = append(errs, when(t.When, t.at.Child("when"))...)
	errs = append(errs, t.workspaces()...)
	return append(errs, t.matrix()...)
}

// what checks what the task runs.
func (t taskCheck) what() (errs field.ErrorList) {
	if r := t.TaskRef; r != nil {
		at := t.at.Child("taskRef")
		switch {
		case r.IsCustomTask():
		case r.Kind != "" && r.Kind != v1.NamespacedTaskKind:
			errs = append(errs, required(at.Child("apiVersion"), fmt.Sprintf("a custom task of kind %q needs an apiVersion", r.Kind)))
		case r.APIVersion != "" && r.Kind == "":
			errs = append(errs, required(at.Child("kind"), "a custom task needs a kind"))
		default:
			errs = append(errs, ref(r.Name, r.ResolverRef, at)...)
		}
	}
	if r := t.PipelineRef; r != nil {
		errs = append(errs, ref(r.Name, r.ResolverRef, t.at.Child("pipelineRef"))...)
	}
	if t.PipelineSpec != nil {
		errs = append(errs, pipelineSpec(t.PipelineSpec, t.at.Child("pipelineSpec"), t.inner())...)
	}
	return append(errs, t.embedded()...)
}

func (t taskCheck) embedded() (errs field.ErrorList) {
	e, at := t.TaskSpec, t.at.Child("taskSpec")
	switch {
	case e == nil:
		return nil
	case len(e.Steps) > 0 && (e.APIVersion != "" || e.Kind != ""):
		return append(errs, fail(field.ErrorTypeForbidden, at.Child("apiVersion"), e.APIVersion, "a Task written in place has steps, a custom task has apiVersion, kind and spec: give one of the two"))
	case len(e.Steps) == 0 && e.IsCustomTask():
		return nil
	case e.Kind != "" && e.Kind != v1.KindTask:
		return append(errs, required(at.Child("apiVersion"), fmt.Sprintf("a custom task of kind %q needs an apiVersion", e.Kind)))
	case e.APIVersion != "" && e.Kind == "":
		return append(errs, required(at.Child("kind"), "a custom task needs a kind"))
	}
	errs = taskSpec(&e.TaskSpec, at, taskScope{scope: t.inner(), tasks: t.tasks})
	given := slices.Clone(t.Params)
	if t.Matrix == nil {
		errs = append(errs, Params(withoutInherited(e.Params, given, t.scope), given, t.at.Child("params"))...)
	}
	return errs
}

// withoutInherited leaves out parameters without a value here that come from
// the Pipeline by their name.
func withoutInherited(declared v1.ParamSpecs, given v1.Params, s scope) v1.ParamSpecs {
	return slices.DeleteFunc(slices.Clone(declared), func(p v1.ParamSpec) bool {
		_, inherited := s.params[p.Name]
		return inherited && !slices.ContainsFunc(given, func(g v1.Param) bool { return g.Name == p.Name })
	})
}

// inner is what a spec written in the task sees.
func (t taskCheck) inner() scope {
	s := t.scope.give(t.Params)
	if t.Matrix != nil {
		s = s.giveEach(t.Matrix.Params)
		for _, include := range t.Matrix.Include {
			s = s.giveEach(include.Params)
		}
	}
	for _, w := range t.Workspaces {
		s = s.bind(w.Name)
	}
	return s
}

func (t taskCheck) workspaces() field.ErrorList {
	at := t.at.Child("workspaces")
	errs := unique(at, "workspace", len(t.Workspaces), func(i int) string { return t.Workspaces[i].Name })
	for i, w := range t.Workspaces {
		name, key := w.Workspace, "workspace"
		if name == "" {
			name, key = w.Name, "name"
		}
		if !slices.Contains(t.scope.workspaces, name) && !strings.Contains(name, "$(") {
			errs = append(errs, unknown(at.Index(i).Child(key), "workspace", name, t.scope.workspaces))
		}
	}
	return errs
}
