package v1

import (
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/slipway-dev/slipway/api/tekton/malformed"
)

// TaskRun runs a Task once, with values for its parameters and volumes for its
// workspaces.
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=tr;trs,categories=tekton;tekton-pipelines
// +kubebuilder:printcolumn:name="Succeeded",type=string,JSONPath=`.status.conditions[?(@.type=="Succeeded")].status`
// +kubebuilder:printcolumn:name="Reason",type=string,JSONPath=`.status.conditions[?(@.type=="Succeeded")].reason`
// +kubebuilder:printcolumn:name="StartTime",type=date,JSONPath=`.status.startTime`
// +kubebuilder:printcolumn:name="CompletionTime",type=date,JSONPath=`.status.completionTime`
// +kubebuilder:validation:XValidation:rule="!(self.?spec.status.orValue(\"\") == \"TaskRunPending\" && has(self.status) && has(self.status.startTime))",message="a TaskRun that has started cannot be held back: cancel it by TaskRunCancelled"
type TaskRun struct {
	metav1.TypeMeta `json:",inline"`
	// +optional
	metav1.ObjectMeta `json:"metadata,omitzero"`
	// Spec says what to run and with what; once the TaskRun exists, only status
	// and statusMessage can change.
	// +optional
	Spec TaskRunSpec `json:"spec,omitzero"`
	// Status is what has become of the run.
	// +optional
	Status TaskRunStatus `json:"status,omitzero"`
	// Malformed is a field that could not be read, if there is one.
	Malformed *malformed.Field `json:"-"`
}

// TaskRunSpec says what to run and with what.
// +kubebuilder:validation:XValidation:rule="has(self.taskRef) != has(self.taskSpec)",message="give exactly one of taskRef and taskSpec"
// +kubebuilder:validation:XValidation:rule="has(self.managedBy) ? has(oldSelf.managedBy) && self.managedBy == oldSelf.managedBy : !has(oldSelf.managedBy)",message="managedBy cannot change"
// +kubebuilder:validation:XValidation:rule="has(self.status) && self.status != \"\" || !has(self.statusMessage) || self.statusMessage == \"\"",message="statusMessage needs status"
// +kubebuilder:validation:XValidation:rule="!has(self.taskSpec) || has(self.taskSpec.steps) && self.taskSpec.steps.size() > 0",message="taskSpec.steps: a Task needs at least one step"
// +kubebuilder:validation:XValidation:rule="!has(self.taskSpec) || !has(self.taskSpec.steps) || self.taskSpec.steps.all(s, !has(s.name) || s.name == \"\" || self.taskSpec.steps.exists_one(t, has(t.name) && t.name == s.name))",message="taskSpec.steps: two steps have the same name"
type TaskRunSpec struct {
	// Debug halts the run where asked, so that people can look into the Pod.
	// +optional
	Debug *TaskRunDebug `json:"debug,omitempty"`
	// Params gives values to the Task's parameters; ones the Task does not declare
	// are allowed, and an inline taskSpec may use them all the same.
	// +optional
	Params Params `json:"params,omitempty"`
	// ServiceAccountName is the account the Pod runs as, whose Git and registry
	// secrets the steps can use; "default" unless the installation says otherwise.
	// +optional
	ServiceAccountName string `json:"serviceAccountName,omitempty"`
	// TaskRef points to the Task to run; exactly one of taskRef and taskSpec is required.
	// +optional
	TaskRef *TaskRef `json:"taskRef,omitempty"`
	// TaskSpec is the Task to run, written in place.
	// +optional
	TaskSpec *TaskSpec `json:"taskSpec,omitempty"`
	// Status is set to TaskRunCancelled to cancel the run, or at creation to
	// TaskRunPending to hold it back until the field is cleared.
	// +optional
	Status TaskRunSpecStatus `json:"status,omitempty"`
	// StatusMessage says why the run was cancelled.
	// +optional
	StatusMessage TaskRunSpecStatusMessage `json:"statusMessage,omitempty"`
	// Retries is how many more times the Task is run when it fails; 0 by default.
	// +optional
	// +kubebuilder:validation:Minimum=0
	Retries int `json:"retries,omitempty"`
	// Timeout is how long each attempt may take, such as 90s or 1h30m, before it is
	// ended as failed; 1h unless the installation says otherwise, and 0 means without limit.
	// +optional
	Timeout *metav1.Duration `json:"timeout,omitempty"`
	// PodTemplate holds settings for the Pod, such as where it may run.
	// +optional
	PodTemplate *PodTemplate `json:"podTemplate,omitempty"`
	// Workspaces binds the Task's workspaces to volumes.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=1024
	Workspaces []WorkspaceBinding `json:"workspaces,omitempty"`
	// StepSpecs replaces the computeResources of steps by name.
	// +optional
	// +listType=atomic
	StepSpecs []TaskRunStepSpec `json:"stepSpecs,omitempty"`
	// SidecarSpecs replaces the computeResources of sidecars by name.
	// +optional
	// +listType=atomic
	SidecarSpecs []TaskRunSidecarSpec `json:"sidecarSpecs,omitempty"`
	// ComputeResources are the requests and limits of all steps together, instead
	// of those of each step.
	// +optional
	ComputeResources *corev1.ResourceRequirements `json:"computeResources,omitempty"`
	// ManagedBy names the controller that runs this object; empty and
	// "tekton.dev/pipeline" mean this one, and any other is left alone. It cannot change.
	// +optional
	// +kubebuilder:validation:MaxLength=253
	ManagedBy *string `json:"managedBy,omitempty"`
}

