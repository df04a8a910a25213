package validation

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation/field"

	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
	"github.com/slipway-dev/slipway/pkg/dag"
	"github.com/slipway-dev/slipway/pkg/expr"
	"github.com/slipway-dev/slipway/pkg/suggest"
)

// pipelineTasks is what $(tasks.…) may lead to from one of the tasks.
type pipelineTasks struct {
	spec *v1.PipelineSpec
	// finally says that the task that refers stands in finally.
	finally bool
	// self is the task that refers; empty for the Pipeline's results.
	self string
}

// reference checks one $(tasks.…).
func (p *pipelineTasks) reference(at site, r expr.Reference) *field.Error {
	status := asksStatus(r)
	if status && !p.finally {
		return fail(field.ErrorTypeForbidden, at.at, at.text, r.String()+": only finally can ask for the status of tasks")
	}
	if len(r.Path) == 2 && status {
		return nil
	}
	t, err := p.target(at, r.Path[1])
	if err != nil || status || len(r.Path) < 4 || r.Path[2] != "results" {
		return err
	}
	return resultOf(t, at, r)
}

// asksStatus reports whether r is `tasks.status`, `tasks.T.status` or `tasks.T.reason`.
func asksStatus(r expr.Reference) bool {
	last := r.Path[len(r.Path)-1]
	return len(r.Path) == 2 && last == "status" || len(r.Path) == 3 && (last == "status" || last == "reason")
}

// target finds the task that a reference names.
func (p *pipelineTasks) target(at site, name string) (*v1.PipelineTask, *field.Error) {
	if i := slices.IndexFunc(p.spec.Tasks, func(t v1.PipelineTask) bool { return t.Name == name }); i >= 0 {
		if name == p.self {
			return nil, fail(field.ErrorTypeForbidden, at.at, at.text, fmt.Sprintf("task %q cannot use a result of its own", name))
		}
		return &p.spec.Tasks[i], nil
	}
	if slices.Contains(names(p.spec.Finally), name) {
		return nil, fail(field.ErrorTypeForbidden, at.at, at.text, fmt.Sprintf("%q is a finally task: its results are there only for the Pipeline's results", name))
	}
	return nil, unknown(at.at, "task", name, names(p.spec.Tasks))
}

// resultOf checks what a reference takes of the task t, as far as it is known.
func resultOf(t *v1.PipelineTask, at site, r expr.Reference) *field.Error {
	if t.Matrix != nil && r.Selector == expr.Plain && len(r.Path) == 4 {
		return invalid(at.at, at.text, "%s: task %q has a matrix, so its results are arrays: take all, as $(tasks.%s.results.%s[*])", r, t.Name, t.Name, r.Path[3])
	}
	if t.TaskSpec == nil || t.TaskSpec.IsCustomTask() {
		return nil
	}
	known := make([]string, len(t.TaskSpec.Results))
	for i, res := range t.TaskSpec.Results {
		known[i] = res.Name
	}
	for n := len(r.Path); n > 3; n-- {
		if slices.Contains(known, strings.Join(r.Path[3:n], ".")) {
			return nil
		}
	}
	return unknown(at.at, fmt.Sprintf("result of task %q", t.Name), r.Path[3], known)
}

func names(tasks []v1.PipelineTask) []string {
	out := make([]string, len(tasks))
	for i, t := range tasks {
		out[i] = t.Name
	}
	return out
}

// prefixes are the first words of references in a Pipeline.
var prefixes = []string{"params", "tasks", "finally", "context", "workspaces", "results", "inputs"}

// references checks every reference of the task but those in specs written in
// it, which see more than the task itself.
func (t taskCheck) references() (errs field.ErrorList) {
	outer := *t.PipelineTask
	outer.TaskSpec, outer.PipelineSpec, outer.DisplayName, outer.Matrix = nil, nil, "", nil
	check := func(s scope) func(site) {
		return func(site site) {
			for _, r := range expr.References(site.text) {
				if err := t.reference(site, r, s); err != nil {
					errs = append(errs, err)
				}
			}
		}
	}
	visitStrings(&outer, t.at, check(t.scope))
	// Names for people may say which combination of the Matrix it is.
	visitStrings(t.DisplayName, t.at.Child("displayName"), check(t.inner()))
	if t.Matrix != nil {
		at := t.at.Child("matrix")
		visitStrings(t.Matrix.Params, at.Child("params"), check(t.scope))
		for i, include := range t.Matrix.Include {
			visitStrings(include.Name, at.Child("include").Index(i).Child("name"), check(t.inner()))
			visitStrings(include.Params, at.Child("include").Index(i).Child("params"), check(t.scope))
		}
	}
	return errs
}

