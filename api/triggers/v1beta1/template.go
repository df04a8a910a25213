package v1beta1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

// TriggerTemplate is what a Trigger makes.
// +kubebuilder:object:root=true
// +kubebuilder:storageversion
// +kubebuilder:resource:shortName=tt,categories={tekton,tekton-triggers}
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
type TriggerTemplate struct {
	metav1.TypeMeta `json:",inline"`
	// +optional
	metav1.ObjectMeta `json:"metadata,omitzero"`
	// Spec has the params and the objects.
	Spec TriggerTemplateSpec `json:"spec"`
}

// TriggerTemplateList is a list of TriggerTemplates.
// +kubebuilder:object:root=true
type TriggerTemplateList struct {
	metav1.TypeMeta `json:",inline"`
	// +optional
	metav1.ListMeta `json:"metadata,omitzero"`
	// Items are the TriggerTemplates.
	Items []TriggerTemplate `json:"items"`
}

// TriggerTemplateSpec has params and objects.
type TriggerTemplateSpec struct {
	// Params are what bindings are to give.
	// +listType=atomic
	// +optional
	Params []ParamSpec `json:"params,omitempty"`
	// ResourceTemplates are the objects, of any kind, with $(tt.params.x) and $(uid) in
	// their texts.
	// +kubebuilder:validation:MinItems=1
	// +listType=atomic
	ResourceTemplates []TriggerResourceTemplate `json:"resourcetemplates"`
}

// TriggerResourceTemplate is an object of any kind.
// +kubebuilder:pruning:PreserveUnknownFields
type TriggerResourceTemplate struct {
	runtime.RawExtension `json:",inline"`
}

// ParamSpec is what a binding is to give.
type ParamSpec struct {
	// Name is that of the param.
	// +kubebuilder:validation:MinLength=1
	Name string `json:"name"`
	// Description is for people.
	// +optional
	Description string `json:"description,omitempty"`
	// Default is the value where no binding gives one, or the request has none.
	// +optional
	Default *string `json:"default,omitempty"`
}
