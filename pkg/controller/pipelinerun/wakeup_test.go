package pipelinerun

import (
	"strings"
	"testing"

	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// What stands in the way for a moment is tried again, whether or not it brings an event.
func TestWhatStandsInTheWay(t *testing.T) {
	runs := v1.SchemeGroupVersion.WithResource("pipelineruns").GroupResource()
	for name, tc := range map[string]struct {
		what string
		err  error
	}{
		"quota":                  {"create ci-a", apierrors.NewConflict(schema.GroupResource{Resource: "resourcequotas"}, "q", nil)},
		"old version":            {"status ci", apierrors.NewConflict(runs, "ci", nil)},
		"child on its way out":   {"create ci-a", apierrors.NewAlreadyExists(v1.SchemeGroupVersion.WithResource("taskruns").GroupResource(), "ci-a")},
		"labels, no event comes": {"", nil},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, parse[v1.Pipeline](t, pipeline), parse[v1.Task](t, task), parse[v1.PipelineRun](t, ci))
			if tc.what != "" {
				b.must(2)
			}
			b.refuse = func(what string) error {
				if what == tc.what {
					return tc.err
				}
				return nil
			}
			result, err := b.Reconcile(t.Context(), ctrl.Request{NamespacedName: client.ObjectKey{Namespace: "ns", Name: "ci"}})
			if err == nil && result.RequeueAfter == 0 {
				t.Fatal("nobody looks again")
			}
			b.refuse = nil
			b.must(3)
			b.finish("ci-a")
			b.must(2)
			b.finish("ci-b")
			b.must(2)
			if c := b.run().Status.GetCondition(v1.ConditionSucceeded); !c.IsTrue() || strings.Contains(c.Message, "deleted") {
				t.Errorf("the run ends with %+v", c)
			}
		})
	}
}
