package v1beta1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// TriggerBinding reads params from a request.
// +kubebuilder:object:root=true
// +kubebuilder:storageversion
// +kubebuilder:resource:shortName=tb,categories={tekton,tekton-triggers}
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
type TriggerBinding struct {
	metav1.TypeMeta `json:",inline"`
	// +optional
	metav1.ObjectMeta `json:"metadata,omitzero"`
	// Spec has the params.
	Spec TriggerBindingSpec `json:"spec"`
}

// TriggerBindingList is a list of TriggerBindings.
// +kubebuilder:object:root=true
type TriggerBindingList struct {
	metav1.TypeMeta `json:",inline"`
	// +optional
	metav1.ListMeta `json:"metadata,omitzero"`
	// Items are the TriggerBindings.
	Items []TriggerBinding `json:"items"`
}

// ClusterTriggerBinding is a TriggerBinding for all namespaces.
// +kubebuilder:object:root=true
// +kubebuilder:storageversion
// +kubebuilder:resource:scope=Cluster,shortName=ctb,categories={tekton,tekton-triggers}
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
type ClusterTriggerBinding struct {
	metav1.TypeMeta `json:",inline"`
	// +optional
	metav1.ObjectMeta `json:"metadata,omitzero"`
	// Spec has the params.
	Spec TriggerBindingSpec `json:"spec"`
}

// ClusterTriggerBindingList is a list of ClusterTriggerBindings.
// +kubebuilder:object:root=true
type ClusterTriggerBindingList struct {
	metav1.TypeMeta `json:",inline"`
	// +optional
	metav1.ListMeta `json:"metadata,omitzero"`
	// Items are the ClusterTriggerBindings.
	Items []ClusterTriggerBinding `json:"items"`
}

// TriggerBindingSpec has the params.
type TriggerBindingSpec struct {
	// Params are handed to the template, by their names.
	// +listType=atomic
	// +optional
	Params []Param `json:"params,omitempty"`
}

// Param is a named value.
type Param struct {
	// Name is what the template calls it.
	// +kubebuilder:validation:MinLength=1
	Name string `json:"name"`
	// Value may have $(body.x), $(header.x), $(extensions.x) and $(context.eventID).
	Value string `json:"value"`
}
