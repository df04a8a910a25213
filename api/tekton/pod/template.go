// Package pod holds the settings a run may make on the Pods made for it.
//
// +kubebuilder:object:generate=true
package pod

import corev1 "k8s.io/api/core/v1"

// Template holds what a run may set on the Pods made for it.
type Template struct {
	// NodeSelector lists labels a node must have for the Pod to run on it.
	// +optional
	NodeSelector map[string]string `json:"nodeSelector,omitempty"`
	// Env sets environment variables in every container of the Pod.
	// +optional
	// +listType=atomic
	Env []corev1.EnvVar `json:"env,omitempty"`
	// Tolerations lets the Pod run on nodes with matching taints.
	// +optional
	// +listType=atomic
	Tolerations []corev1.Toleration `json:"tolerations,omitempty"`
	// Affinity holds the Pod's rules for choosing a node.
	// +optional
	Affinity *corev1.Affinity `json:"affinity,omitempty"`
	// SecurityContext holds the privileges of the Pod and the defaults of its containers.
	// +optional
	SecurityContext *corev1.PodSecurityContext `json:"securityContext,omitempty"`
	// Volumes are added to the Pod, for steps to mount.
	// +optional
	// +listType=atomic
	Volumes []corev1.Volume `json:"volumes,omitempty"`
	// RuntimeClassName chooses the container runtime, such as gvisor.
	// +optional
	RuntimeClassName *string `json:"runtimeClassName,omitempty"`
	// AutomountServiceAccountToken says whether the service account's token is
	// mounted into the Pod's containers.
	// +optional
	AutomountServiceAccountToken *bool `json:"automountServiceAccountToken,omitempty"`
	// DNSPolicy is ClusterFirst (the default), ClusterFirstWithHostNet, Default or None.
	// +optional
	DNSPolicy *corev1.DNSPolicy `json:"dnsPolicy,omitempty"`
	// DNSConfig adds name servers, search domains and options to what dnsPolicy gives.
	// +optional
	DNSConfig *corev1.PodDNSConfig `json:"dnsConfig,omitempty"`
	// EnableServiceLinks adds an environment variable for every Service of the
	// namespace; true by default, as in any Pod.
	// +optional
	EnableServiceLinks *bool `json:"enableServiceLinks,omitempty"`
	// PriorityClassName is the Pod's priority class.
	// +optional
	PriorityClassName *string `json:"priorityClassName,omitempty"`
	// SchedulerName is the scheduler that places the Pod; the cluster's by default.
	// +optional
	SchedulerName string `json:"schedulerName,omitempty"`
	// ImagePullSecrets names Secrets with credentials for registries.
	// +optional
	// +listType=atomic
	ImagePullSecrets []corev1.LocalObjectReference `json:"imagePullSecrets,omitempty"`
	// HostAliases adds lines to /etc/hosts.
	// +optional
	// +listType=atomic
	HostAliases []corev1.HostAlias `json:"hostAliases,omitempty"`
	// HostNetwork has the Pod share the node's network; false by default.
	// +optional
	HostNetwork bool `json:"hostNetwork,omitempty"`
	// HostUsers has the Pod share the node's user ids: set to false, the Pod gets a
	// user namespace of its own, in which root is nobody on the node. It is false
	// by default where the nodes have user namespaces.
	// +optional
	HostUsers *bool `json:"hostUsers,omitempty"`
	// TopologySpreadConstraints spreads Pods over zones, nodes or other domains.
	// +optional
	// +listType=atomic
	TopologySpreadConstraints []corev1.TopologySpreadConstraint `json:"topologySpreadConstraints,omitempty"`
}
