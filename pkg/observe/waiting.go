package observe

import (
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
	"github.com/slipway-dev/slipway/entrypoint/contract"
)

// goesOn settles the condition of an attempt that has not ended.
func (p *Progress) goesOn(in Input) {
	p.Status, p.Reason, p.Message = corev1.ConditionUnknown, v1.TaskRunReasonRunning.String(), messageRunning
	if reason, message, ok := stuck(in); ok {
		p.Stuck = true
		p.Status, p.Reason, p.Message = corev1.ConditionFalse, reason, message
		return
	}
	if p.Running {
		if name := halted(in.Pod); name != "" {
			p.Message = fmt.Sprintf("step %q waits at a breakpoint: let it go on by kubectl exec -n %s %s -c step-%s -- %s/scripts/%s, or end it by %s",
				name, in.Pod.Namespace, in.Pod.Name, name, contract.DebugDir, contract.DebugContinue, contract.DebugFail)
		}
		return
	}
	p.Reason, p.Message = v1.TaskRunReasonPodPending.String(), "the pod is being started"
	for _, c := range in.Pod.Status.Conditions {
		if c.Type != corev1.PodScheduled || c.Status == corev1.ConditionTrue {
			continue
		}
		p.Message = fmt.Sprintf("the pod waits for a node: %s", orUnknown(c.Message))
		if strings.Contains(c.Message, "Insufficient") {
			p.Reason = v1.TaskRunReasonExceededNodeResources.String()
		}
		return
	}
	if name := waitingSidecar(in.Pod); name != "" {
		p.Message = fmt.Sprintf("the steps wait until sidecar %q is ready", name)
	}
}

// nodeIsBusy is what a kubelet says of an image that it did not even ask for, as it
// has pulled enough in this second (registryPullQPS). It asks later.
const nodeIsBusy = "pull QPS exceeded"

// stuck finds a container that the kubelet cannot start, whatever it tries.
func stuck(in Input) (reason, message string, ok bool) {
	pod := in.Pod
	for _, list := range [][]corev1.ContainerStatus{pod.Status.InitContainerStatuses, pod.Status.ContainerStatuses} {
		for _, s := range list {
			w := s.State.Waiting
			if w == nil {
				continue
			}
			if strings.Contains(w.Message, nodeIsBusy) {
				continue
			}
			switch w.Reason {
			case "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull":
				return v1.TaskRunReasonImagePullFailed.String(), fmt.Sprintf("%s: image %s cannot be pulled: %s",
					describe(in.Task, s.Name), imageOf(pod, s), answer(w.Message)), true
			case "CreateContainerConfigError", "CreateContainerError", "RunContainerError":
				return v1.TaskRunReasonCreateContainerConfigError.String(), fmt.Sprintf("%s cannot be started: %s",
					describe(in.Task, s.Name), orUnknown(w.Message)), true
			}
		}
	}
	return "", "", false
}

// describe names a container as its Task does.
func describe(task, container string) string {
	if name, ok := strings.CutPrefix(container, contract.Container(task, "")); ok {
		return fmt.Sprintf("step %q", name)
	}
	if name, ok := strings.CutPrefix(container, "sidecar-"); ok {
		return fmt.Sprintf("sidecar %q", name)
	}
	return fmt.Sprintf("container %q", container)
}

// imageOf is the image as the Pod names it; the status may name another.
func imageOf(pod *corev1.Pod, s corev1.ContainerStatus) string {
	for _, list := range [][]corev1.Container{pod.Spec.InitContainers, pod.Spec.Containers} {
		for _, c := range list {
			if c.Name == s.Name {
				return c.Image
			}
		}
	}
	return s.Image
}

// answer is what the registry said: the kubelet puts its own words before it.
func answer(message string) string {
	if _, rest, ok := strings.Cut(message, "ErrImagePull: "); ok {
		return rest
	}
	return orUnknown(message)
}

// halted is the step that waits for a person. Of steps, only those that may halt
// have a probe, and they are ready while they do.
func halted(pod *corev1.Pod) string {
	for _, s := range pod.Status.ContainerStatuses {
		i := slices.IndexFunc(pod.Spec.Containers, func(c corev1.Container) bool { return c.Name == s.Name })
		name, isStep := strings.CutPrefix(s.Name, "step-")
		if isStep && i >= 0 && pod.Spec.Containers[i].ReadinessProbe != nil && s.State.Running != nil && s.Ready {
			return name
		}
	}
	return ""
}

func waitingSidecar(pod *corev1.Pod) string {
	for _, s := range pod.Status.InitContainerStatuses {
		name, ok := strings.CutPrefix(s.Name, "sidecar-")
		if ok && s.State.Running != nil && (s.Started == nil || !*s.Started) {
			return name
		}
	}
	return ""
}
