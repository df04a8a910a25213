package env

import (
	"context"
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
)

// dump logs where everything in the namespace of a failed test stands, a line
// for each object: most failures that come once in many runs show themselves
// nowhere else.
func (e *Env) dump() {
	ctx := context.Background()
	var lines []string
	add := func(kind, name, text string) { lines = append(lines, fmt.Sprintf("%s %s: %s", kind, name, text)) }
	var pipelineRuns v1.PipelineRunList
	var taskRuns v1.TaskRunList
	var pods corev1.PodList
	var events corev1.EventList
	for _, list := range []client.ObjectList{&pipelineRuns, &taskRuns, &pods, &events} {
		if err := e.Client.List(ctx, list, client.InNamespace(e.Namespace)); err != nil {
			e.Logf("the state of namespace %s: %v", e.Namespace, err)
		}
	}
	for i := range pipelineRuns.Items {
		add("pipelinerun", pipelineRuns.Items[i].Name, seen(nil, pipelineRuns.Items[i].Status.GetCondition(v1.ConditionSucceeded)))
	}
	for i := range taskRuns.Items {
		add("taskrun", taskRuns.Items[i].Name, seen(nil, taskRuns.Items[i].Status.GetCondition(v1.ConditionSucceeded)))
	}
	for i := range pods.Items {
		add("pod", pods.Items[i].Name, podState(&pods.Items[i]))
	}
	for _, ev := range events.Items {
		if ev.Type == corev1.EventTypeWarning {
			add("event", ev.InvolvedObject.Name, ev.Reason+": "+ev.Message)
		}
	}
	e.Logf("namespace %s:\n%s", e.Namespace, strings.Join(lines, "\n"))
}

// podState is a Pod's phase, why it is in it, and the state of each container.
func podState(pod *corev1.Pod) string {
	text := []string{string(pod.Status.Phase), pod.Status.Reason, pod.Status.Message}
	for _, c := range pod.Status.Conditions {
		if c.Status == corev1.ConditionFalse {
			text = append(text, fmt.Sprintf("%s=False(%s)", c.Type, c.Reason))
		}
	}
	for _, s := range pod.Status.ContainerStatuses {
		switch {
		case s.State.Terminated != nil:
			text = append(text, fmt.Sprintf("%s=%d(%s)", s.Name, s.State.Terminated.ExitCode, s.State.Terminated.Reason))
		case s.State.Running != nil:
			text = append(text, s.Name+"=running since "+s.State.Running.StartedAt.UTC().Format(time.RFC3339))
		case s.State.Waiting != nil:
			text = append(text, s.Name+"=waiting("+s.State.Waiting.Reason+")")
		}
	}
	return strings.Join(strings.Fields(strings.Join(text, " ")), " ")
}
