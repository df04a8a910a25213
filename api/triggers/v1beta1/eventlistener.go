package v1beta1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

// EventListener takes HTTP requests with a JSON body, and makes objects of them by its
// Triggers. Slipway's gateway takes them for all EventListeners of the cluster.
// +kubebuilder:object:root=true
// +kubebuilder:storageversion
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=el,categories={tekton,tekton-triggers}
// +kubebuilder:printcolumn:name="Address",type=string,JSONPath=`.status.address.url`
// +kubebuilder:printcolumn:name="Available",type=string,JSONPath=`.status.conditions[?(@.type=="Available")].status`
// +kubebuilder:printcolumn:name="Reason",type=string,JSONPath=`.status.conditions[?(@.type=="Available")].reason`
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Reason",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].reason`
// +kubebuilder:validation:XValidation:rule="self.metadata.name.size() <= 60",message="metadata.name: use at most 60 characters: el- and the name are those of its Service"
type EventListener struct {
	metav1.TypeMeta `json:",inline"`
	// +optional
	metav1.ObjectMeta `json:"metadata,omitzero"`
	// Spec says what is made of requests.
	Spec EventListenerSpec `json:"spec"`
	// Status says where requests are taken.
	// +optional
	Status EventListenerStatus `json:"status,omitzero"`
}

// EventListenerList is a list of EventListeners.
// +kubebuilder:object:root=true
type EventListenerList struct {
	metav1.TypeMeta `json:",inline"`
	// +optional
	metav1.ListMeta `json:"metadata,omitzero"`
	// Items are the EventListeners.
	Items []EventListener `json:"items"`
}

// EventListenerSpec says what is made of requests.
// +kubebuilder:validation:XValidation:rule="has(self.triggers) || has(self.triggerGroups) || has(self.labelSelector) || has(self.namespaceSelector)",message="give at least one of triggers, triggerGroups, labelSelector and namespaceSelector"
type EventListenerSpec struct {
	// ServiceAccountName is the account of this namespace as which objects are made;
	// default when empty.
	// +optional
	ServiceAccountName string `json:"serviceAccountName,omitempty"`
	// Triggers stand here, or are named.
	// +kubebuilder:validation:MaxItems=500
	// +listType=atomic
	// +optional
	Triggers []EventListenerTrigger `json:"triggers,omitempty"`
	// TriggerGroups run Triggers behind interceptors that they share.
	// +kubebuilder:validation:MaxItems=100
	// +listType=atomic
	// +optional
	TriggerGroups []EventListenerTriggerGroup `json:"triggerGroups,omitempty"`
	// NamespaceSelector names namespaces whose Triggers run too; * means all.
	// +optional
	NamespaceSelector *NamespaceSelector `json:"namespaceSelector,omitempty"`
	// LabelSelector chooses among the Triggers of these namespaces, or of this one.
	// +optional
	LabelSelector *metav1.LabelSelector `json:"labelSelector,omitempty"`
	// Resources says how the EventListener is served.
	// +optional
	Resources *Resources `json:"resources,omitempty"`
	// CloudEventURI has no effect here: no cloud events are sent of triggers.
	// +optional
	CloudEventURI string `json:"cloudEventURI,omitempty"`
}

// Resources says how an EventListener is served.
// +kubebuilder:validation:XValidation:rule="!has(self.customResource)",message="customResource is not supported: requests are taken by Slipway's gateway; leave it out"
type Resources struct {
	// KubernetesResource is about the Service, and a Deployment that Slipway does not need.
	// +optional
	KubernetesResource *KubernetesResource `json:"kubernetesResource,omitempty"`
	// CustomResource is refused.
	// +kubebuilder:pruning:PreserveUnknownFields
	// +optional
	CustomResource *runtime.RawExtension `json:"customResource,omitempty"`
}

// KubernetesResource is about the Service of an EventListener.
type KubernetesResource struct {
	// Replicas has no effect here: scale the Deployment of the gateway.
	// +optional
	Replicas *int32 `json:"replicas,omitempty"`
	// ServiceType is ClusterIP; others have no effect here: expose the Service of the gateway.
	// +optional
	ServiceType string `json:"serviceType,omitempty"`
	// ServicePort is 8080, the default, or 80; others have no effect here.
	// +optional
	ServicePort *int32 `json:"servicePort,omitempty"`
	// ServiceLoadBalancerClass has no effect here.
	// +optional
	ServiceLoadBalancerClass *string `json:"serviceLoadBalancerClass,omitempty"`
	// Spec is that of the Pods, which has no effect here. With TLS_CERT or TLS_KEY in the
	// environment of a container no request is taken: TLS ends before the gateway.
	// +kubebuilder:pruning:PreserveUnknownFields
	// +optional
	Spec *runtime.RawExtension `json:"spec,omitempty"`
}

