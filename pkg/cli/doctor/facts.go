package doctor

import (
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
)

// facts are what was seen of an installation.
type facts struct {
	// host is the address of the API server, kubernetes its version.
	host, kubernetes string
	// served holds the versions that the API server serves of each of our resources,
	// such as taskruns.tekton.dev.
	served map[string][]string
	// deployments and pods are those of Slipway's namespace.
	deployments []appsv1.Deployment
	pods        []corev1.Pod
	// webhooks are the configurations of admission that call Slipway.
	webhooks []webhook
	nodes    []corev1.Node
	// settings holds the data of the ConfigMaps that there are.
	settings map[string]map[string]string
	classes  []storagev1.StorageClass
	key      secret
	// registry is where Slipway's own images are; unreachable is why it does not
	// answer from here, or "".
	registry, unreachable string
	// unread holds why what was to be seen was not, by the name of its check.
	unread map[string]error
}

// webhook is one configuration of admission.
type webhook struct {
	name     string
	hasCA    bool
	failOpen bool
}

// secret is what is known of the signing key.
type secret struct {
	found bool
	keys  []string
}
