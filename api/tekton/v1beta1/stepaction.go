package v1beta1

import (
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/slipway-dev/slipway/api/tekton/malformed"
	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
)

// StepAction is one step that Tasks share: a step refers to it by ref and gives
// values to its parameters.
// +kubebuilder:object:root=true
// +kubebuilder:storageversion
// +kubebuilder:resource:categories=tekton;tekton-pipelines
type StepAction struct {
	metav1.TypeMeta `json:",inline"`
	// +optional
	metav1.ObjectMeta `json:"metadata,omitzero"`
	// Spec is what the step needs and does.
	Spec StepActionSpec `json:"spec"`
	// Malformed is a field that could not be read, if there is one.
	Malformed *malformed.Field `json:"-"`
}

// StepActionSpec is what the step needs and does.
type StepActionSpec struct {
	// Description tells people what the step does.
	// +optional
	Description string `json:"description,omitempty"`
	// Image is the container image to run.
	// +optional
	Image string `json:"image,omitempty"`
	// Command replaces the image's entrypoint; it is not run in a shell and
	// excludes script.
	// +optional
	// +listType=atomic
	Command []string `json:"command,omitempty"`
	// Args are given to the command, to the script or to the image's entrypoint.
	// +optional
	// +listType=atomic
	Args []string `json:"args,omitempty"`
	// Env sets environment variables.
	// +optional
	// +listType=atomic
	Env []corev1.EnvVar `json:"env,omitempty"`
	// Script is the text of a program to run; its first line may name the
	// interpreter after #!, else it is run by /bin/sh with `set -e`. Parameters
	// cannot be used in it: pass them through env.
	// +optional
	Script string `json:"script,omitempty"`
	// WorkingDir is the folder the step starts in; the image's by default.
	// +optional
	WorkingDir string `json:"workingDir,omitempty"`
	// Params declares the parameters that steps give values to.
	// +optional
	Params v1.ParamSpecs `json:"params,omitempty"`
	// Results are what the step may write to $(step.results.NAME.path).
	// +optional
	// +listType=atomic
	Results []v1.StepResult `json:"results,omitempty"`
	// SecurityContext holds the step's privileges; what it sets wins over the Pod's.
	// +optional
	SecurityContext *corev1.SecurityContext `json:"securityContext,omitempty"`
	// VolumeMounts mounts volumes of the Task; a mount's name must be a parameter,
	// such as $(params.volume).
	// +optional
	// +listType=atomic
	VolumeMounts []corev1.VolumeMount `json:"volumeMounts,omitempty"`
}

// StepActionList is a list of StepActions.
// +kubebuilder:object:root=true
type StepActionList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []StepAction `json:"items"`
}

// UnmarshalJSON reads what can be read; see package malformed.
func (a *StepAction) UnmarshalJSON(data []byte) (err error) {
	type plain StepAction
	a.Malformed, err = malformed.Read(data, (*plain)(a))
	return err
}

// Unread returns the field that could not be read, or nil.
func (a *StepAction) Unread() *malformed.Field { return a.Malformed }
