// Package v1beta1 holds resolution.tekton.dev/v1beta1: the ResolutionRequest, by
// which controllers elsewhere are asked for what a reference names.
//
// +kubebuilder:object:generate=true
// +groupName=resolution.tekton.dev
package v1beta1
