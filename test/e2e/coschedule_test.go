//go:build e2e

package e2e

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/slipway-dev/slipway/pkg/coschedule"
	"github.com/slipway-dev/slipway/test/env"
)

// Tasks that share a claim run side by side on it: each waits for what the other
// writes. The first Pod of the group is scheduled though there is none to join.
func TestTasksThatShareAVolume(t *testing.T) {
	t.Parallel()
	e := env.New(t)
	meet := func(own, other string) string {
		return `{name: ` + own + `, taskSpec: {steps: [{name: s, image: IMAGE, script: "cd $(workspaces.shared.path); touch ` + own +
			`; while [ ! -e ` + other + ` ]; do sleep 1; done"}]}}`
	}
	pipelineRun(e, `
workspaces: [{name: shared, volumeClaimTemplate: {spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 16Mi}}}}}]
pipelineSpec:
  workspaces: [{name: shared}]
  tasks:
  - `+meet("one", "two")+`
  - `+meet("two", "one")+`
  - {name: apart, taskSpec: {steps: [{name: s, image: IMAGE, script: "true"}]}}
`)
	run := e.PipelineRunDone("ci", runTimeout)
	wantOutcome(e, run, "Succeeded", "Tasks Completed: 3 (Failed: 0, Cancelled 0), Skipped: 0")
	pods := map[string]*corev1.Pod{}
	for _, name := range []string{"one", "two", "apart"} {
		pods[name] = e.PodOf(childTaskRun(e, "ci-"+name))
	}
	group := pods["one"].Labels[coschedule.Label]
	want := &corev1.Affinity{PodAffinity: &corev1.PodAffinity{RequiredDuringSchedulingIgnoredDuringExecution: []corev1.PodAffinityTerm{{
		TopologyKey: corev1.LabelHostname, LabelSelector: &metav1.LabelSelector{MatchLabels: map[string]string{coschedule.Label: group}}}}}}
	for _, name := range []string{"one", "two"} {
		if diff := cmp.Diff(want, pods[name].Spec.Affinity); diff != "" {
			t.Errorf("affinity of %s (-want +got):\n%s", name, diff)
		}
	}
	if pods["two"].Labels[coschedule.Label] != group || group == "" || pods["one"].Spec.NodeName != pods["two"].Spec.NodeName {
		t.Errorf("groups %q and %q on %s and %s", group, pods["two"].Labels[coschedule.Label], pods["one"].Spec.NodeName, pods["two"].Spec.NodeName)
	}
	if p := pods["apart"]; p.Spec.Affinity != nil || p.Labels[coschedule.Label] != "" {
		t.Errorf("apart has labels %v and affinity %+v", p.Labels, p.Spec.Affinity)
	}
}
