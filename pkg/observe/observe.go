// Package observe reads from a Pod how the run that it belongs to stands. It is
// the mirror of compile, and as pure: the same Pod always gives the same answer.
//
// The end is read from the containers, not from the Pod's phase, which the
// kubelet reports later. Every way a Pod can fail ends in a reason and a message
// that names the step and the cause.
package observe

import (
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
	"github.com/slipway-dev/slipway/entrypoint/contract"
)

// Input is what a Pod is read against.
type Input struct {
	// Run is the name of the TaskRun, for hints in messages.
	Run string
	// Task is the name of the task in its pipeline where it shares the Pod with others,
	// else empty.
	Task string
	// Spec is what the Pod was compiled from.
	Spec *v1.TaskSpec
	// Pod as the cluster has it.
	Pod *corev1.Pod
	// Collected holds, by container, the messages that were completed from
	// that container's log; see Progress.Logs.
	Collected map[string]contract.Message
}

// Progress is how an attempt stands.
type Progress struct {
	// Status, Reason and Message are those of the condition Succeeded.
	Status          corev1.ConditionStatus
	Reason, Message string

	Steps     []v1.StepState
	Sidecars  []v1.SidecarState
	Results   []v1.TaskRunResult
	Artifacts *v1.Artifacts

	// Running says that the containers of the steps have been started.
	Running bool
	// Stuck says that the Pod cannot go on as it is, though the kubelet will
	// try for ever: an image that cannot be pulled, a Secret that is missing.
	// Status is False with the reason that the run would end for.
	Stuck bool
	// FinishedAt is when the last step ended, by the entrypoint's clock; zero
	// while the attempt goes on or when nobody knows.
	FinishedAt time.Time
	// Logs lists the containers whose log holds the rest of their message.
	// Status, Results and Steps are complete only when there are none.
	Logs []string
}

// Done reports whether the attempt has ended.
func (p Progress) Done() bool { return p.Status != corev1.ConditionUnknown && !p.Stuck }

// ReasonPodDeleted is the reason of a run whose Pod was deleted by somebody else.
const ReasonPodDeleted = "PodDeleted"

// Messages of conditions, as Tekton has them.
const (
	messageRunning   = "Not all Steps in the Task have finished executing"
	messageSucceeded = "All Steps have completed executing"
)

// Pod reads a Pod.
func Pod(in Input) Progress {
	in.Pod = alone(in.Pod, in.Task, in.Spec)
	p := Progress{Sidecars: sidecars(in.Pod)}
	steps := readSteps(in)
	for _, s := range steps {
		p.Steps = append(p.Steps, s.state)
		p.Running = p.Running || s.state.Running != nil || s.state.Terminated != nil
		if s.pendingLog {
			p.Logs = append(p.Logs, s.state.Container)
		}
		if f := s.finished(); f.After(p.FinishedAt) {
			p.FinishedAt = f
		}
	}
	if !ended(in.Pod, steps) {
		p.FinishedAt = time.Time{}
		p.goesOn(in)
		return p
	}
	p.Results, p.Artifacts = results(in.Spec, steps), artifacts(steps)
	p.Status, p.Reason, p.Message = corev1.ConditionTrue, v1.TaskRunReasonSuccessful.String(), messageSucceeded
	if reason, message := failure(in, steps); reason != "" {
		p.Status, p.Reason, p.Message = corev1.ConditionFalse, reason, message
	}
	return p
}

// step is one step's state with what its entrypoint said.
type step struct {
	spec  *v1.Step
	state v1.StepState
	// said is the entrypoint's message; nil when it left none.
	said *contract.Message
	// pendingLog says that the message refers to the container's log.
	pendingLog bool
	// killedBy is the kubelet's reason, such as OOMKilled, of a container that ended.
	killedBy string
	// limit of memory, when there is one.
	limit string
}

func (s step) finished() time.Time {
	if s.state.Terminated == nil {
		return time.Time{}
	}
	return s.state.Terminated.FinishedAt.Time
}

func readSteps(in Input) []step {
	var steps []step
	for i := range in.Spec.Steps {
		name := in.Spec.Steps[i].Name
		if name == "" {
			name = unnamed(i)
		}
		steps = append(steps, readStep(in, &in.Spec.Steps[i], name))
	}
	return steps
}

func readStep(in Input, spec *v1.Step, name string) step {
	s := step{spec: spec, state: v1.StepState{Name: name, Container: contract.Container(in.Task, name)}}
	container := s.state.Container
	if i := slices.IndexFunc(in.Pod.Spec.Containers, func(c corev1.Container) bool { return c.Name == container }); i >= 0 {
		if q, ok := in.Pod.Spec.Containers[i].Resources.Limits[corev1.ResourceMemory]; ok {
			s.limit = q.String()
		}
	}
	status := statusOf(in.Pod, container)
	if status == nil {
		return s
	}
	s.state.ImageID = status.ImageID
	s.state.ContainerState = *status.State.DeepCopy()
	if status.State.Terminated != nil {
		s.terminated(*status.State.Terminated, in.Collected[container])
	}
	return s
}

// terminated takes the entrypoint's word on how the step ended over that of the
// container, which is about the entrypoint itself.
func (s *step) terminated(t corev1.ContainerStateTerminated, collected contract.Message) {
	s.killedBy = t.Reason
	s.state.TerminationReason = v1.TerminationReasonError
	said, err := contract.Decode([]byte(t.Message))
	// What the entrypoint wrote is for programs; people get the fields.
	s.state.Terminated.Message = ""
	if err != nil {
		return
	}
	if said.Log != nil && collected.Version != 0 {
		said = collected
	}
	s.said, s.pendingLog = &said, said.Log != nil
	s.state.TerminationReason = string(said.Reason)
	s.state.Terminated.ExitCode = int32(said.ExitCode)
	if !said.StartedAt.IsZero() {
		s.state.Terminated.StartedAt = metav1.NewTime(said.StartedAt)
	}
	s.state.Terminated.FinishedAt = metav1.NewTime(said.FinishedAt)
	s.state.Terminated.Message = said.Detail
	s.state.Results = values(said.StepResults)
	s.state.Inputs, s.state.Outputs = readArtifacts(said.StepArtifacts)
}

func (s step) failed() bool {
	if s.state.Terminated == nil {
		return false
	}
	if s.said == nil {
		return true
	}
	switch s.said.Reason {
	case contract.ReasonCompleted, contract.ReasonContinued:
		return false
	case contract.ReasonSkipped:
		return s.said.Cause != contract.CauseWhen
	}
	return true
}

// ended reports whether every step has ended, or the Pod is at an end without.
func ended(pod *corev1.Pod, steps []step) bool {
	if pod.Status.Phase == corev1.PodFailed || pod.Status.Phase == corev1.PodSucceeded {
		return true
	}
	return !slices.ContainsFunc(steps, func(s step) bool { return s.state.Terminated == nil })
}

func sidecars(pod *corev1.Pod) []v1.SidecarState {
	var out []v1.SidecarState
	for _, list := range [][]corev1.ContainerStatus{pod.Status.InitContainerStatuses, pod.Status.ContainerStatuses} {
		for _, s := range list {
			name, ok := strings.CutPrefix(s.Name, "sidecar-")
			if !ok {
				continue
			}
			out = append(out, v1.SidecarState{ContainerState: *s.State.DeepCopy(), Name: name, Container: s.Name, ImageID: s.ImageID})
		}
	}
	return out
}
