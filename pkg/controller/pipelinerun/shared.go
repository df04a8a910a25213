package pipelinerun

import (
	"context"
	"maps"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
	"github.com/slipway-dev/slipway/pkg/kube"
	"github.com/slipway-dev/slipway/pkg/observe"
	"github.com/slipway-dev/slipway/pkg/plan"
	"github.com/slipway-dev/slipway/pkg/plan/names"
)

// sharedPods are the Pods that tasks of the run share and that are there.
func (r *Reconciler) sharedPods(ctx context.Context, run *v1.PipelineRun) ([]*corev1.Pod, error) {
	var pods []*corev1.Pod
	for name := range names.SharedPods(run) {
		pod := &corev1.Pod{}
		err := r.Client.Get(ctx, client.ObjectKey{Namespace: run.Namespace, Name: name}, pod)
		if client.IgnoreNotFound(err) != nil {
			return nil, err
		}
		if err == nil && metav1.IsControlledBy(pod, run) {
			pods = append(pods, pod)
		}
	}
	return pods, nil
}

// loadMembers reads how the tasks stand that share Pods.
func (r *Reconciler) loadMembers(ctx context.Context, in *plan.Input) error {
	pods, err := r.sharedPods(ctx, in.Run)
	if err != nil {
		return err
	}
	for _, pod := range pods {
		if in.Members == nil {
			in.Members = map[string]observe.Member{}
		}
		maps.Copy(in.Members, observe.Members(pod))
	}
	return nil
}

// clear ends what still waits for its turn in Pods of a run that is over.
func (r *Reconciler) clear(ctx context.Context, run *v1.PipelineRun) error {
	pods, err := r.sharedPods(ctx, run)
	if err != nil {
		return err
	}
	for _, pod := range pods {
		for _, m := range observe.Members(pod) {
			if !m.Ended && pod.DeletionTimestamp == nil {
				if err := kube.EndPod(ctx, r.Client, pod); err != nil {
					return err
				}
				break
			}
		}
	}
	return nil
}
