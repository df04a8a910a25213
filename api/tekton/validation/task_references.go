package validation

import (
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/util/validation/field"

	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
	"github.com/slipway-dev/slipway/pkg/expr"
)

// taskScope is what references in a Task may lead to.
type taskScope struct {
	scope
	// tasks is the Pipeline around the Task; nil when there is none.
	tasks *pipelineTasks
}

// references checks every reference in the Task.
func (s taskScope) references(spec *v1.TaskSpec, at *field.Path) (errs field.ErrorList) {
	results := make([]string, len(spec.Results))
	for i, r := range spec.Results {
		results[i] = r.Name
	}
	steps := stepNames(spec)
	visitStrings(spec, at, func(site site) {
		for _, r := range expr.References(site.text) {
			if err := s.reference(site, r, results, steps); err != nil {
				errs = append(errs, err)
			}
		}
	})
	for i := range spec.Steps {
		errs = append(errs, ownResults(&spec.Steps[i], at.Child("steps").Index(i))...)
	}
	return errs
}

func (s taskScope) reference(at site, r expr.Reference, results, steps []string) *field.Error {
	if _, ok := r.Param(); ok {
		return s.param(at, r)
	}
	switch r.Path[0] {
	case "workspaces":
		return s.workspace(at, r)
	case "context":
		return context(at, r)
	case "results":
		if !slices.Contains(results, r.Path[1]) {
			return unknown(at.at, "result", r.Path[1], results)
		}
	case "steps":
		if !slices.Contains(steps, r.Path[1]) {
			return unknown(at.at, "step", r.Path[1], steps)
		}
	case "tasks":
		if s.tasks != nil {
			return s.tasks.reference(at, r)
		}
	}
	return nil
}

// stepNames are the names that $(steps.NAME.…) may use: that of a step, and that
// of its container, as old Tasks have it.
func stepNames(spec *v1.TaskSpec) []string {
	var names []string
	for i, st := range spec.Steps {
		name := orUnnamed(st.Name, i)
		names = append(names, name, "step-"+name)
	}
	return names
}

// orUnnamed is the name of the i-th step or sidecar, also when it has none.
func orUnnamed(name string, i int) string {
	if name == "" {
		return fmt.Sprintf("unnamed-%d", i)
	}
	return name
}

// ownResults checks references of a step to results of its own. Those of a step
// with ref are the StepAction's to declare.
func ownResults(st *v1.Step, at *field.Path) (errs field.ErrorList) {
	if st.Ref != nil {
		return nil
	}
	known := make([]string, len(st.Results))
	for i, r := range st.Results {
		known[i] = r.Name
	}
	visitStrings(st, at, func(site site) {
		for _, r := range expr.References(site.text) {
			if r.Path[0] == "step" && r.Path[1] == "results" && len(r.Path) > 2 && !slices.Contains(known, r.Path[2]) {
				errs = append(errs, unknown(site.at, "result of this step", r.Path[2], known))
			}
		}
	})
	return errs
}
