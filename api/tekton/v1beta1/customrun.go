package v1beta1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/slipway-dev/slipway/api/tekton/malformed"
	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
)

// CustomRun hands one execution to another controller, chosen by apiVersion and kind.
// +kubebuilder:object:root=true
// +kubebuilder:storageversion
// +kubebuilder:subresource:status
// +kubebuilder:resource:categories=tekton;tekton-pipelines
// +kubebuilder:printcolumn:name="Succeeded",type=string,JSONPath=`.status.conditions[?(@.type=="Succeeded")].status`
// +kubebuilder:printcolumn:name="Reason",type=string,JSONPath=`.status.conditions[?(@.type=="Succeeded")].reason`
// +kubebuilder:printcolumn:name="StartTime",type=date,JSONPath=`.status.startTime`
// +kubebuilder:printcolumn:name="CompletionTime",type=date,JSONPath=`.status.completionTime`
type CustomRun struct {
	metav1.TypeMeta `json:",inline"`
	// +optional
	metav1.ObjectMeta `json:"metadata,omitzero"`
	// Spec says what to run and with what.
	// +optional
	Spec CustomRunSpec `json:"spec,omitzero"`
	// Status is what has become of the run; the custom task's controller writes it.
	// +optional
	Status CustomRunStatus `json:"status,omitzero"`
	// Malformed is a field that could not be read, if there is one.
	Malformed *malformed.Field `json:"-"`
}

// CustomRunSpec says what to run and with what.
// +kubebuilder:validation:XValidation:rule="has(self.customRef) != has(self.customSpec)",message="give exactly one of customRef and customSpec"
type CustomRunSpec struct {
	// CustomRef points to the custom task; exactly one of customRef and customSpec
	// is required.
	// +optional
	CustomRef *v1.TaskRef `json:"customRef,omitempty"`
	// CustomSpec is the custom task, written in place.
	// +optional
	CustomSpec *EmbeddedCustomRunSpec `json:"customSpec,omitempty"`
	// Params gives values to the custom task's parameters.
	// +optional
	Params v1.Params `json:"params,omitempty"`
	// Status is set to RunCancelled to ask the controller to end the run.
	// +optional
	Status CustomRunSpecStatus `json:"status,omitempty"`
	// StatusMessage says why the run was cancelled.
	// +optional
	StatusMessage CustomRunSpecStatusMessage `json:"statusMessage,omitempty"`
	// Retries is how many more times the controller may try when the run fails; 0
	// by default.
	// +optional
	// +kubebuilder:validation:Minimum=0
	Retries int `json:"retries,omitempty"`
	// ServiceAccountName is an account for the controller to act as.
	// +optional
	ServiceAccountName string `json:"serviceAccountName,omitempty"`
	// Timeout is how long the run may take, such as 90s or 1h30m; 1h unless the
	// installation says otherwise, and 0 means without limit.
	// +optional
	Timeout *metav1.Duration `json:"timeout,omitempty"`
	// Workspaces binds the custom task's workspaces to volumes.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=1024
	Workspaces []v1.WorkspaceBinding `json:"workspaces,omitempty"`
}

// EmbeddedCustomRunSpec is a custom task written in place.
type EmbeddedCustomRunSpec struct {
	runtime.TypeMeta `json:",inline"`
	// Metadata holds labels and annotations for what the controller makes.
	// +optional
	Metadata v1.PipelineTaskMetadata `json:"metadata,omitzero"`
	// Spec is the custom task's spec, which only its controller understands.
	// +optional
	// +kubebuilder:pruning:PreserveUnknownFields
	Spec runtime.RawExtension `json:"spec,omitzero"`
}

// CustomRunSpecStatus is what the user wants of a run that exists.
// +kubebuilder:validation:Enum="";RunCancelled
type CustomRunSpecStatus string

// CustomRunSpecStatusCancelled asks the controller to end the run.
const CustomRunSpecStatusCancelled CustomRunSpecStatus = "RunCancelled"

// CustomRunSpecStatusMessage says why a run was cancelled.
type CustomRunSpecStatusMessage string

