package kube

import (
	"context"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Lookups reads past the cache what is needed now and then, one object at a time.
type Lookups struct {
	live client.Reader
	// namespace is Slipway's own.
	namespace string
}

// NewLookups returns lookups of which Settings are those of that namespace.
func NewLookups(live client.Reader, namespace string) *Lookups { return &Lookups{live, namespace} }

// Secret reads one Secret.
func (l *Lookups) Secret(ctx context.Context, namespace, name string) (*corev1.Secret, error) {
	var secret corev1.Secret
	err := l.live.Get(ctx, client.ObjectKey{Namespace: namespace, Name: name}, &secret)
	return &secret, err
}

// Settings is the content of a ConfigMap in Slipway's own namespace; empty when
// there is none, or no such namespace as outside of a cluster.
func (l *Lookups) Settings(ctx context.Context, configMap string) (map[string]string, error) {
	if l.namespace == "" {
		return nil, nil
	}
	var found corev1.ConfigMap
	err := l.live.Get(ctx, client.ObjectKey{Namespace: l.namespace, Name: configMap}, &found)
	return found.Data, client.IgnoreNotFound(err)
}
