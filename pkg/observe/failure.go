package observe

import (
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
	"github.com/slipway-dev/slipway/entrypoint/contract"
)

const oomKilled = "OOMKilled"

// failure says why an ended attempt failed; reason is empty when it did not.
func failure(in Input, steps []step) (reason, message string) {
	pod := in.Pod
	failed := firstFailed(steps)
	switch {
	case pod.Status.Phase != corev1.PodFailed && failed == nil:
		return wrongResult(in.Spec, steps)
	case pod.Status.Reason == "Evicted":
		return v1.TaskRunReasonPodEvicted.String(), "the pod was evicted from its node: " + orUnknown(pod.Status.Message)
	case pod.DeletionTimestamp != nil:
		return ReasonPodDeleted, fmt.Sprintf("pod %s was deleted while the run was going on%s", pod.Name, disruption(pod))
	case failed != nil && failed.killedBy == oomKilled:
		return v1.TaskRunReasonStepOOM.String(), outOfMemory("step", failed.state.Name, failed.limit)
	case failed != nil && !lost(failed):
		return v1.TaskRunReasonStepFailed.String(), stepFailure(in, failed)
	}
	if reason, message := initFailure(pod); reason != "" {
		return reason, message
	}
	return podFailure(pod, failed)
}

// firstFailed is the step that the others failed because of.
func firstFailed(steps []step) *step {
	for i := range steps {
		if steps[i].failed() && !isConsequence(steps[i]) {
			return &steps[i]
		}
	}
	for i := range steps {
		if steps[i].failed() {
			return &steps[i]
		}
	}
	return nil
}

func isConsequence(s step) bool { return s.said != nil && s.said.Reason == contract.ReasonSkipped }

// lost reports whether nothing is known of the step's end but that it is over.
func lost(s *step) bool {
	return s.said == nil && (s.killedBy == "ContainerStatusUnknown" || s.killedBy == "")
}

func stepFailure(in Input, s *step) string {
	name, t := s.state.Name, s.state.Terminated
	hint := fmt.Sprintf("; see: slipway logs %s --step %s", in.Run, name)
	if s.said == nil {
		return fmt.Sprintf("step %q was killed with code %d before it could say why (%s)%s", name, t.ExitCode, orUnknown(t.Reason), hint)
	}
	switch {
	case s.said.Reason == contract.ReasonTimeout:
		return fmt.Sprintf("step %q was stopped: it ran longer than its timeout of %s%s", name, timeoutOf(s), hint)
	case s.said.Reason == contract.ReasonCancelled:
		return fmt.Sprintf("step %q was stopped by a signal from outside%s%s", name, after(t), disruption(in.Pod))
	case s.said.Detail != "":
		return fmt.Sprintf("step %q: %s", name, s.said.Detail)
	case s.said.Reason == contract.ReasonSkipped:
		return fmt.Sprintf("step %q did not run: the step before it was killed", name)
	}
	return fmt.Sprintf("step %q exited with code %d%s%s", name, t.ExitCode, after(t), hint)
}

func timeoutOf(s *step) time.Duration {
	if s.spec.Timeout == nil {
		return 0
	}
	return s.spec.Timeout.Duration
}

func after(t *corev1.ContainerStateTerminated) string {
	took := t.FinishedAt.Sub(t.StartedAt.Time)
	if t.StartedAt.IsZero() || took < 0 {
		return ""
	}
	if took >= time.Second {
		took = took.Round(time.Second)
	} else {
		took = took.Round(time.Millisecond)
	}
	return " after " + took.String()
}

func outOfMemory(what, name, limit string) string {
	if limit == "" {
		return fmt.Sprintf("%s %q was killed: out of memory (no limit of its own; the node had none left)", what, name)
	}
	return fmt.Sprintf("%s %q was killed: out of memory (limit %s)", what, name, limit)
}

// wrongResult fails a run whose steps went well and left something else than
// they declared.
func wrongResult(spec *v1.TaskSpec, steps []step) (reason, message string) {
	if name, err := badResult(steps); err != nil {
		return v1.TaskRunReasonFailedValidation.String(), fmt.Sprintf("step %q: %v", name, err)
	}
	if err := undeclared(spec, results(spec, steps)); err != nil {
		return v1.TaskRunReasonFailedValidation.String(), err.Error()
	}
	return "", ""
}

// initFailure finds what went wrong before the steps: sidecars that ended badly
// and the container that brings the entrypoint.
func initFailure(pod *corev1.Pod) (reason, message string) {
	for _, s := range pod.Status.InitContainerStatuses {
		t := s.State.Terminated
		if t == nil || t.ExitCode == 0 {
			continue
		}
		name, isSidecar := strings.CutPrefix(s.Name, "sidecar-")
		switch {
		case isSidecar && t.Reason == oomKilled:
			return v1.TaskRunReasonSidecarOOM.String(), outOfMemory("sidecar", name, memoryLimit(pod, s.Name))
		case isSidecar:
			continue
		case t.Reason == oomKilled:
			return v1.TaskRunReasonInitContainerOOM.String(), outOfMemory("init container", s.Name, memoryLimit(pod, s.Name))
		}
		return v1.TaskRunReasonInitContainerFailed.String(), fmt.Sprintf("init container %q exited with code %d (%s)", s.Name, t.ExitCode, orUnknown(t.Reason))
	}
	return "", ""
}

func memoryLimit(pod *corev1.Pod, container string) string {
	for _, c := range pod.Spec.InitContainers {
		if q, ok := c.Resources.Limits[corev1.ResourceMemory]; c.Name == container && ok {
			return q.String()
		}
	}
	return ""
}

// admission reasons of a Pod that the kubelet did not take.
var admission = []string{"UnexpectedAdmissionError", "NodeAffinity", "NodeName", "NodePorts", "OutOf", "Preempting",
	"AppArmor", "SysctlForbidden", "PodOSNotSupported", "InvalidNodeInfo", "PodFeatureUnsupported"}

// podFailure is the last resort: what the Pod says of itself.
func podFailure(pod *corev1.Pod, failed *step) (reason, message string) {
	for _, a := range admission {
		if strings.HasPrefix(pod.Status.Reason, a) {
			return v1.TaskRunReasonPodAdmissionFailed.String(), fmt.Sprintf("node %s did not take the pod (%s): %s",
				pod.Spec.NodeName, pod.Status.Reason, orUnknown(pod.Status.Message))
		}
	}
	where := "the pod"
	if failed != nil {
		where = fmt.Sprintf("step %q", failed.state.Name)
	}
	cause := strings.TrimSpace(pod.Status.Reason + " " + pod.Status.Message)
	if cause == "" && failed != nil {
		cause = failed.killedBy
	}
	return v1.TaskRunReasonFailed.String(), fmt.Sprintf("%s was lost with node %s: %s%s", where, pod.Spec.NodeName, orUnknown(cause), disruption(pod))
}

// disruption says who ended the Pod, where the cluster knows: a drain, a taint,
// a node that went away.
func disruption(pod *corev1.Pod) string {
	for _, c := range pod.Status.Conditions {
		if c.Type == corev1.DisruptionTarget && c.Status == corev1.ConditionTrue {
			return fmt.Sprintf(" (%s: %s)", c.Reason, c.Message)
		}
	}
	return ""
}

func orUnknown(s string) string {
	if s == "" {
		return "no cause given"
	}
	return s
}
