package v1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/slipway-dev/slipway/api/tekton/malformed"
)

// Pipeline is a graph of tasks. It does nothing by itself: a PipelineRun runs it.
// +kubebuilder:object:root=true
// +kubebuilder:resource:categories=tekton;tekton-pipelines
type Pipeline struct {
	metav1.TypeMeta `json:",inline"`
	// +optional
	metav1.ObjectMeta `json:"metadata,omitzero"`
	// Spec is what the Pipeline needs and does.
	Spec PipelineSpec `json:"spec"`
	// Malformed is a field that could not be read, if there is one.
	Malformed *malformed.Field `json:"-"`
}

// PipelineSpec is what a Pipeline needs and does.
type PipelineSpec struct {
	// DisplayName is a name for people; it has no effect.
	// +optional
	DisplayName string `json:"displayName,omitempty"`
	// Description tells people what the Pipeline does.
	// +optional
	Description string `json:"description,omitempty"`
	// Tasks are run side by side, except that a task waits for those it names in
	// runAfter or takes results from; at least one is required.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=1024
	Tasks []PipelineTask `json:"tasks,omitempty"`
	// Params declares the parameters that tasks refer to as $(params.NAME).
	// +optional
	Params ParamSpecs `json:"params,omitempty"`
	// Workspaces declares the folders that tasks share and a PipelineRun binds.
	// +optional
	// +listType=atomic
	Workspaces []PipelineWorkspaceDeclaration `json:"workspaces,omitempty"`
	// Results declares what the Pipeline gives back, made from its tasks' results.
	// +optional
	// +listType=atomic
	Results []PipelineResult `json:"results,omitempty"`
	// Finally holds tasks that run side by side after all others have ended,
	// whether those did well or not.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=1024
	Finally []PipelineTask `json:"finally,omitempty"`
}

// PipelineResult declares one result of a Pipeline.
type PipelineResult struct {
	// Name of the result.
	Name string `json:"name"`
	// Type is string, array or object; left out, it is that of the value.
	// +optional
	Type ResultsType `json:"type,omitempty"`
	// Description tells people what the result holds.
	// +optional
	Description string `json:"description,omitempty"`
	// Value says what it is made from, such as $(tasks.build.results.digest) or
	// $(finally.report.results.url).
	// +kubebuilder:pruning:PreserveUnknownFields
	// +kubebuilder:validation:Schemaless
	Value ResultValue `json:"value"`
}

// PipelineTaskOnErrorType says what a task's failure means for the Pipeline.
type PipelineTaskOnErrorType string

const (
	// PipelineTaskStopAndFail ends the Pipeline as failed; it is the default.
	PipelineTaskStopAndFail PipelineTaskOnErrorType = "stopAndFail"
	// PipelineTaskContinue lets the Pipeline go on and succeed.
	PipelineTaskContinue PipelineTaskOnErrorType = "continue"
)

