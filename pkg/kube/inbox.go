package kube

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/cluster"

	"github.com/slipway-dev/slipway/api/slipway/v1alpha1"
	triggersv1 "github.com/slipway-dev/slipway/api/triggers/v1beta1"
)

// Inbox is as much of a cluster as the gateway sees: Repositories and EventListeners, which
// it keeps, the Secrets that Repositories name, and a place to put events.
type Inbox struct{ cluster cluster.Cluster }

// NewInbox returns an Inbox that has nothing until it is started.
func NewInbox(cfg *rest.Config) (*Inbox, error) {
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{corev1.AddToScheme, v1alpha1.AddToScheme, triggersv1.AddToScheme} {
		if err := add(scheme); err != nil {
			return nil, err
		}
	}
	cfg = rest.CopyConfig(cfg)
	cfg.QPS, cfg.Burst = -1, -1
	c, err := cluster.New(cfg, func(o *cluster.Options) {
		o.Scheme = scheme
		o.Cache = cache.Options{DefaultTransform: stripInbox}
		o.Client.Cache = &client.CacheOptions{DisableFor: []client.Object{&corev1.Secret{}}}
	})
	return &Inbox{c}, err
}

// stripInbox keeps of a Repository or EventListener what says who may send what.
func stripInbox(in any) (any, error) {
	switch o := in.(type) {
	case *v1alpha1.Repository:
		o.Status, o.Annotations, o.Spec.Params = v1alpha1.RepositoryStatus{}, nil, nil
	case *triggersv1.EventListener:
		o.Status, o.Spec = triggersv1.EventListenerStatus{}, triggersv1.EventListenerSpec{Resources: o.Spec.Resources}
	}
	return strip(in)
}

// Start keeps what it keeps until ctx ends.
func (i *Inbox) Start(ctx context.Context) error { return i.cluster.Start(ctx) }

// Synced is nil once all Repositories and EventListeners are known.
func (i *Inbox) Synced(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, syncPatience)
	defer cancel()
	for _, kind := range []client.Object{&v1alpha1.Repository{}, &triggersv1.EventListener{}} {
		if _, err := i.cluster.GetCache().GetInformer(ctx, kind); err != nil || !i.cluster.GetCache().WaitForCacheSync(ctx) {
			return fmt.Errorf("each %T is still being read", kind)
		}
	}
	return nil
}

// Repository returns one from memory. IsGone tells that there is none.
func (i *Inbox) Repository(ctx context.Context, namespace, name string) (*v1alpha1.Repository, error) {
	var r v1alpha1.Repository
	err := i.cluster.GetClient().Get(ctx, client.ObjectKey{Namespace: namespace, Name: name}, &r)
	return &r, err
}

// Secret reads one.
func (i *Inbox) Secret(ctx context.Context, namespace, name string) (*corev1.Secret, error) {
	var s corev1.Secret
	err := i.cluster.GetClient().Get(ctx, client.ObjectKey{Namespace: namespace, Name: name}, &s)
	return &s, err
}

// Store puts an event into the cluster; fresh is false for one that was there.
func (i *Inbox) Store(ctx context.Context, e *v1alpha1.RepositoryEvent) (fresh bool, err error) {
	err = i.cluster.GetClient().Create(ctx, e)
	if apierrors.IsAlreadyExists(err) {
		return false, nil
	}
	return err == nil, err
}

// Listener returns one from memory, without its triggers. IsGone tells that there is none.
func (i *Inbox) Listener(ctx context.Context, namespace, name string) (*triggersv1.EventListener, error) {
	var el triggersv1.EventListener
	err := i.cluster.GetClient().Get(ctx, client.ObjectKey{Namespace: namespace, Name: name}, &el)
	return &el, err
}

// StoreRequest puts a request to an EventListener into the cluster.
func (i *Inbox) StoreRequest(ctx context.Context, e *v1alpha1.ListenerEvent) error {
	return i.cluster.GetClient().Create(ctx, e)
}
