package taskrun

import (
	"slices"
	"testing"

	corev1 "k8s.io/api/core/v1"

	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
	"github.com/slipway-dev/slipway/entrypoint/contract"
)

// witness notes the ends that it was told of, and with which Pod.
type witness struct{ ends []string }

func (w *witness) TaskRunWritten(before, after *v1.TaskRun, pod *corev1.Pod) {
	if before.IsDone() || !after.IsDone() {
		return
	}
	name := "no pod"
	if pod != nil {
		name = pod.Name
	}
	w.ends = append(w.ends, after.Status.GetCondition(v1.ConditionSucceeded).Reason+", "+name)
}

// An end is told once, by who wrote it, however often the run is looked at and
// whoever looks.
func TestEndIsToldOnce(t *testing.T) {
	for name, tc := range map[string]struct {
		run   *v1.TaskRun
		pod   bool
		told  string
		event string
	}{
		"good":      {taskRun(), true, "Succeeded, ci-pod", "Normal Succeeded All Steps have completed executing"},
		"cancelled": {taskRun(func(r *v1.TaskRun) { r.Spec.Status = v1.TaskRunSpecStatusCancelled }), false, "TaskRunCancelled, no pod", `Warning Failed TaskRun "ci" was cancelled`},
	} {
		t.Run(name, func(t *testing.T) {
			h, w := build(t, tc.run), &witness{}
			h.Observers = []Observer{w}
			h.reconcile()
			if tc.pod {
				h.kubelet("ci-pod", running())
				h.reconcile()
				h.kubelet("ci-pod", h.ended(contract.ReasonCompleted, 0))
			}
			h.reconcile()
			h.reconcile()
			old := h.Reconciler
			h.Reconciler = &Reconciler{Client: old.Client, Live: old.Live, References: old.References, Observers: old.Observers, Events: old.Events, Config: old.Config, Settings: old.Settings, Now: old.Now}
			h.reconcile()
			if !slices.Equal(w.ends, []string{tc.told}) {
				t.Errorf("told %q, want %q once", w.ends, tc.told)
			}
			var events []string
			for len(h.told.Events) > 0 {
				events = append(events, <-h.told.Events)
			}
			if len(events) == 0 || events[len(events)-1] != tc.event {
				t.Errorf("events are %q, want the last to be %q", events, tc.event)
			}
		})
	}
}
