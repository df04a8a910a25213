package fill

import (
	"cmp"
	"encoding/json"
	"slices"
	"strings"

	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
	"github.com/slipway-dev/slipway/pkg/expr"
)

// usedWorkspaces are the names in $(workspaces.NAME…) of a Task, and those it
// declares, sorted.
func usedWorkspaces(spec *v1.TaskSpec) []string {
	var names []string
	for _, d := range spec.Workspaces {
		names = append(names, d.Name)
	}
	for _, part := range []any{spec.Steps, spec.StepTemplate, spec.Sidecars, spec.Volumes} {
		// A Task that came as JSON goes as JSON; its quotes are in the way of
		// references, and those of names are as good single.
		text, _ := json.Marshal(part)
		for _, r := range expr.References(strings.ReplaceAll(string(text), `\"`, "'")) {
			if r.Path[0] == "workspaces" {
				names = append(names, r.Path[1])
			}
		}
	}
	var uses []v1.WorkspaceUsage
	for _, step := range spec.Steps {
		uses = append(uses, step.Workspaces...)
	}
	for _, sidecar := range spec.Sidecars {
		uses = append(uses, sidecar.Workspaces...)
	}
	for _, w := range uses {
		names = append(names, w.Name)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// Wanted are the workspaces that a task names, and for a Task written in place those of
// the run that it uses by their name.
func Wanted(t *v1.PipelineTask) []v1.WorkspacePipelineTaskBinding {
	wanted := slices.Clone(t.Workspaces)
	if t.TaskSpec != nil && !t.TaskSpec.IsCustomTask() {
		for _, name := range usedWorkspaces(&t.TaskSpec.TaskSpec) {
			if !slices.ContainsFunc(wanted, func(w v1.WorkspacePipelineTaskBinding) bool { return w.Name == name }) {
				wanted = append(wanted, v1.WorkspacePipelineTaskBinding{Name: name})
			}
		}
	}
	for i := range wanted {
		wanted[i].Workspace = cmp.Or(wanted[i].Workspace, wanted[i].Name)
	}
	return wanted
}
