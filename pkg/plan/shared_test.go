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

// sharedPlay is a run whose tasks share a Pod that decides by itself, as the
// entrypoint does; what is seen of the Pod is seen late.
type sharedPlay struct {
	*play
	length  map[string]time.Duration
	parents map[string][]string
	// ended is when each task does, from when the Pod is there.
	ended   map[string]time.Duration
	skipped map[string]bool
}

// execute settles what the Pod will do: each task begins when the last of its parents
// ends, unless one of them or, before that, any other failed.
func (p *sharedPlay) execute(names []string) {
	for left := slices.Clone(names); len(left) > 0; {
		name, turn := "", time.Duration(0)
		for _, n := range left {
			if at, ok := p.turn(n); ok && (name == "" || at < turn) {
				name, turn = n, at
			}
		}
		left = slices.DeleteFunc(left, func(n string) bool { return n == name })
		p.skipped[name] = len(p.parents[name]) > 0 && slices.ContainsFunc(names, func(other string) bool {
			end, known := p.ended[other]
			return known && p.failed(other) && (end < turn || slices.Contains(p.parents[name], other))
		})
		p.ended[name] = turn
		if !p.skipped[name] {
			p.ended[name] += p.length[name]
		}
	}
}

// turn is when the last parent of a task ends, once that is known of all.
func (p *sharedPlay) turn(name string) (at time.Duration, known bool) {
	for _, parent := range p.parents[name] {
		end, ok := p.ended[parent]
		if !ok {
			return 0, false
		}
		at = max(at, end)
	}
	return at, true
}

func (p *sharedPlay) failed(name string) bool { return p.skipped[name] || p.script[name].fail }

// look is what is seen of the Pod at a time.
func (p *sharedPlay) look(at time.Duration) map[string]podstate.Member {
	all := map[string]podstate.Member{}
	for name, end := range p.ended {
		m := podstate.Member{}
		if end <= at {
			m = podstate.Member{Ended: true, Began: !p.skipped[name], Skipped: p.skipped[name], Failed: p.failed(name), At: start.Add(end)}
		}
		all[name] = m
	}
	return all
}

// randomShared is a pipeline of at most eight tasks that take distinct times.
func randomShared(t *testing.T, r *rand.Rand) (*sharedPlay, []string) {
	t.Helper()
	p := &sharedPlay{length: map[string]time.Duration{}, parents: map[string][]string{}, ended: map[string]time.Duration{}, skipped: map[string]bool{}}
	var text strings.Builder
	text.WriteString("pipelineSpec:\n  tasks:\n")
	script := map[string]outcome{}
	var names []string
	for i := range 2 + r.IntN(7) {
		name := fmt.Sprintf("t%d", i)
		for _, other := range names {
			if r.IntN(3) == 0 {
				p.parents[name] = append(p.parents[name], other)
			}
		}
		fmt.Fprintf(&text, "  - {name: %s, runAfter: [%s], taskSpec: {steps: [{name: s, image: i, command: [a]}]}}\n", name, strings.Join(p.parents[name], ", "))
		script[name] = outcome{fail: r.IntN(5) == 0}
		p.length[name] = time.Duration(1+r.IntN(4000))*time.Millisecond + time.Duration(i)*time.Nanosecond
		names = append(names, name)
	}
	p.play = newPlay(t, text.String(), script)
	p.run.Annotations = map[string]string{share.ExecutionAnnotation: "pod"}
	return p, names
}

// A plan that sees a shared Pod late comes to what the Pod did: a TaskRun for each task
// that began, and no other.
func TestPlanFollowsSharedPod(t *testing.T) {
	for seed := range uint64(3000) {
		r := rand.New(rand.NewPCG(seed, 1))
		p, names := randomShared(t, r)
		p.execute(names)
		d := p.step()
		for k, v := range d.Annotations {
			p.run.Annotations[k] = v
		}
		in := func(at time.Duration) Input {
			in := p.input()
			if at >= 0 {
				in.Members = p.look(at)
			}
			return in
		}
		at := time.Duration(-1)
		for n := 0; !p.run.IsDone(); n++ {
			if n > 200 {
				t.Fatalf("seed %d: the run does not end: %+v", seed, p.run.Status)
			}
			d := Next(in(at))
			p.run = p.run.DeepCopy()
			p.run.Status = d.Status
			p.taskRuns = append(p.taskRuns, d.TaskRuns...)
			if at = max(at, 0); r.IntN(2) == 0 {
				at += time.Duration(r.IntN(1500)) * time.Millisecond
			}
			p.follow(at)
		}
		p.check(seed, names)
	}
}

// follow ends the TaskRuns whose task is seen to have ended.
func (p *sharedPlay) follow(at time.Duration) {
	for _, tr := range p.taskRuns {
		name := tr.Labels[v1.LabelPipelineTask]
		if tr.IsDone() || p.ended[name] > at {
			continue
		}
		c := v1.Condition{Type: v1.ConditionSucceeded, Status: corev1.ConditionTrue, Reason: "Succeeded"}
		if p.failed(name) {
			c.Status, c.Reason = corev1.ConditionFalse, "StepFailed"
		}
		tr.Status.SetCondition(c)
	}
}

func (p *sharedPlay) check(seed uint64, names []string) {
	p.t.Helper()
	var skipped []string
	for _, s := range p.run.Status.SkippedTasks {
		skipped = append(skipped, s.Name)
		if s.Reason != v1.StoppingSkip {
			p.t.Errorf("seed %d: %s is skipped as %s", seed, s.Name, s.Reason)
		}
	}
	anyFailed := false
	for _, name := range names {
		made := slices.ContainsFunc(p.taskRuns, func(tr *v1.TaskRun) bool { return tr.Labels[v1.LabelPipelineTask] == name })
		if made == p.skipped[name] || slices.Contains(skipped, name) != p.skipped[name] {
			p.t.Errorf("seed %d: %s: skipped in the Pod: %t, has a TaskRun: %t, is listed as skipped: %t", seed, name, p.skipped[name], made, slices.Contains(skipped, name))
		}
		anyFailed = anyFailed || p.script[name].fail && !p.skipped[name]
	}
	if got := p.run.Status.GetCondition(v1.ConditionSucceeded).IsFalse(); got != anyFailed {
		p.t.Errorf("seed %d: failed: %t, want %t", seed, got, anyFailed)
	}
}
