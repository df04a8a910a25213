// Package v1 holds the kinds of tekton.dev/v1: Task, Pipeline, TaskRun and
// PipelineRun, with their defaults, their validation and their conditions.
//
// The doc comments of fields are the text `kubectl explain` shows.
//
// +kubebuilder:object:generate=true
// +groupName=tekton.dev
package v1
