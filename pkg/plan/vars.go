package plan

import (
	"strconv"

	"github.com/slipway-dev/slipway/pkg/expr"
	"github.com/slipway-dev/slipway/pkg/plan/fill"
	"github.com/slipway-dev/slipway/pkg/plan/matrix"
)

// resultVars are the results of the tasks that have ended: those of a matrix
// as arrays, in the order of its runs.
func (s *state) resultVars() expr.Vars {
	var vars expr.Vars
	for _, t := range s.tasks {
		section := "tasks."
		if t.final {
			section = "finally."
		}
		prefix := section + t.spec.Name + "."
		if t.spec.Matrix != nil {
			vars.SetText(prefix+"matrix.length", strconv.Itoa(max(len(t.children), len(matrix.Cells(t.spec.Matrix)))))
		}
		if t.phase != succeeded && t.phase != failed {
			continue
		}
		if t.spec.Matrix != nil {
			fanIn(&vars, prefix, t)
			continue
		}
		for _, c := range t.children {
			for _, r := range c.results {
				vars.Set(prefix+"results."+r.Name, fill.ToExpr(r.Value))
			}
			fill.ArtifactVars(&vars, prefix, c.artifacts)
		}
	}
	return vars
}

func fanIn(vars *expr.Vars, prefix string, t *task) {
	all := map[string][]string{}
	for _, c := range t.children {
		for _, r := range c.results {
			all[r.Name] = append(all[r.Name], r.Value.StringVal)
		}
	}
	for name, items := range all {
		vars.Set(prefix+"results."+name, expr.List(items...))
		vars.SetText(prefix+"matrix."+name+".length", strconv.Itoa(len(items)))
	}
}

// The states of a task in $(tasks.T.status) and of all of them in $(tasks.status).
const (
	statusSucceeded = "Succeeded"
	statusFailed    = "Failed"
	statusCompleted = "Completed"
	statusNone      = "None"
)

// statusVars are what finally tasks may read of the others.
func (s *state) statusVars() expr.Vars {
	vars := s.results.Clone()
	all := statusSucceeded
	for _, t := range s.tasks {
		if t.final {
			continue
		}
		status := statusNone
		switch {
		case t.phase == succeeded:
			status = statusSucceeded
		case t.any((*child).failed):
			status = statusFailed
			all = statusFailed
		case t.phase == skipped && all == statusSucceeded:
			all = statusCompleted
		}
		vars.SetText("tasks."+t.spec.Name+".status", status)
		vars.SetText("tasks."+t.spec.Name+".reason", t.reason())
	}
	if !s.dagEnded() {
		all = statusNone
	}
	vars.SetText("tasks.status", all)
	return vars
}

// reason is why the task stands as it does: that of its run, or of the first
// that failed where it has several.
func (t *task) reason() string {
	if len(t.children) == 0 {
		return ""
	}
	for _, c := range t.children {
		if c.failed() {
			return c.reason()
		}
	}
	return t.children[0].reason()
}
