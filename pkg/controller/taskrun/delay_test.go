package taskrun

import (
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
)

// A Pod that does not start because of a volume says so only in its events: the
// run tells it while it waits, and when its time is up.
func TestSlowStartIsExplained(t *testing.T) {
	h := build(t, taskRun(func(run *v1.TaskRun) { run.Spec.Timeout = &metav1.Duration{Duration: 2 * slow} }))
	h.reconcile()
	pod := h.pod("ci-pod")
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
