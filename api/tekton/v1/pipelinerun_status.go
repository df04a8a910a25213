package v1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

// PipelineRunStatus is what has become of a PipelineRun.
type PipelineRunStatus struct {
	Status                  `json:",inline"`
	PipelineRunStatusFields `json:",inline"`
}

// PipelineRunStatusFields are the parts of the status that only PipelineRuns have.
type PipelineRunStatusFields struct {
	// StartTime is when the controller took the run up.
	// +optional
	StartTime *metav1.Time `json:"startTime,omitempty"`
	// CompletionTime is when the run ended.
	// +optional
	CompletionTime *metav1.Time `json:"completionTime,omitempty"`
	// Results holds what the Pipeline gave back.
	// +optional
	// +listType=atomic
	Results []PipelineRunResult `json:"results,omitempty"`
	// PipelineSpec is the Pipeline as it was run, with every reference resolved.
	// +optional
	// +kubebuilder:pruning:PreserveUnknownFields
	// +kubebuilder:validation:Schemaless
	PipelineSpec *PipelineSpec `json:"pipelineSpec,omitempty"`
	// SkippedTasks lists the tasks that were not run, and why.
	// +optional
	// +listType=atomic
	SkippedTasks []SkippedTask `json:"skippedTasks,omitempty"`
	// ChildReferences lists the runs made for the tasks.
	// +optional
	// +listType=atomic
	ChildReferences []ChildStatusReference `json:"childReferences,omitempty"`
	// FinallyStartTime is when the first of the finally tasks was started.
	// +optional
	FinallyStartTime *metav1.Time `json:"finallyStartTime,omitempty"`
	// Provenance says where the Pipeline came from.
	// +optional
	Provenance *Provenance `json:"provenance,omitempty"`
	// SpanContext carries the run's trace, as a text map of OpenTelemetry.
	// +optional
	SpanContext map[string]string `json:"spanContext,omitempty"`
}

// PipelineRunResult is a result that a PipelineRun produced.
type PipelineRunResult struct {
	// Name is the result's name as the Pipeline declares it.
	Name string `json:"name"`
	// Value is what was made of the tasks' results.
	// +kubebuilder:pruning:PreserveUnknownFields
	// +kubebuilder:validation:Schemaless
	Value ResultValue `json:"value"`
}

// ChildStatusReference points to a TaskRun, CustomRun or PipelineRun made for a task.
type ChildStatusReference struct {
	runtime.TypeMeta `json:",inline"`
	// Name of the child.
	// +optional
	Name string `json:"name,omitempty"`
	// DisplayName is the task's name for people.
	// +optional
	DisplayName string `json:"displayName,omitempty"`
	// PipelineTaskName is the name of the task in the Pipeline.
	// +optional
	PipelineTaskName string `json:"pipelineTaskName,omitempty"`
	// WhenExpressions are the task's guards as they were evaluated.
	// +optional
	// +listType=atomic
	WhenExpressions []WhenExpression `json:"whenExpressions,omitempty"`
}

// SkippedTask says that a task was not run, and why.
type SkippedTask struct {
	// Name of the task in the Pipeline.
	Name string `json:"name"`
	// Reason it was not run.
	Reason SkippingReason `json:"reason"`
	// WhenExpressions are the task's guards as they were evaluated.
	// +optional
	// +listType=atomic
	WhenExpressions []WhenExpression `json:"whenExpressions,omitempty"`
}

// SkippingReason says why a task was not run.
type SkippingReason string

// Why a task was not run.
const (
	WhenExpressionsSkip      SkippingReason = "When Expressions evaluated to false"
	ParentTasksSkip          SkippingReason = "Parent Tasks were skipped"
	StoppingSkip             SkippingReason = "PipelineRun was stopping"
	GracefullyCancelledSkip  SkippingReason = "PipelineRun was gracefully cancelled"
	GracefullyStoppedSkip    SkippingReason = "PipelineRun was gracefully stopped"
	MissingResultsSkip       SkippingReason = "Results were missing"
	PipelineTimedOutSkip     SkippingReason = "PipelineRun timeout has been reached"
	TasksTimedOutSkip        SkippingReason = "PipelineRun Tasks timeout has been reached"
	FinallyTimedOutSkip      SkippingReason = "PipelineRun Finally timeout has been reached"
	EmptyArrayInMatrixParams SkippingReason = "Matrix Parameters have an empty array"
	None                     SkippingReason = "None"
)

