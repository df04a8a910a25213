package pipelinerun

import (
	"context"
	"slices"
	"strings"
	"testing"

	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
	corev1 "k8s.io/api/core/v1"
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
			b.finish("ci-a", corev1.ConditionTrue)
			b.must(2)
			b.finish("ci-b", corev1.ConditionTrue)
			b.must(2)
			if c := b.run().Status.GetCondition(v1.ConditionSucceeded); !c.IsTrue() || strings.Contains(c.Message, "deleted") {
				t.Errorf("the run ends with %+v", c)
			}
		})
	}
}

// lagging shows a run as it was, and of its children only what it does not hide.
type lagging struct {
	client.Client
	run  *v1.PipelineRun
	hide string
}

func (l lagging) Get(ctx context.Context, key client.ObjectKey, o client.Object, opts ...client.GetOption) error {
	if run, ok := o.(*v1.PipelineRun); ok {
		l.run.DeepCopyInto(run)
		return nil
	}
	return l.Client.Get(ctx, key, o, opts...)
}

func (l lagging) List(ctx context.Context, list client.ObjectList, opts ...client.ListOption) error {
	err := l.Client.List(ctx, list, opts...)
	if runs, ok := list.(*v1.TaskRunList); ok {
		runs.Items = slices.DeleteFunc(runs.Items, func(tr v1.TaskRun) bool { return tr.Name == l.hide })
	}
	return err
}

// A child was made that neither the cache nor the status, as the cache has it, shows
// yet: the failure of the one beside it must not start what comes after both.
func TestFinallyWaitsForAChildThatIsNotSeenYet(t *testing.T) {
	b := newBench(t, parse[v1.Task](t, task), parse[v1.PipelineRun](t, `
metadata: {name: ci, namespace: ns, uid: u-1}
spec: {pipelineSpec: {tasks: [{name: a, taskRef: {name: t}}, {name: b, taskRef: {name: t}}], finally: [{name: f, taskRef: {name: t}}]}}
`))
	b.must(2)
	whole, before := b.Client, b.run()
	b.must(1)
	b.finish("ci-a", corev1.ConditionFalse)
	b.Client = lagging{whole, before, "ci-b"}
	b.must(2)
	b.Client = whole
	b.must(2)
	if want := "create ci-f"; slices.Contains(b.writes, want) {
		t.Errorf("wrote %q while ci-b runs", b.writes)
	}
	b.finish("ci-b", corev1.ConditionTrue)
	b.must(2)
	if want := "create ci-f"; !slices.Contains(b.writes, want) {
		t.Errorf("wrote %q, and not %q", b.writes, want)
	}
}