func (t taskCheck) reference(at site, r expr.Reference, s scope) *field.Error {
	if _, ok := r.Param(); ok {
		return s.param(at, r)
	}
	switch r.Path[0] {
	case "workspaces":
		// The path of a workspace is the Task's to fill in, by the name it has there.
		return t.inner().workspace(at, r)
	case "context":
		return context(at, r)
	case "tasks":
		return t.tasks.reference(at, r)
	case "finally":
		return fail(field.ErrorTypeForbidden, at.at, at.text, r.String()+": the results of finally tasks are there only for the Pipeline's results")
	}
	if near := suggest.Nearest(r.Path[0], prefixes); near != "" && near != r.Path[0] {
		return unknown(at.at, "variable", r.Path[0], prefixes)
	}
	return nil
}

func runAfter(spec *v1.PipelineSpec, at *field.Path) (errs field.ErrorList) {
	tasks, finally := names(spec.Tasks), names(spec.Finally)
	for i, t := range spec.Tasks {
		at := at.Child("tasks").Index(i).Child("runAfter")
		for _, name := range t.RunAfter {
			switch {
			case slices.Contains(tasks, name):
			case slices.Contains(finally, name):
				errs = append(errs, invalid(at, name, "%q is a finally task, which runs after all others", name))
			default:
				errs = append(errs, unknown(at, "task", name, tasks))
			}
		}
	}
	for i, t := range spec.Finally {
		if len(t.RunAfter) > 0 {
			errs = append(errs, fail(field.ErrorTypeForbidden, at.Child("finally").Index(i).Child("runAfter"), "", "finally tasks run side by side: remove runAfter, or move the task to tasks"))
		}
	}
	return errs
}

// cycle reports a chain of tasks that wait for each other.
func cycle(spec *v1.PipelineSpec, at *field.Path) field.ErrorList {
	var edges []dag.Edge
	tasks := slices.Compact(slices.Sorted(slices.Values(names(spec.Tasks))))
	for i := range spec.Tasks {
		t := &spec.Tasks[i]
		after := slices.Clone(t.RunAfter)
		visitStrings(t, nil, func(s site) {
			for _, r := range expr.References(s.text) {
				// A spec inside may name tasks of its own; those and a task's reference
				// to itself have their own message.
				if r.Path[0] == "tasks" && len(r.Path) > 3 && r.Path[1] != t.Name {
					after = append(after, r.Path[1])
				}
			}
		})
		for _, from := range after {
			if slices.Contains(tasks, from) {
				edges = append(edges, dag.Edge{From: from, To: t.Name})
			}
		}
	}
	_, err := dag.Build(tasks, edges)
	if c := (*dag.CycleError)(nil); errors.As(err, &c) {
		return field.ErrorList{invalid(at, strings.Join(c.Path, " → "), "%s", c)}
	}
	return nil
}

// pipelineResults checks what the Pipeline gives back.
func pipelineResults(spec *v1.PipelineSpec, at *field.Path) field.ErrorList {
	errs := unique(at, "result", len(spec.Results), func(i int) string { return spec.Results[i].Name })
	for i := range spec.Results {
		res, at := &spec.Results[i], at.Index(i)
		errs = append(errs, result(res.Name, res.Type, at)...)
		found := false
		visitStrings(&res.Value, at.Child("value"), func(site site) {
			for _, r := range expr.References(site.text) {
				if _, _, ok := r.Result(); !ok {
					continue
				}
				found = true
				if err := pipelineResult(spec, site, r); err != nil {
					errs = append(errs, err)
				}
			}
		})
		if !found {
			errs = append(errs, invalid(at.Child("value"), "", "a Pipeline's result is made from results of tasks, as $(tasks.TASK.results.RESULT)"))
		}
	}
	return errs
}

func pipelineResult(spec *v1.PipelineSpec, at site, r expr.Reference) *field.Error {
	tasks := spec.Tasks
	if r.Path[0] == "finally" {
		tasks = spec.Finally
	}
	i := slices.IndexFunc(tasks, func(t v1.PipelineTask) bool { return t.Name == r.Path[1] })
	if i < 0 {
		return unknown(at.at, "task", r.Path[1], names(tasks))
	}
	return resultOf(&tasks[i], at, r)
}
