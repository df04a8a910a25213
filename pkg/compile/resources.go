package compile

import (
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/slipway-dev/slipway/pkg/compile/requests"
)

// shareResources settles what each container asks for. Steps run one at a time,
// and Kubernetes adds up what containers request: so of each resource the
// largest request stays with the step that made it, and the other steps request
// as little as they may. Limits stay with every step.
func shareResources(b *builder) error {
	override(b.steps, "step-", b.task.StepResources)
	override(b.sidecars, "sidecar-", b.task.SidecarResources)
	floor, usual := requests.Limits(b.in.LimitRanges)
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
		asked := requests.Merge(maps.Clone(whole.Limits), whole.Requests)
		for name := range asked {
			if i > 0 && requests.Overcommits(name) {
				asked[name] = resource.Quantity{}
			}
		}
		steps[i].Resources = corev1.ResourceRequirements{Limits: maps.Clone(whole.Limits), Requests: asked, Claims: whole.Claims}
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
	if len(steps) < 2 || !requests.Overcommits(name) {
		return
	}
	largest, most := 0, resource.Quantity{}
	for i := range steps {
		if r := requests.Effective(steps[i].Resources, name, usual); r.Cmp(most) > 0 {
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
