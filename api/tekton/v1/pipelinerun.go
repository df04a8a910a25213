package v1

import (
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/slipway-dev/slipway/api/tekton/malformed"
)

// PipelineRun runs a Pipeline once, with values for its parameters and volumes
// for its workspaces.
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=pr;prs,categories=tekton;tekton-pipelines
// +kubebuilder:printcolumn:name="Succeeded",type=string,JSONPath=`.status.conditions[?(@.type=="Succeeded")].status`
// +kubebuilder:printcolumn:name="Reason",type=string,JSONPath=`.status.conditions[?(@.type=="Succeeded")].reason`
// +kubebuilder:printcolumn:name="StartTime",type=date,JSONPath=`.status.startTime`
// +kubebuilder:printcolumn:name="CompletionTime",type=date,JSONPath=`.status.completionTime`
// +kubebuilder:validation:XValidation:rule="self.metadata.name.size() <= 63",message="metadata.name: use at most 63 characters, since the TaskRuns bear it as a label"
// +kubebuilder:validation:XValidation:rule="!(self.?spec.status.orValue(\"\") == \"PipelineRunPending\" && has(self.status) && has(self.status.startTime))",message="a PipelineRun that has started cannot be held back: end it by Cancelled"
type PipelineRun struct {
	metav1.TypeMeta `json:",inline"`
	// +optional
	metav1.ObjectMeta `json:"metadata,omitzero"`
	// Spec says what to run and with what; once the PipelineRun exists, only status
	// can change.
	// +optional
	Spec PipelineRunSpec `json:"spec,omitzero"`
	// Status is what has become of the run.
	// +optional
	Status PipelineRunStatus `json:"status,omitzero"`
	// Malformed is a field that could not be read, if there is one.
	Malformed *malformed.Field `json:"-"`
}

// PipelineRunSpec says what to run and with what.
// +kubebuilder:validation:XValidation:rule="has(self.pipelineRef) != has(self.pipelineSpec)",message="give exactly one of pipelineRef and pipelineSpec"
// +kubebuilder:validation:XValidation:rule="has(self.managedBy) ? has(oldSelf.managedBy) && self.managedBy == oldSelf.managedBy : !has(oldSelf.managedBy)",message="managedBy cannot change"
type PipelineRunSpec struct {
	// PipelineRef points to the Pipeline to run; exactly one of pipelineRef and
	// pipelineSpec is required.
	// +optional
	PipelineRef *PipelineRef `json:"pipelineRef,omitempty"`
	// PipelineSpec is the Pipeline to run, written in place.
	// +optional
	PipelineSpec *PipelineSpec `json:"pipelineSpec,omitempty"`
	// Params gives values to the Pipeline's parameters; ones the Pipeline does not
	// declare are allowed, and an inline pipelineSpec may use them all the same.
	// +optional
	Params Params `json:"params,omitempty"`
	// Status is set to Cancelled to end the run now, to CancelledRunFinally to
	// cancel what runs and then run finally, to StoppedRunFinally to let what runs
	// end and then run finally, or at creation to PipelineRunPending to hold the
	// run back until the field is cleared.
	// +optional
	Status PipelineRunSpecStatus `json:"status,omitempty"`
	// Timeouts says how long the run and its parts may take.
	// +optional
	Timeouts *TimeoutFields `json:"timeouts,omitempty"`
	// TaskRunTemplate holds what every TaskRun of this run starts from.
	// +optional
	TaskRunTemplate PipelineTaskRunTemplate `json:"taskRunTemplate,omitzero"`
	// Workspaces binds the Pipeline's workspaces to volumes.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=1024
	Workspaces []WorkspaceBinding `json:"workspaces,omitempty"`
	// TaskRunSpecs holds settings for single tasks.
	// +optional
	// +listType=atomic
	TaskRunSpecs []PipelineTaskRunSpec `json:"taskRunSpecs,omitempty"`
	// ManagedBy names the controller that runs this object; empty and
	// "tekton.dev/pipeline" mean this one, and any other is left alone. It cannot change.
	// +optional
	// +kubebuilder:validation:MaxLength=253
	ManagedBy *string `json:"managedBy,omitempty"`
}

// TimeoutFields says how long a run and its parts may take. What tasks and
// finally take together is no more than pipeline; one that is left out takes
// what the others leave. Zero means without limit.
type TimeoutFields struct {
	// Pipeline is how long the whole run may take, such as 1h30m; 1h unless the
	// installation says otherwise, and 0 means without limit.
	// +optional
	Pipeline *metav1.Duration `json:"pipeline,omitempty"`
	// Tasks is how long the tasks may take together, before finally starts.
	// +optional
	Tasks *metav1.Duration `json:"tasks,omitempty"`
	// Finally is how long the finally tasks may take together.
	// +optional
	Finally *metav1.Duration `json:"finally,omitempty"`
}

