// Package compile translates Tasks into a Pod. It is pure: a list of passes
// over its input, with golden files for the outcome of each.
//
// Spec binds a TaskSpec to its run: parameters, workspaces and paths are put
// in, and what is left can be recorded in the run's status as what was run. Pod
// makes the Pod of it.
package compile

import (
	"fmt"
	"path"
	"slices"

	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
	"github.com/slipway-dev/slipway/api/tekton/v1beta1"
	"github.com/slipway-dev/slipway/entrypoint/contract"
	"github.com/slipway-dev/slipway/pkg/compile/fields"
	"github.com/slipway-dev/slipway/pkg/compile/scripts"
	"github.com/slipway-dev/slipway/pkg/expr"
	"github.com/slipway-dev/slipway/pkg/guard"
	"github.com/slipway-dev/slipway/pkg/suggest"
	"github.com/slipway-dev/slipway/pkg/untrusted"
)

// Binding is what a TaskSpec is bound to.
type Binding struct {
	// Name, Namespace and UID are those of the TaskRun.
	Name, Namespace, UID string
	// TaskName is the name of the Task, or of the run when the spec was written
	// in place.
	TaskName string
	// Inline says that the spec was written in place: it may use the run's
	// parameters and workspaces without declaring them.
	Inline bool
	// Params are the values given.
	Params v1.Params
	// Workspaces are the volumes given.
	Workspaces []v1.WorkspaceBinding
	// Strangers are the values that anybody may have chosen. In scripts they come by
	// the environment.
	Strangers untrusted.Values
	// StepActions holds, by the index of the step, what its ref points to.
	StepActions map[int]*v1beta1.StepActionSpec
}

// retryCount stays in the spec until Pod: every attempt has its own.
const retryCount = "context.task.retry-count"

// Spec returns the spec with its parameters, workspaces and paths put in and
// its StepActions in place of the steps that refer to them. Variables that get
// their value when the steps run, such as $(steps.a.results.b), stay.
//
// The error is the user's, begins with the field it is about, and is an
// *InvalidValue when a value is outside its parameter's enum.
func Spec(in *v1.TaskSpec, b Binding) (*v1.TaskSpec, error) {
	spec := in.DeepCopy()
	if b.Inline {
		inheritWorkspaces(spec, b.Workspaces)
	}
	if err := checkWorkspaces(spec, b); err != nil {
		return nil, err
	}
	params, err := Params(spec.Params, b.Params, b.Inline)
	if err != nil {
		return nil, err
	}
	s := scope{spec: spec, common: commonVars(spec, b), params: params, strangers: b.Strangers}
	if err := s.declarations(b); err != nil {
		return nil, err
	}
	for i := range spec.Steps {
		if err := s.step(i, b.StepActions[i]); err != nil {
			return nil, fields.At("steps", fields.At(fmt.Sprintf("[%d]", i), err))
		}
	}
	for i := range spec.Sidecars {
		if err := s.sidecar(&spec.Sidecars[i]); err != nil {
			return nil, fields.At("sidecars", fields.At(fmt.Sprintf("[%d]", i), err))
		}
	}
	return spec, nil
}

// scope is what references of one spec are looked up in.
type scope struct {
	spec   *v1.TaskSpec
	common expr.Vars
	params map[string]expr.Value
	// strangers are values that must not be read as code.
	strangers untrusted.Values
}

func (s scope) vars() expr.Vars { return withParams(s.common, s.params) }

func withParams(common expr.Vars, params map[string]expr.Value) expr.Vars {
	vars := common.Clone()
	for name, value := range params {
		vars.Set("params."+name, value)
	}
	vars.Close("params", "inputs.params")
	return vars
}

// declarations substitutes all but steps and sidecars, which have more
// variables. Where workspaces are mounted comes first: paths follow from it.
func (s *scope) declarations(b Binding) error {
	if err := (fields.Walker{Vars: s.vars(), Check: s.check}).Put(&s.spec.Workspaces); err != nil {
		return fields.At("workspaces", err)
	}
	setWorkspaces(&s.common, s.spec, b.Workspaces)
	if s.spec.StepTemplate != nil {
		w, t := fields.Walker{Vars: s.vars(), Check: s.check}, s.spec.StepTemplate
		if err := scripts.Put(scripts.OfTemplate(t), w, s.strangers, func() error { return w.Put(t) }); err != nil {
			return fields.At("stepTemplate", err)
		}
	}
	if err := (fields.Walker{Vars: s.vars(), Check: s.check}).Put(&s.spec.Volumes); err != nil {
		return fields.At("volumes", err)
	}
	return nil
}