// EventListenerTrigger is a Trigger that stands in an EventListener, or the name of one.
// +kubebuilder:validation:XValidation:rule="has(self.template) != (has(self.triggerRef) && size(self.triggerRef) > 0)",message="give either template or triggerRef"
// +kubebuilder:validation:XValidation:rule="!has(self.triggerRef) || size(self.triggerRef) == 0 || !has(self.bindings) && !has(self.interceptors)",message="bindings and interceptors are those of the Trigger that triggerRef names: leave them out"
type EventListenerTrigger struct {
	// Name is the value of a label of what is made.
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:Pattern=`^([A-Za-z0-9]([A-Za-z0-9_.-]*[A-Za-z0-9])?)?$`
	// +optional
	Name string `json:"name,omitempty"`
	// TriggerRef is the name of a Trigger of this namespace.
	// +optional
	TriggerRef string `json:"triggerRef,omitempty"`
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
	// +optional
	Template *TriggerSpecTemplate `json:"template,omitempty"`
	// ServiceAccountName is the account of this namespace as which objects are made, in
	// place of the EventListener's.
	// +optional
	ServiceAccountName string `json:"serviceAccountName,omitempty"`
}

// EventListenerTriggerGroup runs Triggers behind interceptors that they share.
type EventListenerTriggerGroup struct {
	// Name tells it from other groups.
	Name string `json:"name"`
	// Interceptors run once, before the Triggers.
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=50
	// +listType=atomic
	Interceptors []TriggerInterceptor `json:"interceptors"`
	// TriggerSelector chooses the Triggers.
	TriggerSelector EventListenerTriggerSelector `json:"triggerSelector"`
}

// EventListenerTriggerSelector chooses Triggers.
// +kubebuilder:validation:XValidation:rule="has(self.labelSelector) || has(self.namespaceSelector)",message="give labelSelector, namespaceSelector or both"
type EventListenerTriggerSelector struct {
	// NamespaceSelector names their namespaces; this one by default, * means all.
	// +optional
	NamespaceSelector *NamespaceSelector `json:"namespaceSelector,omitempty"`
	// LabelSelector chooses among them; all by default.
	// +optional
	LabelSelector *metav1.LabelSelector `json:"labelSelector,omitempty"`
}

// NamespaceSelector names namespaces.
type NamespaceSelector struct {
	// MatchNames are the names; * alone means all.
	// +listType=atomic
	// +optional
	MatchNames []string `json:"matchNames,omitempty"`
}

// EventListenerStatus says where requests are taken.
type EventListenerStatus struct {
	// ObservedGeneration is the metadata.generation that the status is of.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`
	// Conditions are Ready, Available, Service and Effective.
	// +listType=map
	// +listMapKey=type
	// +optional
	Conditions []metav1.Condition `json:"conditions,omitempty"`
	// Address is where requests are taken inside of the cluster.
	// +optional
	Address *Address `json:"address,omitempty"`
	// Configuration names what is made for the EventListener.
	// +optional
	Configuration EventListenerConfig `json:"configuration,omitzero"`
}

// Address is where something is reached.
type Address struct {
	// URL is the address.
	// +optional
	URL string `json:"url,omitempty"`
}

// EventListenerConfig names what is made for an EventListener.
type EventListenerConfig struct {
	// GeneratedResourceName is the name of its Service.
	// +optional
	GeneratedResourceName string `json:"generatedName,omitempty"`
}

// The types of conditions of an EventListener.
const (
	// ConditionReady is True where requests are taken and nothing in the spec is in the way.
	ConditionReady = "Ready"
	// ConditionAvailable is True where requests are taken.
	ConditionAvailable = "Available"
	// ConditionService is about the Service.
	ConditionService = "Service"
	// ConditionEffective is False where fields of the spec have no effect, and names them.
	ConditionEffective = "Effective"
)

// ServiceName is that of the Service of an EventListener.
func (el *EventListener) ServiceName() string { return "el-" + el.Name }
