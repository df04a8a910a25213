// Package v1beta1 holds triggers.tekton.dev/v1beta1, as Tekton Triggers documents it: an
// EventListener takes HTTP requests, and its Triggers make objects of TriggerTemplates
// with what TriggerBindings read from them.
//
// +kubebuilder:object:generate=true
// +groupName=triggers.tekton.dev
package v1beta1