const (
	// CustomRunCancelledByPipelineMsg is set on the children of a cancelled PipelineRun.
	CustomRunCancelledByPipelineMsg CustomRunSpecStatusMessage = "CustomRun cancelled as the PipelineRun it belongs to has been cancelled."
	// CustomRunCancelledByPipelineTimeoutMsg is set on the children of a PipelineRun whose time is up.
	CustomRunCancelledByPipelineTimeoutMsg CustomRunSpecStatusMessage = "CustomRun cancelled as the PipelineRun it belongs to has timed out."
)

// CustomRunReason is the reason of a CustomRun's condition Succeeded.
type CustomRunReason string

func (r CustomRunReason) String() string { return string(r) }

// Reasons of a CustomRun; its controller may use others.
const (
	CustomRunReasonStarted               CustomRunReason = "Started"
	CustomRunReasonRunning               CustomRunReason = "Running"
	CustomRunReasonSuccessful            CustomRunReason = "Succeeded"
	CustomRunReasonFailed                CustomRunReason = "Failed"
	CustomRunReasonCancelled             CustomRunReason = "CustomRunCancelled"
	CustomRunReasonTimedOut              CustomRunReason = "CustomRunTimedOut"
	CustomRunReasonWorkspaceNotSupported CustomRunReason = "CustomRunWorkspaceNotSupported"
)

// CustomRunStatus is what has become of a CustomRun.
type CustomRunStatus struct {
	v1.Status             `json:",inline"`
	CustomRunStatusFields `json:",inline"`
}

// CustomRunStatusFields are the parts of the status that only CustomRuns have.
type CustomRunStatusFields struct {
	// StartTime is when the controller took the run up.
	// +optional
	StartTime *metav1.Time `json:"startTime,omitempty"`
	// CompletionTime is when the run ended.
	// +optional
	CompletionTime *metav1.Time `json:"completionTime,omitempty"`
	// Results holds what the custom task gave back.
	// +optional
	// +listType=atomic
	Results []CustomRunResult `json:"results,omitempty"`
	// RetriesStatus holds the status of each attempt that failed and was retried,
	// the first one first.
	// +optional
	// +kubebuilder:pruning:PreserveUnknownFields
	// +kubebuilder:validation:Schemaless
	RetriesStatus []CustomRunStatus `json:"retriesStatus,omitempty"`
	// ExtraFields holds what else the controller wants to say.
	// +optional
	// +kubebuilder:pruning:PreserveUnknownFields
	ExtraFields runtime.RawExtension `json:"extraFields,omitzero"`
}

// CustomRunResult is a result that a CustomRun produced; its value is a string.
type CustomRunResult struct {
	// Name of the result.
	Name string `json:"name"`
	// Value of the result.
	Value string `json:"value"`
}

// CustomRunList is a list of CustomRuns.
// +kubebuilder:object:root=true
type CustomRunList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []CustomRun `json:"items"`
}

// IsDone reports whether the run has ended, well or not.
func (r *CustomRun) IsDone() bool { return !r.Status.GetCondition(v1.ConditionSucceeded).IsUnknown() }

// IsSuccessful reports whether the run has ended well.
func (r *CustomRun) IsSuccessful() bool { return r.Status.GetCondition(v1.ConditionSucceeded).IsTrue() }

// IsFailure reports whether the run has ended badly.
func (r *CustomRun) IsFailure() bool { return r.Status.GetCondition(v1.ConditionSucceeded).IsFalse() }

// IsCancelled reports whether someone asked for the run to be cancelled.
func (r *CustomRun) IsCancelled() bool { return r.Spec.Status == CustomRunSpecStatusCancelled }

// HasStarted reports whether the run has a start time.
func (r *CustomRun) HasStarted() bool { return !r.Status.StartTime.IsZero() }

// UnmarshalJSON reads what can be read; see package malformed.
func (r *CustomRun) UnmarshalJSON(data []byte) (err error) {
	type plain CustomRun
	r.Malformed, err = malformed.Read(data, (*plain)(r))
	return err
}

// Unread returns the field that could not be read, or nil.
func (r *CustomRun) Unread() *malformed.Field { return r.Malformed }
