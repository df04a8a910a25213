package listener

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	authorizationv1 "k8s.io/api/authorization/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/slipway-dev/slipway/api/slipway/v1alpha1"
	triggersv1 "github.com/slipway-dev/slipway/api/triggers/v1beta1"
	"github.com/slipway-dev/slipway/pkg/interceptor"
	"github.com/slipway-dev/slipway/pkg/kube"
	"github.com/slipway-dev/slipway/pkg/triggers"
)

// job is one request that is worked off.
type job struct {
	*Reconciler
	el       *triggersv1.EventListener
	event    *v1alpha1.ListenerEvent
	body     []byte
	decoded  any
	outcomes []v1alpha1.TriggerOutcome
	// failure is the first of the world's: the rest is done all the same, and all of it again.
	failure error
}

// work does what the Triggers say. The error is the world's, and worth another try.
func (r *Reconciler) work(ctx context.Context, el *triggersv1.EventListener, event *v1alpha1.ListenerEvent) ([]v1alpha1.TriggerOutcome, error) {
	j := &job{Reconciler: r, el: el, event: event}
	if reason := triggers.Refusal(el); reason != "" {
		j.note(el.Name, nil, refuse("%s", reason))
		return j.outcomes, nil
	}
	var err error
	if j.body, j.decoded, err = unpack(event.Spec.Payload); err != nil {
		j.note(el.Name, nil, refuse("%s", err))
		return j.outcomes, nil
	}
	for i := range el.Spec.Triggers {
		c, err := j.inline(ctx, i)
		if err != nil {
			j.note(c.label(el), nil, err)
			continue
		}
		j.run(ctx, c, nil)
	}
	found, err := j.selected(ctx, el.Spec.NamespaceSelector, el.Spec.LabelSelector)
	if err != nil {
		j.note("selected triggers", nil, err)
	}
	for i := range found {
		j.run(ctx, &found[i], nil)
	}
	for i := range el.Spec.TriggerGroups {
		j.group(ctx, i)
	}
	return j.outcomes, j.failure
}

// note takes down what came of a Trigger.
func (j *job) note(name string, made []string, err error) {
	o := v1alpha1.TriggerOutcome{Name: name, State: v1alpha1.EventDone, Resources: made}
	if err != nil {
		var stop *interceptor.Stop
		o.State, o.Message = v1alpha1.EventFailed, cut(err.Error())
		switch {
		case errors.As(err, &stop) && !stop.Failed:
			o.State = v1alpha1.EventIgnored
		case errors.As(err, &stop), errors.As(err, new(*refusal)):
		default:
			if j.failure == nil {
				j.failure = fmt.Errorf("%s: %w", name, err)
			}
			return
		}
	}
	j.outcomes = append(j.outcomes, o)
}

// group runs the Triggers of a group behind its interceptors.
func (j *job) group(ctx context.Context, i int) {
	g := &j.el.Spec.TriggerGroups[i]
	r := j.request(j.el.Namespace, "triggerGroups/"+g.Name)
	err := j.intercept(ctx, g.Interceptors, r)
	var found []chosen
	if err == nil {
		found, err = j.selected(ctx, g.TriggerSelector.NamespaceSelector, g.TriggerSelector.LabelSelector)
	}
	if err != nil {
		j.note("group "+g.Name, nil, err)
	}
	for n := range found {
		found[n].place = fmt.Sprintf("triggerGroups[%d]/%s", i, found[n].place)
		j.run(ctx, &found[n], r.Extensions)
	}
}

// request is what interceptors of a namespace see.
func (j *job) request(namespace, who string) *interceptor.Request {
	return &interceptor.Request{Body: j.body, Header: http.Header(j.event.Spec.Headers).Clone(), URL: j.event.Spec.URL, EventID: j.event.Name,
		Namespace: namespace, Trigger: "namespaces/" + namespace + "/" + who}
}

// intercept runs interceptors one after the other.
func (j *job) intercept(ctx context.Context, interceptors []triggersv1.TriggerInterceptor, r *interceptor.Request) error {
	for i := range interceptors {
		added, err := j.World.Process(ctx, &interceptors[i], r)
		var stop *interceptor.Stop
		switch {
		case errors.As(err, &stop):
			return &interceptor.Stop{Failed: stop.Failed, Message: fmt.Sprintf("interceptors[%d]: %s", i, stop.Message)}
		case err != nil:
			return fmt.Errorf("interceptors[%d]: %w", i, err)
		}
		r.Merge(added)
	}
	return nil
}

// run does what one Trigger says, and takes down what came of it.
func (j *job) run(ctx context.Context, c *chosen, extensions map[string]any) {
	made, err := j.trigger(ctx, c, extensions)
	j.note(c.label(j.el), made, err)
}

