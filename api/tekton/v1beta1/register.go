package v1beta1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"

	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
)

// SchemeGroupVersion is the group and version of every kind in this package.
var SchemeGroupVersion = schema.GroupVersion{Group: v1.GroupName, Version: "v1beta1"}

// Kinds of this version as they are written in a manifest's `kind`.
const (
	KindStepAction = "StepAction"
	KindCustomRun  = "CustomRun"
)

// AddToScheme registers the kinds of tekton.dev/v1beta1, and the list types and
// options the API machinery needs beside them.
func AddToScheme(s *runtime.Scheme) error {
	s.AddKnownTypes(SchemeGroupVersion,
		&StepAction{}, &StepActionList{},
		&CustomRun{}, &CustomRunList{},
	)
	metav1.AddToGroupVersion(s, SchemeGroupVersion)
	return nil
}
