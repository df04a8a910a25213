package v1

import (
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/slipway-dev/slipway/api/tekton/malformed"
)

// Task is a list of steps that run one after the other in one Pod. It does
// nothing by itself: a TaskRun or a task of a Pipeline runs it.
// +kubebuilder:object:root=true
// +kubebuilder:resource:categories=tekton;tekton-pipelines
// +kubebuilder:validation:XValidation:rule="has(self.spec.steps) && self.spec.steps.size() > 0",message="spec.steps: a Task needs at least one step"
// +kubebuilder:validation:XValidation:rule="!has(self.spec.steps) || self.spec.steps.all(s, !has(s.name) || s.name == \"\" || self.spec.steps.exists_one(t, has(t.name) && t.name == s.name))",message="spec.steps: two steps have the same name"
type Task struct {
	metav1.TypeMeta `json:",inline"`
	// +optional
	metav1.ObjectMeta `json:"metadata,omitzero"`
	// Spec is what the Task needs and does.
	Spec TaskSpec `json:"spec"`
	// Malformed is a field that could not be read, if there is one.
	Malformed *malformed.Field `json:"-"`
}

// TaskSpec is what a Task needs and does.
type TaskSpec struct {
	// Params declares the parameters that steps refer to as $(params.NAME).
	// +optional
	Params ParamSpecs `json:"params,omitempty"`
	// DisplayName is a name for people; it has no effect.
	// +optional
	DisplayName string `json:"displayName,omitempty"`
	// Description tells people what the Task does.
	// +optional
	Description string `json:"description,omitempty"`
	// Steps are the containers to run, one after the other; at least one is required.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=256
	Steps []Step `json:"steps,omitempty"`
	// Volumes are added to the Pod, for steps and sidecars to mount.
	// +optional
	// +listType=atomic
	Volumes []corev1.Volume `json:"volumes,omitempty"`
	// StepTemplate holds what every step starts from.
	// +optional
	StepTemplate *StepTemplate `json:"stepTemplate,omitempty"`
	// Sidecars are containers that run beside the steps.
	// +optional
	// +listType=atomic
	Sidecars []Sidecar `json:"sidecars,omitempty"`
	// Workspaces declares the folders that a run binds volumes to.
	// +optional
	// +listType=atomic
	Workspaces []WorkspaceDeclaration `json:"workspaces,omitempty"`
	// Results declares what the Task gives back.
	// +optional
	// +listType=atomic
	Results []TaskResult `json:"results,omitempty"`
}

// TaskList is a list of Tasks.
// +kubebuilder:object:root=true
type TaskList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []Task `json:"items"`
}