func (j *job) trigger(ctx context.Context, c *chosen, extensions map[string]any) (made []string, err error) {
	r := j.request(c.namespace, "triggers/"+c.name)
	r.Extensions = extensions
	if err := j.intercept(ctx, c.spec.Interceptors, r); err != nil {
		return nil, err
	}
	bindings, err := j.bindings(ctx, c)
	if err != nil {
		return nil, err
	}
	template, err := j.template(ctx, c)
	if err != nil {
		return nil, err
	}
	values, err := triggers.Params(bindings, template.Params, &triggers.Event{ID: j.event.Name, Body: j.decoded, Headers: r.Header, Extensions: r.Extensions})
	if err != nil {
		return nil, refuse("bindings: %s", err)
	}
	objects, err := triggers.Objects(template, values, triggers.Origin{Listener: j.el.Name, EventID: j.event.Name, Namespace: c.namespace, Trigger: c.name, Place: c.place})
	if err != nil {
		return nil, refuse("template: %s", err)
	}
	as, err := j.actor(ctx, c)
	if err != nil {
		return nil, err
	}
	for i := range objects {
		if err := j.create(ctx, as, &objects[i]); err != nil {
			return made, err
		}
		made = append(made, j.nameOf(&objects[i]))
	}
	return made, nil
}

// bindings are the params of a Trigger's bindings.
func (j *job) bindings(ctx context.Context, c *chosen) (params []triggersv1.Param, err error) {
	for i := range c.spec.Bindings {
		b := &c.spec.Bindings[i]
		found := true
		switch {
		case b.Ref == "":
			value := ""
			if b.Value != nil {
				value = *b.Value
			}
			params = append(params, triggersv1.Param{Name: b.Name, Value: value})
		case b.Kind == triggersv1.KindClusterTriggerBinding:
			var of triggersv1.ClusterTriggerBinding
			found, err = j.get(ctx, client.ObjectKey{Name: b.Ref}, &of)
			params = append(params, of.Spec.Params...)
		default:
			var of triggersv1.TriggerBinding
			found, err = j.get(ctx, client.ObjectKey{Namespace: c.namespace, Name: b.Ref}, &of)
			params = append(params, of.Spec.Params...)
		}
		if err == nil && !found {
			err = refuse("bindings[%d]: there is no %s %s", i, orDefault(b.Kind, triggersv1.KindTriggerBinding), b.Ref)
		}
		if err != nil {
			return nil, err
		}
	}
	return params, nil
}

func orDefault(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

func (j *job) template(ctx context.Context, c *chosen) (*triggersv1.TriggerTemplateSpec, error) {
	if t := c.spec.Template; t.Spec != nil {
		return t.Spec, nil
	} else if t.Ref == nil {
		return nil, refuse("template: ref or spec is needed")
	}
	var of triggersv1.TriggerTemplate
	found, err := j.get(ctx, client.ObjectKey{Namespace: c.namespace, Name: *c.spec.Template.Ref}, &of)
	if err == nil && !found {
		err = refuse("template: there is no TriggerTemplate %s", *c.spec.Template.Ref)
	}
	return &of.Spec, err
}

// actor makes what the Trigger makes: its own service account, or the EventListener's. The
// account of another namespace is only for who may impersonate it, as with Tekton: else a
// request of one team would act for another.
func (j *job) actor(ctx context.Context, c *chosen) (client.Client, error) {
	if c.spec.ServiceAccountName == "" {
		return j.As(j.el.Namespace, j.account())
	}
	if c.namespace != j.el.Namespace {
		own, err := j.As(j.el.Namespace, j.account())
		if err != nil {
			return nil, err
		}
		review := &authorizationv1.SelfSubjectAccessReview{Spec: authorizationv1.SelfSubjectAccessReviewSpec{ResourceAttributes: &authorizationv1.ResourceAttributes{
			Namespace: c.namespace, Verb: "impersonate", Resource: "serviceaccounts", Name: c.spec.ServiceAccountName}}}
		if err := own.Create(ctx, review); err != nil {
			return nil, err
		}
		if !review.Status.Allowed {
			return nil, refuse("serviceAccountName: service account %s of namespace %s may not impersonate %s of namespace %s: bind it a role that may",
				j.account(), j.el.Namespace, c.spec.ServiceAccountName, c.namespace)
		}
	}
	return j.As(c.namespace, c.spec.ServiceAccountName)
}

// create makes an object, unless an earlier attempt did.
func (j *job) create(ctx context.Context, as client.Client, o *triggers.Object) error {
	object := &unstructured.Unstructured{Object: o.Content}
	err := as.Create(ctx, object.DeepCopy())
	switch {
	case kube.IsTaken(err):
		return j.adopt(ctx, as, o)
	case kube.IsRefused(err), kube.IsGone(err), meta.IsNoMatchError(err):
		return refuse("%s cannot be made: %s", j.nameOf(o), err)
	}
	return err
}

// adopt takes what is there for the object to make if it was made of this request. A name
// of our making is of no other.
func (j *job) adopt(ctx context.Context, as client.Client, o *triggers.Object) error {
	if !o.Named {
		return nil
	}
	there := &unstructured.Unstructured{Object: o.Content}
	there = there.DeepCopy()
	err := as.Get(ctx, client.ObjectKeyFromObject(there), there)
	if err != nil && !apierrors.IsForbidden(err) {
		return err
	}
	if err != nil || there.GetLabels()[triggersv1.LabelEventID] != j.event.Name {
		return refuse("%s is there already: give the template generateName instead of name", j.nameOf(o))
	}
	return nil
}

func (j *job) nameOf(o *triggers.Object) string {
	object := unstructured.Unstructured{Object: o.Content}
	if ns := object.GetNamespace(); ns != j.el.Namespace {
		return object.GetKind() + " " + ns + "/" + object.GetName()
	}
	return object.GetKind() + " " + object.GetName()
}
