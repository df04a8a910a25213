package compile

import (
	"slices"

	corev1 "k8s.io/api/core/v1"

	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
	"github.com/slipway-dev/slipway/pkg/compile/merge"
)

// applyTemplate puts the run's wishes for its Pod in.
func applyTemplate(b *builder) error {
	b.pod.Spec.ActiveDeadlineSeconds = deadline(b.in.Timeout)
	t := b.in.PodTemplate
	if t == nil {
		return nil
	}
	spec := &b.pod.Spec
	spec.NodeSelector, spec.Tolerations, spec.Affinity = t.NodeSelector, t.Tolerations, t.Affinity
	spec.SecurityContext = t.SecurityContext.DeepCopy()
	spec.RuntimeClassName, spec.AutomountServiceAccountToken = t.RuntimeClassName, t.AutomountServiceAccountToken
	spec.DNSConfig, spec.EnableServiceLinks = t.DNSConfig, t.EnableServiceLinks
	spec.SchedulerName, spec.ImagePullSecrets, spec.HostAliases = t.SchedulerName, t.ImagePullSecrets, t.HostAliases
	spec.HostNetwork, spec.HostUsers = t.HostNetwork, t.HostUsers
	spec.TopologySpreadConstraints = t.TopologySpreadConstraints
	if t.DNSPolicy != nil {
		spec.DNSPolicy = *t.DNSPolicy
	}
	if t.PriorityClassName != nil {
		spec.PriorityClassName = *t.PriorityClassName
	}
	for _, v := range t.Volumes {
		b.addVolume(v)
	}
	for _, c := range allContainers(spec) {
		c.Env = merge.By(c.Env, t.Env, func(e corev1.EnvVar) string { return e.Name })
	}
	return nil
}

// MergeTemplates returns over with what it leaves open taken from base. Lists
// of named things are joined, and over wins on the same name.
func MergeTemplates(base, over *v1.PodTemplate) *v1.PodTemplate {
	if base == nil || over == nil {
		if over == nil {
			return base
		}
		return over
	}
	out := over.DeepCopy()
	out.Env = merge.By(base.Env, over.Env, func(e corev1.EnvVar) string { return e.Name })
	out.Volumes = merge.By(base.Volumes, over.Volumes, func(v corev1.Volume) string { return v.Name })
	unset(&out.Affinity, base.Affinity)
	unset(&out.SecurityContext, base.SecurityContext)
	unset(&out.RuntimeClassName, base.RuntimeClassName)
	unset(&out.AutomountServiceAccountToken, base.AutomountServiceAccountToken)
	unset(&out.DNSPolicy, base.DNSPolicy)
	unset(&out.DNSConfig, base.DNSConfig)
	unset(&out.EnableServiceLinks, base.EnableServiceLinks)
	unset(&out.PriorityClassName, base.PriorityClassName)
	unset(&out.HostUsers, base.HostUsers)
	merge.Text(&out.SchedulerName, base.SchedulerName)
	out.HostNetwork = out.HostNetwork || base.HostNetwork
	if out.NodeSelector == nil {
		out.NodeSelector = base.NodeSelector
	}
	out.Tolerations = orElse(out.Tolerations, base.Tolerations)
	out.ImagePullSecrets = orElse(out.ImagePullSecrets, base.ImagePullSecrets)
	out.HostAliases = orElse(out.HostAliases, base.HostAliases)
	out.TopologySpreadConstraints = orElse(out.TopologySpreadConstraints, base.TopologySpreadConstraints)
	return out
}

func unset[T any](field **T, value *T) {
	if *field == nil {
		*field = value
	}
}

func orElse[T any](list, other []T) []T {
	if len(list) == 0 {
		return slices.Clone(other)
	}
	return list
}
