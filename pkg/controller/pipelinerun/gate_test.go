package pipelinerun

import (
	"slices"
	"strings"
	"testing"
	"time"

	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// limited is a bench with a Pipeline of which one run may run at once, and runs of
// it, each a second younger than the one before.
func limited(t *testing.T, policy string, names ...string) *bench {
	t.Helper()
	p := parse[v1.Pipeline](t, pipeline)
	p.Annotations = map[string]string{"slipway.dev/concurrency-limit": "1", "slipway.dev/concurrency-policy": policy}
	objects := []client.Object{p, parse[v1.Task](t, task)}
	for i, name := range names {
		run := parse[v1.PipelineRun](t, ci)
		run.Name, run.UID, run.CreationTimestamp = name, types.UID(name), metav1.NewTime(time.Unix(int64(1_600_000_000+i), 0))
		objects = append(objects, run)
	}
	return newBench(t, objects...)
}

func (b *bench) look(names ...string) {
	b.Helper()
	for _, name := range names {
		for range 4 {
			if _, err := b.Reconcile(b.Context(), ctrl.Request{NamespacedName: client.ObjectKey{Namespace: "ns", Name: name}}); err != nil {
				b.Fatal(err)
			}
		}
	}
}

// stands is the reason and the message of a run, or "running" once it made a child.
func (b *bench) stands(name string) string {
	b.Helper()
	run := &v1.PipelineRun{}
	if err := b.Client.Get(b.Context(), client.ObjectKey{Namespace: "ns", Name: name}, run); err != nil {
		b.Fatal(err)
	}
	c := run.Status.GetCondition(v1.ConditionSucceeded)
	switch {
	case run.Spec.Status != "":
		return string(run.Spec.Status)
	case c == nil:
		return ""
	case c.IsUnknown() && len(run.Status.ChildReferences) > 0:
		return "running"
	}
	return c.Reason + ": " + c.Message
}

func (b *bench) stand(want ...string) {
	b.Helper()
	for i := 0; i < len(want); i += 2 {
		if got := b.stands(want[i]); got != want[i+1] {
			b.Errorf("%s: %s\nwant %s", want[i], got, want[i+1])
		}
	}
}

func (b *bench) cancelRun(name string) {
	b.Helper()
	run := &v1.PipelineRun{}
	if err := b.Client.Get(b.Context(), client.ObjectKey{Namespace: "ns", Name: name}, run); err != nil {
		b.Fatal(err)
	}
	run.Spec.Status = v1.PipelineRunSpecStatusCancelled
	if err := b.Client.Update(b.Context(), run); err != nil {
		b.Fatal(err)
	}
}

func (b *bench) woken() (names []string) {
	for len(b.gate.wake) > 0 {
		names = append(names, (<-b.gate.wake).Object.GetName())
	}
	return names
}

func TestRunsOfAGroupWait(t *testing.T) {
	b := limited(t, "Queue", "a", "b", "c")
	b.look("a", "c", "b", "c")
	const room = `in the queue: one run at once of concurrency group "p" (now: a)`
	b.stand("a", "running", "b", "Queued: PipelineRun ns/b is number 1 "+room, "c", "Queued: PipelineRun ns/c is number 2 "+room)

	// A controller that starts anew finds the room taken.
	b.Reconciler = New(b.Deps)
	b.look("c", "b", "a")
	b.stand("a", "running", "b", "Queued: PipelineRun ns/b is number 1 "+room)

	if names := b.woken(); len(names) != 0 {
		t.Errorf("woken before anything ended: %q", names)
	}
	run := &v1.TaskRun{}
	run.Namespace, run.Name = "ns", "a-a"
	if err := b.Client.Delete(t.Context(), run); err != nil {
		t.Fatal(err)
	}
	b.cancelRun("a")
	b.look("a")
	if names := b.woken(); !slices.Equal(names, []string{"b", "c"}) {
		t.Fatalf("woken: %q", names)
	}
	b.look("c", "b", "c")
	b.stand("b", "running", "c", `Queued: PipelineRun ns/c is number 1 in the queue: one run at once of concurrency group "p" (now: b)`)

	// One that is held back leaves the queue, and one that is deleted its room.
	old := &v1.PipelineRun{}
	old.Namespace, old.Name = "ns", "b"
	if err := b.Client.Delete(t.Context(), old); err != nil {
		t.Fatal(err)
	}
	b.look("b")
	if names := b.woken(); !slices.Equal(names, []string{"c"}) {
		t.Errorf("woken: %q", names)
	}
	b.look("c")
	b.stand("c", "running")
	if len(b.gate.groups) != 1 || len(b.gate.of) != 1 {
		t.Errorf("remembered: %v, %v", b.gate.groups, b.gate.of)
	}
}

func TestNewerRunReplacesOlder(t *testing.T) {
	b := limited(t, "Replace", "a", "b", "c")
	b.look("a", "b", "c")
	b.stand("a", "Cancelled", "b", "Cancelled", "c", `Queued: PipelineRun ns/c is number 1 in the queue: one run at once of concurrency group "p" (now: a)`)
	if told := b.told(); !slices.Contains(told, "Warning Replaced cancelled, because b is a newer run of its concurrency group") ||
		!slices.Contains(told, "Warning Replaced cancelled, because c is a newer run of its concurrency group") {
		t.Errorf("told %q", told)
	}
	b.look("b", "a")
	b.look("c")
	b.stand("c", "running")
}

func TestRunWithoutRoomIsRefused(t *testing.T) {
	b := limited(t, "Forbid", "a", "b")
	b.look("a", "b")
	b.stand("a", "running", "b", `ConcurrencyLimitReached: [User error] one run at once of concurrency group "p" (now: a): start it again later, or let it wait by the annotation slipway.dev/concurrency-policy: Queue`)
}

func TestBadConcurrencyIsTold(t *testing.T) {
	b := limited(t, "Later", "a")
	b.look("a")
	if got := b.stands("a"); !strings.HasPrefix(got, `PipelineValidationFailed: [User error] annotation slipway.dev/concurrency-policy: "Later": use Queue, Replace or Forbid`) {
		t.Error(got)
	}
}
