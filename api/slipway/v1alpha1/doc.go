// Package v1alpha1 holds slipway.dev/v1alpha1: what Tekton has no words for. A
// Repository connects a repository at a forge with a namespace; a RepositoryEvent
// is one thing that happened there, kept until it is worked off.
//
// +kubebuilder:object:generate=true
// +groupName=slipway.dev
package v1alpha1
