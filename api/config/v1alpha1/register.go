package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// SchemeGroupVersion is the group and version of every kind in this package.
var SchemeGroupVersion = schema.GroupVersion{Group: "config.slipway.dev", Version: "v1alpha1"}

// KindControllerConfig is the kind of the controller's configuration.
const KindControllerConfig = "ControllerConfig"

// AddToScheme registers the kinds of config.slipway.dev/v1alpha1.
func AddToScheme(s *runtime.Scheme) error {
	s.AddKnownTypes(SchemeGroupVersion, &ControllerConfig{})
	metav1.AddToGroupVersion(s, SchemeGroupVersion)
	return nil
}
