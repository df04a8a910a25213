package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// GroupName is the API group.
const GroupName = "slipway.dev"

// SchemeGroupVersion is the group and version of every kind in this package.
var SchemeGroupVersion = schema.GroupVersion{Group: GroupName, Version: "v1alpha1"}

// The kinds as they are written in a manifest.
const (
	KindRepository      = "Repository"
	KindRepositoryEvent = "RepositoryEvent"
	KindListenerEvent   = "ListenerEvent"
)

// AddToScheme registers the kinds of slipway.dev/v1alpha1.
func AddToScheme(s *runtime.Scheme) error {
	s.AddKnownTypes(SchemeGroupVersion, &Repository{}, &RepositoryList{}, &RepositoryEvent{}, &RepositoryEventList{},
		&ListenerEvent{}, &ListenerEventList{})
	metav1.AddToGroupVersion(s, SchemeGroupVersion)
	return nil
}
