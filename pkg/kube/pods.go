package kube

import (
	"context"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// EndPod has the kubelet end the containers of a Pod and keep it with its logs. A Pod
// that is gone, or was told already, is none to tell.
func EndPod(ctx context.Context, c client.Client, pod *corev1.Pod) error {
	if IsToldToEnd(pod) {
		return nil
	}
	target := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: pod.Namespace, Name: pod.Name}}
	patch := client.RawPatch(types.MergePatchType, []byte(`{"spec":{"activeDeadlineSeconds":1}}`))
	return client.IgnoreNotFound(c.Patch(ctx, target, patch))
}

// IsToldToEnd reports whether EndPod was called for a Pod.
func IsToldToEnd(pod *corev1.Pod) bool {
	d := pod.Spec.ActiveDeadlineSeconds
	return d != nil && *d <= 1
}
