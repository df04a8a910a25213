package kube

import (
	"context"
	"sync"
	"time"

	"golang.org/x/time/rate"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// The reasons of the kubelet's and the volume controllers' events about what
// keeps a Pod's containers from being made. The Pod's status does not say it.
var delays = map[string]bool{
	"FailedMount": true, "FailedAttachVolume": true, "FailedMapVolume": true, "FailedCreatePodSandBox": true,
}

// To find the events of one Pod, the API server goes through all of the namespace: a
// thousand Pods that are slow together are not to cost a thousand times that at once.
const (
	asksPerSecond = 1
	asksAtOnce    = 10
)

// Delays tells what keeps Pods from starting. Its zero value is ready.
type Delays struct {
	once  sync.Once
	limit *rate.Limiter
}

// Of is the last event about what keeps the Pod's containers from being made, in words;
// empty where there is none. asked is false when too many were asked for of late.
func (d *Delays) Of(ctx context.Context, live client.Reader, pod *corev1.Pod, now time.Time) (words string, asked bool, err error) {
	d.once.Do(func() { d.limit = rate.NewLimiter(asksPerSecond, asksAtOnce) })
	if !d.limit.AllowN(now, 1) {
		return "", false, nil
	}
	var list corev1.EventList
	if err := live.List(ctx, &list, client.InNamespace(pod.Namespace), client.MatchingFields{EventsOf: string(pod.UID)}); err != nil {
		return "", true, err
	}
	var last *corev1.Event
	for i := range list.Items {
		e := &list.Items[i]
		if delays[e.Reason] && (last == nil || last.LastTimestamp.Before(&e.LastTimestamp)) {
			last, words = e, e.Message
		}
	}
	return words, true, nil
}

// Placed is when a Pod got its node; ok is false while it has none.
func Placed(pod *corev1.Pod) (at time.Time, ok bool) {
	if pod.Spec.NodeName == "" {
		return time.Time{}, false
	}
	for _, c := range pod.Status.Conditions {
		if c.Type == corev1.PodScheduled && !c.LastTransitionTime.IsZero() {
			return c.LastTransitionTime.Time, true
		}
	}
	return pod.CreationTimestamp.Time, true
}
