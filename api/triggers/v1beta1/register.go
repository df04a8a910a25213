package v1beta1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// GroupName is the API group.
const GroupName = "triggers.tekton.dev"

// SchemeGroupVersion is the group and version of every kind in this package.
var SchemeGroupVersion = schema.GroupVersion{Group: GroupName, Version: "v1beta1"}

// The kinds as they are written in a manifest.
const (
	KindEventListener         = "EventListener"
	KindTrigger               = "Trigger"
	KindTriggerBinding        = "TriggerBinding"
	KindClusterTriggerBinding = "ClusterTriggerBinding"
	KindTriggerTemplate       = "TriggerTemplate"
)

// Labels of what a Trigger made. A value that a label cannot hold is left out.
const (
	// LabelEventListener is the name of the EventListener.
	LabelEventListener = GroupName + "/eventlistener"
	// LabelTrigger is the name of the Trigger.
	LabelTrigger = GroupName + "/trigger"
	// LabelEventID is the id of the event, as the sender was told it.
	LabelEventID = GroupName + "/triggers-eventid"
)

// AnnotationPayloadValidation is "false" on an EventListener that takes bodies which are
// no JSON object.
const AnnotationPayloadValidation = "tekton.dev/payload-validation"

// AddToScheme registers the kinds of triggers.tekton.dev/v1beta1.
func AddToScheme(s *runtime.Scheme) error {
	s.AddKnownTypes(SchemeGroupVersion, &EventListener{}, &EventListenerList{}, &Trigger{}, &TriggerList{},
		&TriggerBinding{}, &TriggerBindingList{}, &ClusterTriggerBinding{}, &ClusterTriggerBindingList{},
		&TriggerTemplate{}, &TriggerTemplateList{})
	metav1.AddToGroupVersion(s, SchemeGroupVersion)
	return nil
}
