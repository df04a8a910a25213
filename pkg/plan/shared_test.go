package plan

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
	podstate "github.com/slipway-dev/slipway/pkg/observe"
	"github.com/slipway-dev/slipway/pkg/share"
	corev1 "k8s.io/api/core/v1"
)

// kind is what becomes of a task in a Pod that several share.
type kind int

const (
	passes kind = iota + 1
	fails
	stopped
	unwanted
	cut
)

// sharedTask is one task of a random pipeline.
type sharedTask struct {
	parents []string
	// takes are the parents of which it takes the result r as a param; when is the one
	// whose result must be yes. never: a when expression that is known does not hold.
	takes          []string
	when           string
	never, ignored bool
	// result is the value of r; empty: it is not written.
	result string
	fail   bool
	length time.Duration
}

// sharedPlay is a run whose tasks share a Pod that decides by itself, as the
// entrypoint does; what is seen of the Pod is seen late.
type sharedPlay struct {
	*play
	tasks map[string]sharedTask
	// kinds and ended say how each task in the Pod ends, and when from the time that it is there.
	kinds map[string]kind
	ended map[string]time.Duration
}

// execute settles what the Pod will do with the tasks in it.
func (p *sharedPlay) execute(mates []Mate) {
	for len(p.kinds) < len(mates) {
		next, turn := Mate{}, time.Duration(0)
		for _, m := range mates {
			if at, ok := p.turn(m); ok && p.kinds[m.Task] == 0 && (next.Task == "" || at < turn) {
				next, turn = m, at
			}
		}
		p.kinds[next.Task], p.ended[next.Task] = p.fate(next, turn, mates), turn
		if p.ran(next.Task) {
			p.ended[next.Task] += p.tasks[next.Task].length
		}
	}
}

// turn is when it is settled whether a task runs, once that is known: it waits for
// those before it one after the other, and no further than for one that keeps it.
func (p *sharedPlay) turn(m Mate) (at time.Duration, known bool) {
	for _, parent := range m.After {
		if p.kinds[parent] == 0 {
			return 0, false
		}
		at = max(at, p.ended[parent])
		if p.keeps(parent) != 0 {
			break
		}
	}
	return at, true
}

// keeps says what becomes of a task after the given one because of it; 0 is nothing.
func (p *sharedPlay) keeps(parent string) kind {
	switch k := p.kinds[parent]; {
	case k == cut:
		return cut
	case k == stopped, k == fails && !p.tasks[parent].ignored:
		return stopped
	}
	return 0
}

func (p *sharedPlay) fate(m Mate, turn time.Duration, mates []Mate) kind {
	t := p.tasks[m.Task]
	for _, parent := range m.After {
		if k := p.keeps(parent); k != 0 {
			return k
		}
	}
	if len(m.After) > 0 && slices.ContainsFunc(mates, func(o Mate) bool {
		return !slices.Contains(m.After, o.Task) && !p.tasks[o.Task].ignored && (p.kinds[o.Task] == fails || p.kinds[o.Task] == stopped) && p.ended[o.Task] < turn
	}) {
		return stopped
	}
	if t.when != "" && (p.kinds[t.when] != passes || p.tasks[t.when].result != "yes") {
		return unwanted
	}
	if m.Lacks {
		return cut
	}
	for _, needed := range t.takes {
		switch {
		case p.kinds[needed] == passes && p.tasks[needed].result != "":
		case t.ignored || p.kinds[needed] == unwanted:
			return cut
		default:
			return stopped
		}
	}
	if t.fail {
		return fails
	}
	return passes
}

func (p *sharedPlay) ran(name string) bool { return p.kinds[name] == passes || p.kinds[name] == fails }

// look is what is seen of the Pod at a time.
func (p *sharedPlay) look(at time.Duration) map[string]podstate.Member {
	all := map[string]podstate.Member{}
	for name, end := range p.ended {
		all[name] = podstate.Member{}
		if k := p.kinds[name]; end <= at {
			all[name] = podstate.Member{Ended: true, Began: p.ran(name), Skipped: k == stopped, Failed: k == fails || k == stopped,
				Unwanted: k == unwanted, Cut: k == cut, At: start.Add(end)}
		}
	}
	return all
}

// randomShared is a pipeline of at most eight tasks that take distinct times.
func randomShared(t *testing.T, r *rand.Rand) (*sharedPlay, []string) {
	t.Helper()
	p := &sharedPlay{tasks: map[string]sharedTask{}, kinds: map[string]kind{}, ended: map[string]time.Duration{}}
	var text strings.Builder
	text.WriteString("pipelineSpec:\n  tasks:\n")
	var names []string
	for i := range 2 + r.IntN(7) {
		name := fmt.Sprintf("t%d", i)
		task := sharedTask{
			fail: r.IntN(6) == 0, ignored: r.IntN(6) == 0, never: r.IntN(9) == 0, result: []string{"yes", "yes", "no", ""}[r.IntN(4)],
			length: time.Duration(1+r.IntN(4000))*time.Millisecond + time.Duration(i)*time.Nanosecond,
		}
		for _, other := range names {
			if r.IntN(3) > 0 {
				continue
			}
			task.parents = append(task.parents, other)
			switch r.IntN(4) {
			case 0:
				task.takes = append(task.takes, other)
			case 1:
				task.when = other
			}
		}
		p.tasks[name] = task
		names = append(names, name)
		text.WriteString(task.yaml(name))
	}
	p.play = newPlay(t, text.String(), nil)
	p.run.Annotations = map[string]string{share.ExecutionAnnotation: "pod"}
	return p, names
}

