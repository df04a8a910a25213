package plan

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// world plays the cluster: it keeps what decisions create, lets children end as
// it pleases and shows the next decision a picture that may lag behind.
type world struct {
	t       *testing.T
	rnd     *rand.Rand
	run     *v1.PipelineRun
	seen    *v1.PipelineRun // lags behind run, and never goes back
	spec    *v1.PipelineSpec
	kids    map[string]*v1.TaskRun
	cache   map[string]*v1.TaskRun // lags behind kids, and never goes back
	starts  map[string]int         // creations by task
	endedAt map[string]int         // moment of the end by task
	began   map[string]int
	hangs   map[string]bool // children that end only when they are told to
	clock   int
	now     time.Time
	// fresh: a restart, or a write that failed, has the next picture show all.
	fresh bool
	// ends: somebody or a timeout ends the run, however long its children take.
	ends bool
}

func randomPipeline(rnd *rand.Rand) *v1.PipelineSpec {
	spec := &v1.PipelineSpec{}
	n := 1 + rnd.IntN(7)
	for i := range n {
		t := v1.PipelineTask{Name: fmt.Sprintf("t%d", i), TaskSpec: embedded("r")}
		for j := range i {
			switch rnd.IntN(6) {
			case 0:
				t.RunAfter = append(t.RunAfter, fmt.Sprintf("t%d", j))
			case 1:
				t.Params = append(t.Params, v1.Param{Name: fmt.Sprintf("p%d", j), Value: *v1.NewString(fmt.Sprintf("$(tasks.t%d.results.r%s)", j, star(&spec.Tasks[j])))})
			}
		}
		switch rnd.IntN(10) {
		case 0:
			t.When = v1.WhenExpressions{{Input: "a", Operator: "in", Values: []string{"b"}}}
		case 1:
			t.OnError = v1.PipelineTaskContinue
		case 2:
			t.Retries = 2
		case 3:
			t.Matrix = &v1.Matrix{Params: v1.Params{{Name: "m", Value: *v1.NewArray("1", "2", "3")}}}
		}
		spec.Tasks = append(spec.Tasks, t)
	}
	for i := range rnd.IntN(3) {
		t := v1.PipelineTask{Name: fmt.Sprintf("f%d", i), TaskSpec: embedded("r")}
		if rnd.IntN(3) == 0 {
			t.Params = v1.Params{{Name: "s", Value: *v1.NewString("$(tasks.t0.status) $(tasks.status)")}}
		}
		spec.Finally = append(spec.Finally, t)
	}
	return spec
}

// star is what a reference to a result of t must end with.
func star(t *v1.PipelineTask) string {
	if t.Matrix != nil {
		return "[*]"
	}
	return ""
}

func embedded(results ...string) *v1.EmbeddedTask {
	e := &v1.EmbeddedTask{}
	for _, r := range results {
		e.Results = append(e.Results, v1.TaskResult{Name: r})
	}
	e.Steps = []v1.Step{{Name: "s", Image: "i"}}
	return e
}

func (w *world) input() Input {
	if w.seen == nil || w.rnd.IntN(3) == 0 {
		w.seen = w.run
	}
	in := Input{Run: w.seen, Now: w.now, Defaults: Defaults{}, Gone: map[string]bool{}}
	for _, name := range slices.Sorted(maps.Keys(w.kids)) {
		if w.fresh || w.rnd.IntN(2) == 0 {
			w.cache[name] = w.kids[name].DeepCopy()
		}
		if shown := w.cache[name]; shown != nil {
			in.TaskRuns = append(in.TaskRuns, shown.DeepCopy())
		}
	}
	w.fresh = false
	w.rnd.Shuffle(len(in.TaskRuns), func(i, j int) { in.TaskRuns[i], in.TaskRuns[j] = in.TaskRuns[j], in.TaskRuns[i] })
	return in
}

