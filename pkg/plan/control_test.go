package plan

import (
	"slices"
	"testing"
	"time"

	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

const long = `
pipelineSpec:
  tasks: [{name: a, ` + steps + `}, {name: b, runAfter: [a], ` + steps + `}]
  finally: [{name: f, ` + steps + `}]
`

// Each way to end a run early, asked for while its first task runs.
func TestInterruptions(t *testing.T) {
	for name, tc := range map[string]struct {
		status  v1.PipelineRunSpecStatus
		during  string
		want    string
		order   []string
		skips   []string
		message v1.TaskRunSpecStatusMessage
	}{
		"cancelled: all ends now": {
			status: v1.PipelineRunSpecStatusCancelled,
			want:   `False Cancelled: PipelineRun "ci" was cancelled`, order: []string{"ci-a"}, message: v1.TaskRunCancelledByPipelineMsg,
		},
		"cancelled with finally": {
			status: v1.PipelineRunSpecStatusCancelledRunFinally, during: "CancelledRunningFinally",
			want:  `False Cancelled: PipelineRun "ci" was cancelled`,
			order: []string{"ci-a", "ci-f"}, skips: []string{"b: PipelineRun was stopping"}, message: v1.TaskRunCancelledByPipelineMsg,
		},
		"stopped: what runs may end": {
			status: v1.PipelineRunSpecStatusStoppedRunFinally, during: "StoppedRunningFinally",
			want:  `False Cancelled: PipelineRun "ci" was cancelled`,
			order: []string{"ci-a", "ci-f"}, skips: []string{"b: PipelineRun was gracefully stopped"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPlay(t, long, map[string]outcome{"a": {never: true}})
			during := ""
			p.on = func(n int, p *play) {
				if n == 3 {
					p.run.Spec.Status = tc.status
				}
				if n == 5 {
					during = p.run.Status.Conditions[0].Reason
					p.script["a"] = outcome{}
				}
			}
			run := p.end()
			if got := outcomeOf(run); got != tc.want {
				t.Errorf("got  %s\nwant %s", got, tc.want)
			}
			if d := diff(tc.order, p.order); d != "" {
				t.Errorf("order of creation: %s", d)
			}
			if tc.skips != nil && diff(tc.skips, skips(run)) != "" {
				t.Errorf("skipped: %v, want %v", skips(run), tc.skips)
			}
			if got := p.taskRun("a").Spec.StatusMessage; got != tc.message {
				t.Errorf("a is told %q, want %q", got, tc.message)
			}
			if during != tc.during {
				t.Errorf("meanwhile the reason is %q, want %q", during, tc.during)
			}
		})
	}
}

func TestPendingRunWaits(t *testing.T) {
	p := newPlay(t, long, nil)
	p.run.Spec.Status = v1.PipelineRunSpecStatusPending
	for range 3 {
		if d := p.step(); len(d.TaskRuns) > 0 || p.run.Status.StartTime != nil {
			t.Fatal("a pending run starts")
		}
	}
	if got, want := outcomeOf(p.run), `Unknown PipelineRunPending: PipelineRun "ci" is pending`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	p.run.Spec.Status = ""
	if got, want := outcomeOf(p.end()), "True Succeeded: Tasks Completed: 3 (Failed: 0, Cancelled 0), Skipped: 0"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestTimeouts(t *testing.T) {
	for name, tc := range map[string]struct {
		timeouts string
		never    string
		want     string
		again    time.Duration
		order    []string
	}{
		"the whole run":               {"{pipeline: 10s}", "a", `False PipelineRunTimeout: PipelineRun "ci" failed to finish within "10s"`, 10 * time.Second, []string{"ci-a"}},
		"an hour without saying so":   {"{}", "a", `False PipelineRunTimeout: PipelineRun "ci" failed to finish within "1h0m0s"`, time.Hour, []string{"ci-a"}},
		"its tasks, and finally runs": {"{tasks: 5s}", "a", `False PipelineRunTimeout: PipelineRun "ci" failed due to tasks failed to finish within "5s"`, 5 * time.Second, []string{"ci-a", "ci-f"}},
		"finally":                     {"{pipeline: 1m, tasks: 55s}", "f", "False Failed: Tasks Completed: 3 (Failed: 1, Cancelled 0), Skipped: 0", 55 * time.Second, []string{"ci-a", "ci-b", "ci-f"}},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPlay(t, "timeouts: "+tc.timeouts+long, map[string]outcome{tc.never: {never: true}})
			p.step()
			d := p.step()
			if got := d.Again.Sub(start); got != tc.again {
				t.Errorf("looks again after %s, want %s", got, tc.again)
			}
			p.finishChildren()
			for range 20 {
				if p.run.IsDone() {
					break
				}
				if d := p.step(); !d.Again.IsZero() && slices.ContainsFunc(p.taskRuns, func(tr *v1.TaskRun) bool {
					return !tr.IsDone() && !tr.IsCancelled() && p.script[tr.Labels[v1.LabelPipelineTask]].never
				}) {
					p.now = d.Again
				}
				p.finishChildren()
			}
			if got := outcomeOf(p.run); got != tc.want {
				t.Errorf("got  %s\nwant %s", got, tc.want)
			}
			if d := diff(tc.order, p.order); d != "" {
				t.Errorf("order of creation: %s", d)
			}
			if got := p.taskRun(tc.never).Spec.StatusMessage; got != v1.TaskRunCancelledByPipelineTimeoutMsg {
				t.Errorf("%s is told %q", tc.never, got)
			}
		})
	}
}

