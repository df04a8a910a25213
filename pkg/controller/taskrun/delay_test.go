package taskrun

import (
	"context"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
)

// A Pod that does not start because of a volume says so only in its events: the
// run tells it while it waits, and when its time is up.
func TestSlowStartIsExplained(t *testing.T) {
	h := build(t, taskRun(func(run *v1.TaskRun) { run.Spec.Timeout = &metav1.Duration{Duration: 2 * slow} }))
	h.reconcile()
	pod := h.pod("ci-pod")
	h.schedule(pod)
	event := func(name, reason, text string, at time.Duration) {
		e := &corev1.Event{ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: name}, Reason: reason, Message: text,
			InvolvedObject: corev1.ObjectReference{UID: pod.UID}, LastTimestamp: metav1.NewTime(h.clock.Add(at))}
		if err := h.Client.Create(t.Context(), e); err != nil {
			t.Fatal(err)
		}
	}
	event("old", "FailedMount", "configmap \"settings\" not found", 0)
	event("new", "FailedMount", "secret \"token\" not found", time.Second)
	event("probe", "Unhealthy", "no", time.Minute)

	h.clock = h.clock.Add(slow / 2)
	if after := h.reconcile().RequeueAfter; after > slow/2 {
		t.Errorf("looks again after %s, want as soon as the pod is slow", after)
	}
	h.clock = h.clock.Add(slow / 2)
	if after := h.reconcile().RequeueAfter; after > slow {
		t.Errorf("looks again after %s", after)
	}
	want := "the pod is being started: secret \"token\" not found"
	if c := h.run().Status.GetCondition(v1.ConditionSucceeded); !c.IsUnknown() || c.Message != want {
		t.Errorf("condition is %+v, want the message %q", c, want)
	}
	h.clock = h.clock.Add(slow)
	h.reconcile()
	if c := h.run().Status.GetCondition(v1.ConditionSucceeded); !c.IsFalse() || !strings.HasSuffix(c.Message, want) {
		t.Errorf("condition is %+v, want a timeout that says %q", c, want)
	}
}

// schedule gives a Pod its node, now.
func (h *house) schedule(pod *corev1.Pod) {
	h.Helper()
	pod.Spec.NodeName = "node"
	if err := h.Client.Update(h.Context(), pod); err != nil {
		h.Fatal(err)
	}
	pod.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodScheduled, Status: corev1.ConditionTrue, LastTransitionTime: metav1.NewTime(h.clock)}}
	if err := h.Client.Status().Update(h.Context(), pod); err != nil {
		h.Fatal(err)
	}
}

// lists counts what is listed.
type lists struct {
	client.Reader
	n int
}

func (l *lists) List(ctx context.Context, list client.ObjectList, opts ...client.ListOption) error {
	l.n++
	return l.Reader.List(ctx, list, opts...)
}

// Events are gone through by the namespace, so that they are asked for seldom: never for
// a Pod that waits for its node, and then each time it is twice as old.
func TestEventsAreAskedForSeldom(t *testing.T) {
	h := build(t, taskRun())
	live := &lists{Reader: h.Live}
	h.Live = live
	h.reconcile()
	for range 30 {
		h.clock = h.clock.Add(10 * time.Second)
		h.reconcile()
	}
	if live.n != 0 {
		t.Fatalf("asked %d times about a pod that has no node", live.n)
	}
	h.schedule(h.pod("ci-pod"))
	start, looks := h.clock, 0
	for h.clock.Sub(start) < 50*time.Minute {
		h.clock = h.clock.Add(h.reconcile().RequeueAfter)
		looks++
	}
	// 20 s · 2⁷ is 43 minutes.
	if want := 8; live.n > want || live.n < want-1 {
		t.Errorf("asked %d times in %d looks, want %d", live.n, looks, want)
	}
}
