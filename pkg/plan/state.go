package plan

import (
	"slices"
	"time"

	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
	"github.com/slipway-dev/slipway/pkg/dag"
	"github.com/slipway-dev/slipway/pkg/expr"
	"github.com/slipway-dev/slipway/pkg/plan/fill"
)

// phase is where a task of the pipeline stands.
type phase int

const (
	waiting phase = iota
	ready
	running
	succeeded
	failed
	skipped
	// invalid is a task that can never start, as a result it needs is missing.
	invalid
)

// task is one task of the pipeline with all that is known of it.
type task struct {
	// spec is as the run's status has it, with the results of other tasks put in
	// once all of them have ended.
	spec     v1.PipelineTask
	final    bool
	children []*child
	phase    phase
	skip     v1.SkippingReason
	// problem is why the task is invalid.
	problem error
	// resolved: the variables of the run were put into spec; missing is the
	// first result that was not there. vars are the variables.
	resolved bool
	missing  string
	vars     expr.Vars
	// taskSpec and workspaces are what its runs get; see prepare.
	taskSpec   *v1.TaskSpec
	workspaces []v1.WorkspaceBinding
}

// state is what one decision is about.
type state struct {
	in    Input
	run   *v1.PipelineRun
	tasks []*task
	named map[string]*task
	graph *dag.Graph
	// stopping: a task failed, so that no other of the graph may start.
	stopping bool
	// results of the tasks that have ended, as variables.
	results expr.Vars
	// groups are those of tasks that share claims, by the task's name; see group.
	groups map[string]string
}

func observe(in Input) (*state, error) {
	spec := in.Run.Status.PipelineSpec
	graph, err := graphOf(spec)
	if err != nil {
		return nil, err
	}
	s := &state{in: in, run: in.Run, named: map[string]*task{}, graph: graph}
	children := childrenOf(in)
	add := func(list []v1.PipelineTask, final bool) {
		for i := range list {
			t := &task{spec: *list[i].DeepCopy(), final: final, children: children[list[i].Name]}
			s.tasks, s.named[t.spec.Name] = append(s.tasks, t), t
		}
	}
	add(spec.Tasks, false)
	add(spec.Finally, true)
	for _, t := range s.tasks {
		t.phase = t.fromChildren()
	}
	s.results = s.resultVars()
	return s, nil
}

// graphOf is the graph of the tasks, without those of finally.
func graphOf(spec *v1.PipelineSpec) (*dag.Graph, error) {
	var names []string
	var edges []dag.Edge
	for i := range spec.Tasks {
		t := &spec.Tasks[i]
		names = append(names, t.Name)
		for _, d := range dependencies(t) {
			edges = append(edges, dag.Edge{From: d, To: t.Name})
		}
	}
	return dag.Build(names, edges)
}

// dependencies are the tasks that t runs after, because it says so or because
// it uses their results.
func dependencies(t *v1.PipelineTask) []string {
	deps := slices.Clone(t.RunAfter)
	for _, r := range fill.References(t) {
		if r.Path[0] == "tasks" && len(r.Path) > 2 {
			deps = append(deps, r.Path[1])
		}
	}
	slices.Sort(deps)
	return slices.Compact(deps)
}

func (t *task) fromChildren() phase {
	if len(t.children) == 0 {
		return waiting
	}
	end := succeeded
	for _, c := range t.children {
		if !c.done() {
			return running
		}
		if c.failed() {
			end = failed
		}
	}
	return end
}

func (t *task) any(f func(*child) bool) bool { return slices.ContainsFunc(t.children, f) }

func (t *task) scheduled() bool { return len(t.children) > 0 }

// ended reports whether nothing more will come of the task.
func (t *task) ended() bool { return t.phase >= succeeded }

func (t *task) ignored() bool { return t.spec.OnError == v1.PipelineTaskContinue }

// cancelledByTimeout and cancelled tell a task that was asked to end from one
// that failed by itself.
func (t *task) cancelledByTimeout() bool {
	return t.phase == failed && t.any(func(c *child) bool { return c.cancelled() && c.timedOut })
}

func (t *task) cancelled() bool { return t.phase == failed && t.any((*child).cancelled) }

// dagEnded reports whether every task outside finally has ended.
func (s *state) dagEnded() bool { return s.allEnded(false) }

func (s *state) allEnded(final bool) bool {
	return !slices.ContainsFunc(s.tasks, func(t *task) bool { return t.final == final && !t.ended() })
}

func (s *state) hasFinally() bool {
	return slices.ContainsFunc(s.tasks, func(t *task) bool { return t.final })
}

func (s *state) cancelWhere(which func(*task) bool, why cancelCause) []Cancel {
	var out []Cancel
	for _, t := range s.tasks {
		if !which(t) {
			continue
		}
		for _, c := range t.children {
			if !c.done() && !c.cancelling {
				out = append(out, c.cancel(why))
			}
		}
	}
	return out
}

func (s *state) startTime() time.Time { return timeOf(s.run.Status.StartTime, s.in.Now) }
