package kube

import (
	"context"
	"fmt"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/apiutil"
)

// Reader reads by name from a cache, and asks the API server about what the
// cache does not have: an object that was applied together with the run that
// names it may be there and not here yet.
type Reader struct {
	cache, live client.Reader
	scheme      *runtime.Scheme
	notFound    error
}

// NewReader returns a reader of which Get wraps notFound when there is no such
// object.
func NewReader(cache, live client.Reader, scheme *runtime.Scheme, notFound error) *Reader {
	return &Reader{cache, live, scheme, notFound}
}

// Get reads one object.
func (r *Reader) Get(ctx context.Context, namespace, name string, into runtime.Object) error {
	key, object := client.ObjectKey{Namespace: namespace, Name: name}, into.(client.Object)
	err := r.cache.Get(ctx, key, object)
	if IsGone(err) {
		err = r.live.Get(ctx, key, object)
	}
	if IsGone(err) {
		return fmt.Errorf("%w: %w", r.notFound, err)
	}
	return err
}

// Names lists the names of the objects of that kind that the cache has.
func (r *Reader) Names(ctx context.Context, namespace string, of runtime.Object) ([]string, error) {
	gvk, err := apiutil.GVKForObject(of, r.scheme)
	if err != nil {
		return nil, err
	}
	gvk.Kind += "List"
	empty, err := r.scheme.New(gvk)
	if err != nil {
		return nil, err
	}
	list := empty.(client.ObjectList)
	if err := r.cache.List(ctx, list, client.InNamespace(namespace)); err != nil {
		return nil, err
	}
	var names []string
	err = meta.EachListItem(list, func(o runtime.Object) error {
		names = append(names, o.(metav1.Object).GetName())
		return nil
	})
	return names, err
}
