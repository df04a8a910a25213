package taskrun

import (
	"context"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
	"github.com/slipway-dev/slipway/pkg/coschedule"
)

// place is where the run's Pod goes. Where all tasks of a PipelineRun stay together,
// that is the node of its last Pod, also when that has ended, unless the node takes no
// more Pods: then the tasks that follow move together.
func (r *Reconciler) place(ctx context.Context, run *v1.TaskRun) (coschedule.Place, error) {
	mode := r.Settings.Current().Coschedule
	p := coschedule.Place{Group: run.Labels[coschedule.Label], Alone: mode == coschedule.Isolate}
	if p.Group == "" || !mode.ByRun() {
		return p, nil
	}
	var pods corev1.PodList
	if err := r.Client.List(ctx, &pods, client.InNamespace(run.Namespace), client.MatchingLabels{coschedule.Label: p.Group}); err != nil {
		return p, err
	}
	var last corev1.Pod
	for _, pod := range pods.Items {
		if pod.Spec.NodeName != "" && pod.CreationTimestamp.After(last.CreationTimestamp.Time) {
			last = pod
		}
	}
	if last.Name == "" {
		return p, nil
	}
	var node corev1.Node
	err := r.Client.Get(ctx, client.ObjectKey{Name: last.Spec.NodeName}, &node)
	if err == nil && !node.Spec.Unschedulable {
		p.Node = node.Name
	}
	return p, client.IgnoreNotFound(err)
}
