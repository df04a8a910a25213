// Package nodes reads from Nodes what they can do.
package nodes

import (
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// Capabilities says what every node that may get a Pod of ours can do.
type Capabilities struct {
	// ImageVolumes: an image can be mounted as a volume, and what it holds can
	// be run from there.
	ImageVolumes bool
	// UserNamespaces: the default runtime can give a Pod a user namespace, and
	// map its volumes into it.
	UserNamespaces bool
}

// Common returns what all of the nodes have in common. Nodes that
// take no new Pods are passed over; no node at all can do nothing.
func Common(nodes []corev1.Node) Capabilities {
	common, seen := Capabilities{ImageVolumes: true, UserNamespaces: true}, false
	for i := range nodes {
		if nodes[i].Spec.Unschedulable {
			continue
		}
		seen = true
		common.ImageVolumes = common.ImageVolumes && mountsImages(nodes[i].Status.NodeInfo)
		common.UserNamespaces = common.UserNamespaces && mapsUsers(nodes[i].Status.RuntimeHandlers)
	}
	if !seen {
		return Capabilities{}
	}
	return common
}

// mountsImages goes by version: a node does not tell whether its runtime can
// mount images. The feature is on by default from Kubernetes 1.35.
func mountsImages(info corev1.NodeSystemInfo) bool {
	if !atLeast(info.KubeletVersion, 1, 35) {
		return false
	}
	runtime, version, _ := strings.Cut(info.ContainerRuntimeVersion, "://")
	switch runtime {
	case "containerd":
		return atLeast(version, 2, 1)
	case "cri-o":
		return atLeast(version, 1, 31)
	}
	return false
}

func mapsUsers(handlers []corev1.NodeRuntimeHandler) bool {
	for _, h := range handlers {
		if h.Name == "" {
			return h.Features != nil && h.Features.UserNamespaces != nil && *h.Features.UserNamespaces
		}
	}
	return false
}

// atLeast compares versions such as "v1.36.3" or "2.4.2+unknown" by their first
// two numbers. A version that cannot be read is older than any.
func atLeast(version string, major, minor int) bool {
	first, rest, _ := strings.Cut(strings.TrimPrefix(version, "v"), ".")
	second, _, _ := strings.Cut(rest, ".")
	a, errA := strconv.Atoi(first)
	b, errB := strconv.Atoi(second)
	if errA != nil || errB != nil {
		return false
	}
	return a > major || a == major && b >= minor
}
