package v1beta1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
)

// LabelType names the resolver that is to answer a request.
const LabelType = GroupName + "/type"

// ReasonTimedOut is the reason of a request that nobody answered in time.
const ReasonTimedOut = "ResolutionTimedOut"

// ResolutionRequest asks a resolver for the document that a reference names. The
// resolver, which is another controller, is named by the label
// resolution.tekton.dev/type.
// +kubebuilder:object:root=true
// +kubebuilder:storageversion
// +kubebuilder:subresource:status
// +kubebuilder:resource:categories=tekton;tekton-pipelines
// +kubebuilder:printcolumn:name="OwnerKind",type=string,JSONPath=`.metadata.ownerReferences[0].kind`
// +kubebuilder:printcolumn:name="Owner",type=string,JSONPath=`.metadata.ownerReferences[0].name`
// +kubebuilder:printcolumn:name="Succeeded",type=string,JSONPath=`.status.conditions[?(@.type=="Succeeded")].status`
// +kubebuilder:printcolumn:name="Reason",type=string,JSONPath=`.status.conditions[?(@.type=="Succeeded")].reason`
// +kubebuilder:printcolumn:name="StartTime",type=string,JSONPath=`.metadata.creationTimestamp`
type ResolutionRequest struct {
	metav1.TypeMeta `json:",inline"`
	// +optional
	metav1.ObjectMeta `json:"metadata,omitzero"`
	// Spec says what is asked for.
	// +optional
	Spec ResolutionRequestSpec `json:"spec,omitzero"`
	// Status is the answer.
	// +optional
	Status ResolutionRequestStatus `json:"status,omitzero"`
}

// ResolutionRequestSpec says what is asked for.
type ResolutionRequestSpec struct {
	// Params are those of the reference; the resolver knows what they mean.
	// +optional
	Params v1.Params `json:"params,omitempty"`
	// URL is the name of the reference, where that is a URL.
	// +optional
	URL string `json:"url,omitempty"`
}

// ResolutionRequestStatus is the answer. A request has ended well when it has data,
// and badly when its condition Succeeded is False.
type ResolutionRequestStatus struct {
	v1.Status                     `json:",inline"`
	ResolutionRequestStatusFields `json:",inline"`
}

// ResolutionRequestStatusFields are the parts of the status that only requests have.
type ResolutionRequestStatusFields struct {
	// Data is the document, in base64.
	// +optional
	Data string `json:"data,omitempty"`
	// Source says where the document came from.
	//
	// The older name of refSource.
	// +optional
	Source *v1.RefSource `json:"source,omitempty"`
	// RefSource says where the document came from.
	// +optional
	RefSource *v1.RefSource `json:"refSource,omitempty"`
}

// ResolutionRequestList is a list of requests.
// +kubebuilder:object:root=true
type ResolutionRequestList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []ResolutionRequest `json:"items"`
}
