package listener

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	triggersv1 "github.com/slipway-dev/slipway/api/triggers/v1beta1"
	"github.com/slipway-dev/slipway/pkg/interceptor"
	"github.com/slipway-dev/slipway/pkg/kube"
	"github.com/slipway-dev/slipway/pkg/triggers"
)

// lookEvery is how often an EventListener is looked at of which nothing has changed: events
// get old.
const lookEvery = 10 * time.Minute

// maxMessage keeps messages to what is read.
const maxMessage = 1000

// errTaken is a Service of that name that is somebody else's.
var errTaken = errors.New("is there already and is not of this EventListener: rename one of them")

// reconcileListener brings the Service and the status of an EventListener up to date.
func (r *Reconciler) reconcileListener(ctx context.Context, req reconcile.Request) (reconcile.Result, error) {
	el := &triggersv1.EventListener{}
	if found, err := r.get(ctx, req.NamespacedName, el); !found || el.DeletionTimestamp != nil {
		return reconcile.Result{}, err
	}
	if err := r.forget(ctx, req.NamespacedName); err != nil {
		return reconcile.Result{}, err
	}
	failure := r.ensureService(ctx, el)
	if failure != nil && !errors.Is(failure, errTaken) && !kube.IsRefused(failure) {
		return reconcile.Result{}, failure
	}
	after := el.DeepCopy()
	r.describe(&after.Status, el, failure)
	_, err := kube.PatchStatus(ctx, r.Client, el, after)
	if kube.IsStale(err) || kube.IsGone(err) {
		err = nil
	}
	return reconcile.Result{RequeueAfter: lookEvery}, err
}

// service is what an EventListener is reached by: its name leads to the gateway.
func (r *Reconciler) service(el *triggersv1.EventListener) *corev1.Service {
	yes := true
	return &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Namespace: el.Namespace, Name: el.ServiceName(),
			Labels: map[string]string{"app.kubernetes.io/managed-by": "EventListener", "app.kubernetes.io/part-of": "Triggers", "eventlistener": el.Name},
			OwnerReferences: []metav1.OwnerReference{{APIVersion: triggersv1.SchemeGroupVersion.String(), Kind: triggersv1.KindEventListener,
				Name: el.Name, UID: el.UID, Controller: &yes}}},
		Spec: corev1.ServiceSpec{Type: corev1.ServiceTypeExternalName, ExternalName: r.Gateway,
			Ports: []corev1.ServicePort{{Name: "http-listener", Port: triggers.Port(el), Protocol: corev1.ProtocolTCP}}},
	}
}

func (r *Reconciler) ensureService(ctx context.Context, el *triggersv1.EventListener) error {
	want, there := r.service(el), &corev1.Service{}
	err := r.Live.Get(ctx, client.ObjectKeyFromObject(want), there)
	switch {
	case kube.IsGone(err):
		if err = r.Client.Create(ctx, want); kube.IsTaken(err) {
			return fmt.Errorf("service %s %w", want.Name, errTaken)
		}
		return err
	case err != nil:
		return err
	case !metav1.IsControlledBy(there, el):
		return fmt.Errorf("service %s %w", want.Name, errTaken)
	case there.Spec.ExternalName == want.Spec.ExternalName && len(there.Spec.Ports) == 1 && there.Spec.Ports[0].Port == want.Spec.Ports[0].Port:
		return nil
	}
	patch, err := json.Marshal(map[string]any{"spec": map[string]any{"type": want.Spec.Type, "externalName": want.Spec.ExternalName, "ports": want.Spec.Ports}})
	if err != nil {
		return err
	}
	return r.Client.Patch(ctx, there, client.RawPatch(types.MergePatchType, patch))
}

// describe sets the status.
func (r *Reconciler) describe(s *triggersv1.EventListenerStatus, el *triggersv1.EventListener, failure error) {
	s.ObservedGeneration = el.Generation
	s.Address = &triggersv1.Address{URL: fmt.Sprintf("http://%s.%s.svc.%s:%d", el.ServiceName(), el.Namespace, r.Domain, triggers.Port(el))}
	s.Configuration.GeneratedResourceName = el.ServiceName()
	set := func(kind string, good bool, goodReason, badReason, message string) {
		c := metav1.Condition{Type: kind, Status: metav1.ConditionTrue, Reason: goodReason, Message: cut(message), ObservedGeneration: el.Generation,
			LastTransitionTime: metav1.NewTime(r.Now())}
		if !good {
			c.Status, c.Reason = metav1.ConditionFalse, badReason
		}
		meta.SetStatusCondition(&s.Conditions, c)
	}
	serviceMessage := ""
	if failure != nil {
		serviceMessage = failure.Error()
	}
	refusal := triggers.Refusal(el)
	set(triggersv1.ConditionService, failure == nil, "Exists", "Failed", serviceMessage)
	set(triggersv1.ConditionAvailable, failure == nil && refusal == "", "GatewayTakesRequests", "NotTaken", join(serviceMessage, refusal))
	problems := append([]string{join(serviceMessage, refusal)}, unsupported(el)...)
	message := join(problems...)
	set(triggersv1.ConditionReady, message == "", "Ready", "NotReady", message)
	effectless := triggers.WithoutEffect(el)
	set(triggersv1.ConditionEffective, len(effectless) == 0, "AllFields", "WithoutEffect", join(effectless...))
}

// unsupported says what is wrong with the interceptors that stand in an EventListener.
func unsupported(el *triggersv1.EventListener) (problems []string) {
	check := func(at string, interceptors []triggersv1.TriggerInterceptor) {
		for i := range interceptors {
			if err := interceptor.Check(&interceptors[i]); err != nil {
				problems = append(problems, fmt.Sprintf("%s.interceptors[%d]: %s", at, i, err))
			}
		}
	}
	for i := range el.Spec.Triggers {
		check(fmt.Sprintf("spec.triggers[%d]", i), el.Spec.Triggers[i].Interceptors)
	}
	for i := range el.Spec.TriggerGroups {
		check(fmt.Sprintf("spec.triggerGroups[%d]", i), el.Spec.TriggerGroups[i].Interceptors)
	}
	return problems
}

// join puts what is not empty into one line.
func join(texts ...string) string {
	var all []string
	for _, t := range texts {
		if t != "" {
			all = append(all, t)
		}
	}
	return strings.Join(all, "; ")
}

func cut(message string) string {
	if len(message) <= maxMessage {
		return message
	}
	return strings.ToValidUTF8(message[:maxMessage-3], "") + "..."
}
