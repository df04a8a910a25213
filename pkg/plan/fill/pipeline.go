package fill

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
	"github.com/slipway-dev/slipway/pkg/expr"
	"github.com/slipway-dev/slipway/pkg/untrusted"
)

// Pipeline puts the variables of a run into its tasks. Values of strangers become no part
// of an expression.
func Pipeline(spec *v1.PipelineSpec, vars expr.Vars, strangers untrusted.Values) (v1.PipelineRunReason, error) {
	for _, part := range []struct {
		name  string
		tasks []v1.PipelineTask
	}{{"tasks", spec.Tasks}, {"finally", spec.Finally}} {
		for i := range part.tasks {
			t := &part.tasks[i]
			err := Task(t, vars, strangers)
			if err == nil && t.TaskSpec != nil && !t.TaskSpec.IsCustomTask() {
				err = TaskSpec(&t.TaskSpec.TaskSpec, inner(t, vars), strangers)
			}
			if err != nil {
				reason := v1.PipelineRunReasonFailedValidation
				if errors.Is(err, expr.ErrBounds) {
					reason = v1.PipelineRunReasonParamArrayIndexingInvalid
				}
				return reason, fmt.Errorf("spec.%s[%d] (%s): %w", part.name, i, t.Name, err)
			}
		}
	}
	return "", nil
}

// inner are the variables of the pipeline that reach into a Task written in
// place: those that the Task's own params and workspaces do not hide.
func inner(t *v1.PipelineTask, vars expr.Vars) expr.Vars {
	hidden := func(name string) bool {
		part, rest, _ := strings.Cut(name, ".")
		switch part {
		case "params":
			return slices.ContainsFunc(AllParams(t), func(p v1.Param) bool { return p.Name == rest })
		case "workspaces":
			rest = strings.TrimSuffix(rest, ".bound")
			return slices.ContainsFunc(t.Workspaces, func(w v1.WorkspacePipelineTaskBinding) bool { return w.Name == rest }) ||
				slices.ContainsFunc(t.TaskSpec.Workspaces, func(w v1.WorkspaceDeclaration) bool { return w.Name == rest })
		}
		return false
	}
	return vars.Without(hidden)
}
