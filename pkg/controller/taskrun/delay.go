package taskrun

import (
	"context"
	"time"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
	"github.com/slipway-dev/slipway/pkg/kube"
	"github.com/slipway-dev/slipway/pkg/observe"
)

// slow is how long a Pod may take to start before its events are asked why, and
// how long until they are asked again. Most Pods never cost the request.
const slow = 20 * time.Second

// The reasons of the kubelet's and the volume controllers' events about what
// keeps a Pod's containers from being made. The Pod's status does not say it.
var delays = map[string]bool{
	"FailedMount": true, "FailedAttachVolume": true, "FailedMapVolume": true, "FailedCreatePodSandBox": true,
}

// explain adds to the message of a Pod that is slow to start what the cluster
// says of it, such as that a ConfigMap it mounts does not exist. It returns when
// to look again; 0 is never.
func (r *Reconciler) explain(ctx context.Context, a *attempt, p *observe.Progress) (time.Duration, error) {
	if p.Done() || p.Running || p.Stuck || p.Reason != v1.TaskRunReasonPodPending.String() {
		return 0, nil
	}
	if left := slow - a.now.Sub(a.pod.CreationTimestamp.Time); left > 0 {
		return left, nil
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
	return slow, nil
}
