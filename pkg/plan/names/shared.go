package names

import (
	"fmt"
	"slices"

	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
	"github.com/slipway-dev/slipway/pkg/share"
)

// SharedPods are the names of the Pods that tasks of the run share, each with its tasks.
func SharedPods(run *v1.PipelineRun) map[string][]string {
	pods := map[string][]string{}
	if mode, err := share.ModeOf(run.Annotations, nil); err != nil || mode == share.Tasks {
		return pods
	}
	for i, g := range share.GroupsOf(run.Annotations) {
		pods[Child(run.Name, fmt.Sprintf("tasks-%d", i), 0, 1)] = g
	}
	return pods
}

// Scratch are the names of the claims that the run's TaskRuns name and that are never
// made: an emptyDir of the one Pod that uses it stands for each.
func Scratch(run *v1.PipelineRun) []string {
	var claims []string
	for _, b := range run.Spec.Workspaces {
		if b.VolumeClaimTemplate != nil && len(SharedPods(run)) > 0 && slices.Contains(share.ScratchOf(run.Annotations), b.Name) {
			claims = append(claims, Claim(run, b))
		}
	}
	return claims
}