// PipelineTask is one node of a Pipeline's graph. Exactly one of taskRef,
// taskSpec, pipelineRef and pipelineSpec says what it runs.
// +kubebuilder:validation:XValidation:rule="[has(self.taskRef), has(self.taskSpec), has(self.pipelineRef), has(self.pipelineSpec)].filter(given, given).size() == 1",message="give exactly one of taskRef, taskSpec, pipelineRef and pipelineSpec"
type PipelineTask struct {
	// Name is unique in the Pipeline and a DNS label; other tasks refer to it.
	// +optional
	Name string `json:"name,omitempty"`
	// DisplayName is a name for people, which may contain parameters.
	// +optional
	DisplayName string `json:"displayName,omitempty"`
	// Description tells people what the task is there for.
	// +optional
	Description string `json:"description,omitempty"`
	// TaskRef points to the Task to run.
	// +optional
	TaskRef *TaskRef `json:"taskRef,omitempty"`
	// TaskSpec is the Task to run, written in place.
	// +optional
	TaskSpec *EmbeddedTask `json:"taskSpec,omitempty"`
	// When guards the task: it is skipped unless every expression holds. Tasks that
	// only run after it still run; those that use its results are skipped as well.
	// +optional
	When WhenExpressions `json:"when,omitempty"`
	// Retries is how many more times the task is run when it fails; 0 by default.
	// +optional
	// +kubebuilder:validation:Minimum=0
	Retries int `json:"retries,omitempty"`
	// RunAfter names tasks that must have ended before this one starts.
	// +optional
	// +listType=atomic
	RunAfter []string `json:"runAfter,omitempty"`
	// Params gives values to the Task's parameters; they may use results of other
	// tasks, which must then have ended before.
	// +optional
	Params Params `json:"params,omitempty"`
	// Matrix runs the task once for each combination of values.
	// +optional
	Matrix *Matrix `json:"matrix,omitempty"`
	// Workspaces gives the Pipeline's workspaces to the Task.
	// +optional
	// +listType=atomic
	Workspaces []WorkspacePipelineTaskBinding `json:"workspaces,omitempty"`
	// Timeout is how long each attempt may take, such as 90s or 1h30m, before it
	// counts as failed; the Pipeline's own limits hold besides.
	// +optional
	Timeout *metav1.Duration `json:"timeout,omitempty"`
	// PipelineRef points to a Pipeline to run as this task.
	// +optional
	PipelineRef *PipelineRef `json:"pipelineRef,omitempty"`
	// PipelineSpec is a Pipeline to run as this task, written in place.
	// +optional
	// +kubebuilder:pruning:PreserveUnknownFields
	// +kubebuilder:validation:Schemaless
	// +kubebuilder:validation:Type=object
	PipelineSpec *PipelineSpec `json:"pipelineSpec,omitempty"`
	// OnError says what a failure means, after all retries: stopAndFail, the
	// default, ends the Pipeline as failed; continue lets it go on and succeed.
	// +optional
	OnError PipelineTaskOnErrorType `json:"onError,omitempty"`
}

// IsCustomTask reports whether the task is run by another controller, by way of
// a CustomRun.
func (pt *PipelineTask) IsCustomTask() bool {
	return pt.TaskRef.IsCustomTask() || pt.TaskSpec.IsCustomTask()
}

// EmbeddedTask is a Task written in place, or the spec of a custom task.
type EmbeddedTask struct {
	runtime.TypeMeta `json:",inline"`
	// Spec is the spec of a custom task, which only its controller understands.
	// +optional
	// +kubebuilder:pruning:PreserveUnknownFields
	Spec runtime.RawExtension `json:"spec,omitzero"`
	// Metadata holds labels and annotations for the TaskRun and its Pod.
	// +optional
	Metadata PipelineTaskMetadata `json:"metadata,omitzero"`
	// TaskSpec is the Task to run.
	// +optional
	TaskSpec `json:",inline"`
}

// IsCustomTask reports whether the spec is of a kind that another controller runs.
func (et *EmbeddedTask) IsCustomTask() bool {
	return et != nil && isCustomTask(et.APIVersion, et.Kind)
}

// PipelineTaskMetadata holds labels and annotations for what is made from a task.
type PipelineTaskMetadata struct {
	// Labels are added to the TaskRun and its Pod.
	// +optional
	Labels map[string]string `json:"labels,omitempty"`
	// Annotations are added to the TaskRun and its Pod.
	// +optional
	Annotations map[string]string `json:"annotations,omitempty"`
}

// Matrix runs a task once for each combination of values.
type Matrix struct {
	// Params gives an array to each parameter; the task runs once for each way to
	// take one element of each.
	// +optional
	Params Params `json:"params,omitempty"`
	// Include adds parameters to combinations, or combinations of its own.
	// +optional
	Include IncludeParamsList `json:"include,omitempty"`
}

// IncludeParamsList is a list of additions to a Matrix.
// +listType=atomic
type IncludeParamsList []IncludeParams

// IncludeParams is one addition to a Matrix: where its values agree with a
// combination its others are added to that one, else it is one more combination.
type IncludeParams struct {
	// Name of the addition, for people.
	// +optional
	Name string `json:"name,omitempty"`
	// Params gives a string to each parameter.
	// +optional
	Params Params `json:"params,omitempty"`
}

// PipelineList is a list of Pipelines.
// +kubebuilder:object:root=true
type PipelineList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []Pipeline `json:"items"`
}