// PipelineRunSpecStatus is what the user wants of a run that exists.
// +kubebuilder:validation:Enum="";Cancelled;CancelledRunFinally;StoppedRunFinally;PipelineRunPending
type PipelineRunSpecStatus string

const (
	// PipelineRunSpecStatusCancelled ends the run now, without finally.
	PipelineRunSpecStatusCancelled PipelineRunSpecStatus = "Cancelled"
	// PipelineRunSpecStatusCancelledRunFinally cancels what runs, then runs finally.
	PipelineRunSpecStatusCancelledRunFinally PipelineRunSpecStatus = "CancelledRunFinally"
	// PipelineRunSpecStatusStoppedRunFinally lets what runs end, then runs finally.
	PipelineRunSpecStatusStoppedRunFinally PipelineRunSpecStatus = "StoppedRunFinally"
	// PipelineRunSpecStatusPending holds the run back until the field is cleared.
	PipelineRunSpecStatusPending PipelineRunSpecStatus = "PipelineRunPending"
)

// PipelineTaskRunTemplate holds what every TaskRun of a PipelineRun starts from.
type PipelineTaskRunTemplate struct {
	// PodTemplate holds settings for the Pods.
	// +optional
	PodTemplate *PodTemplate `json:"podTemplate,omitempty"`
	// ServiceAccountName is the account the Pods run as; "default" unless the
	// installation says otherwise.
	// +optional
	ServiceAccountName string `json:"serviceAccountName,omitempty"`
}

// PipelineTaskRunSpec holds settings for the TaskRun of one task; they win over
// taskRunTemplate.
type PipelineTaskRunSpec struct {
	// PipelineTaskName is the name of the task in the Pipeline.
	// +optional
	PipelineTaskName string `json:"pipelineTaskName,omitempty"`
	// ServiceAccountName is the account the Pod runs as.
	// +optional
	ServiceAccountName string `json:"serviceAccountName,omitempty"`
	// PodTemplate holds settings for the Pod.
	// +optional
	PodTemplate *PodTemplate `json:"podTemplate,omitempty"`
	// StepSpecs replaces the computeResources of steps by name.
	// +optional
	// +listType=atomic
	StepSpecs []TaskRunStepSpec `json:"stepSpecs,omitempty"`
	// SidecarSpecs replaces the computeResources of sidecars by name.
	// +optional
	// +listType=atomic
	SidecarSpecs []TaskRunSidecarSpec `json:"sidecarSpecs,omitempty"`
	// Metadata holds labels and annotations for the TaskRun and its Pod.
	// +optional
	Metadata *PipelineTaskMetadata `json:"metadata,omitempty"`
	// ComputeResources are the requests and limits of all steps together.
	// +optional
	ComputeResources *corev1.ResourceRequirements `json:"computeResources,omitempty"`
	// Timeout is how long each attempt may take; it wins over the Pipeline's.
	// +optional
	Timeout *metav1.Duration `json:"timeout,omitempty"`
}

// PipelineRunList is a list of PipelineRuns.
// +kubebuilder:object:root=true
type PipelineRunList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []PipelineRun `json:"items"`
}

// IsDone reports whether the run has ended, well or not.
func (pr *PipelineRun) IsDone() bool { return !pr.Status.GetCondition(ConditionSucceeded).IsUnknown() }

// IsSuccessful reports whether the run has ended well.
func (pr *PipelineRun) IsSuccessful() bool {
	return pr.Status.GetCondition(ConditionSucceeded).IsTrue()
}

// IsFailure reports whether the run has ended badly.
func (pr *PipelineRun) IsFailure() bool { return pr.Status.GetCondition(ConditionSucceeded).IsFalse() }

// IsCancelled reports whether someone asked for the run to be ended now.
func (pr *PipelineRun) IsCancelled() bool { return pr.Spec.Status == PipelineRunSpecStatusCancelled }

// IsGracefullyCancelled reports whether someone asked for the tasks to be
// cancelled and finally to be run.
func (pr *PipelineRun) IsGracefullyCancelled() bool {
	return pr.Spec.Status == PipelineRunSpecStatusCancelledRunFinally
}

// IsGracefullyStopped reports whether someone asked for no more tasks to be
// started and finally to be run.
func (pr *PipelineRun) IsGracefullyStopped() bool {
	return pr.Spec.Status == PipelineRunSpecStatusStoppedRunFinally
}

// IsPending reports whether the run is held back.
func (pr *PipelineRun) IsPending() bool { return pr.Spec.Status == PipelineRunSpecStatusPending }

// HasStarted reports whether the run has a start time.
func (pr *PipelineRun) HasStarted() bool { return !pr.Status.StartTime.IsZero() }
