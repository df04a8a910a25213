package kube

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	toolscache "k8s.io/client-go/tools/cache"

	slipway "github.com/slipway-dev/slipway/api/slipway/v1alpha1"
)

// strip drops what no reconciler reads.
func strip(in any) (any, error) {
	if o, err := meta.Accessor(in); err == nil {
		o.SetManagedFields(nil)
		if a := o.GetAnnotations(); a[corev1.LastAppliedConfigAnnotation] != "" {
			delete(a, corev1.LastAppliedConfigAnnotation)
			o.SetAnnotations(a)
		}
	}
	return in, nil
}

func stripEvent(in any) (any, error) {
	switch e := in.(type) {
	case *slipway.RepositoryEvent:
		e.Spec.Payload, e.Spec.Headers = nil, nil
	case *slipway.ListenerEvent:
		e.Spec.Payload, e.Spec.Headers = nil, nil
	}
	return strip(in)
}

func stripNode(in any) (any, error) {
	n, ok := in.(*corev1.Node)
	if !ok {
		return in, nil
	}
	slim := &corev1.Node{TypeMeta: n.TypeMeta}
	slim.Name, slim.UID, slim.ResourceVersion = n.Name, n.UID, n.ResourceVersion
	slim.Spec.Unschedulable = n.Spec.Unschedulable
	slim.Status.NodeInfo = n.Status.NodeInfo
	slim.Status.RuntimeHandlers = n.Status.RuntimeHandlers
	return slim, nil
}

// stripPod keeps of a Pod's spec what slim does.
func stripPod(slim func(corev1.PodSpec) corev1.PodSpec) toolscache.TransformFunc {
	return func(in any) (any, error) {
		if p, ok := in.(*corev1.Pod); ok {
			p.Spec = slim(p.Spec)
		}
		return strip(in)
	}
}
