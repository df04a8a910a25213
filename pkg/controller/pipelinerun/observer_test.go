package pipelinerun

import (
	"errors"
	"testing"

	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
	corev1 "k8s.io/api/core/v1"
)

type witness struct{ writes, ends int }

func (w *witness) PipelineRunWritten(before, after *v1.PipelineRun) {
	w.writes++
	if !before.IsDone() && after.IsDone() {
		w.ends++
	}
}

// An end is told once, and not before it is written.
func TestEndIsToldOnce(t *testing.T) {
	b := newBench(t, parse[v1.Pipeline](t, pipeline), parse[v1.Task](t, task), parse[v1.PipelineRun](t, ci))
	w := &witness{}
	b.Observers = []Observer{w}
	b.must(5)
	b.finish("ci-a", corev1.ConditionTrue)
	b.must(3)
	b.finish("ci-b", corev1.ConditionTrue)
	b.refuse = func(what string) error {
		if what == "status ci" {
			return errors.New("the API server is away")
		}
		return nil
	}
	if err := b.reconcile(); err == nil || w.ends != 0 {
		t.Fatalf("error %v, and %d ends told of a write that failed", err, w.ends)
	}
	b.refuse = nil
	b.must(2)
	b.Reconciler = New(b.Deps)
	b.must(2)
	if w.ends != 1 || w.writes != 4 {
		t.Errorf("told of %d ends in %d writes, want 1 in 4", w.ends, w.writes)
	}
}
