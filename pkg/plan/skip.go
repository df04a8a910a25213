package plan

import (
	"fmt"
	"slices"
	"strconv"

	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
	"github.com/slipway-dev/slipway/pkg/expr"
	"github.com/slipway-dev/slipway/pkg/plan/fill"
	"github.com/slipway-dev/slipway/pkg/plan/matrix"
	"github.com/slipway-dev/slipway/pkg/untrusted"
)

// assess finds for each task without children whether it may start, must
// wait, or never will.
func (s *state) assess() {
	for _, t := range s.tasks {
		if !t.final && t.phase == failed && !t.ignored() {
			s.stopping = true
		}
	}
	s.assessGraph()
	if !s.stopping && slices.ContainsFunc(s.tasks, func(t *task) bool { return t.phase == invalid }) {
		s.stopping = true
		s.assessGraph()
	}
	if !s.dagEnded() {
		return
	}
	vars := s.statusVars()
	for _, t := range s.tasks {
		if t.final {
			s.judgeFinal(t, vars)
		}
	}
}

func (s *state) assessGraph() {
	for _, name := range s.graph.Order() {
		t := s.named[name]
		if t.phase != invalid {
			s.judge(t)
		}
	}
}

// judge looks at a task whose parents have been judged.
func (s *state) judge(t *task) {
	parentsEnded := !slices.ContainsFunc(s.parents(t), func(p *task) bool { return !p.ended() })
	missing := ""
	if parentsEnded {
		missing = s.resolve(t, s.results)
	}
	if t.scheduled() {
		s.completeMatrix(t)
		return
	}
	if m, ok := s.in.Members[t.spec.Name]; ok && !m.Gone() {
		s.judgeMember(t, m, parentsEnded)
		return
	}
	if reason := s.skipReason(t, parentsEnded, missing); reason != v1.None {
		t.phase, t.skip = skipped, reason
		return
	}
	switch {
	case !parentsEnded:
		t.phase = waiting
	default:
		s.complete(t)
	}
}

// complete makes a task ready whose parents have ended, or invalid.
func (s *state) complete(t *task) {
	if t.missing != "" {
		t.phase = invalid
		t.problem = fmt.Errorf("task %q needs %s, and task %q has ended without it", t.spec.Name, t.missing, s.resultTask(t.missing).spec.Name)
		return
	}
	s.prepare(t)
}

// prepare makes what the runs of t will get, and t ready, or invalid where
// something is wrong with it.
func (s *state) prepare(t *task) {
	if t.problem == nil && t.taskSpec == nil {
		t.problem = s.compose(t)
	}
	t.phase = ready
	if t.problem != nil {
		t.phase = invalid
	}
}

func (s *state) compose(t *task) error {
	if err := matrix.Check(&t.spec, s.in.Defaults.MaxMatrix); err != nil {
		return err
	}
	var err error
	if t.workspaces, err = s.bindings(t); err != nil {
		return fmt.Errorf("task %q: %w", t.spec.Name, err)
	}
	if t.spec.TaskSpec != nil && !t.spec.TaskSpec.IsCustomTask() {
		t.taskSpec = t.spec.TaskSpec.TaskSpec.DeepCopy()
		if err := fill.TaskSpec(t.taskSpec, t.vars, untrusted.Of(s.run.Annotations)); err != nil {
			return fmt.Errorf("task %q: %w", t.spec.Name, err)
		}
	}
	if lost := fill.LostArtifact(t.spec.Params, t.taskSpec); lost != "" {
		return fmt.Errorf("task %q: %s: the task has ended without it, or has not ended: add it to runAfter", t.spec.Name, lost)
	}
	return nil
}

// skipReason applies the rules in the order in which a user is told of them.
func (s *state) skipReason(t *task, parentsEnded bool, missing string) v1.SkippingReason {
	switch {
	case s.stopping:
		return v1.StoppingSkip
	case s.run.IsGracefullyCancelled():
		return v1.GracefullyCancelledSkip
	case s.run.IsGracefullyStopped():
		return v1.GracefullyStoppedSkip
	case parentsEnded && !s.holds(t):
		return v1.WhenExpressionsSkip
	case slices.ContainsFunc(s.parents(t), (*task).cutsOff):
		return v1.ParentTasksSkip
	case missing != "" && (t.ignored() || s.resultTask(missing).skip == v1.WhenExpressionsSkip):
		return v1.MissingResultsSkip
	case parentsEnded:
		return s.lateReason(t)
	}
	return v1.None
}

// cutsOff reports whether a skipped task takes those after it along: one that
// its guard skips does not.
func (t *task) cutsOff() bool { return t.phase == skipped && t.skip != v1.WhenExpressionsSkip }

// lateReason is what keeps a task from its start at the last moment.
func (s *state) lateReason(t *task) v1.SkippingReason {
	switch {
	case s.timedOut():
		return v1.PipelineTimedOutSkip
	case !t.final && s.tasksTimedOut():
		return v1.TasksTimedOutSkip
	case t.final && s.finallyTimedOut():
		return v1.FinallyTimedOutSkip
	case matrix.Empty(t.spec.Matrix):
		return v1.EmptyArrayInMatrixParams
	}
	return v1.None
}

func (s *state) judgeFinal(t *task, vars expr.Vars) {
	missing := s.resolve(t, vars)
	if t.scheduled() {
		s.completeMatrix(t)
		return
	}
	switch {
	case missing != "":
		t.phase, t.skip = skipped, v1.MissingResultsSkip
	case t.problem == nil && !s.holds(t):
		t.phase, t.skip = skipped, v1.WhenExpressionsSkip
	case s.lateReason(t) != v1.None:
		t.phase, t.skip = skipped, s.lateReason(t)
	default:
		s.prepare(t)
	}
}

func (s *state) parents(t *task) []*task {
	var out []*task
	for _, name := range s.graph.Parents(t.spec.Name) {
		out = append(out, s.named[name])
	}
	return out
}

// resultTask is the task whose result a reference means.
func (s *state) resultTask(reference string) *task {
	if r, ok := expr.Isolated(reference); ok {
		if name, _, ok := r.Result(); ok && s.named[name] != nil {
			return s.named[name]
		}
	}
	return &task{}
}

// resolve puts the variables of the run into the spec of t, once. It returns
// the first reference to a result that does not exist, or "".
func (s *state) resolve(t *task, vars expr.Vars) (missing string) {
	if t.resolved {
		return t.missing
	}
	t.resolved = true
	t.vars = vars.Clone()
	t.vars.SetText("context.pipelineTask.retries", strconv.Itoa(t.spec.Retries))
	for _, r := range fill.References(&t.spec) {
		name, _, ok := r.Result()
		if !ok || s.named[name] == nil {
			continue
		}
		if _, found, err := t.vars.Lookup(r); !found && err == nil {
			t.missing = r.String()
			break
		}
	}
	if err := fill.Task(&t.spec, t.vars, untrusted.Of(s.run.Annotations)); err != nil {
		t.problem = fmt.Errorf("task %q: %w", t.spec.Name, err)
	}
	return t.missing
}

// completeMatrix finds a matrix some of whose runs are still to be created, for
// a decision may have been carried out in part.
func (s *state) completeMatrix(t *task) {
	if t.spec.Matrix == nil || (s.ending() && !t.final) || t.missing != "" || t.problem != nil ||
		len(t.children) >= len(matrix.Cells(t.spec.Matrix)) {
		return
	}
	s.prepare(t)
}

// ending reports whether nothing outside finally may be created any more.
func (s *state) ending() bool {
	return s.stopping || s.run.IsGracefullyCancelled() || s.run.IsGracefullyStopped()
}
