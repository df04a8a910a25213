package v1

import corev1 "k8s.io/api/core/v1"

// Sidecar is a container that runs beside the steps: it is ready before the
// first step starts and is ended after the last one.
type Sidecar struct {
	// Name is unique in the Task and a DNS label; the container is called sidecar-NAME.
	// +optional
	Name string `json:"name,omitempty"`
	// Image is the container image to run.
	// +optional
	Image string `json:"image,omitempty"`
	// Command replaces the image's entrypoint; it excludes script.
	// +optional
	// +listType=atomic
	Command []string `json:"command,omitempty"`
	// Args are given to the command, to the script or to the image's entrypoint.
	// +optional
	// +listType=atomic
	Args []string `json:"args,omitempty"`
	// WorkingDir is the folder the container starts in; the image's by default.
	// +optional
	WorkingDir string `json:"workingDir,omitempty"`
	// Ports the container listens on, for information.
	// +optional
	// +listType=map
	// +listMapKey=containerPort
	// +listMapKey=protocol
	Ports []corev1.ContainerPort `json:"ports,omitempty"`
	// EnvFrom sets environment variables from the keys of ConfigMaps and Secrets.
	// +optional
	// +listType=atomic
	EnvFrom []corev1.EnvFromSource `json:"envFrom,omitempty"`
	// Env sets environment variables.
	// +optional
	// +listType=atomic
	Env []corev1.EnvVar `json:"env,omitempty"`
	// ComputeResources are the container's requests and limits.
	// +optional
	ComputeResources corev1.ResourceRequirements `json:"computeResources,omitzero"`
	// VolumeMounts mounts volumes of the Task or Pod.
	// +optional
	// +listType=atomic
	VolumeMounts []corev1.VolumeMount `json:"volumeMounts,omitempty"`
	// VolumeDevices maps raw block volumes into the container.
	// +optional
	// +listType=atomic
	VolumeDevices []corev1.VolumeDevice `json:"volumeDevices,omitempty"`
	// LivenessProbe restarts the container when it fails.
	// +optional
	LivenessProbe *corev1.Probe `json:"livenessProbe,omitempty"`
	// ReadinessProbe says when the container is ready.
	// +optional
	ReadinessProbe *corev1.Probe `json:"readinessProbe,omitempty"`
	// StartupProbe holds the first step back until it succeeds.
	// +optional
	StartupProbe *corev1.Probe `json:"startupProbe,omitempty"`
	// Lifecycle holds hooks to run after the container starts and before it ends.
	// +optional
	Lifecycle *corev1.Lifecycle `json:"lifecycle,omitempty"`
	// TerminationMessagePath is the file whose content becomes the termination
	// message; /dev/termination-log by default.
	// +optional
	TerminationMessagePath string `json:"terminationMessagePath,omitempty"`
	// TerminationMessagePolicy is File, the default, or FallbackToLogsOnError.
	// +optional
	TerminationMessagePolicy corev1.TerminationMessagePolicy `json:"terminationMessagePolicy,omitempty"`
	// ImagePullPolicy is Always, IfNotPresent or Never; by default Always for the
	// tag latest and IfNotPresent for any other.
	// +optional
	ImagePullPolicy corev1.PullPolicy `json:"imagePullPolicy,omitempty"`
	// SecurityContext holds the container's privileges; what it sets wins over the Pod's.
	// +optional
	SecurityContext *corev1.SecurityContext `json:"securityContext,omitempty"`
	// Stdin keeps the standard input open; false by default.
	// +optional
	Stdin bool `json:"stdin,omitempty"`
	// StdinOnce closes the standard input after the first attach; false by default.
	// +optional
	StdinOnce bool `json:"stdinOnce,omitempty"`
	// TTY gives the container a terminal, which needs stdin; false by default.
	// +optional
	TTY bool `json:"tty,omitempty"`
	// Script is the text of a program to run; its first line may name the
	// interpreter after #!, else it is run by /bin/sh with `set -e`.
	// +optional
	Script string `json:"script,omitempty"`
	// Workspaces mounts workspaces of the Task into this sidecar and the others
	// that list them, and into no other.
	// +optional
	// +listType=atomic
	Workspaces []WorkspaceUsage `json:"workspaces,omitempty"`
	// RestartPolicy is Always for a sidecar that is to be restarted when it ends.
	// +optional
	RestartPolicy *corev1.ContainerRestartPolicy `json:"restartPolicy,omitempty"`
}
