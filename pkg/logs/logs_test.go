package logs

import (
	"context"
	"fmt"
	"math/rand"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
)

var epoch = time.Date(2026, 11, 20, 14, 0, 0, 0, time.UTC)

// recorder is a Sink that keeps what comes, and tells of it.
type recorder struct {
	mu    sync.Mutex
	lines []string
	notes []string
	fail  error
	came  chan struct{}
}

func newRecorder() *recorder { return &recorder{came: make(chan struct{}, 1)} }

func (r *recorder) Line(l Line) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	name := l.Step
	if l.Task != "" {
		name = l.Task + "/" + l.Step
	}
	r.lines = append(r.lines, name+": "+string(l.Text))
	select {
	case r.came <- struct{}{}:
	default:
	}
	return r.fail
}

func (r *recorder) Note(task, text string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.notes = append(r.notes, strings.TrimPrefix(task+": "+text, ": "))
	return nil
}

// await blocks until that many lines came.
func (r *recorder) await(t *testing.T, n int) {
	t.Helper()
	deadline := time.After(20 * time.Second)
	for {
		r.mu.Lock()
		got := len(r.lines)
		r.mu.Unlock()
		if got >= n {
			return
		}
		select {
		case <-r.came:
		case <-deadline:
			t.Fatalf("%d lines came, waited for %d", got, n)
		}
	}
}

func succeeded(status corev1.ConditionStatus, reason, message string) v1.Status {
	return v1.Status{Conditions: v1.Conditions{{Type: v1.ConditionSucceeded, Status: status, Reason: reason, Message: message}}}
}

func taskRun(name, task string, start int, status v1.Status) *v1.TaskRun {
	at := metav1.NewTime(epoch.Add(time.Duration(start) * time.Second))
	tr := &v1.TaskRun{ObjectMeta: metav1.ObjectMeta{Name: name, UID: types.UID("uid-" + name), Labels: map[string]string{}}}
	if task != "" {
		tr.Labels[v1.LabelPipelineRun], tr.Labels[v1.LabelPipelineTask] = "ci-1", task
	}
	tr.Status.Status, tr.Status.StartTime, tr.Status.PodName = status, &at, name+"-pod"
	return tr
}

// podOf makes the Pod of a TaskRun: state is "running", "ended" or "waiting" for each step.
func podOf(tr *v1.TaskRun, steps ...string) *corev1.Pod {
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: tr.Status.PodName, Labels: map[string]string{v1.LabelTaskRun: tr.Name}}}
	if p := tr.Labels[v1.LabelPipelineRun]; p != "" {
		pod.Labels[v1.LabelPipelineRun] = p
	}
	for _, s := range steps {
		name, state, _ := strings.Cut(s, "=")
		pod.Spec.Containers = append(pod.Spec.Containers, corev1.Container{Name: "step-" + name})
		status := corev1.ContainerStatus{Name: "step-" + name}
		switch state {
		case "running":
			status.State.Running = &corev1.ContainerStateRunning{}
		case "ended":
			status.State.Terminated = &corev1.ContainerStateTerminated{}
		}
		pod.Status.ContainerStatuses = append(pod.Status.ContainerStatuses, status)
	}
	return pod
}

var running, done = succeeded("Unknown", "Running", ""), succeeded("True", "Succeeded", "")

func fill(lines ...string) func(*fakeLog) {
	return func(l *fakeLog) {
		for _, text := range lines {
			at := epoch.Add(time.Duration(len(l.chunks)) * 100 * time.Millisecond)
			l.chunks = append(l.chunks, chunk{at: at, text: text})
		}
	}
}

func end(l *fakeLog) { l.ended = true }

type result struct {
	outcome *Outcome
	err     error
}

func stream(ctx context.Context, f *fakeAPI, req Request, sink Sink) <-chan result {
	req.Retry = time.Millisecond
	out := make(chan result, 1)
	source := f.source()
	go func() {
		outcome, err := Stream(ctx, source, req, sink)
		out <- result{outcome, err}
	}()
	return out
}

func wait(t *testing.T, c <-chan result) result {
	t.Helper()
	select {
	case r := <-c:
		return r
	case <-time.After(30 * time.Second):
		t.Fatal("the stream did not end")
		return result{}
	}
}

// TestReconnect is the promise of this package: whatever the connection does, every line comes once and in order.
func TestReconnect(t *testing.T) {
	for seed := range int64(40) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			random := rand.New(rand.NewSource(seed))
			chunks, want := randomLog(random)
			f := newFakeAPI(t)
			tr := taskRun("one", "", 0, running)
			f.put(tr)
			f.put(podOf(tr, "a=running"))
			f.log("one-pod", "step-a", func(l *fakeLog) {
				l.chunks = chunks[:len(chunks)/2]
				for range 8 {
					l.breaks = append(l.breaks, breakage{after: random.Intn(6000), clean: random.Intn(2) == 0})
				}
			})
			sink := newRecorder()
			c := stream(t.Context(), f, Request{TaskRun: "one", Follow: true}, sink)
			sink.await(t, 1)
			f.log("one-pod", "step-a", func(l *fakeLog) { l.chunks, l.ended = chunks, true })
			tr.Status.Status = done
			f.put(podOf(tr, "a=ended"))
			f.put(tr)
			if r := wait(t, c); r.err != nil {
				t.Fatal(r.err)
			}
			if diff := cmp.Diff(want, sink.lines); diff != "" {
				t.Errorf("lines (-want +got):\n%s", diff)
			}
			if len(sink.notes) > 0 {
				t.Errorf("notes: %q", sink.notes)
			}
		})
	}
}

// randomLog has lines that share a time stamp, stamps that step back, and long lines in pieces.
func randomLog(random *rand.Rand) (chunks []chunk, want []string) {
	at := epoch
	for i := range 120 {
		switch random.Intn(6) {
		case 0: // the same instant
		case 1:
			at = at.Add(-time.Duration(random.Intn(300)) * time.Microsecond)
		default:
			at = at.Add(time.Duration(random.Intn(400)) * time.Millisecond)
		}
		text := fmt.Sprintf("line %d", i%7) // equal texts must not be taken for repetitions
		if random.Intn(12) == 0 {
			for range 3 {
				piece := strings.Repeat(string(rune('a'+i%26)), 500)
				chunks = append(chunks, chunk{at: at, text: piece, partial: true})
				text = piece
				at = at.Add(time.Duration(random.Intn(400)) * time.Millisecond)
			}
			want = append(want, "a: "+strings.Repeat(text, 4))
		} else {
			want = append(want, "a: "+text)
		}
		chunks = append(chunks, chunk{at: at, text: text})
	}
	return chunks, want
}