// PipelineRunReason is the reason of a PipelineRun's condition Succeeded.
type PipelineRunReason string

func (r PipelineRunReason) String() string { return string(r) }

// Reasons while a PipelineRun goes on.
const (
	PipelineRunReasonPending              PipelineRunReason = "PipelineRunPending" // held back by spec.status
	PipelineRunReasonStarted              PipelineRunReason = "Started"            // taken up, no child yet
	PipelineRunReasonResolvingTaskRef     PipelineRunReason = "ResolvingTaskRef"
	PipelineRunReasonResolvingPipelineRef PipelineRunReason = "ResolvingPipelineRef"
	PipelineRunReasonRunning              PipelineRunReason = "Running"
	// PipelineRunReasonStopping is a run with a failed task that waits for the others.
	PipelineRunReasonStopping PipelineRunReason = "PipelineRunStopping"
	// PipelineRunReasonTimedOutRunningFinally is a run whose tasks overran timeouts.tasks.
	PipelineRunReasonTimedOutRunningFinally  PipelineRunReason = "PipelineRunTimeoutRunningFinally"
	PipelineRunReasonCancelledRunningFinally PipelineRunReason = "CancelledRunningFinally"
	PipelineRunReasonStoppedRunningFinally   PipelineRunReason = "StoppedRunningFinally"
)

// Reasons of a PipelineRun that has ended.
const (
	PipelineRunReasonSuccessful PipelineRunReason = "Succeeded"
	// PipelineRunReasonCompleted is a success with tasks that were skipped.
	PipelineRunReasonCompleted PipelineRunReason = "Completed"
	PipelineRunReasonFailed    PipelineRunReason = "Failed"
	PipelineRunReasonCancelled PipelineRunReason = "Cancelled"
	PipelineRunReasonTimedOut  PipelineRunReason = "PipelineRunTimeout"

	PipelineRunReasonCouldntGetPipeline              PipelineRunReason = "CouldntGetPipeline"
	PipelineRunReasonCouldntGetTask                  PipelineRunReason = "CouldntGetTask"
	PipelineRunReasonCouldntGetPipelineResult        PipelineRunReason = "CouldntGetPipelineResult"
	PipelineRunReasonCouldntCancel                   PipelineRunReason = "PipelineRunCouldntCancel"
	PipelineRunReasonCouldntTimeOut                  PipelineRunReason = "PipelineRunCouldntTimeOut"
	PipelineRunReasonCreateRunFailed                 PipelineRunReason = "CreateRunFailed"
	PipelineRunReasonFailedValidation                PipelineRunReason = "PipelineValidationFailed"
	PipelineRunReasonInvalidGraph                    PipelineRunReason = "PipelineInvalidGraph"
	PipelineRunReasonInvalidBindings                 PipelineRunReason = "InvalidPipelineResourceBindings"
	PipelineRunReasonInvalidWorkspaceBinding         PipelineRunReason = "InvalidWorkspaceBindings"
	PipelineRunReasonInvalidTaskRunSpec              PipelineRunReason = "InvalidTaskRunSpecs"
	PipelineRunReasonParameterMissing                PipelineRunReason = "ParameterMissing"
	PipelineRunReasonParameterTypeMismatch           PipelineRunReason = "ParameterTypeMismatch"
	PipelineRunReasonObjectParameterMissKeys         PipelineRunReason = "ObjectParameterMissKeys"
	PipelineRunReasonParamArrayIndexingInvalid       PipelineRunReason = "ParamArrayIndexingInvalid"
	PipelineRunReasonInvalidParamValue               PipelineRunReason = "InvalidParamValue"
	PipelineRunReasonInvalidMatrixParameterTypes     PipelineRunReason = "InvalidMatrixParameterTypes"
	PipelineRunReasonInvalidTaskResultReference      PipelineRunReason = "InvalidTaskResultReference"
	PipelineRunReasonInvalidPipelineResultReference  PipelineRunReason = "InvalidPipelineResultReference"
	PipelineRunReasonRequiredWorkspaceMarkedOptional PipelineRunReason = "RequiredWorkspaceMarkedOptional"
	PipelineRunReasonResourceVerificationFailed      PipelineRunReason = "ResourceVerificationFailed"
	PipelineRunReasonCELEvaluationFailed             PipelineRunReason = "CELEvaluationFailed"
)
