package certificate

import (
	"context"

	admissionregistration "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/schema"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/controller-runtime/pkg/source"
)

var definition = schema.GroupVersionKind{Group: "apiextensions.k8s.io", Version: "v1", Kind: "CustomResourceDefinition"}

// part is the label of all that belongs to an installation.
const partLabel, part = "app.kubernetes.io/part-of", "slipway"

// Setup has the keeper woken by every change of what it keeps. It works on every
// replica: one that is not the leader serves too.
func (k *Keeper) Setup(m ctrl.Manager) error {
	crd := &metav1.PartialObjectMetadata{}
	crd.SetGroupVersionKind(definition)
	secret, configuration := &corev1.Secret{}, &admissionregistration.MutatingWebhookConfiguration{}
	// These watches are bound to what they are for; the manager's cache has other
	// readers.
	watched, err := cache.New(m.GetConfig(), cache.Options{
		HTTPClient: m.GetHTTPClient(), Scheme: m.GetScheme(), Mapper: m.GetRESTMapper(),
		DefaultTransform: withoutContent,
		ByObject: map[client.Object]cache.ByObject{
			secret:        {Namespaces: map[string]cache.Config{k.Namespace: {FieldSelector: named(SecretName)}}},
			configuration: {Field: named(configurationName)},
			crd:           {Label: labels.SelectorFromSet(labels.Set{partLabel: part})},
		},
	})
	if err != nil {
		return err
	}
	if err := m.Add(onEveryReplica{watched}); err != nil {
		return err
	}
	one := handler.EnqueueRequestsFromMapFunc(func(context.Context, client.Object) []reconcile.Request {
		return []reconcile.Request{{NamespacedName: client.ObjectKey{Namespace: k.Namespace, Name: SecretName}}}
	})
	return ctrl.NewControllerManagedBy(m).Named("webhook-certificate").
		WatchesRawSource(source.Kind[client.Object](watched, secret, one)).
		WatchesRawSource(source.Kind[client.Object](watched, configuration, one)).
		WatchesRawSource(source.Kind[client.Object](watched, crd, one, predicate.GenerationChangedPredicate{})).
		WithOptions(controller.Options{NeedLeaderElection: new(false)}).
		Complete(k)
}

// onEveryReplica has a cache started before there is a leader, which a cache that
// is composed of several does not ask for by itself.
type onEveryReplica struct{ cache.Cache }

func (onEveryReplica) NeedLeaderElection() bool { return false }

func named(name string) fields.Selector { return fields.OneTermEqualSelector("metadata.name", name) }

// withoutContent keeps of an object that it is there and which version it has: it
// is read anew when that changes.
func withoutContent(in any) (any, error) {
	switch o := in.(type) {
	case *corev1.Secret:
		o.Data = nil
	case *metav1.PartialObjectMetadata:
		o.Annotations = nil
	}
	if o, ok := in.(client.Object); ok {
		o.SetManagedFields(nil)
	}
	return in, nil
}