// carryOut does what the decision says, up to a crash at any point.
func (w *world) carryOut(d Decision) {
	crash := -1
	if w.rnd.IntN(8) == 0 {
		crash = w.rnd.IntN(len(d.TaskRuns) + len(d.Cancel) + 1)
	}
	for i, tr := range d.TaskRuns {
		if i == crash {
			w.fresh = true
			return
		}
		w.create(tr)
	}
	for i, c := range d.Cancel {
		if i+len(d.TaskRuns) == crash {
			w.fresh = true
			return
		}
		tr := w.kids[c.Name]
		tr.Spec.Status, tr.Spec.StatusMessage = v1.TaskRunSpecStatus(c.Status), v1.TaskRunSpecStatusMessage(c.Message)
	}
	if crash >= 0 || w.seen != w.run { // the API server says Conflict
		w.fresh = true
		return
	}
	w.run = w.run.DeepCopy()
	w.run.Status = d.Status
	w.seen = w.run
}

func (w *world) create(tr *v1.TaskRun) {
	if w.kids[tr.Name] != nil {
		return // the API server says AlreadyExists
	}
	if w.run.IsDone() {
		w.t.Errorf("%s was created after the end of the run", tr.Name)
	}
	w.clock++
	task := tr.Labels[v1.LabelPipelineTask]
	for _, t := range slices.Concat(w.spec.Tasks, w.spec.Finally) {
		// The attempts of a task are the TaskRun's own; here it is told how many.
		if t.Name == task && tr.Spec.Retries != t.Retries {
			w.t.Errorf("%s may have %d retries, want %d", tr.Name, tr.Spec.Retries, t.Retries)
		}
	}
	if _, ok := w.began[task]; !ok {
		w.mayBegin(task)
	}
	w.kids[tr.Name] = tr.DeepCopy()
	w.hangs[tr.Name] = w.ends && !w.final(task) && w.rnd.IntN(6) == 0
	w.starts[tr.Name]++
	if _, ok := w.began[task]; !ok {
		w.began[task] = w.clock
	}
}

func (w *world) final(task string) bool {
	return slices.ContainsFunc(w.spec.Finally, func(t v1.PipelineTask) bool { return t.Name == task })
}

// mayBegin holds the start of a task against what was shown by then.
func (w *world) mayBegin(task string) {
	since := w.now.Sub(w.run.Status.StartTime.Time)
	limits := w.run.Spec.Timeouts
	if limits != nil && since >= limits.Pipeline.Duration {
		w.t.Errorf("%s begins after the whole time of the run", task)
	}
	if w.final(task) {
		return
	}
	if limits != nil && since >= limits.Tasks.Duration {
		w.t.Errorf("%s begins after the time of the tasks", task)
	}
	for _, t := range w.spec.Tasks {
		if t.Matrix != nil {
			continue // fails when all of its runs have ended
		}
		for name, tr := range w.cache {
			if tr.Labels[v1.LabelPipelineTask] == t.Name && tr.Status.GetCondition(v1.ConditionSucceeded).IsFalse() && t.OnError != v1.PipelineTaskContinue {
				w.t.Errorf("%s begins though %s was seen to fail", task, name)
			}
		}
	}
}

// live lets time pass and children end, well, badly or as they are told.
func (w *world) live() {
	w.clock++
	w.now = w.now.Add(time.Duration(w.rnd.IntN(60)) * time.Second)
	for _, name := range slices.Sorted(maps.Keys(w.kids)) {
		tr := w.kids[name]
		if tr.IsDone() || w.rnd.IntN(3) == 0 || w.hangs[name] && !tr.IsCancelled() {
			continue
		}
		c := v1.Condition{Type: v1.ConditionSucceeded, Status: corev1.ConditionTrue, Reason: "Succeeded"}
		switch {
		case tr.IsCancelled():
			c.Status, c.Reason = corev1.ConditionFalse, "TaskRunCancelled"
		case w.rnd.IntN(8) == 0:
			c.Status, c.Reason = corev1.ConditionFalse, "Failed"
		case w.rnd.IntN(8) > 0:
			tr.Status.Results = []v1.TaskRunResult{{Name: "r", Value: *v1.NewString("v")}}
		}
		tr.Status.SetCondition(c)
		w.clock++
		w.endedAt[tr.Labels[v1.LabelPipelineTask]] = w.clock
	}
}