func minutes(n int) *metav1.Duration {
	return &metav1.Duration{Duration: time.Duration(n) * time.Minute}
}

// Retries are the TaskRun's own: the pipeline waits for the last of them.
func TestChildTimeoutAndRetries(t *testing.T) {
	for name, tc := range map[string]struct {
		spec string
		want *metav1.Duration
	}{
		"none: the TaskRun has its own":          {"{pipelineSpec: {tasks: [{name: a, retries: 2, " + steps + "}]}}", nil},
		"the task's":                             {"{pipelineSpec: {tasks: [{name: a, retries: 2, timeout: 3m, " + steps + "}]}}", minutes(3)},
		"the run's word on the task counts most": {"{taskRunSpecs: [{pipelineTaskName: a, timeout: 2m}], pipelineSpec: {tasks: [{name: a, retries: 2, timeout: 3m, " + steps + "}]}}", minutes(2)},
		"longer than a TaskRun gets by itself":   {"{timeouts: {tasks: 2h, pipeline: 3h}, pipelineSpec: {tasks: [{name: a, retries: 2, " + steps + "}]}}", minutes(120)},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPlay(t, tc.spec, nil)
			p.end()
			a := p.taskRun("a")
			if d := diff(tc.want, a.Spec.Timeout); d != "" {
				t.Error(d)
			}
			if a.Spec.Retries != 2 {
				t.Errorf("%d retries", a.Spec.Retries)
			}
		})
	}
}

// A decision that was carried out and lost, or a picture that is old, must not
// lead to a second child: the same input gives the same names.
func TestDecisionsRepeat(t *testing.T) {
	p := newPlay(t, long, nil)
	p.step()
	first, second := Next(p.input()), Next(p.input())
	if d := diff(first, second); d != "" {
		t.Error(d)
	}
	p.step()
	p.taskRuns = nil
	if d := Next(p.input()); len(d.TaskRuns) > 0 {
		t.Errorf("a run that the status names and the cache lacks is created again: %s", d.TaskRuns[0].Name)
	}
	in := p.input()
	in.Gone = map[string]bool{"ci-a": true}
	d := Next(in)
	if len(d.TaskRuns) != 1 || d.TaskRuns[0].Name != "ci-f" {
		t.Errorf("the deleted task counts as failed, so that finally follows; got %v", d.TaskRuns)
	}
	p.run.Status = d.Status
	p.taskRuns = d.TaskRuns
	p.finishChildren()
	in = p.input()
	in.Gone = map[string]bool{"ci-a": true}
	p.run.Status = Next(in).Status
	want := `False Failed: Tasks Completed: 2 (Failed: 1, Cancelled 0), Skipped: 1; TaskRun "ci-a" was deleted before its end`
	if got := outcomeOf(p.run); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestEndedRunIsLeftAlone(t *testing.T) {
	p := newPlay(t, long, nil)
	p.end()
	before := p.run.DeepCopy()
	p.now = p.now.Add(24 * time.Hour)
	p.taskRuns = nil
	if d := Next(p.input()); diff(before.Status, d.Status) != "" || len(d.TaskRuns)+len(d.Cancel) > 0 || !d.Again.IsZero() {
		t.Errorf("an ended run changes: %+v", d)
	}
	late := &v1.TaskRun{ObjectMeta: metav1.ObjectMeta{Name: "ci-late"}}
	p.taskRuns = []*v1.TaskRun{late}
	if d := Next(p.input()); len(d.Cancel) != 1 || d.Cancel[0].Name != "ci-late" {
		t.Errorf("a child that came too late is not cancelled: %v", d.Cancel)
	}
	late.Status.SetCondition(v1.Condition{Type: v1.ConditionSucceeded, Status: corev1.ConditionTrue})
	if d := Next(p.input()); len(d.Cancel) != 0 {
		t.Errorf("%v is cancelled after its end", d.Cancel)
	}
}
