package taskrun

import (
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
	"github.com/slipway-dev/slipway/pkg/coschedule"
	"github.com/slipway-dev/slipway/pkg/kube/settings"
)

// The Pods of a run that stays together go where its last one was, while they can.
func TestPlaceOfPods(t *testing.T) {
	const group = "g"
	grouped := func(r *v1.TaskRun) { r.Labels = map[string]string{coschedule.Label: group} }
	pod := func(name, node string, age time.Duration) *corev1.Pod {
		return &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: name, Labels: map[string]string{coschedule.Label: group},
			CreationTimestamp: metav1.NewTime(time.Unix(2_000_000_000, 0).Add(-age))}, Spec: corev1.PodSpec{NodeName: node}}
	}
	cordoned := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "cordoned"}, Spec: corev1.NodeSpec{Unschedulable: true}}
	for name, tc := range map[string]struct {
		mode string
		run  *v1.TaskRun
		pods []*corev1.Pod
		want coschedule.Place
	}{
		"no group":                     {"pipelineruns", taskRun(), nil, coschedule.Place{}},
		"by workspace":                 {"workspaces", taskRun(grouped), []*corev1.Pod{pod("p", "n1", 0)}, coschedule.Place{Group: group}},
		"the first":                    {"pipelineruns", taskRun(grouped), []*corev1.Pod{pod("p", "", 0)}, coschedule.Place{Group: group}},
		"where the last one was":       {"pipelineruns", taskRun(grouped), []*corev1.Pod{pod("p", "n2", time.Hour), pod("q", "n1", time.Minute), pod("r", "", 0)}, coschedule.Place{Group: group, Node: "n1"}},
		"not where none may go":        {"pipelineruns", taskRun(grouped), []*corev1.Pod{pod("p", "cordoned", 0)}, coschedule.Place{Group: group}},
		"not on a node that is gone":   {"pipelineruns", taskRun(grouped), []*corev1.Pod{pod("p", "gone", 0)}, coschedule.Place{Group: group}},
		"alone, and where the last is": {"isolate-pipelinerun", taskRun(grouped), []*corev1.Pod{pod("p", "n1", 0)}, coschedule.Place{Group: group, Alone: true, Node: "n1"}},
	} {
		t.Run(name, func(t *testing.T) {
			h := build(t, tc.run, cordoned, &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "n1"}}, &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "n2"}})
			for _, p := range tc.pods {
				h.clock = p.CreationTimestamp.Time
				if err := h.Client.Create(t.Context(), p); err != nil {
					t.Fatal(err)
				}
			}
			h.Settings.Apply(settings.FlagsName, map[string]string{"coschedule": tc.mode})
			if got, err := h.place(t.Context(), tc.run); err != nil || got != tc.want {
				t.Errorf("%+v, %v, want %+v", got, err, tc.want)
			}
			h.reconcile()
			made := h.pod("ci-pod")
			if (made.Spec.Affinity != nil) != (tc.want.Group != "") || made.Labels[coschedule.Label] != tc.want.Group {
				t.Errorf("the Pod has labels %v and affinity %+v", made.Labels, made.Spec.Affinity)
			}
		})
	}
}
