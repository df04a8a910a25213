package v1

import "strings"

// TaskKind is the kind of what a TaskRef points to.
type TaskKind string

// NamespacedTaskKind is the kind of a Task; a TaskRef without a kind means it.
const NamespacedTaskKind TaskKind = KindTask

// TaskRef points to a Task: by name in the same namespace, or by a resolver. In
// a Pipeline it may point to a custom task by apiVersion and kind.
type TaskRef struct {
	// Name of the Task in the same namespace.
	// +optional
	Name string `json:"name,omitempty"`
	// Kind of what is referred to; Task by default.
	// +optional
	Kind TaskKind `json:"kind,omitempty"`
	// APIVersion of what is referred to; together with a kind other than Task it
	// names a custom task, which a CustomRun hands to its controller.
	// +optional
	APIVersion string `json:"apiVersion,omitempty"`
	// ResolverRef finds the Task elsewhere.
	// +optional
	ResolverRef `json:",inline"`
}

// IsCustomTask reports whether the reference is to a kind that another
// controller runs, by way of a CustomRun.
func (r *TaskRef) IsCustomTask() bool {
	return r != nil && isCustomTask(r.APIVersion, string(r.Kind))
}

func isCustomTask(apiVersion, kind string) bool {
	return apiVersion != "" && kind != "" && !(strings.HasPrefix(apiVersion, GroupName+"/") && kind == KindTask)
}

// PipelineRef points to a Pipeline: by name in the same namespace, or by a resolver.
type PipelineRef struct {
	// Name of the Pipeline in the same namespace.
	// +optional
	Name string `json:"name,omitempty"`
	// APIVersion of the Pipeline; it has no effect.
	// +optional
	APIVersion string `json:"apiVersion,omitempty"`
	// ResolverRef finds the Pipeline elsewhere.
	// +optional
	ResolverRef `json:",inline"`
}

// ResolverName is the name of a resolver, such as git, bundles, cluster, http or hub.
type ResolverName string

// ResolverRef has a resolver find a Task, Pipeline or StepAction elsewhere.
type ResolverRef struct {
	// Resolver is the name of the resolver, such as git, bundles, cluster, http or
	// hub; it excludes name.
	// +optional
	Resolver ResolverName `json:"resolver,omitempty"`
	// Params tells the resolver what to find; each resolver has its own.
	// +optional
	Params Params `json:"params,omitempty"`
}
