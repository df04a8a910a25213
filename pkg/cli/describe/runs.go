package describe

import (
	"fmt"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
	"github.com/slipway-dev/slipway/pkg/cli/internal/runs"
	"github.com/slipway-dev/slipway/pkg/cli/internal/style"
)

func (p *page) taskRun(r runs.Run) {
	tr := r.TaskRun
	p.head(r, nil)
	p.section("Params", paramRows(tr.Spec.Params))
	p.section("Workspaces", workspaceRows(tr.Spec.Workspaces))
	p.tree("Steps", p.steps(tr))
	p.section("Results", taskResults(tr))
	p.next(r)
}

func (p *page) pipelineRun(r runs.Run, children []v1.TaskRun) {
	pr := r.PipelineRun
	children = slices.DeleteFunc(children, func(tr v1.TaskRun) bool {
		owner := metav1.GetControllerOf(&tr)
		return owner != nil && owner.UID != pr.UID
	})
	slices.SortFunc(children, func(a, b v1.TaskRun) int {
		if c := a.CreationTimestamp.Compare(b.CreationTimestamp.Time); c != 0 {
			return c
		}
		return strings.Compare(a.Name, b.Name)
	})
	p.head(r, failures(r, children))
	p.section("Params", paramRows(pr.Spec.Params))
	p.section("Workspaces", workspaceRows(pr.Spec.Workspaces))
	tasks, finally := p.tasks(pr, children)
	p.tree("Tasks", tasks)
	p.tree("Finally", finally)
	var results []row
	for _, result := range pr.Status.Results {
		results = append(results, row{result.Name, value(result.Value)})
	}
	p.section("Results", results)
	p.next(r)
}

// next says where to look for more.
func (p *page) next(r runs.Run) {
	switch r.State() {
	case style.Failed:
		fmt.Fprintf(&p.text, "\n%s\n", p.style.Faint("logs: slipway logs "+r.Name()))
	case style.Running:
		fmt.Fprintf(&p.text, "\n%s\n", p.style.Faint("live logs: slipway logs -f "+r.Name()))
	}
}

func failures(r runs.Run, children []v1.TaskRun) (rows []row) {
	if r.State() == style.Succeeded {
		return nil
	}
	for _, tr := range children {
		if tr.IsFailure() {
			rows = append(rows, row{taskName(&tr), runs.Run{TaskRun: &tr}.Message()})
		}
	}
	return rows
}

func taskName(tr *v1.TaskRun) string {
	if name := tr.Labels[v1.LabelPipelineTask]; name != "" {
		return name
	}
	return tr.Name
}

// tasks returns what became of every task: those that have a run in the order of their start, then the others in the
// order of the pipeline.
func (p *page) tasks(pr *v1.PipelineRun, children []v1.TaskRun) (tasks, finally []node) {
	spec := pr.Status.PipelineSpec
	if spec == nil {
		spec = pr.Spec.PipelineSpec
	}
	last := map[string]bool{}
	if spec != nil {
		for _, t := range spec.Finally {
			last[t.Name] = true
		}
	}
	put := func(name string, n node) {
		if last[name] {
			finally = append(finally, n)
			return
		}
		tasks = append(tasks, n)
	}
	told := map[string]bool{}
	for i := range children {
		name := taskName(&children[i])
		told[name] = true
		put(name, p.child(&children[i]))
	}
	for _, s := range pr.Status.SkippedTasks {
		told[s.Name] = true
		put(s.Name, node{state: style.Skipped, name: s.Name, note: p.style.Faint("skipped: " + skipReason(s))})
	}
	for _, ref := range pr.Status.ChildReferences {
		if !told[ref.PipelineTaskName] {
			told[ref.PipelineTaskName] = true
			put(ref.PipelineTaskName, node{state: style.Pending, name: ref.PipelineTaskName, note: ref.Kind + " " + ref.Name})
		}
	}
	if spec == nil {
		return tasks, finally
	}
	for _, t := range slices.Concat(spec.Tasks, spec.Finally) {
		if !told[t.Name] {
			put(t.Name, node{state: style.Pending, name: t.Name, note: p.style.Faint(p.waitsFor(pr))})
		}
	}
	return tasks, finally
}

func (p *page) waitsFor(pr *v1.PipelineRun) string {
	if pr.IsDone() {
		return "not started"
	}
	return "waits"
}

// skipReason adds to the reason the guard that was not met.
func skipReason(s v1.SkippedTask) string {
	text := string(s.Reason)
	if s.Reason != v1.WhenExpressionsSkip {
		return text
	}
	var guards []string
	for _, w := range s.WhenExpressions {
		if w.CEL != "" {
			guards = append(guards, w.CEL)
			continue
		}
		guards = append(guards, fmt.Sprintf("%q %s [%s]", w.Input, w.Operator, strings.Join(w.Values, ", ")))
	}
	if len(guards) > 0 {
		text += " (" + strings.Join(guards, ", ") + ")"
	}
	return text
}

func (p *page) child(tr *v1.TaskRun) node {
	r := runs.Run{TaskRun: tr}
	n := node{state: r.State(), name: taskName(tr), took: r.Took(p.now), children: p.steps(tr)}
	if tries := len(tr.Status.RetriesStatus); tries > 0 {
		n.note = fmt.Sprintf("after %d failed attempt(s); ", tries)
	}
	switch n.state {
	case style.Failed, style.Cancelled:
		n.note += p.style.Paint(n.state, r.Message())
	case style.Pending, style.Running:
		n.note += r.Reason()
	}
	n.note = strings.TrimSuffix(n.note, "; ")
	return n
}

func (p *page) steps(tr *v1.TaskRun) (nodes []node) {
	for _, s := range tr.Status.Steps {
		nodes = append(nodes, p.step(s))
	}
	return nodes
}

func (p *page) step(s v1.StepState) node {
	n := node{name: s.Name}
	switch {
	case s.Terminated != nil:
		n.state, n.took = style.Succeeded, runs.Span(&s.Terminated.StartedAt, &s.Terminated.FinishedAt, p.now)
		switch {
		case s.TerminationReason == v1.TerminationReasonSkipped:
			n.state, n.took, n.note = style.Skipped, "", "not run"
		case s.TerminationReason == v1.TerminationReasonCancelled:
			n.state = style.Cancelled
		case s.TerminationReason == v1.TerminationReasonContinued:
			n.note = fmt.Sprintf("exit code %d, ignored", s.Terminated.ExitCode)
		case s.Terminated.ExitCode != 0:
			n.state, n.note = style.Failed, fmt.Sprintf("exit code %d", s.Terminated.ExitCode)
		}
		if s.Terminated.Reason == "OOMKilled" {
			n.note = "out of memory"
		}
	case s.Running != nil:
		n.state, n.took = style.Running, runs.Span(&s.Running.StartedAt, nil, p.now)
	case s.Waiting != nil && s.Waiting.Reason != "":
		n.note = s.Waiting.Reason
	}
	return n
}

func taskResults(tr *v1.TaskRun) (rows []row) {
	for _, result := range tr.Status.Results {
		rows = append(rows, row{result.Name, value(result.Value)})
	}
	return rows
}
