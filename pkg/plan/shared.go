package plan

import (
	"fmt"
	"slices"
	"time"

	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
	podstate "github.com/slipway-dev/slipway/pkg/observe"
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
	groups := group.Decide(group.Of(in.Run, spec, in.Tasks), graph, mode).Groups.Encode()
	if in.Run.Annotations[share.GroupsAnnotation] != groups {
		d.Annotations[share.GroupsAnnotation] = groups
	}
	return nil
}

// SharedPods are the names of the Pods that tasks of the run share, each with its tasks.
func SharedPods(run *v1.PipelineRun) map[string][]string {
	pods := map[string][]string{}
	if mode, err := share.ModeOf(run.Annotations, nil); err != nil || mode == share.Tasks {
		return pods
	}
	for i, g := range share.GroupsOf(run.Annotations) {
		pods[names.Child(run.Name, fmt.Sprintf("tasks-%d", i), 0, 1)] = g
	}
	return pods
}

// sharedPod is the name of the Pod that a task shares, or "". A task that is not in a
// Pod that is there, because it was not to run then, has one to itself.
func (s *state) sharedPod(name string) string {
	for pod, tasks := range SharedPods(s.run) {
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
	case t.missing != "":
		s.complete(t)
	case m.Skipped:
		t.phase, t.skip = skipped, v1.StoppingSkip
	case s.lateReason(t) != v1.None:
		t.phase, t.skip = skipped, s.lateReason(t)
	case s.stoppedInPod(t):
		t.phase = waiting
	default:
		s.complete(t)
	}
}

// stoppedInPod reports whether a parent of t failed, or another task of the Pod before
// the last parent of t ended there.
func (s *state) stoppedInPod(t *task) bool {
	var turn time.Time
	for _, p := range s.graph.Parents(t.spec.Name) {
		m := s.in.Members[p]
		if m.Failed {
			return true
		}
		if m.At.After(turn) {
			turn = m.At
		}
	}
	for _, name := range SharedPods(s.run)[s.sharedPod(t.spec.Name)] {
		if m := s.in.Members[name]; m.Failed && m.Ended && m.At.Before(turn) {
			return true
		}
	}
	return false
}

// Mate is a task that shares a Pod, as a run of it would be: with all that is
// known put in, but for the results of those it shares the Pod with.
type Mate struct {
	Task string
	// After are the tasks of the Pod that it runs after.
	After   []string
	TaskRun *v1.TaskRun
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
	for _, name := range SharedPods(in.Run)[pod] {
		t := s.named[name]
		var after []string
		for _, p := range s.graph.Parents(name) {
			after = append(after, stands[p]...)
		}
		slices.Sort(after)
		after = slices.Compact(after)
		if t == nil || t.phase == skipped || t.phase == invalid {
			stands[name] = after
			continue
		}
		stands[name] = []string{name}
		tr, err := s.prospective(t)
		if err != nil {
			return nil, err
		}
		out = append(out, Mate{Task: name, After: after, TaskRun: tr})
	}
	return out, nil
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
