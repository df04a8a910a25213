package taskrun

import (
	"context"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
	"github.com/slipway-dev/slipway/pkg/kube"
	"github.com/slipway-dev/slipway/pkg/observe"
)

// slow is how long a Pod that has a node may take to start before its events are asked
// why. Most Pods never cost the request.
const slow = 20 * time.Second

// To find the events of one Pod, the API server goes through all of the namespace: a
// thousand Pods that are slow together are not to cost a thousand times that at once.
const (
	asksPerSecond = 1
	asksAtOnce    = 10
)

// asks bounds how often events are asked for. Its zero value is ready.
type asks struct {
	once  sync.Once
	limit *rate.Limiter
}

func (a *asks) may(now time.Time) bool {
	a.once.Do(func() { a.limit = rate.NewLimiter(asksPerSecond, asksAtOnce) })
	return a.limit.AllowN(now, 1)
}

// The reasons of the kubelet's and the volume controllers' events about what
// keeps a Pod's containers from being made. The Pod's status does not say it.
var delays = map[string]bool{
	"FailedMount": true, "FailedAttachVolume": true, "FailedMapVolume": true, "FailedCreatePodSandBox": true,
}

// explain adds to the message of a Pod that is slow to start what the cluster
// says of it, such as that a ConfigMap it mounts does not exist. It returns when
// to look again; 0 is never. What keeps a Pod from a node stands in its status.
func (r *Reconciler) explain(ctx context.Context, a *attempt, p *observe.Progress) (time.Duration, error) {
	if p.Done() || p.Running || p.Stuck || p.Reason != v1.TaskRunReasonPodPending.String() || a.pod.Spec.NodeName == "" {
		return 0, nil
	}
	age := a.now.Sub(placed(a.pod))
	if left := slow - age; left > 0 {
		return left, nil
	}
	if !r.asks.may(a.now) {
		p.Message = a.known(p.Message)
		return slow, nil
	}
	var list corev1.EventList
	if err := r.Live.List(ctx, &list, client.InNamespace(a.pod.Namespace), client.MatchingFields{kube.EventsOf: string(a.pod.UID)}); err != nil {
		return 0, err
	}
	var last *corev1.Event
	for i := range list.Items {
		e := &list.Items[i]
		if delays[e.Reason] && (last == nil || last.LastTimestamp.Before(&e.LastTimestamp)) {
			last = e
		}
	}
	if last != nil {
		p.Message += ": " + last.Message
	}
	return age, nil // each time it is twice as old
}

// placed is when a Pod got its node.
func placed(pod *corev1.Pod) time.Time {
	for _, c := range pod.Status.Conditions {
		if c.Type == corev1.PodScheduled && !c.LastTransitionTime.IsZero() {
			return c.LastTransitionTime.Time
		}
	}
	return pod.CreationTimestamp.Time
}

// known is the message with what was added to it when events were last asked for.
func (a *attempt) known(message string) string {
	if c := a.before.Status.GetCondition(v1.ConditionSucceeded); c != nil && strings.HasPrefix(c.Message, message) {
		return c.Message
	}
	return message
}
