package cloudevents

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"

	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
	"github.com/slipway-dev/slipway/api/tekton/v1beta1"
)

var noon = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

// sink is the other end: it answers with its statuses in turn, then with 202.
type sink struct {
	*testing.T
	*Sender
	mu       sync.Mutex
	statuses []int
	got      []http.Header
	bodies   []map[string]map[string]any
	outcomes chan Outcome
}

func newSink(t *testing.T, statuses ...int) *sink {
	k := &sink{T: t, statuses: statuses, outcomes: make(chan Outcome, 2*maxEvents)}
	server := httptest.NewServer(k)
	t.Cleanup(server.Close)
	k.Sender = New(Options{
		Sink: server.URL, Client: server.Client(), Backoff: wait.Backoff{Duration: time.Microsecond, Steps: 4},
		Now: func() time.Time { return noon }, Count: func(o Outcome) { k.outcomes <- o }, Log: slog.New(slog.DiscardHandler),
	})
	return k
}

func (k *sink) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.statuses) > 0 {
		status := k.statuses[0]
		k.statuses = k.statuses[1:]
		w.WriteHeader(status)
		return
	}
	text, _ := io.ReadAll(r.Body)
	var body map[string]map[string]any
	if err := json.Unmarshal(text, &body); err != nil {
		k.Errorf("payload: %v", err)
	}
	k.got, k.bodies = append(k.got, r.Header.Clone()), append(k.bodies, body)
	w.WriteHeader(http.StatusAccepted)
}

// start runs the sender until the test ends, or until the stop it returns.
func (k *sink) start() (stop func()) {
	ctx, cancel := context.WithCancel(k.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = k.Start(ctx)
	}()
	stop = func() { cancel(); <-done }
	k.Cleanup(stop)
	return stop
}

func (k *sink) wantOutcomes(want ...Outcome) {
	k.Helper()
	for _, w := range want {
		select {
		case got := <-k.outcomes:
			if got != w {
				k.Errorf("event was %s, want %s", got, w)
			}
		case <-time.After(10 * time.Second):
			k.Fatalf("no event was %s within 10s", w)
		}
	}
}

func (k *sink) types() []string {
	k.mu.Lock()
	defer k.mu.Unlock()
	var out []string
	for _, h := range k.got {
		out = append(out, h.Get("Ce-Type"))
	}
	slices.Sort(out) // they are sent side by side
	return out
}

func taskRun(status corev1.ConditionStatus, reason string) *v1.TaskRun {
	run := &v1.TaskRun{ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: "ci", CreationTimestamp: metav1.NewTime(noon.Add(-time.Minute))}}
	if reason != "" {
		run.Status.StartTime = new(metav1.NewTime(noon.Add(-time.Second)))
		run.Status.SetCondition(condition(status, reason))
	}
	return run
}

func condition(status corev1.ConditionStatus, reason string) v1.Condition {
	return v1.Condition{Type: v1.ConditionSucceeded, Status: status, Reason: reason}
}

