package plan

import (
	"slices"
	"time"

	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
	"github.com/slipway-dev/slipway/pkg/expr"
	podstate "github.com/slipway-dev/slipway/pkg/observe"
	"github.com/slipway-dev/slipway/pkg/plan/fill"
	"github.com/slipway-dev/slipway/pkg/plan/group"
	"github.com/slipway-dev/slipway/pkg/plan/names"
	"github.com/slipway-dev/slipway/pkg/share"
	"github.com/slipway-dev/slipway/pkg/untrusted"
)

// share settles, once and for all, which tasks of a run that starts share a Pod.
func (d *Decision) share(in Input, spec *v1.PipelineSpec) error {
	mode, err := share.ModeOf(in.Run.Annotations, d.Annotations)
	if err != nil || mode == share.Tasks {
		return err
	}
	// What strangers chose must not be read as code, which whoever puts values into
	// scripts inside the Pod cannot see to.
	if in.Defaults.Workspace || !untrusted.Of(in.Run.Annotations).None() {
		return nil
	}
	graph, err := graphOf(spec)
	if err != nil {
		return err
	}
	groups := group.Decide(group.Of(in.Run, spec.Tasks, in.Tasks), graph, mode).Groups
	groups = append(groups, group.AtOnce(group.Of(in.Run, spec.Finally, in.Tasks), mode).Groups...)
	all := group.Of(in.Run, slices.Concat(spec.Tasks, spec.Finally), in.Tasks)
	d.note(in, share.GroupsAnnotation, groups.Encode())
	d.note(in, share.ScratchAnnotation, share.EncodeScratch(group.Scratch(in.Run, all, groups)))
	return nil
}

// note settles an annotation of the run, whatever its Pipeline says.
func (d *Decision) note(in Input, annotation, text string) {
	delete(d.Annotations, annotation)
	if in.Run.Annotations[annotation] != text {
		d.Annotations[annotation] = text
	}
}

// sharedPod is the name of the Pod that a task shares, or "". A task that is not in a
// Pod that is there, because it was not to run then, has one to itself.
func (s *state) sharedPod(name string) string {
	for pod, tasks := range names.SharedPods(s.run) {
		if !slices.Contains(tasks, name) {
			continue
		}
		_, in := s.in.Members[name]
		if !in && slices.ContainsFunc(tasks, func(t string) bool { _, ok := s.in.Members[t]; return ok }) {
			return ""
		}
		return pod
	}
	return ""
}

// judgeMember looks at a task whose Pod is there and goes on. The Pod decides whether
// the task runs, and what it decides is foreseen where it can be no other; else its
// word is waited for.
func (s *state) judgeMember(t *task, m podstate.Member, parentsEnded bool) {
	switch {
	case !parentsEnded:
		t.phase = waiting
	case m.Began:
		s.prepare(t)
	case !m.Unwanted && !m.Cut && s.lacksForGood(t):
		s.complete(t)
	case s.skippedInPod(t, m) != v1.None:
		t.phase, t.skip = skipped, s.skippedInPod(t, m)
	case t.missing != "" || s.stoppedInPod(t) || !s.holds(t) || slices.ContainsFunc(s.parents(t), (*task).cutsOff):
		t.phase = waiting
	default:
		s.complete(t)
	}
}

// skippedInPod is why a task is skipped whose turn has come.
func (s *state) skippedInPod(t *task, m podstate.Member) v1.SkippingReason {
	switch {
	case m.Unwanted:
		return v1.WhenExpressionsSkip
	case m.Cut && slices.ContainsFunc(s.parents(t), (*task).cutsOff):
		return v1.ParentTasksSkip
	case m.Cut:
		return v1.MissingResultsSkip
	case m.Skipped:
		return v1.StoppingSkip
	}
	return s.lateReason(t)
}

// lacksForGood reports whether a task has to fail for want of a result: it is wanted, may
// not fail, and the one that it lacks was not skipped.
func (s *state) lacksForGood(t *task) bool {
	return t.missing != "" && !t.ignored() && s.resultTask(t.missing).skip != v1.WhenExpressionsSkip && s.holds(t)
}

