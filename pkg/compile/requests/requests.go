// Package requests reads what containers ask for.
package requests

import (
	"maps"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
)

// Overcommits reports whether a container may be given more of a resource than
// it requested. Of the others, such as GPUs, request and limit are the same.
func Overcommits(name corev1.ResourceName) bool {
	return name == corev1.ResourceCPU || name == corev1.ResourceMemory || name == corev1.ResourceEphemeralStorage
}

// Effective is what Kubernetes takes a container to request: what it says, its
// limit, or what the LimitRange gives everyone.
func Effective(r corev1.ResourceRequirements, name corev1.ResourceName, usual corev1.ResourceList) resource.Quantity {
	for _, list := range []corev1.ResourceList{r.Requests, r.Limits, usual} {
		if q, ok := list[name]; ok {
			return q
		}
	}
	return resource.Quantity{}
}

// Limits is what the namespace demands of each container at least, and gives
// those that request nothing.
func Limits(ranges []corev1.LimitRange) (floor, usual corev1.ResourceList) {
	floor, usual = corev1.ResourceList{}, corev1.ResourceList{}
	for _, lr := range ranges {
		for _, item := range lr.Spec.Limits {
			if item.Type != corev1.LimitTypeContainer {
				continue
			}
			for name, q := range item.Min {
				if have, ok := floor[name]; !ok || q.Cmp(have) > 0 {
					floor[name] = q
				}
			}
			maps.Copy(usual, item.DefaultRequest)
		}
	}
	return floor, usual
}

// Merge is base with what over says in its place.
func Merge(base, over corev1.ResourceList) corev1.ResourceList {
	if base == nil {
		return over
	}
	out := maps.Clone(base)
	maps.Copy(out, over)
	return out
}