// Whatever fails, lags or crashes: no child is created twice, none before what
// it depends on has ended, finally runs once and last, and the run ends.
func TestEveryRunKeepsItsPromises(t *testing.T) {
	for seed := range uint64(400) {
		w := &world{t: t, rnd: rand.New(rand.NewPCG(seed, 1)), kids: map[string]*v1.TaskRun{}, cache: map[string]*v1.TaskRun{},
			starts: map[string]int{}, endedAt: map[string]int{}, began: map[string]int{}, hangs: map[string]bool{}, now: time.Unix(1e9, 0)}
		w.spec = randomPipeline(w.rnd)
		w.run = &v1.PipelineRun{ObjectMeta: metav1.ObjectMeta{Name: "run", Namespace: "ns", UID: "uid"},
			Spec: v1.PipelineRunSpec{PipelineSpec: w.spec}}
		if w.rnd.IntN(3) == 0 {
			w.run.Spec.Timeouts = &v1.TimeoutFields{Tasks: &metav1.Duration{Duration: 3 * time.Minute}, Pipeline: &metav1.Duration{Duration: 5 * time.Minute}}
		}
		interrupt, how := w.rnd.IntN(40), []v1.PipelineRunSpecStatus{v1.PipelineRunSpecStatusCancelled,
			v1.PipelineRunSpecStatusCancelledRunFinally, v1.PipelineRunSpecStatusStoppedRunFinally}[w.rnd.IntN(3)]
		w.ends = w.run.Spec.Timeouts != nil || how != v1.PipelineRunSpecStatusStoppedRunFinally
		for step := 0; step < 400 && !w.run.IsDone(); step++ {
			if step == interrupt {
				w.run = w.run.DeepCopy()
				w.run.Spec.Status = how
			}
			in := w.input()
			before := in.Run.DeepCopy()
			w.carryOut(Next(in))
			if d := diff(before, in.Run); d != "" {
				t.Fatalf("seed %d: the input was changed: %s", seed, d)
			}
			w.live()
		}
		w.verify(seed)
		if t.Failed() {
			return
		}
	}
}

func (w *world) verify(seed uint64) {
	t := w.t
	if !w.run.IsDone() || w.run.Status.CompletionTime == nil {
		t.Errorf("seed %d: the run never ended: %+v", seed, w.run.Status.Conditions)
	}
	for name, n := range w.starts {
		if n != 1 {
			t.Errorf("seed %d: %s was created %d times", seed, name, n)
		}
	}
	for i := range w.spec.Tasks {
		task := &w.spec.Tasks[i]
		for _, dep := range dependencies(task) {
			began, ok := w.began[task.Name]
			if _, ran := w.began[dep]; ok && ran && w.endedAt[dep] > began {
				t.Errorf("seed %d: %s began before %s ended", seed, task.Name, dep)
			}
		}
	}
	w.verifyFinally(seed)
	for _, tr := range w.kids {
		if d := Next(Input{Run: w.run, TaskRuns: []*v1.TaskRun{tr}, Now: w.now}); len(d.TaskRuns) > 0 || diff(w.run.Status, d.Status) != "" {
			t.Errorf("seed %d: a decision about an ended run changes it", seed)
		} else if !tr.IsDone() && !tr.IsCancelled() && len(d.Cancel) != 1 {
			t.Errorf("seed %d: %s is left running after the end", seed, tr.Name)
		}
	}
}

func (w *world) verifyFinally(seed uint64) {
	condition := w.run.Status.GetCondition(v1.ConditionSucceeded)
	for _, f := range w.spec.Finally {
		began, ran := w.began[f.Name]
		for _, task := range w.spec.Tasks {
			if ran && w.endedAt[task.Name] > began {
				w.t.Errorf("seed %d: %s began before %s ended", seed, f.Name, task.Name)
			}
		}
		cut := condition.Reason == "Cancelled" && w.run.IsCancelled() || condition.Reason == "PipelineRunTimeout"
		if !ran && !cut && !slices.ContainsFunc(w.run.Status.SkippedTasks, func(s v1.SkippedTask) bool { return s.Name == f.Name }) {
			w.t.Errorf("seed %d: %s never ran: %+v", seed, f.Name, condition)
		}
	}
}
