package v1

import "github.com/slipway-dev/slipway/api/tekton/pod"

// PodTemplate holds what a run may set on the Pods made for it.
type PodTemplate = pod.Template
