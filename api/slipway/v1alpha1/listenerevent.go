package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// ListenerEvent is one request to an EventListener, as it came. It is stored before the
// sender has its answer, and its name is the event's id. It may hold what only roles that
// read Secrets may see: the token by which GitLab shows who it is is a header.
// +kubebuilder:object:root=true
// +kubebuilder:storageversion
// +kubebuilder:subresource:status
// +kubebuilder:resource:categories=slipway
// +kubebuilder:printcolumn:name="Listener",type=string,JSONPath=`.spec.listener`
// +kubebuilder:printcolumn:name="State",type=string,JSONPath=`.status.state`
// +kubebuilder:printcolumn:name="Message",type=string,JSONPath=`.status.message`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
type ListenerEvent struct {
	metav1.TypeMeta `json:",inline"`
	// +optional
	metav1.ObjectMeta `json:"metadata,omitzero"`
	// Spec is the request.
	Spec ListenerEventSpec `json:"spec"`
	// Status is what came of it.
	// +optional
	Status ListenerEventStatus `json:"status,omitzero"`
}

// ListenerEventList is a list of ListenerEvents.
// +kubebuilder:object:root=true
type ListenerEventList struct {
	metav1.TypeMeta `json:",inline"`
	// +optional
	metav1.ListMeta `json:"metadata,omitzero"`
	// Items are the ListenerEvents.
	Items []ListenerEvent `json:"items"`
}

// ListenerEventSpec is a request to an EventListener.
type ListenerEventSpec struct {
	// Listener is the name of the EventListener, in the same namespace.
	Listener string `json:"listener"`
	// Received is when it came.
	Received metav1.MicroTime `json:"received"`
	// URL is the path of the request, with its query.
	// +optional
	URL string `json:"url,omitempty"`
	// Headers are those of the request, by canonical name.
	// +optional
	Headers map[string][]string `json:"headers,omitempty"`
	// Payload is the body, compressed by gzip.
	// +optional
	Payload []byte `json:"payload,omitempty"`
}

// ListenerEventStatus is what came of a request.
type ListenerEventStatus struct {
	// State says where it is: Done if a Trigger made something, else Failed if one
	// failed, else Ignored.
	// +kubebuilder:validation:Enum=Waiting;Done;Ignored;Failed
	// +optional
	State EventState `json:"state,omitempty"`
	// Message says why, in one line.
	// +optional
	Message string `json:"message,omitempty"`
	// Triggers say what each did; the first hundred.
	// +listType=atomic
	// +optional
	Triggers []TriggerOutcome `json:"triggers,omitempty"`
	// Finished is when it was worked off.
	// +optional
	Finished *metav1.Time `json:"finished,omitempty"`
}

// TriggerOutcome is what a Trigger made of a request.
type TriggerOutcome struct {
	// Name is that of the Trigger, with its namespace where that is another; of one without a
	// name its place in the EventListener.
	Name string `json:"name"`
	// State is Done, Ignored or Failed.
	// +kubebuilder:validation:Enum=Done;Ignored;Failed
	State EventState `json:"state"`
	// Message says why, in one line.
	// +optional
	Message string `json:"message,omitempty"`
	// Resources are what it made, as KIND NAME, or KIND NAMESPACE/NAME where that is another.
	// +listType=atomic
	// +optional
	Resources []string `json:"resources,omitempty"`
}