func commonVars(spec *v1.TaskSpec, b Binding) expr.Vars {
	var vars expr.Vars
	vars.SetText("context.taskRun.name", b.Name)
	vars.SetText("context.taskRun.namespace", b.Namespace)
	vars.SetText("context.taskRun.uid", b.UID)
	vars.SetText("context.task.name", b.TaskName)
	vars.SetText("credentials.path", contract.CredsDir)
	vars.SetText("artifacts.path", contract.TaskArtifacts)
	for _, r := range spec.Results {
		vars.SetText("results."+r.Name+".path", path.Join(contract.ResultsDir, r.Name))
	}
	for i := range spec.Steps {
		container := StepContainer(i, spec.Steps[i].Name)
		vars.SetText("steps."+container+".exitCode.path", contract.ExitCodePath(contract.StepDir(container)))
	}
	return vars
}

// check finds references to workspaces and results that the Task does not
// have. Whether a workspace is bound may be asked of any name.
func (s scope) check(r expr.Reference) error {
	switch {
	case r.Path[0] == "workspaces" && len(r.Path) == 3 && r.Path[2] != "bound":
		names := namesOf(s.spec.Workspaces, func(w v1.WorkspaceDeclaration) string { return w.Name })
		if !slices.Contains(names, r.Path[1]) {
			return fmt.Errorf("%s: no workspace named %q%s", r, r.Path[1], suggest.DidYouMean(r.Path[1], names))
		}
	case r.Path[0] == "results" && len(r.Path) == 3 && r.Path[2] == "path":
		names := namesOf(s.spec.Results, func(t v1.TaskResult) string { return t.Name })
		if !slices.Contains(names, r.Path[1]) {
			return fmt.Errorf("%s: no result named %q%s", r, r.Path[1], suggest.DidYouMean(r.Path[1], names))
		}
	}
	return nil
}

func namesOf[T any](list []T, name func(T) string) []string {
	names := make([]string, 0, len(list))
	for _, item := range list {
		names = append(names, name(item))
	}
	slices.Sort(names)
	return names
}

// step substitutes in one step, and puts the StepAction it refers to in place.
func (s scope) step(i int, action *v1beta1.StepActionSpec) error {
	step := &s.spec.Steps[i]
	container := StepContainer(i, step.Name)
	common := s.common.Clone()
	usePaths(&common, step.Workspaces)
	common.SetText("step.artifacts.path", contract.StepArtifactsPath(contract.StepDir(container)))
	results := step.Results
	if action != nil {
		results = action.Results
	}
	for _, r := range results {
		common.SetText("step.results."+r.Name+".path", contract.StepResultPath(contract.StepDir(container), r.Name))
	}
	given := step.Params
	step.Params = nil
	vars := withParams(common, s.params)
	for j, when := range step.When {
		if err := guard.CheckValues(when.CEL, vars, s.strangers); err != nil {
			return fields.At(fmt.Sprintf("when[%d]", j), fields.At("cel", err))
		}
	}
	w := fields.Walker{Vars: vars, Check: s.check}
	if err := scripts.Put(scripts.OfStep(step, s.spec.StepTemplate), w, s.strangers, func() error { return w.Put(step) }); err != nil {
		return err
	}
	if action == nil {
		return nil
	}
	body, err := s.actionBody(action, given, vars, common)
	if err != nil {
		return fmt.Errorf("ref %s: %w", step.Ref.Name, err)
	}
	inline(step, body)
	return nil
}

func (s scope) sidecar(sidecar *v1.Sidecar) error {
	vars := s.vars()
	usePaths(&vars, sidecar.Workspaces)
	w := fields.Walker{Vars: vars, Check: s.check}
	return scripts.Put(scripts.OfSidecar(sidecar), w, s.strangers, func() error { return w.Put(sidecar) })
}

// usePaths sets the paths of workspaces that a step or sidecar mounts
// elsewhere than the Task's declaration says.
func usePaths(vars *expr.Vars, uses []v1.WorkspaceUsage) {
	for _, use := range uses {
		if bound, ok := vars.Get("workspaces." + use.Name + ".bound"); ok && bound.String == "true" && use.MountPath != "" {
			vars.SetText("workspaces."+use.Name+".path", use.MountPath)
		}
	}
}

// StepContainer is the name of the container of the i-th step, counted from 0.
func StepContainer(i int, name string) string { return "step-" + StepName(i, name) }

// StepName is the name of the i-th step, counted from 0, also when it has none.
func StepName(i int, name string) string {
	if name == "" {
		return fmt.Sprintf("unnamed-%d", i)
	}
	return name
}

// SidecarContainer is the name of the container of the i-th sidecar.
func SidecarContainer(i int, name string) string { return "sidecar-" + StepName(i, name) }
