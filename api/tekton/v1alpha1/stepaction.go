// Package v1alpha1 lets a StepAction be written as tekton.dev/v1alpha1, as older
// manifests have it. It is stored, and read by everything else, as v1beta1.
//
// +kubebuilder:object:generate=true
// +groupName=tekton.dev
package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/slipway-dev/slipway/api/tekton/v1beta1"
)

// SchemeGroupVersion is the group and version of the kind in this package.
var SchemeGroupVersion = schema.GroupVersion{Group: "tekton.dev", Version: "v1alpha1"}

// StepAction is one step that Tasks share: a step refers to it by ref and gives
// values to its parameters.
// +kubebuilder:object:root=true
// +kubebuilder:resource:categories=tekton;tekton-pipelines
type StepAction struct {
	metav1.TypeMeta `json:",inline"`
	// +optional
	metav1.ObjectMeta `json:"metadata,omitzero"`
	// Spec is what the step needs and does.
	Spec v1beta1.StepActionSpec `json:"spec"`
}
