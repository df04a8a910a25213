package logs

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
)

func pipelineRun(status v1.Status) *v1.PipelineRun {
	return &v1.PipelineRun{
		ObjectMeta: metav1.ObjectMeta{Name: "ci-1", UID: "uid-ci-1"},
		Status:     v1.PipelineRunStatus{Status: status},
	}
}

func TestFinishedPipelineRun(t *testing.T) {
	f := newFakeAPI(t)
	f.put(pipelineRun(succeeded("False", "Failed", "Tasks Completed: 2 (Failed: 1)")))
	late := taskRun("ci-1-alpha", "alpha", 9, succeeded("False", "StepFailed", `step "b" exited with code 1`))
	early := taskRun("ci-1-zulu", "zulu", 1, done)
	stale := taskRun("ci-1-old", "old", 0, done) // of a run of the same name that was deleted
	yes := true
	stale.OwnerReferences = []metav1.OwnerReference{{UID: "other", Controller: &yes}}
	f.put(late)
	f.put(early)
	f.put(stale)
	f.put(podOf(early, "a=ended", "b=ended"))
	f.put(podOf(late, "a=ended", "b=ended", "c=waiting"))
	f.log("ci-1-zulu-pod", "step-a", fill("z1", "z2"))
	f.log("ci-1-zulu-pod", "step-b", fill("z3"))
	f.log("ci-1-alpha-pod", "step-a", fill("a1"))
	f.log("ci-1-alpha-pod", "step-b", fill("a2"))
	for _, follow := range []bool{false, true} {
		sink := newRecorder()
		r := wait(t, stream(t.Context(), f, Request{PipelineRun: "ci-1", Follow: follow}, sink))
		if r.err != nil {
			t.Fatal(r.err)
		}
		want := []string{"zulu/a: z1", "zulu/a: z2", "zulu/b: z3", "alpha/a: a1", "alpha/b: a2"}
		if diff := cmp.Diff(want, sink.lines); diff != "" {
			t.Errorf("follow %v: tasks by their start, steps in order (-want +got):\n%s", follow, diff)
		}
		wantOutcome := &Outcome{
			Kind: "PipelineRun", Name: "ci-1", Done: true, Reason: "Failed", Message: "Tasks Completed: 2 (Failed: 1)",
			Failures: []Failure{{Task: "alpha", TaskRun: "ci-1-alpha", Message: `step "b" exited with code 1`, Ran: true}},
		}
		if diff := cmp.Diff(wantOutcome, r.outcome); diff != "" {
			t.Errorf("follow %v: outcome (-want +got):\n%s", follow, diff)
		}
		if len(sink.notes) > 0 {
			t.Errorf("a step that never ran is no cause for a note: %q", sink.notes)
		}
	}
}

func TestNarrowedDown(t *testing.T) {
	f := newFakeAPI(t)
	f.put(pipelineRun(done))
	for _, name := range []string{"x", "y"} {
		tr := taskRun("ci-1-"+name, name, 0, done)
		f.put(tr)
		f.put(podOf(tr, "a=ended", "b=ended"))
		f.log(tr.Status.PodName, "step-a", fill(name+"a"))
		f.log(tr.Status.PodName, "step-b", fill(name+"b"))
	}
	sink := newRecorder()
	if r := wait(t, stream(t.Context(), f, Request{PipelineRun: "ci-1", Tasks: []string{"y"}, Steps: []string{"b"}}, sink)); r.err != nil {
		t.Fatal(r.err)
	}
	if diff := cmp.Diff([]string{"y/b: yb"}, sink.lines); diff != "" {
		t.Error(diff)
	}
}