// What Tekton sends in writes of their own is told by the first write.
func TestTypes(t *testing.T) {
	const prefix = "dev.tekton.event."
	pipelineRun := func(status corev1.ConditionStatus, reason string) *v1.PipelineRun {
		tr := taskRun(status, reason)
		return &v1.PipelineRun{ObjectMeta: tr.ObjectMeta, Status: v1.PipelineRunStatus{Status: tr.Status.Status,
			PipelineRunStatusFields: v1.PipelineRunStatusFields{StartTime: tr.Status.StartTime}}}
	}
	customRun := func(status corev1.ConditionStatus, reason string) *v1beta1.CustomRun {
		tr := taskRun(status, reason)
		return &v1beta1.CustomRun{ObjectMeta: tr.ObjectMeta, Status: v1beta1.CustomRunStatus{Status: tr.Status.Status}}
	}
	task := func(before, after *v1.TaskRun) func(*Sender) {
		return func(s *Sender) { s.TaskRunWritten(before, after, nil) }
	}
	pending := taskRun("Unknown", "TaskRunPending")
	pending.Status.StartTime = nil
	for name, tc := range map[string]struct {
		tell func(*Sender)
		want []string
	}{
		"first write of a task run": {task(taskRun("", ""), taskRun("Unknown", "Running")), []string{"taskrun.queued", "taskrun.running", "taskrun.started"}},
		"held before it starts":     {task(taskRun("", ""), pending), []string{"taskrun.queued", "taskrun.unknown"}},
		"released":                  {task(pending, taskRun("Unknown", "Running")), []string{"taskrun.running", "taskrun.started"}},
		"waits":                     {task(taskRun("Unknown", "Running"), taskRun("Unknown", "ToBeRetried")), []string{"taskrun.unknown"}},
		"ends well":                 {task(taskRun("Unknown", "Running"), taskRun("True", "Succeeded")), []string{"taskrun.successful"}},
		"ends badly":                {task(taskRun("Unknown", "Running"), taskRun("False", "TaskRunTimeout")), []string{"taskrun.failed"}},
		"ends at once":              {task(taskRun("", ""), taskRun("False", "Failed")), []string{"taskrun.failed", "taskrun.queued", "taskrun.started"}},
		"another step ended":        {task(taskRun("Unknown", "Running"), taskRun("Unknown", "Running")), nil},
		"pipeline run begins": {func(s *Sender) { s.PipelineRunWritten(pipelineRun("", ""), pipelineRun("Unknown", "Running")) },
			[]string{"pipelinerun.queued", "pipelinerun.running", "pipelinerun.started"}},
		"pipeline run ends": {func(s *Sender) {
			s.PipelineRunWritten(pipelineRun("Unknown", "Running"), pipelineRun("True", "Completed"))
		},
			[]string{"pipelinerun.successful"}},
		"custom run is made": {func(s *Sender) { s.CustomRunSeen(nil, customRun("", "")) }, []string{"customrun.started"}},
		"custom run says something of its own": {func(s *Sender) { s.CustomRunSeen(customRun("", ""), customRun("Unknown", "Started")) },
			[]string{"customrun.running"}},
		"custom run ends":      {func(s *Sender) { s.CustomRunSeen(customRun("Unknown", "x"), customRun("False", "y")) }, []string{"customrun.failed"}},
		"custom run unchanged": {func(s *Sender) { s.CustomRunSeen(customRun("Unknown", "x"), customRun("Unknown", "x")) }, nil},
	} {
		t.Run(name, func(t *testing.T) {
			k := newSink(t)
			k.start()
			tc.tell(k.Sender)
			var want []string
			for _, w := range tc.want {
				k.wantOutcomes(Sent)
				want = append(want, prefix+w+".v1")
			}
			if diff := cmp.Diff(want, k.types()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestRequest(t *testing.T) {
	k := newSink(t)
	k.start()
	k.TaskRunWritten(taskRun("Unknown", "Running"), taskRun("True", "Succeeded"), nil)
	k.wantOutcomes(Sent)
	h := k.got[0]
	for name, want := range map[string]string{
		"Ce-Specversion": "1.0", "Ce-Type": "dev.tekton.event.taskrun.successful.v1", "Ce-Subject": "ci",
		"Ce-Source": "/apis/tekton.dev/v1/namespaces/ns/taskruns/ci", "Ce-Time": "2026-11-20T12:00:00Z", "Content-Type": "application/json",
	} {
		if got := h.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	if h.Get("Ce-Id") == "" {
		t.Error("the event has no id")
	}
	run := k.bodies[0]["taskRun"]
	if run["kind"] != "TaskRun" || run["apiVersion"] != "tekton.dev/v1" || run["status"] == nil {
		t.Errorf("payload is %v", run)
	}
}

// A sink that is away for a while gets the event, one that refuses it does not
// get it again.
func TestRetry(t *testing.T) {
	for name, tc := range map[string]struct {
		statuses []int
		want     Outcome
		left     int
	}{
		"comes back":       {[]int{503, 429, 404}, Sent, 0},
		"stays away":       {[]int{500, 500, 500, 500, 500}, Failed, 1},
		"refuses for good": {[]int{400, 400}, Failed, 1},
	} {
		t.Run(name, func(t *testing.T) {
			k := newSink(t, tc.statuses...)
			k.start()
			k.TaskRunWritten(taskRun("Unknown", "Running"), taskRun("True", "Succeeded"), nil)
			k.wantOutcomes(tc.want)
			k.mu.Lock()
			defer k.mu.Unlock()
			if len(k.statuses) != tc.left {
				t.Errorf("%d answers were not asked for, want %d", len(k.statuses), tc.left)
			}
		})
	}
}

// A sink that takes nothing costs a run nothing: what finds no room is dropped,
// and so is what is left at the end.
func TestFullQueue(t *testing.T) {
	k := newSink(t)
	for range maxEvents {
		k.TaskRunWritten(taskRun("Unknown", "Running"), taskRun("True", "Succeeded"), nil)
	}
	if len(k.outcomes) != 0 {
		t.Fatalf("%d of %d events found no room", len(k.outcomes), maxEvents)
	}
	k.TaskRunWritten(taskRun("Unknown", "Running"), taskRun("True", "Succeeded"), nil)
	k.wantOutcomes(Dropped)
	if held := k.bytes.Load(); held <= 0 {
		t.Errorf("the queue holds %d bytes", held)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_ = k.Start(ctx)
	if held := k.bytes.Load(); held != 0 || len(k.outcomes) != maxEvents {
		t.Errorf("%d bytes are held after the end, and %d events counted", held, len(k.outcomes))
	}
}

// Runs of many bytes fill the queue before its number of events does.
func TestLargeRuns(t *testing.T) {
	k := newSink(t)
	large := taskRun("True", "Succeeded")
	large.Status.Results = []v1.TaskRunResult{{Name: "r", Value: v1.ParamValue{Type: v1.ParamTypeString, StringVal: strings.Repeat("a", 1<<20)}}}
	for range maxBytes >> 20 {
		k.TaskRunWritten(taskRun("Unknown", "Running"), large, nil)
	}
	if held := k.bytes.Load(); held > maxBytes || len(k.outcomes) == 0 {
		t.Errorf("%d bytes are held, and %d events were dropped", held, len(k.outcomes))
	}
}

// A start that is told twice has one id, so that whoever gets both can tell; other
// stages may come again, and have one each.
func TestIDs(t *testing.T) {
	k := newSink(t)
	k.start()
	made, moved := &v1beta1.CustomRun{}, &v1beta1.CustomRun{}
	made.UID, moved.UID = "u1", "u1"
	moved.Status.SetCondition(condition("Unknown", "Busy"))
	ids := map[string]int{}
	for range 2 {
		k.CustomRunSeen(nil, made)
		k.CustomRunSeen(made, moved)
		k.wantOutcomes(Sent, Sent)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, h := range k.got {
		ids[h.Get("Ce-Id")]++
	}
	if len(ids) != 3 || ids["u1-started"] != 2 {
		t.Errorf("ids %v, want u1-started twice and two others", ids)
	}
}
