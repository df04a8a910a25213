package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
)

// ControllerConfig is the configuration of cmd/controller, read from a file at
// start. Everything has a default.
// +kubebuilder:object:root=true
type ControllerConfig struct {
	metav1.TypeMeta `json:",inline"`
	// EntrypointImage is the image that holds the entrypoint binary; each step's
	// Pod mounts or copies it. By default it is that of the init container named
	// entrypoint in the controller's own Pod.
	// +optional
	EntrypointImage string `json:"entrypointImage,omitempty"`
	// EntrypointDelivery says how the binary gets into the Pod: image mounts the
	// image as a volume, init copies it by an init container, and auto, the
	// default, takes image where every node can do it.
	// +optional
	EntrypointDelivery EntrypointDelivery `json:"entrypointDelivery,omitempty"`
	// Defaults is what runs get that say nothing themselves.
	// +optional
	Defaults RunDefaults `json:"defaults,omitzero"`
	// CloudEvents says who outside of the cluster is told of runs.
	// +optional
	CloudEvents CloudEvents `json:"cloudEvents,omitzero"`
	// RunURL is where people see a PipelineRun, which its status at the forge links to;
	// {namespace} and {name} in it stand for the run's. That of Tekton's Dashboard is
	// https://HOST/#/namespaces/{namespace}/pipelineruns/{name}. None by default.
	// +optional
	RunURL string `json:"runURL,omitempty"`
	// Namespaces are the ones the controller works in; empty means all.
	// +optional
	Namespaces []string `json:"namespaces,omitempty"`
	// Workers is how many runs of each kind are worked on at once; 32 by default.
	// +optional
	Workers int `json:"workers,omitempty"`
	// LeaderElection makes several replicas agree on the one that works; true by default.
	// +optional
	LeaderElection *bool `json:"leaderElection,omitempty"`
	// MetricsAddress is the address that serves metrics, such as :8080; "0" serves none.
	// +optional
	MetricsAddress string `json:"metricsAddress,omitempty"`
	// ProbeAddress is the address that serves /healthz and /readyz, such as :8081.
	// +optional
	ProbeAddress string `json:"probeAddress,omitempty"`
}

// EntrypointDelivery is a way for the entrypoint binary to get into a Pod.
type EntrypointDelivery string

const (
	// EntrypointAuto mounts the image where every node can, and copies elsewhere.
	EntrypointAuto EntrypointDelivery = "auto"
	// EntrypointImageVolume mounts the image as a volume.
	EntrypointImageVolume EntrypointDelivery = "image"
	// EntrypointInitContainer copies the binary by an init container.
	EntrypointInitContainer EntrypointDelivery = "init"
)

// CloudEvents says who outside of the cluster is told of runs.
type CloudEvents struct {
	// Sink is the URL that events are posted to, such as
	// http://broker.example.com/ci. By default it is the key sink of ConfigMap
	// config-events in the controller's namespace, or else
	// default-cloud-events-sink of config-defaults; without any, none are sent.
	// +optional
	Sink string `json:"sink,omitempty"`
}

// RunDefaults is what runs get that say nothing themselves.
type RunDefaults struct {
	// Timeout is how long a run may take; 1h by default, and 0 means without limit.
	// +optional
	Timeout *metav1.Duration `json:"timeout,omitempty"`
	// ServiceAccountName is the account Pods run as; "default" by default.
	// +optional
	ServiceAccountName string `json:"serviceAccountName,omitempty"`
	// PodTemplate holds settings for Pods that runs do not set.
	// +optional
	PodTemplate *v1.PodTemplate `json:"podTemplate,omitempty"`
	// ImagePullTimeout is how long a Pod may fail to pull an image before its run
	// fails; 0, the default, fails the run at once.
	// +optional
	ImagePullTimeout metav1.Duration `json:"imagePullTimeout,omitzero"`
}
