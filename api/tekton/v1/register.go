package v1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// GroupName is the API group of every kind in this package.
const GroupName = "tekton.dev"

// SchemeGroupVersion is the group and version of every kind in this package.
var SchemeGroupVersion = schema.GroupVersion{Group: GroupName, Version: "v1"}

// Kinds of this group as they are written in a manifest's `kind`.
const (
	KindTask        = "Task"
	KindTaskRun     = "TaskRun"
	KindPipeline    = "Pipeline"
	KindPipelineRun = "PipelineRun"
)

// AddToScheme registers the kinds of tekton.dev/v1, and the list types and
// options the API machinery needs beside them.
func AddToScheme(s *runtime.Scheme) error {
	s.AddKnownTypes(SchemeGroupVersion,
		&Task{}, &TaskList{},
		&TaskRun{}, &TaskRunList{},
		&Pipeline{}, &PipelineList{},
		&PipelineRun{}, &PipelineRunList{},
	)
	metav1.AddToGroupVersion(s, SchemeGroupVersion)
	return nil
}
