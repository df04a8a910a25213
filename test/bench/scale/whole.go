package main

import (
	"context"
	"errors"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
)

// complete says what is lost, doubled or stuck of n TaskRuns and their PipelineRuns.
func (p *place) complete(ctx context.Context, n, pipelineRuns int) error {
	var w whole
	here := client.InNamespace(p.Namespace)
	if err := errors.Join(p.Client.List(ctx, &w.taskRuns, here), p.Client.List(ctx, &w.pods, here), p.Client.List(ctx, &w.pipelineRuns, here)); err != nil {
		return err
	}
	return w.check(n, pipelineRuns)
}

// whole is all that there is.
type whole struct {
	taskRuns     v1.TaskRunList
	pods         corev1.PodList
	pipelineRuns v1.PipelineRunList
}

func (w *whole) check(n, pipelineRuns int) error {
	if have := len(w.taskRuns.Items); have != n {
		return fmt.Errorf("there are %d TaskRuns, not %d", have, n)
	}
	if have := len(w.pipelineRuns.Items); have != pipelineRuns {
		return fmt.Errorf("there are %d PipelineRuns, not %d", have, pipelineRuns)
	}
	pods, children := map[types.UID]int{}, map[types.UID]int{}
	count(pods, w.pods.Items, func(o *corev1.Pod) metav1.Object { return o })
	count(children, w.taskRuns.Items, func(o *v1.TaskRun) metav1.Object { return o })
	for i := range w.taskRuns.Items {
		run := &w.taskRuns.Items[i]
		if c := run.Status.GetCondition(v1.ConditionSucceeded); !c.IsTrue() || len(run.Status.RetriesStatus) > 0 || pods[run.UID] != 1 {
			return fmt.Errorf("TaskRun %s has %d Pods and the condition %+v", run.Name, pods[run.UID], c)
		}
	}
	for i := range w.pipelineRuns.Items {
		run := &w.pipelineRuns.Items[i]
		if c := run.Status.GetCondition(v1.ConditionSucceeded); !c.IsTrue() || children[run.UID] != tasks {
			return fmt.Errorf("PipelineRun %s has %d TaskRuns and the condition %+v", run.Name, children[run.UID], c)
		}
	}
	return nil
}

// count counts objects by who controls them.
func count[T any](by map[types.UID]int, items []T, object func(*T) metav1.Object) {
	for i := range items {
		if owner := metav1.GetControllerOf(object(&items[i])); owner != nil {
			by[owner.UID]++
		}
	}
}
