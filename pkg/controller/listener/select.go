package listener

import (
	"context"
	"fmt"
	"slices"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"sigs.k8s.io/controller-runtime/pkg/client"

	triggersv1 "github.com/slipway-dev/slipway/api/triggers/v1beta1"
)

// chosen is a Trigger that a request is for.
type chosen struct {
	// place tells it from the others of the EventListener, also one without a name.
	place           string
	namespace, name string
	spec            *triggersv1.TriggerSpec
}

// label is how people call it.
func (c *chosen) label(el *triggersv1.EventListener) string {
	switch {
	case c.name == "":
		return c.place
	case c.namespace != el.Namespace:
		return c.namespace + "/" + c.name
	}
	return c.name
}

// refusal is an error that the user must mend: no other attempt helps.
type refusal struct{ message string }

func (e *refusal) Error() string { return e.message }

func refuse(format string, args ...any) error { return &refusal{fmt.Sprintf(format, args...)} }

// inline is one that stands in the EventListener, or is named there.
func (j *job) inline(ctx context.Context, i int) (*chosen, error) {
	t := &j.el.Spec.Triggers[i]
	c := &chosen{place: fmt.Sprintf("triggers[%d]", i), namespace: j.el.Namespace, name: t.Name}
	if t.Template != nil {
		c.spec = &triggersv1.TriggerSpec{Interceptors: t.Interceptors, Bindings: t.Bindings, Template: *t.Template, ServiceAccountName: t.ServiceAccountName}
		return c, nil
	}
	c.name = t.TriggerRef
	var trigger triggersv1.Trigger
	found, err := j.get(ctx, client.ObjectKey{Namespace: j.el.Namespace, Name: t.TriggerRef}, &trigger)
	if err == nil && !found {
		err = refuse("there is no Trigger %s", t.TriggerRef)
	}
	c.spec = &trigger.Spec
	return c, err
}

// everywhere is the one name that stands for all namespaces.
const everywhere = "*"

// selected are those that selectors choose. In other namespaces it is the service account
// that lists them: the controller may see more than the EventListener's author.
func (j *job) selected(ctx context.Context, where *triggersv1.NamespaceSelector, which *metav1.LabelSelector) ([]chosen, error) {
	var namespaces []string
	if where != nil {
		namespaces = where.MatchNames
	}
	if len(namespaces) == 0 && which != nil {
		namespaces = []string{j.el.Namespace}
	}
	selector := labels.Everything()
	if which != nil {
		var err error
		if selector, err = metav1.LabelSelectorAsSelector(which); err != nil {
			return nil, refuse("labelSelector: %s", err)
		}
	}
	var out []chosen
	for _, namespace := range slices.Compact(slices.Sorted(slices.Values(namespaces))) {
		list, err := j.list(ctx, namespace, selector)
		if err != nil {
			return nil, err
		}
		for i := range list {
			t := &list[i]
			out = append(out, chosen{place: t.Namespace + "/" + t.Name, namespace: t.Namespace, name: t.Name, spec: &t.Spec})
		}
	}
	return out, nil
}

func (j *job) list(ctx context.Context, namespace string, which labels.Selector) ([]triggersv1.Trigger, error) {
	var from client.Reader = j.Client
	var list triggersv1.TriggerList
	options := []client.ListOption{client.InNamespace(namespace), client.MatchingLabelsSelector{Selector: which}}
	if namespace == everywhere {
		options = options[1:]
	}
	if namespace != j.el.Namespace {
		as, err := j.As(j.el.Namespace, j.account())
		if err != nil {
			return nil, err
		}
		from = as
	}
	err := from.List(ctx, &list, options...)
	if apierrors.IsForbidden(err) {
		return nil, refuse("namespaceSelector: service account %s may not list the triggers of namespace %s: bind it a role that may", j.account(), namespace)
	}
	return list.Items, err
}

// account is the EventListener's.
func (j *job) account() string {
	if j.el.Spec.ServiceAccountName != "" {
		return j.el.Spec.ServiceAccountName
	}
	return "default"
}
