package listener

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/slipway-dev/slipway/api/slipway/v1alpha1"
	triggersv1 "github.com/slipway-dev/slipway/api/triggers/v1beta1"
	"github.com/slipway-dev/slipway/pkg/kube"
	"github.com/slipway-dev/slipway/pkg/triggers"
)

const (
	// maxAge ends the attempts.
	maxAge = 24 * time.Hour
	// keepFor is how long an event stays after it was worked off.
	keepFor = 24 * time.Hour
	// keepDone and keepOther are how many stay at most of an EventListener, of those that made
	// something and of the others: anybody may send those.
	keepDone, keepOther = 100, 100
	// maxTriggers is how many outcomes a status lists.
	maxTriggers = 100
	// maxPayload bounds what a payload may unpack to; the gateway takes no larger body.
	maxPayload = 25 << 20
)

// reconcileEvent works off one request.
func (r *Reconciler) reconcileEvent(ctx context.Context, req reconcile.Request) (reconcile.Result, error) {
	shown := &v1alpha1.ListenerEvent{}
	if err := r.Client.Get(ctx, req.NamespacedName, shown); err != nil || finished(shown) {
		return reconcile.Result{}, client.IgnoreNotFound(err)
	}
	el := &triggersv1.EventListener{}
	if found, err := r.get(ctx, client.ObjectKey{Namespace: shown.Namespace, Name: shown.Spec.Listener}, el); !found {
		return reconcile.Result{}, err // it is deleted with its EventListener
	}
	// The cache may not show yet that it was worked off, and it leaves out the payload.
	event := &v1alpha1.ListenerEvent{}
	if err := r.Live.Get(ctx, req.NamespacedName, event); err != nil || finished(event) {
		return reconcile.Result{}, client.IgnoreNotFound(err)
	}
	outcomes, failure := r.work(ctx, el, event)
	after := event.DeepCopy()
	r.record(&after.Status, event, outcomes, failure)
	if _, err := kube.PatchStatus(ctx, r.Client, event, after); err != nil && !kube.IsStale(err) && !kube.IsGone(err) {
		return reconcile.Result{}, err
	}
	if !finished(after) {
		return reconcile.Result{}, failure
	}
	return reconcile.Result{}, r.forget(ctx, client.ObjectKeyFromObject(el))
}

func finished(e *v1alpha1.ListenerEvent) bool { return e.Status.Finished != nil }

// record sets the status by what came of the request; failure is the world's.
func (r *Reconciler) record(s *v1alpha1.ListenerEventStatus, e *v1alpha1.ListenerEvent, outcomes []v1alpha1.TriggerOutcome, failure error) {
	s.Triggers = outcomes[:min(len(outcomes), maxTriggers)]
	switch {
	case failure != nil && r.Now().Sub(e.Spec.Received.Time) <= maxAge:
		s.State, s.Message = v1alpha1.EventWaiting, cut(failure.Error())
		return
	case failure != nil:
		s.State, s.Message = v1alpha1.EventFailed, cut("given up after a day: "+failure.Error())
	default:
		s.State, s.Message = summary(outcomes)
	}
	s.Finished = &metav1.Time{Time: r.Now()}
}

// summary is the state of the whole, and why.
func summary(outcomes []v1alpha1.TriggerOutcome) (v1alpha1.EventState, string) {
	made, first := 0, map[v1alpha1.EventState]*v1alpha1.TriggerOutcome{}
	for i := range outcomes {
		o := &outcomes[i]
		made += len(o.Resources)
		if first[o.State] == nil {
			first[o.State] = o
		}
	}
	why := func(o *v1alpha1.TriggerOutcome) string { return o.Name + ": " + o.Message }
	switch failed := first[v1alpha1.EventFailed]; {
	case len(outcomes) == 0:
		return v1alpha1.EventIgnored, "the EventListener has no trigger"
	case first[v1alpha1.EventDone] != nil && failed != nil:
		return v1alpha1.EventDone, cut(fmt.Sprintf("made %d; %s", made, why(failed)))
	case first[v1alpha1.EventDone] != nil:
		return v1alpha1.EventDone, fmt.Sprintf("made %d", made)
	case failed != nil:
		return v1alpha1.EventFailed, cut(why(failed))
	}
	return v1alpha1.EventIgnored, cut(why(first[v1alpha1.EventIgnored]))
}

// forget deletes the events of an EventListener that are over, but for the last.
func (r *Reconciler) forget(ctx context.Context, of client.ObjectKey) error {
	events, err := kube.RequestsOf(ctx, r.Client, of)
	if err != nil {
		return err
	}
	done, other := 0, 0
	for i := len(events) - 1; i >= 0; i-- {
		e := &events[i]
		if !finished(e) {
			continue
		}
		kept, most := &other, keepOther
		if e.Status.State == v1alpha1.EventDone {
			kept, most = &done, keepDone
		}
		if *kept++; *kept <= most && r.Now().Sub(e.Status.Finished.Time) < keepFor {
			continue
		}
		if err := r.Client.Delete(ctx, e); client.IgnoreNotFound(err) != nil {
			return err
		}
	}
	return nil
}

// unpack is the body of a request as it came, and what bindings read of it: that of a
// request that need be no JSON is a text.
func unpack(payload []byte) (body []byte, decoded any, err error) {
	packed, err := gzip.NewReader(bytes.NewReader(payload))
	if err != nil {
		return nil, nil, fmt.Errorf("the payload: %w", err)
	}
	if body, err = io.ReadAll(io.LimitReader(packed, maxPayload+1)); err != nil {
		return nil, nil, fmt.Errorf("the payload is broken: %w", err)
	} else if len(body) > maxPayload {
		return nil, nil, fmt.Errorf("the payload is larger than %d MiB", maxPayload>>20)
	}
	if decoded, err = triggers.Decode(body); err != nil {
		return body, string(body), nil
	}
	return body, decoded, nil
}