func (t sharedTask) yaml(name string) string {
	var when, params []string
	if t.never {
		when = append(when, "{input: a, operator: in, values: [b]}")
	}
	if t.when != "" {
		when = append(when, fmt.Sprintf("{input: $(tasks.%s.results.r), operator: in, values: ['yes']}", t.when))
	}
	for _, p := range t.takes {
		params = append(params, fmt.Sprintf("{name: %s, value: $(tasks.%s.results.r)}", p, p))
	}
	onError := "stopAndFail"
	if t.ignored {
		onError = "continue"
	}
	return fmt.Sprintf("  - {name: %s, runAfter: [%s], onError: %s, when: [%s], params: [%s], taskSpec: {results: [{name: r}], steps: [{name: s, image: i, command: [a]}]}}\n",
		name, strings.Join(t.parents, ", "), onError, strings.Join(when, ", "), strings.Join(params, ", "))
}

// A plan that sees a shared Pod late comes to what the Pod did: a TaskRun for each task
// that began, and no other.
func TestPlanFollowsSharedPod(t *testing.T) {
	seen := map[string]int{}
	for seed := range uint64(2000) {
		r := rand.New(rand.NewPCG(seed, 1))
		p, names := randomShared(t, r)
		d := p.step()
		for k, v := range d.Annotations {
			p.run.Annotations[k] = v
		}
		at := time.Duration(-1)
		for n := 0; !p.run.IsDone(); n++ {
			if n > 200 {
				t.Fatalf("seed %d: the run does not end: %+v", seed, p.run.Status)
			}
			in := p.input()
			if at >= 0 {
				in.Members = p.look(at)
			}
			d := Next(in)
			p.run = p.run.DeepCopy()
			p.run.Status = d.Status
			p.taskRuns = append(p.taskRuns, d.TaskRuns...)
			p.makePod(d.TaskRuns)
			if len(p.kinds) == 0 {
				continue
			}
			if at = max(at, 0); r.IntN(2) == 0 {
				at += time.Duration(r.IntN(1500)) * time.Millisecond
			}
			p.follow(at)
		}
		p.check(seed, names, seen)
	}
	for _, what := range []string{"ran", "in no Pod", string(v1.StoppingSkip), string(v1.WhenExpressionsSkip), string(v1.MissingResultsSkip), string(v1.ParentTasksSkip), "invalid"} {
		if seen[what] < 30 {
			t.Errorf("%s: %d tasks; too few to prove anything", what, seen[what])
		}
	}
}

// makePod makes the shared Pod for the first run that is to be in it.
func (p *sharedPlay) makePod(runs []*v1.TaskRun) {
	at := slices.IndexFunc(runs, func(tr *v1.TaskRun) bool { return tr.Annotations[share.PodAnnotation] != "" })
	if at < 0 || len(p.kinds) > 0 {
		return
	}
	mates, err := Mates(p.input(), runs[at].Annotations[share.PodAnnotation])
	if err != nil {
		p.t.Fatal(err)
	}
	p.execute(mates)
}

// follow ends the TaskRuns whose task is seen to have ended.
func (p *sharedPlay) follow(at time.Duration) {
	for _, tr := range p.taskRuns {
		name := tr.Labels[v1.LabelPipelineTask]
		end, inPod := p.ended[name]
		if tr.IsDone() || (inPod && end > at) {
			continue
		}
		c := v1.Condition{Type: v1.ConditionSucceeded, Status: corev1.ConditionTrue, Reason: "Succeeded"}
		if task := p.tasks[name]; task.fail {
			c.Status, c.Reason = corev1.ConditionFalse, "StepFailed"
		} else if task.result != "" {
			tr.Status.Results = []v1.TaskRunResult{{Name: "r", Value: *v1.NewString(task.result)}}
		}
		tr.Status.SetCondition(c)
	}
}

func (p *sharedPlay) check(seed uint64, names []string, seen map[string]int) {
	p.t.Helper()
	reasons := map[string]v1.SkippingReason{}
	for _, s := range p.run.Status.SkippedTasks {
		reasons[s.Name] = s.Reason
	}
	want := map[kind][]v1.SkippingReason{passes: {""}, fails: {""}, stopped: {v1.StoppingSkip, ""}, unwanted: {v1.WhenExpressionsSkip},
		cut: {v1.MissingResultsSkip, v1.ParentTasksSkip}}
	anyFailed := false
	for _, name := range names {
		made := slices.ContainsFunc(p.taskRuns, func(tr *v1.TaskRun) bool { return tr.Labels[v1.LabelPipelineTask] == name })
		k, inPod := p.kinds[name]
		switch {
		case !inPod && !made:
			seen["in no Pod"]++
		case made != p.ran(name) || !slices.Contains(want[k], reasons[name]):
			p.t.Errorf("seed %d: %s: of kind %d in the Pod; has a TaskRun: %t; skipped as %q", seed, name, k, made, reasons[name])
		case made:
			seen["ran"]++
		case reasons[name] == "": // a result that it needs was not written
			seen["invalid"]++
		default:
			seen[string(reasons[name])]++
		}
		invalid := !made && reasons[name] == ""
		anyFailed = anyFailed || invalid || made && p.tasks[name].fail && !p.tasks[name].ignored
	}
	if got := p.run.Status.GetCondition(v1.ConditionSucceeded).IsFalse(); got != anyFailed {
		p.t.Errorf("seed %d: failed: %t, want %t: %s", seed, got, anyFailed, outcomeOf(p.run))
	}
}
