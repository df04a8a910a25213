package compile

import (
	"slices"

	corev1 "k8s.io/api/core/v1"

	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
)

// secure takes away what nobody asked for. Whatever a step, a sidecar or the
// pod template says itself stays as it is.
func secure(b *builder) error {
	spec := &b.pod.Spec
	if spec.SecurityContext == nil {
		spec.SecurityContext = &corev1.PodSecurityContext{}
	}
	if spec.SecurityContext.SeccompProfile == nil {
		spec.SecurityContext.SeccompProfile = &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault}
	}
	if b.hermetic() {
		for i := range spec.Containers {
			allowNamespaces(&spec.Containers[i])
		}
	}
	privileged := spec.HostNetwork
	for _, c := range allContainers(spec) {
		privileged = privileged || isPrivileged(c) || len(c.VolumeDevices) > 0
		forbidEscalation(c)
	}
	if spec.HostUsers == nil && b.in.Options.UserNamespaces && !privileged {
		spec.HostUsers = new(false)
	}
	if spec.AutomountServiceAccountToken == nil {
		spec.AutomountServiceAccountToken = new(b.in.UsesToken)
	}
	return nil
}

// hermetic reports whether the steps are to run without network.
func (b *builder) hermetic() bool {
	return b.in.Owner.Annotations[v1.AnnotationExecutionMode] == v1.ExecutionModeHermetic
}

// allowNamespaces lets the entrypoint take a step off the network, which the
// runtime's default profile forbids whoever is not CAP_SYS_ADMIN.
func allowNamespaces(c *corev1.Container) {
	if c.SecurityContext == nil {
		c.SecurityContext = &corev1.SecurityContext{}
	}
	if c.SecurityContext.SeccompProfile == nil {
		c.SecurityContext.SeccompProfile = &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeUnconfined}
	}
}

func allContainers(spec *corev1.PodSpec) []*corev1.Container {
	var all []*corev1.Container
	for i := range spec.InitContainers {
		all = append(all, &spec.InitContainers[i])
	}
	for i := range spec.Containers {
		all = append(all, &spec.Containers[i])
	}
	return all
}

func isPrivileged(c *corev1.Container) bool {
	return c.SecurityContext != nil && c.SecurityContext.Privileged != nil && *c.SecurityContext.Privileged
}

// forbidEscalation sets what a silent container gets. The API server refuses it
// together with privileged and with CAP_SYS_ADMIN.
func forbidEscalation(c *corev1.Container) {
	if c.SecurityContext == nil {
		c.SecurityContext = &corev1.SecurityContext{}
	}
	if c.SecurityContext.AllowPrivilegeEscalation != nil || isPrivileged(c) || adds(c, "SYS_ADMIN") || adds(c, "CAP_SYS_ADMIN") {
		return
	}
	c.SecurityContext.AllowPrivilegeEscalation = new(false)
}

func adds(c *corev1.Container, capability corev1.Capability) bool {
	return c.SecurityContext.Capabilities != nil && slices.Contains(c.SecurityContext.Capabilities.Add, capability)
}