// TestLive lets a pipeline run: a task that starts later, one that is retried, and two that are side by side.
func TestLive(t *testing.T) {
	f := newFakeAPI(t)
	run := pipelineRun(running)
	f.put(run)
	sink := newRecorder()
	c := stream(t.Context(), f, Request{PipelineRun: "ci-1", Follow: true}, sink)

	x, y := taskRun("ci-1-x", "x", 0, running), taskRun("ci-1-y", "y", 0, running)
	f.put(x)
	f.put(y)
	f.log("ci-1-x-pod", "step-a", fill("x1"))
	f.log("ci-1-y-pod", "step-a", fill("y1"))
	f.put(podOf(x, "a=running"))
	f.put(podOf(y, "a=running"))
	sink.await(t, 2)
	f.log("ci-1-y-pod", "step-a", fill("y2"))
	sink.await(t, 3)
	f.log("ci-1-x-pod", "step-a", fill("x2"))
	sink.await(t, 4)

	f.log("ci-1-x-pod", "step-a", end)
	f.put(podOf(x, "a=ended"))
	x.Status.RetriesStatus = v1.RetriesStatus{{TaskRunStatusFields: v1.TaskRunStatusFields{PodName: "ci-1-x-pod"}}}
	x.Status.PodName = "ci-1-x-pod-retry1"
	f.put(x)
	f.log("ci-1-x-pod-retry1", "step-a", fill("x3"))
	f.put(podOf(x, "a=running"))
	sink.await(t, 5)

	for _, tr := range []*v1.TaskRun{x, y} {
		f.log(tr.Status.PodName, "step-a", end)
		tr.Status.Status = done
		f.put(podOf(tr, "a=ended"))
		f.put(tr)
	}
	run.Status.Status = done
	f.put(run)
	r := wait(t, c)
	if r.err != nil || !r.outcome.Succeeded {
		t.Fatalf("outcome %+v, error %v", r.outcome, r.err)
	}
	got := slices.Clone(sink.lines)
	slices.Sort(got[:2]) // the first lines of both come in any order
	if diff := cmp.Diff([]string{"x/a: x1", "y/a: y1", "y/a: y2", "x/a: x2", "x/a: x3"}, got); diff != "" {
		t.Errorf("lines (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"x: retry 1"}, sink.notes); diff != "" {
		t.Errorf("notes (-want +got):\n%s", diff)
	}
}

func TestTrouble(t *testing.T) {
	gone := errors.New("closed pipe")
	tests := []struct {
		why   string
		pod   bool
		fail  error
		log   func(*fakeLog)
		lines []string
		notes []string
		err   error
	}{
		{why: "Pod deleted before anyone read its log", notes: []string{"pod one-pod is gone, and its logs with it"}},
		{why: "log rotated away on the node", pod: true, notes: []string{`pod one-pod is gone, and the log of step "a" with it`}},
		{
			why: "the API server has a bad moment", pod: true,
			log:   func(l *fakeLog) { fill("x")(l); l.status = http.StatusServiceUnavailable },
			lines: []string{"a: x"},
		},
		{
			why: "the last line has no newline", pod: true,
			log: func(l *fakeLog) {
				l.chunks = []chunk{{at: epoch, text: "x"}, {at: epoch, text: "y", partial: true}}
			},
			lines: []string{"a: x", "a: y"},
		},
		{
			why: "lines of the entrypoint's are not for people", pod: true,
			log:   fill("x", "::slipway:result:AAAAAAAAAAAA:1/1:eA==", "y::slipway:result:AAAAAAAAAAAA:1/1:eA=="),
			lines: []string{"a: x", "a: y"},
		},
		{why: "the reader went away", pod: true, log: fill("x"), fail: gone, err: gone, lines: []string{"a: x"}},
	}
	for _, test := range tests {
		t.Run(test.why, func(t *testing.T) {
			f := newFakeAPI(t)
			tr := taskRun("one", "", 0, done)
			f.put(tr)
			if test.pod {
				f.put(podOf(tr, "a=ended"))
			}
			if test.log != nil {
				f.log("one-pod", "step-a", test.log)
				f.log("one-pod", "step-a", end)
			}
			sink := newRecorder()
			sink.fail = test.fail
			r := wait(t, stream(t.Context(), f, Request{TaskRun: "one", Follow: true}, sink))
			if !errors.Is(r.err, test.err) {
				t.Errorf("error %v, want %v", r.err, test.err)
			}
			if diff := cmp.Diff(test.lines, sink.lines); diff != "" {
				t.Errorf("lines (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(test.notes, sink.notes); diff != "" {
				t.Errorf("notes (-want +got):\n%s", diff)
			}
		})
	}
}

func TestLongLinePassesWhole(t *testing.T) {
	f := newFakeAPI(t)
	tr := taskRun("one", "", 0, done)
	f.put(tr)
	f.put(podOf(tr, "a=ended"))
	long := strings.Repeat("0123456789abcdef", 2<<20/16)
	f.log("one-pod", "step-a", fill("before", long, "after"))
	f.log("one-pod", "step-a", end)
	sink := newRecorder()
	if r := wait(t, stream(t.Context(), f, Request{TaskRun: "one"}, sink)); r.err != nil {
		t.Fatal(r.err)
	}
	if len(sink.lines) != 3 || sink.lines[1] != "a: "+long {
		t.Errorf("%d lines, the second of %d bytes", len(sink.lines), len(sink.lines[1]))
	}
}

func TestRunDeletedWhileFollowed(t *testing.T) {
	f := newFakeAPI(t)
	run := pipelineRun(running)
	f.put(run)
	tr := taskRun("ci-1-x", "x", 0, running)
	f.put(tr)
	f.put(podOf(tr, "a=running"))
	f.log("ci-1-x-pod", "step-a", fill("x1"))
	sink := newRecorder()
	c := stream(t.Context(), f, Request{PipelineRun: "ci-1", Follow: true}, sink)
	sink.await(t, 1)
	f.log("ci-1-x-pod", "step-a", end)
	f.remove(podOf(tr))
	f.remove(tr)
	f.remove(run)
	r := wait(t, c)
	if r.err != nil || !r.outcome.Deleted || r.outcome.Done {
		t.Errorf("outcome %+v, error %v", r.outcome, r.err)
	}
}

func TestCancelledContextEndsTheStream(t *testing.T) {
	f := newFakeAPI(t)
	f.put(pipelineRun(running))
	ctx, cancel := context.WithCancel(t.Context())
	c := stream(ctx, f, Request{PipelineRun: "ci-1", Follow: true}, newRecorder())
	cancel()
	if r := wait(t, c); !errors.Is(r.err, context.Canceled) {
		t.Errorf("error %v", r.err)
	}
}

// TestGap resumes after the node has rotated away what was read last: that lines may be missing must be said.
func TestGap(t *testing.T) {
	at := func(s int) time.Time { return epoch.Add(time.Duration(s) * time.Second) }
	e := func(s int) entry { return entry{at: at(s), text: fmt.Append(nil, s)} }
	var c cursor
	for _, s := range []int{1, 2, 3} {
		if fresh, gap := c.pass(e(s)); !fresh || gap {
			t.Fatalf("line %d: fresh %v, gap %v", s, fresh, gap)
		}
	}
	c.resume()
	if fresh, _ := c.pass(e(3)); fresh {
		t.Error("a known line came as fresh")
	}
	if fresh, gap := c.pass(e(4)); !fresh || gap {
		t.Errorf("the last line was found, yet: fresh %v, gap %v", fresh, gap)
	}
	c.resume()
	if fresh, gap := c.pass(e(9)); !fresh || !gap {
		t.Errorf("the last line was not found, yet: fresh %v, gap %v", fresh, gap)
	}
}

func TestSplitterWrapsWithoutEnd(t *testing.T) {
	stamp := "2026-11-20T14:00:00.000000001Z "
	s := newSplitter(strings.NewReader(stamp + strings.Repeat("x", 3*readSize) + "\n" + stamp + "next\n"))
	s.max = readSize
	var sizes []int
	for {
		e, err := s.next()
		if err != nil {
			break
		}
		if e.at.Nanosecond() != 1 {
			t.Errorf("piece %d has the stamp %v", len(sizes), e.at)
		}
		sizes = append(sizes, len(e.text))
	}
	if diff := cmp.Diff([]int{readSize - len(stamp), readSize, readSize, len(stamp), 4}, sizes); diff != "" {
		t.Error(diff)
	}
}

func TestPrinter(t *testing.T) {
	line := Line{Task: "build", Step: "push", Time: epoch, Text: []byte("done")}
	tests := []struct {
		why  string
		p    Printer
		line Line
		want string
	}{
		{"the form of tkn", Printer{Prefix: true}, line, "[build : push] done\n"},
		{"a TaskRun has no task to name", Printer{Prefix: true}, Line{Step: "push", Text: []byte("done")}, "[push] done\n"},
		{"bare", Printer{}, line, "done\n"},
		{"with the time", Printer{Prefix: true, Times: true}, line, "[build : push] 2026-11-20T14:00:00Z done\n"},
		{"only the prefix is painted", Printer{Prefix: true, Color: true}, line, "\x1b[96m[build : push]\x1b[0m done\n"},
	}
	for i := range tests {
		test := &tests[i]
		var out strings.Builder
		test.p.Out = &out
		if err := test.p.Line(test.line); err != nil || out.String() != test.want {
			t.Errorf("%s: %q, error %v; want %q", test.why, out.String(), err, test.want)
		}
	}
}
