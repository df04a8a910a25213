package v1beta1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// GroupName is the API group.
const GroupName = "resolution.tekton.dev"

// SchemeGroupVersion is the group and version of every kind in this package.
var SchemeGroupVersion = schema.GroupVersion{Group: GroupName, Version: "v1beta1"}

// KindResolutionRequest is the kind as it is written in a manifest.
const KindResolutionRequest = "ResolutionRequest"

// AddToScheme registers the kinds of resolution.tekton.dev/v1beta1.
func AddToScheme(s *runtime.Scheme) error {
	s.AddKnownTypes(SchemeGroupVersion, &ResolutionRequest{}, &ResolutionRequestList{})
	metav1.AddToGroupVersion(s, SchemeGroupVersion)
	return nil
}
