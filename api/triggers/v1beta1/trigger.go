package v1beta1

import (
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

// Trigger says what is made of the requests that pass its interceptors.
// +kubebuilder:object:root=true
// +kubebuilder:storageversion
// +kubebuilder:resource:shortName=tri,categories={tekton,tekton-triggers}
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
type Trigger struct {
	metav1.TypeMeta `json:",inline"`
	// +optional
	metav1.ObjectMeta `json:"metadata,omitzero"`
	// Spec says what is made.
	Spec TriggerSpec `json:"spec"`
}

// TriggerList is a list of Triggers.
// +kubebuilder:object:root=true
type TriggerList struct {
	metav1.TypeMeta `json:",inline"`
	// +optional
	metav1.ListMeta `json:"metadata,omitzero"`
	// Items are the Triggers.
	Items []Trigger `json:"items"`
}

// TriggerSpec says what is made of the requests that pass.
type TriggerSpec struct {
	// Name has no effect: the label of what is made is the Trigger's own name.
	// +optional
	Name string `json:"name,omitempty"`
	// Interceptors check, filter and extend the request, one after the other.
	// +kubebuilder:validation:MaxItems=50
	// +listType=atomic
	// +optional
	Interceptors []TriggerInterceptor `json:"interceptors,omitempty"`
	// Bindings read params from the request.
	// +kubebuilder:validation:MaxItems=100
	// +listType=atomic
	// +optional
	Bindings []TriggerSpecBinding `json:"bindings,omitempty"`
	// Template is what is made.
	Template TriggerSpecTemplate `json:"template"`
	// ServiceAccountName is the account of the Trigger's namespace as which objects are
	// made, in place of the EventListener's.
	// +optional
	ServiceAccountName string `json:"serviceAccountName,omitempty"`
}

// TriggerSpecBinding is a param, or names a binding that has some.
// +kubebuilder:validation:XValidation:rule="(has(self.ref) && size(self.ref) > 0) != (has(self.name) && size(self.name) > 0 && has(self.value))",message="give either ref, or name and value"
type TriggerSpecBinding struct {
	// Name is that of the param.
	// +optional
	Name string `json:"name,omitempty"`
	// Value is the param's, with $(body.x), $(header.x), $(extensions.x) and $(context.eventID).
	// +optional
	Value *string `json:"value,omitempty"`
	// Ref is the name of a binding.
	// +optional
	Ref string `json:"ref,omitempty"`
	// Kind is that of the binding: TriggerBinding, the default, or ClusterTriggerBinding.
	// +kubebuilder:validation:Enum="";TriggerBinding;ClusterTriggerBinding
	// +optional
	Kind string `json:"kind,omitempty"`
	// APIVersion is that of the binding; it has no effect.
	// +optional
	APIVersion string `json:"apiversion,omitempty"`
}

// TriggerSpecTemplate is a template, or names one.
// +kubebuilder:validation:XValidation:rule="has(self.spec) != (has(self.ref) && size(self.ref) > 0)",message="give either ref or spec"
type TriggerSpecTemplate struct {
	// Ref is the name of a TriggerTemplate of the Trigger's namespace.
	// +optional
	Ref *string `json:"ref,omitempty"`
	// APIVersion is that of the template; it has no effect.
	// +optional
	APIVersion string `json:"apiversion,omitempty"`
	// Spec is the template itself.
	// +optional
	Spec *TriggerTemplateSpec `json:"spec,omitempty"`
}

// TriggerInterceptor checks, filters or extends a request.
// +kubebuilder:validation:XValidation:rule="has(self.webhook) || has(self.ref) && has(self.ref.name) && size(self.ref.name) > 0",message="give ref.name: cel, github, gitlab, bitbucket, slack or that of a ClusterInterceptor; its settings are params"
// +kubebuilder:validation:XValidation:rule="!has(self.webhook)",message="webhook is not supported: make a ClusterInterceptor with the address, and name it in ref"
type TriggerInterceptor struct {
	// Name is for people.
	// +optional
	Name *string `json:"name,omitempty"`
	// Ref names the interceptor.
	// +optional
	Ref InterceptorRef `json:"ref,omitzero"`
	// Params are its settings.
	// +kubebuilder:validation:MaxItems=50
	// +listType=atomic
	// +optional
	Params []InterceptorParams `json:"params,omitempty"`
	// Webhook is refused.
	// +kubebuilder:pruning:PreserveUnknownFields
	// +optional
	Webhook *runtime.RawExtension `json:"webhook,omitempty"`
}

// InterceptorRef names an interceptor.
type InterceptorRef struct {
	// Name is cel, github, gitlab, bitbucket, slack or that of a ClusterInterceptor.
	// +optional
	Name string `json:"name,omitempty"`
	// Kind is ClusterInterceptor.
	// +kubebuilder:validation:Enum="";ClusterInterceptor
	// +optional
	Kind string `json:"kind,omitempty"`
	// APIVersion is that of the interceptor; it has no effect.
	// +optional
	APIVersion string `json:"apiVersion,omitempty"`
}

// InterceptorParams is one setting of an interceptor.
type InterceptorParams struct {
	// Name is that of the setting.
	Name string `json:"name"`
	// Value is any JSON.
	Value apiextensionsv1.JSON `json:"value"`
}