// stoppedInPod reports whether a parent of t failed, or another task of the Pod before
// the last parent of t ended there.
func (s *state) stoppedInPod(t *task) bool {
	var turn time.Time
	for _, p := range s.before(t.spec.Name) {
		m := s.in.Members[p]
		if m.Failed && !s.named[p].ignored() {
			return true
		}
		if m.At.After(turn) {
			turn = m.At
		}
	}
	for _, name := range names.SharedPods(s.run)[s.sharedPod(t.spec.Name)] {
		if m := s.in.Members[name]; m.Failed && m.Ended && m.At.Before(turn) && !s.named[name].ignored() {
			return true
		}
	}
	return false
}

// before are the tasks that a task of a shared Pod waits for there: its parents, or in
// the place of one that is not in the Pod, those of this.
func (s *state) before(name string) []string {
	var out []string
	for _, p := range s.graph.Parents(name) {
		if _, in := s.in.Members[p]; in {
			out = append(out, p)
		} else {
			out = append(out, s.before(p)...)
		}
	}
	return out
}

// Mate is a task that shares a Pod, as a run of it would be: with all that is
// known put in, but for the results of those it shares the Pod with.
type Mate struct {
	Task string
	// After are the tasks of the Pod that it runs after.
	After []string
	// When must hold, of which the Pod has to find out.
	When v1.WhenExpressions
	// Needs are the references to results of the Pod without which it cannot run.
	Needs []string
	// Ignored says that its failure is passed over, Lacks that it needs a task that was
	// skipped, or a result of it.
	Ignored, Lacks bool
	TaskRun        *v1.TaskRun
}

// Mates are the tasks of a shared Pod that is about to be made, none before one that
// it runs after.
func Mates(in Input, pod string) ([]Mate, error) {
	s, err := observe(in)
	if err != nil {
		return nil, err
	}
	s.assess()
	var out []Mate
	// stands holds for each task of the Pod those that have to end in its stead.
	stands := map[string][]string{}
	for _, name := range names.SharedPods(in.Run)[pod] {
		t := s.named[name]
		if t == nil {
			continue
		}
		var after []string
		for _, p := range s.graph.Parents(name) {
			after = append(after, stands[p]...)
		}
		slices.Sort(after)
		after = slices.Compact(after)
		stands[name] = after
		m := Mate{Task: name, After: after, Ignored: t.ignored(), Lacks: s.lacks(t, after)}
		if s.leaveOut(t, &m); t.phase == skipped || t.phase == invalid {
			continue
		}
		stands[name] = []string{name}
		if m.TaskRun, err = s.prospective(t); err != nil {
			return nil, err
		}
		out = append(out, m)
	}
	return out, nil
}

// lacks reports whether a task needs one that was skipped, or a result that is not there
// and that none of those which it is to run after in its Pod can give.
func (s *state) lacks(t *task, after []string) bool {
	if slices.ContainsFunc(s.parents(t), (*task).cutsOff) {
		return true
	}
	return !t.resolved && slices.ContainsFunc(fill.References(&t.spec), func(r expr.Reference) bool {
		name, _, ok := r.Result()
		if !ok || s.named[name] == nil || slices.Contains(after, name) {
			return false
		}
		_, found, err := s.results.Lookup(r)
		return !found && err == nil
	})
}

// leaveOut makes a task skipped of which it is known already that it will not run.
func (s *state) leaveOut(t *task, m *Mate) {
	if t.scheduled() || t.ended() {
		return
	}
	for _, r := range fill.References(&t.spec) {
		if name, _, ok := r.Result(); ok && slices.Contains(m.After, name) {
			m.Needs = append(m.Needs, r.String())
		}
	}
	s.resolve(t, s.results)
	m.When = group.When(t.spec.When, m.After, true)
	known := &task{spec: v1.PipelineTask{When: group.When(t.spec.When, m.After, false)}}
	switch {
	case !s.holds(known) && known.problem == nil:
		t.phase, t.skip = skipped, v1.WhenExpressionsSkip
	case m.Lacks && len(m.When) == 0:
		t.phase, t.skip = skipped, v1.MissingResultsSkip
	}
}

// prospective is the TaskRun of a task, also before its turn.
func (s *state) prospective(t *task) (*v1.TaskRun, error) {
	for _, tr := range s.in.TaskRuns {
		if tr.Labels[v1.LabelPipelineTask] == t.spec.Name {
			return tr, nil
		}
	}
	s.resolve(t, s.results)
	if t.taskSpec == nil && t.problem == nil {
		t.problem = s.compose(t)
	}
	m := maker{state: s, task: t, name: names.Child(s.run.Name, t.spec.Name, 0, 1), params: t.spec.Params}
	return m.taskRun(), t.problem
}
