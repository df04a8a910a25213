package v1

import (
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// TaskRunStatus is what has become of a TaskRun.
type TaskRunStatus struct {
	Status              `json:",inline"`
	TaskRunStatusFields `json:",inline"`
}

// TaskRunStatusFields are the parts of the status that only TaskRuns have.
type TaskRunStatusFields struct {
	// PodName is the Pod of the current attempt.
	// +optional
	PodName string `json:"podName,omitempty"`
	// StartTime is when the controller took the run up.
	// +optional
	StartTime *metav1.Time `json:"startTime,omitempty"`
	// CompletionTime is when the run ended.
	// +optional
	CompletionTime *metav1.Time `json:"completionTime,omitempty"`
	// Steps holds the state of each step, in their order.
	// +optional
	// +listType=atomic
	Steps []StepState `json:"steps,omitempty"`
	// RetriesStatus holds the status of each attempt that failed and was retried,
	// the first one first.
	// +optional
	// +kubebuilder:pruning:PreserveUnknownFields
	// +kubebuilder:validation:Schemaless
	RetriesStatus RetriesStatus `json:"retriesStatus,omitempty"`
	// Results holds what the Task gave back.
	// +optional
	// +listType=atomic
	Results []TaskRunResult `json:"results,omitempty"`
	// Artifacts holds what the Task reported to have used and made.
	// +optional
	Artifacts *Artifacts `json:"artifacts,omitempty"`
	// Sidecars holds the state of each sidecar.
	// +optional
	// +listType=atomic
	Sidecars []SidecarState `json:"sidecars,omitempty"`
	// TaskSpec is the Task as it was run, with every reference resolved.
	// +optional
	// +kubebuilder:pruning:PreserveUnknownFields
	// +kubebuilder:validation:Schemaless
	TaskSpec *TaskSpec `json:"taskSpec,omitempty"`
	// Provenance says where the Task came from.
	// +optional
	Provenance *Provenance `json:"provenance,omitempty"`
	// SpanContext carries the run's trace, as a text map of OpenTelemetry.
	// +optional
	SpanContext map[string]string `json:"spanContext,omitempty"`
}

// RetriesStatus is the status of each failed attempt.
// +listType=atomic
type RetriesStatus []TaskRunStatus

// StepState is the state of one step: exactly one of waiting, running and terminated.
type StepState struct {
	corev1.ContainerState `json:",inline"`
	// Name of the step.
	// +optional
	Name string `json:"name,omitempty"`
	// Container is the name of the step's container in the Pod.
	// +optional
	Container string `json:"container,omitempty"`
	// ImageID is the image that ran, by digest.
	// +optional
	ImageID string `json:"imageID,omitempty"`
	// Results holds what the step wrote to its own results.
	// +optional
	// +listType=atomic
	Results []TaskRunStepResult `json:"results,omitempty"`
	// Provenance says where the step's StepAction came from.
	// +optional
	Provenance *Provenance `json:"provenance,omitempty"`
	// TerminationReason is Completed, Error, Continued, Skipped, Cancelled or TimeoutExceeded.
	// +optional
	TerminationReason string `json:"terminationReason,omitempty"`
	// Inputs holds the artifacts the step reported to have used.
	// +optional
	// +listType=atomic
	Inputs []TaskRunStepArtifact `json:"inputs,omitempty"`
	// Outputs holds the artifacts the step reported to have made.
	// +optional
	// +listType=atomic
	Outputs []TaskRunStepArtifact `json:"outputs,omitempty"`
}

// Values of StepState.TerminationReason.
const (
	TerminationReasonCompleted       = "Completed"
	TerminationReasonError           = "Error"
	TerminationReasonContinued       = "Continued"
	TerminationReasonSkipped         = "Skipped"
	TerminationReasonCancelled       = "Cancelled"
	TerminationReasonTimeoutExceeded = "TimeoutExceeded"
)

// SidecarState is the state of one sidecar: exactly one of waiting, running and terminated.
type SidecarState struct {
	corev1.ContainerState `json:",inline"`
	// Name of the sidecar.
	// +optional
	Name string `json:"name,omitempty"`
	// Container is the name of the sidecar's container in the Pod.
	// +optional
	Container string `json:"container,omitempty"`
	// ImageID is the image that ran, by digest.
	// +optional
	ImageID string `json:"imageID,omitempty"`
}

// TaskRunReason is the reason of a TaskRun's condition Succeeded.
type TaskRunReason string

func (r TaskRunReason) String() string { return string(r) }

// Reasons while a TaskRun goes on.
const (
	TaskRunReasonPending                TaskRunReason = "TaskRunPending" // held back by spec.status
	TaskRunReasonStarted                TaskRunReason = "Started"        // taken up, no Pod yet
	TaskRunReasonResolvingTaskRef       TaskRunReason = "ResolvingTaskRef"
	TaskRunReasonResolvingStepActionRef TaskRunReason = "ResolvingStepActionRef"
	TaskRunReasonPodPending             TaskRunReason = "Pending" // the Pod waits to run
	TaskRunReasonExceededResourceQuota  TaskRunReason = "ExceededResourceQuota"
	TaskRunReasonExceededNodeResources  TaskRunReason = "ExceededNodeResources"
	TaskRunReasonPullImageFailed        TaskRunReason = "PullImageFailed"
	TaskRunReasonRunning                TaskRunReason = "Running"
	TaskRunReasonToBeRetried            TaskRunReason = "ToBeRetried" // this attempt failed, another follows
)

// Reasons of a TaskRun that has ended.
const (
	TaskRunReasonSuccessful TaskRunReason = "Succeeded"
	TaskRunReasonCancelled  TaskRunReason = "TaskRunCancelled"
	TaskRunReasonTimedOut   TaskRunReason = "TaskRunTimeout"
	// TaskRunReasonFailureIgnored is a failure that the Pipeline's onError lets pass.
	TaskRunReasonFailureIgnored TaskRunReason = "FailureIgnored"
	// TaskRunReasonFailed is a failure that no other reason describes.
	TaskRunReasonFailed                       TaskRunReason = "Failed"
	TaskRunReasonStepFailed                   TaskRunReason = "StepFailed"
	TaskRunReasonStepOOM                      TaskRunReason = "StepOOM"
	TaskRunReasonSidecarFailed                TaskRunReason = "SidecarFailed"
	TaskRunReasonSidecarOOM                   TaskRunReason = "SidecarOOM"
	TaskRunReasonInitContainerFailed          TaskRunReason = "InitContainerFailed"
	TaskRunReasonInitContainerOOM             TaskRunReason = "InitContainerOOM"
	TaskRunReasonPodEvicted                   TaskRunReason = "PodEvicted"
	TaskRunReasonPodAdmissionFailed           TaskRunReason = "PodAdmissionFailed"
	TaskRunReasonPodCreationFailed            TaskRunReason = "PodCreationFailed"
	TaskRunReasonCreateContainerConfigError   TaskRunReason = "CreateContainerConfigError"
	TaskRunReasonImagePullFailed              TaskRunReason = "TaskRunImagePullFailed"
	TaskRunReasonStopSidecarFailed            TaskRunReason = "TaskRunStopSidecarFailed"
	TaskRunReasonResultLargerThanAllowedLimit TaskRunReason = "TaskRunResultLargerThanAllowedLimit"
	TaskRunReasonInvalidParamValue            TaskRunReason = "InvalidParamValue"
	TaskRunReasonFailedResolution             TaskRunReason = "TaskRunResolutionFailed"
	TaskRunReasonFailedValidation             TaskRunReason = "TaskRunValidationFailed"
	TaskRunReasonTaskFailedValidation         TaskRunReason = "TaskValidationFailed"
	TaskRunReasonResourceVerificationFailed   TaskRunReason = "ResourceVerificationFailed"
)
