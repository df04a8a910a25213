package v1

import (
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// OnErrorType says what a step's failure means for the Task.
type OnErrorType string

const (
	// StopAndFail ends the Task as failed; it is the default.
	StopAndFail OnErrorType = "stopAndFail"
	// Continue records the exit code and goes on with the next step.
	Continue OnErrorType = "continue"
)

// Step is one container of a Task; steps run in their order, each after the
// one before it has ended.
type Step struct {
	// Name is unique in the Task and a DNS label, so that the container can be
	// called step-NAME; without one the step is known as unnamed-N.
	// +optional
	// +kubebuilder:validation:MaxLength=63
	Name string `json:"name,omitempty"`
	// DisplayName is a name for people; it has no effect.
	// +optional
	DisplayName string `json:"displayName,omitempty"`
	// Image is the container image to run; it is required unless ref is given or
	// stepTemplate has one.
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
	// WorkingDir is the folder the step starts in; the image's by default. A
	// relative path is below /workspace.
	// +optional
	WorkingDir string `json:"workingDir,omitempty"`
	// EnvFrom sets environment variables from the keys of ConfigMaps and Secrets.
	// +optional
	// +listType=atomic
	EnvFrom []corev1.EnvFromSource `json:"envFrom,omitempty"`
	// Env sets environment variables.
	// +optional
	// +listType=atomic
	Env []corev1.EnvVar `json:"env,omitempty"`
	// ComputeResources are the requests and limits of the step's container; as
	// steps run one at a time, the Pod asks for the largest request, not the sum.
	// +optional
	ComputeResources corev1.ResourceRequirements `json:"computeResources,omitzero"`
	// VolumeMounts mounts volumes of the Task or Pod; paths below /tekton are reserved.
	// +optional
	// +listType=atomic
	VolumeMounts []corev1.VolumeMount `json:"volumeMounts,omitempty"`
	// VolumeDevices maps raw block volumes into the step.
	// +optional
	// +listType=atomic
	VolumeDevices []corev1.VolumeDevice `json:"volumeDevices,omitempty"`
	// ImagePullPolicy is Always, IfNotPresent or Never; by default Always for the
	// tag latest and IfNotPresent for any other.
	// +optional
	ImagePullPolicy corev1.PullPolicy `json:"imagePullPolicy,omitempty"`
	// SecurityContext holds the step's privileges; what it sets wins over the Pod's.
	// +optional
	SecurityContext *corev1.SecurityContext `json:"securityContext,omitempty"`
	// Script is the text of a program to run; its first line may name the
	// interpreter after #!, else it is run by /bin/sh with `set -e`.
	// +optional
	Script string `json:"script,omitempty"`
	// Timeout is how long the step may run, such as 90s or 1h30m, before it is
	// killed and the Task fails; there is no limit by default.
	// +optional
	Timeout *metav1.Duration `json:"timeout,omitempty"`
	// Workspaces mounts workspaces of the Task into this step and the others that
	// list them, and into no other.
	// +optional
	// +listType=atomic
	Workspaces []WorkspaceUsage `json:"workspaces,omitempty"`
	// OnError says what a non-zero exit code means: stopAndFail, the default, ends
	// the Task as failed; continue records it and goes on with the next step. It
	// may be a parameter, such as $(params.x).
	// +optional
	OnError OnErrorType `json:"onError,omitempty"`
	// StdoutConfig copies the standard output into a file as well.
	// +optional
	StdoutConfig *StepOutputConfig `json:"stdoutConfig,omitempty"`
	// StderrConfig copies the standard error into a file as well.
	// +optional
	StderrConfig *StepOutputConfig `json:"stderrConfig,omitempty"`
	// Ref takes image, command, args, script, env and results from a StepAction
	// instead of from here.
	// +optional
	Ref *Ref `json:"ref,omitempty"`
	// Params are the values for the parameters of the StepAction in ref.
	// +optional
	Params Params `json:"params,omitempty"`
	// Results are what the step may write to $(step.results.NAME.path), for later
	// steps to read and for the Task's results to take.
	// +optional
	// +listType=atomic
	Results []StepResult `json:"results,omitempty"`
	// When guards the step: it is skipped unless every expression holds. They may
	// use parameters and results of earlier steps.
	// +optional
	When StepWhenExpressions `json:"when,omitempty"`
}

// Ref points to a StepAction: by name in the same namespace, or by a resolver.
type Ref struct {
	// Name of the StepAction in the same namespace.
	// +optional
	Name string `json:"name,omitempty"`
	// ResolverRef finds the StepAction elsewhere.
	// +optional
	ResolverRef `json:",inline"`
}

// StepOutputConfig says where a stream is copied to.
type StepOutputConfig struct {
	// Path of the file, which may be that of a result or on a volume.
	// +optional
	Path string `json:"path,omitempty"`
}

// StepTemplate holds what every step of the Task starts from; what a step sets
// itself wins, and lists with names are merged by name.
type StepTemplate struct {
	// Image is the container image of steps that have none.
	// +optional
	Image string `json:"image,omitempty"`
	// Command replaces the image's entrypoint in steps that set no command.
	// +optional
	// +listType=atomic
	Command []string `json:"command,omitempty"`
	// Args are the arguments of steps that set none.
	// +optional
	// +listType=atomic
	Args []string `json:"args,omitempty"`
	// WorkingDir is the folder steps start in.
	// +optional
	WorkingDir string `json:"workingDir,omitempty"`
	// EnvFrom sets environment variables from the keys of ConfigMaps and Secrets.
	// +optional
	// +listType=atomic
	EnvFrom []corev1.EnvFromSource `json:"envFrom,omitempty"`
	// Env sets environment variables; a step's own of the same name wins.
	// +optional
	// +listType=atomic
	Env []corev1.EnvVar `json:"env,omitempty"`
	// ComputeResources are the requests and limits of steps that set none.
	// +optional
	ComputeResources corev1.ResourceRequirements `json:"computeResources,omitzero"`
	// VolumeMounts mounts volumes into every step.
	// +optional
	// +listType=atomic
	VolumeMounts []corev1.VolumeMount `json:"volumeMounts,omitempty"`
	// VolumeDevices maps raw block volumes into every step.
	// +optional
	// +listType=atomic
	VolumeDevices []corev1.VolumeDevice `json:"volumeDevices,omitempty"`
	// ImagePullPolicy is Always, IfNotPresent or Never.
	// +optional
	ImagePullPolicy corev1.PullPolicy `json:"imagePullPolicy,omitempty"`
	// SecurityContext holds the privileges of steps that set none.
	// +optional
	SecurityContext *corev1.SecurityContext `json:"securityContext,omitempty"`
}
