package taskrun

import (
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
)

// Clients list the runs of a Task by a label of the run, and people find Pods by
// labels of the Task. What the run says itself comes first.
func TestLabelsOfTheTask(t *testing.T) {
	task := &v1.Task{ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: "build", Labels: map[string]string{"app": "shop", "team": "a"},
		Annotations: map[string]string{"note": "n", "kubectl.kubernetes.io/last-applied-configuration": "{}"}}, Spec: *taskRun().Spec.TaskSpec}
	byName := func(run *v1.TaskRun) { run.Spec.TaskSpec, run.Spec.TaskRef = nil, &v1.TaskRef{Name: "build"} }
	for name, tc := range map[string]struct {
		labels map[string]string
		writes []string
		want   map[string]string
	}{
		"none of its own": {nil, []string{"patch ci", "create ci-pod"}, map[string]string{v1.LabelTask: "build", "app": "shop", "team": "a"}},
		"one of its own":  {map[string]string{"team": "b"}, []string{"patch ci", "create ci-pod"}, map[string]string{v1.LabelTask: "build", "app": "shop", "team": "b"}},
		"another name":    {map[string]string{v1.LabelTask: "mine"}, []string{"patch ci", "create ci-pod"}, map[string]string{v1.LabelTask: "mine", "app": "shop", "team": "a"}},
	} {
		t.Run(name, func(t *testing.T) {
			h := build(t, task, taskRun(byName, func(run *v1.TaskRun) { run.Labels = tc.labels }))
			h.reconcile()
			h.wantWrites(tc.writes...)
			for _, o := range []metav1.Object{h.run(), h.pod("ci-pod")} {
				for key, value := range tc.want {
					if got := o.GetLabels()[key]; got != value {
						t.Errorf("%s: label %s is %q, want %q", o.GetName(), key, got, value)
					}
				}
				if a := o.GetAnnotations(); a["note"] != "n" || len(a) != 1 {
					t.Errorf("%s: annotations %v, want the note alone", o.GetName(), a)
				}
			}
		})
	}
	t.Run("nothing to take", func(t *testing.T) {
		bare := task.DeepCopy()
		bare.Labels, bare.Annotations = nil, nil
		h := build(t, bare, taskRun(byName, func(run *v1.TaskRun) { run.Labels = map[string]string{v1.LabelTask: "build"} }))
		h.reconcile()
		h.wantWrites("create ci-pod")
	})
}
