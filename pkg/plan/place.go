package plan

import (
	"github.com/slipway-dev/slipway/pkg/coschedule"
	"github.com/slipway-dev/slipway/pkg/plan/fill"
)

// group is that of the tasks that are to share a node with a task, or "". A run that is
// in a group, as its parent's task, has all its tasks in it.
func (s *state) group(name string) string {
	mode := s.in.Defaults.Coschedule
	switch own := s.run.Labels[coschedule.Label]; {
	case own != "" || mode == coschedule.Disabled:
		return own
	case mode.ByRun():
		return coschedule.Name(string(s.run.UID))
	case s.groups == nil:
		s.groups = s.groupByClaim()
	}
	return s.groups[name]
}

func (s *state) groupByClaim() map[string]string {
	claims := map[string]string{}
	for _, b := range s.run.Spec.Workspaces {
		claims[b.Name] = coschedule.Claim(b)
	}
	uses := make([]coschedule.Use, len(s.tasks))
	for i, t := range s.tasks {
		uses[i].Runs = 1
		if t.spec.Matrix != nil || t.spec.PipelineRef != nil || t.spec.PipelineSpec != nil {
			uses[i].Runs = 2 // or more
		}
		for _, w := range fill.Wanted(&t.spec) {
			if claim := claims[w.Workspace]; claim != "" {
				uses[i].Claims = append(uses[i].Claims, claim)
			}
		}
	}
	groups := map[string]string{}
	for i, g := range coschedule.Groups(string(s.run.UID), uses) {
		groups[s.tasks[i].spec.Name] = g
	}
	return groups
}
