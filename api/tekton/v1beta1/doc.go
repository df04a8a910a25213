// Package v1beta1 holds the kinds that tekton.dev has only in v1beta1: StepAction
// and CustomRun, with their defaults and validation.
//
// +kubebuilder:object:generate=true
// +groupName=tekton.dev
package v1beta1