// TaskRunSpecStatus is what the user wants of a run that exists.
// +kubebuilder:validation:Enum="";TaskRunCancelled;TaskRunPending
type TaskRunSpecStatus string

const (
	// TaskRunSpecStatusCancelled asks for the run to be ended now.
	TaskRunSpecStatusCancelled TaskRunSpecStatus = "TaskRunCancelled"
	// TaskRunSpecStatusPending holds the run back: it has no Pod and no start time.
	TaskRunSpecStatusPending TaskRunSpecStatus = "TaskRunPending"
)

// TaskRunSpecStatusMessage says why a run was cancelled.
type TaskRunSpecStatusMessage string

const (
	// TaskRunCancelledByPipelineMsg is set on the children of a cancelled PipelineRun.
	TaskRunCancelledByPipelineMsg TaskRunSpecStatusMessage = "TaskRun cancelled as the PipelineRun it belongs to has been cancelled."
	// TaskRunCancelledByPipelineTimeoutMsg is set on the children of a PipelineRun whose time is up.
	TaskRunCancelledByPipelineTimeoutMsg TaskRunSpecStatusMessage = "TaskRun cancelled as the PipelineRun it belongs to has timed out."
)

// TaskRunDebug says where the run halts.
type TaskRunDebug struct {
	// Breakpoints are the places to halt at.
	// +optional
	Breakpoints *TaskBreakpoints `json:"breakpoints,omitempty"`
}

// TaskBreakpoints are the places a run halts at.
type TaskBreakpoints struct {
	// OnFailure set to "enabled" keeps a failed step's container until it is told
	// to go on.
	// +optional
	OnFailure string `json:"onFailure,omitempty"`
	// BeforeSteps names steps that wait before they start until they are told to go on.
	// +optional
	// +listType=atomic
	BeforeSteps []string `json:"beforeSteps,omitempty"`
}

// TaskRunStepSpec replaces the computeResources of one step.
type TaskRunStepSpec struct {
	// Name of the step.
	Name string `json:"name"`
	// ComputeResources takes the place of the step's own.
	ComputeResources corev1.ResourceRequirements `json:"computeResources"`
}

// TaskRunSidecarSpec replaces the computeResources of one sidecar.
type TaskRunSidecarSpec struct {
	// Name of the sidecar.
	Name string `json:"name"`
	// ComputeResources takes the place of the sidecar's own.
	ComputeResources corev1.ResourceRequirements `json:"computeResources"`
}

// TaskRunList is a list of TaskRuns.
// +kubebuilder:object:root=true
type TaskRunList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []TaskRun `json:"items"`
}

// IsDone reports whether the run has ended, well or not.
func (tr *TaskRun) IsDone() bool { return !tr.Status.GetCondition(ConditionSucceeded).IsUnknown() }

// IsSuccessful reports whether the run has ended well.
func (tr *TaskRun) IsSuccessful() bool { return tr.Status.GetCondition(ConditionSucceeded).IsTrue() }

// IsFailure reports whether the run has ended badly.
func (tr *TaskRun) IsFailure() bool { return tr.Status.GetCondition(ConditionSucceeded).IsFalse() }

// IsCancelled reports whether someone asked for the run to be cancelled.
func (tr *TaskRun) IsCancelled() bool { return tr.Spec.Status == TaskRunSpecStatusCancelled }

// IsPending reports whether the run is held back.
func (tr *TaskRun) IsPending() bool { return tr.Spec.Status == TaskRunSpecStatusPending }

// HasStarted reports whether the run has a start time.
func (tr *TaskRun) HasStarted() bool { return !tr.Status.StartTime.IsZero() }
