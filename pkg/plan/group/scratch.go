package group

import (
	"slices"

	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
	"github.com/slipway-dev/slipway/pkg/expr"
	"github.com/slipway-dev/slipway/pkg/plan/fill"
	"github.com/slipway-dev/slipway/pkg/share"
)

// Scratch are the workspaces of a run from a volumeClaimTemplate that one group of its
// tasks alone uses, and by its files alone: they need no claim. tasks are all of the run.
func Scratch(run *v1.PipelineRun, tasks []Task, groups share.Groups) []string {
	var out []string
	for _, b := range run.Spec.Workspaces {
		if b.VolumeClaimTemplate == nil {
			continue
		}
		users := slices.DeleteFunc(slices.Clone(tasks), func(t Task) bool { return !t.uses(b.Name) })
		together := slices.ContainsFunc(groups, func(g []string) bool {
			return len(users) > 0 && !slices.ContainsFunc(users, func(t Task) bool { return !slices.Contains(g, t.Spec.Name) })
		})
		if together && !slices.ContainsFunc(users, namesClaim) {
			out = append(out, b.Name)
		}
	}
	return out
}

func (t Task) uses(workspace string) bool {
	return slices.ContainsFunc(fill.Wanted(t.Spec), func(w v1.WorkspacePipelineTaskBinding) bool { return w.Workspace == workspace })
}

// namesClaim reports whether a task asks for the name of the claim of a workspace.
func namesClaim(t Task) bool {
	return slices.ContainsFunc(append(references(t.Body), references(t.Spec)...), func(r expr.Reference) bool {
		return r.Path[0] == "workspaces" && r.Path[len(r.Path)-1] == "claim"
	})
}
