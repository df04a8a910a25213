// Package v1alpha1 holds the configuration documents of config.slipway.dev: what
// an installation sets for itself, versioned, defaulted and validated as any kind.
//
// +kubebuilder:object:generate=true
// +groupName=config.slipway.dev
package v1alpha1
