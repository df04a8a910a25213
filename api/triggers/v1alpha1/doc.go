// Package v1alpha1 holds triggers.tekton.dev/v1alpha1, the version in which Tekton Triggers
// has the ClusterInterceptor.
//
// +kubebuilder:object:generate=true
// +groupName=triggers.tekton.dev
package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// SchemeGroupVersion is the group and version of every kind in this package.
var SchemeGroupVersion = schema.GroupVersion{Group: "triggers.tekton.dev", Version: "v1alpha1"}

// AddToScheme registers the kinds of triggers.tekton.dev/v1alpha1.
func AddToScheme(s *runtime.Scheme) error {
	s.AddKnownTypes(SchemeGroupVersion, &ClusterInterceptor{}, &ClusterInterceptorList{})
	metav1.AddToGroupVersion(s, SchemeGroupVersion)
	return nil
}
