package nodes

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
)

func node(kubelet, runtime string, users bool) corev1.Node {
	return corev1.Node{Status: corev1.NodeStatus{
		NodeInfo:        corev1.NodeSystemInfo{KubeletVersion: kubelet, ContainerRuntimeVersion: runtime},
		RuntimeHandlers: []corev1.NodeRuntimeHandler{{Name: "other"}, {Features: &corev1.NodeRuntimeHandlerFeatures{UserNamespaces: &users}}},
	}}
}

// What one node cannot do, no Pod may ask for: it might land there.
func TestCommon(t *testing.T) {
	modern := node("v1.36.3", "containerd://2.4.2", true)
	cordoned := node("v1.30.0", "containerd://1.7.0", false)
	cordoned.Spec.Unschedulable = true
	for name, tc := range map[string]struct {
		nodes []corev1.Node
		want  Capabilities
	}{
		"no node":             {nil, Capabilities{}},
		"modern":              {[]corev1.Node{modern}, Capabilities{true, true}},
		"one of two is old":   {[]corev1.Node{modern, node("v1.34.9", "containerd://2.4.2", true)}, Capabilities{false, true}},
		"old containerd":      {[]corev1.Node{node("v1.36.3", "containerd://2.0.9", true)}, Capabilities{false, true}},
		"suffix in a version": {[]corev1.Node{node("v1.35.0-gke.12", "containerd://2.1.0+azure", true)}, Capabilities{true, true}},
		"cri-o":               {[]corev1.Node{node("v1.35.0", "cri-o://1.31.2", true)}, Capabilities{true, true}},
		"unknown runtime":     {[]corev1.Node{node("v1.35.0", "docker://29.0", true)}, Capabilities{false, true}},
		"no user namespaces":  {[]corev1.Node{node("v1.36.3", "containerd://2.4.2", false)}, Capabilities{true, false}},
		"cordoned":            {[]corev1.Node{modern, cordoned}, Capabilities{true, true}},
		"only cordoned":       {[]corev1.Node{cordoned}, Capabilities{}},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, Common(tc.nodes)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
