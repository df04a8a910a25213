package compile

import (
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
)

// shareResources settles what each container asks for. Steps run one at a time,
// and Kubernetes adds up what containers request: so of each resource the
// largest request stays with the step that made it, and the other steps request
// as little as they may. Limits stay with every step.
func shareResources(b *builder) error {
	override(b.steps, "step-", b.task.StepResources)
	override(b.sidecars, "sidecar-", b.task.SidecarResources)
	floor, usual := limitRange(b.in.LimitRanges)
	if b.task.Resources != nil {
		taskLevel(b.steps, *b.task.Resources)
	}
	for _, name := range requested(b.steps, usual) {
		keepLargest(b.steps, name, floor[name], usual)
	}
	return nil
}

func override(containers []corev1.Container, prefix string, with map[string]corev1.ResourceRequirements) {
	for i := range containers {
		if r, ok := with[strings.TrimPrefix(containers[i].Name, prefix)]; ok {
			containers[i].Resources = *r.DeepCopy()
		}
	}
}

// taskLevel gives the first step the request for the whole task, and every step
// its limits; a limit that comes without a request is one.
func taskLevel(steps []corev1.Container, whole corev1.ResourceRequirements) {
	for i := range steps {
		requests := mergeResources(maps.Clone(whole.Limits), whole.Requests)
		for name := range requests {
			if i > 0 && overcommits(name) {
				requests[name] = resource.Quantity{}
			}
		}
		steps[i].Resources = corev1.ResourceRequirements{Limits: maps.Clone(whole.Limits), Requests: requests, Claims: whole.Claims}
	}
}

// requested lists the resources that any step requests, by itself, by its
// limit, or because a LimitRange says so of every container.
func requested(steps []corev1.Container, usual corev1.ResourceList) []corev1.ResourceName {
	all := map[corev1.ResourceName]bool{}
	for name := range usual {
		all[name] = true
	}
	for i := range steps {
		for name := range steps[i].Resources.Requests {
			all[name] = true
		}
		for name := range steps[i].Resources.Limits {
			all[name] = true
		}
	}
	return slices.Sorted(maps.Keys(all))
}

func keepLargest(steps []corev1.Container, name corev1.ResourceName, floor resource.Quantity, usual corev1.ResourceList) {
	if len(steps) < 2 || !overcommits(name) {
		return
	}
	largest, most := 0, resource.Quantity{}
	for i := range steps {
		if r := effective(steps[i].Resources, name, usual); r.Cmp(most) > 0 {
			largest, most = i, r
		}
	}
	for i := range steps {
		share := floor
		if i == largest {
			share = most
			if share.Cmp(floor) < 0 {
				share = floor
			}
		}
		if steps[i].Resources.Requests == nil {
			steps[i].Resources.Requests = corev1.ResourceList{}
		}
		steps[i].Resources.Requests[name] = share.DeepCopy()
	}
}

// overcommits reports whether a container may be given more of a resource than
// it requested. Of the others, such as GPUs, request and limit are the same.
func overcommits(name corev1.ResourceName) bool {
	return name == corev1.ResourceCPU || name == corev1.ResourceMemory || name == corev1.ResourceEphemeralStorage
}

// effective is what Kubernetes takes a container to request: what it says, its
// limit, or what the LimitRange gives everyone.
func effective(r corev1.ResourceRequirements, name corev1.ResourceName, usual corev1.ResourceList) resource.Quantity {
	for _, list := range []corev1.ResourceList{r.Requests, r.Limits, usual} {
		if q, ok := list[name]; ok {
			return q
		}
	}
	return resource.Quantity{}
}

// limitRange is what the namespace demands of each container at least, and gives
// those that request nothing.
func limitRange(ranges []corev1.LimitRange) (floor, usual corev1.ResourceList) {
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

func mergeResources(base, over corev1.ResourceList) corev1.ResourceList {
	if base == nil {
		return over
	}
	out := maps.Clone(base)
	maps.Copy(out, over)
	return out
}
