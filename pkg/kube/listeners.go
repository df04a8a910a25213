package kube

import (
	"cmp"
	"context"
	"os"
	"slices"
	"strings"

	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/manager"

	"github.com/slipway-dev/slipway/api/slipway/v1alpha1"
)

// ListenerField is the index of ListenerEvents by their EventListener.
const ListenerField = "slipway.dev/listener"

// ListenerOf is the index function of ListenerField.
func ListenerOf(o client.Object) []string { return []string{o.(*v1alpha1.ListenerEvent).Spec.Listener} }

// IndexListeners lets RequestsOf answer from the manager's cache.
func IndexListeners(ctx context.Context, m manager.Manager) error {
	return m.GetFieldIndexer().IndexField(ctx, &v1alpha1.ListenerEvent{}, ListenerField, ListenerOf)
}

// RequestsOf returns the events of an EventListener, without headers and payload, in the
// order in which they were received.
func RequestsOf(ctx context.Context, from client.Reader, listener client.ObjectKey) ([]v1alpha1.ListenerEvent, error) {
	var list v1alpha1.ListenerEventList
	err := from.List(ctx, &list, client.InNamespace(listener.Namespace), client.MatchingFields{ListenerField: listener.Name})
	slices.SortFunc(list.Items, func(a, b v1alpha1.ListenerEvent) int {
		return cmp.Or(a.Spec.Received.Compare(b.Spec.Received.Time), cmp.Compare(a.Name, b.Name))
	})
	return list.Items, err
}

// Impersonator makes clients that act as service accounts.
type Impersonator struct {
	config  *rest.Config
	options client.Options
}

// NewImpersonator returns one that may do what the manager's account may impersonate.
func NewImpersonator(m manager.Manager) *Impersonator {
	return &Impersonator{m.GetConfig(), client.Options{Scheme: m.GetScheme(), Mapper: m.GetRESTMapper()}}
}

// As returns a client that may do what the account may, and no more.
func (i *Impersonator) As(namespace, account string) (client.Client, error) {
	config := rest.CopyConfig(i.config)
	config.Impersonate = rest.ImpersonationConfig{UserName: "system:serviceaccount:" + namespace + ":" + account}
	return client.New(config, i.options)
}

// defaultDomain is that of nearly every cluster.
const defaultDomain = "cluster.local"

// ClusterDomain is the domain of Services' names, as the file of the Pod's resolver, such as
// /etc/resolv.conf, says it.
func ClusterDomain(file string) string {
	text, err := os.ReadFile(file)
	if err != nil {
		return defaultDomain
	}
	for line := range strings.Lines(string(text)) {
		fields := strings.Fields(line)
		if len(fields) == 0 || fields[0] != "search" {
			continue
		}
		for _, domain := range fields[1:] {
			if rest, ok := strings.CutPrefix(domain, "svc."); ok {
				return strings.TrimSuffix(rest, ".")
			}
		}
	}
	return defaultDomain
}
