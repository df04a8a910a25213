package event

import (
	"context"
	"errors"
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/slipway-dev/slipway/api/slipway/v1alpha1"
	"github.com/slipway-dev/slipway/pkg/kube"
)

const (
	// firstPause doubles with each failed attempt, up to maxPause.
	firstPause = time.Second
	maxPause   = 5 * time.Minute
	// inOrder is how many attempts hold up the events behind: a forge that is away
	// concerns them too, and what is wrong with one event alone must not stop all.
	inOrder = 6
	// maxAge ends the attempts.
	maxAge = 24 * time.Hour
	// maxMessage keeps messages to what is read.
	maxMessage = 1000
)

// refusal is what the user must mend: no other attempt helps.
type refusal struct{ message string }

func (e *refusal) Error() string { return e.message }

func refuse(format string, args ...any) error { return &refusal{fmt.Sprintf(format, args...)} }

// Reconcile works off one event of a repository, and lets runs go that waited for
// others. What it writes brings it back for the next.
func (r *Reconciler) Reconcile(ctx context.Context, req reconcile.Request) (reconcile.Result, error) {
	repository := &v1alpha1.Repository{}
	if err := r.Client.Get(ctx, req.NamespacedName, repository); err != nil {
		return reconcile.Result{}, client.IgnoreNotFound(err)
	}
	if repository.DeletionTimestamp != nil {
		return reconcile.Result{}, nil
	}
	if err := r.letGo(ctx, repository); err != nil {
		return reconcile.Result{}, err
	}
	if repository.Spec.Paused {
		return reconcile.Result{}, nil
	}
	next, wait, err := r.next(ctx, repository)
	if err != nil || next == nil {
		return reconcile.Result{RequeueAfter: wait}, err
	}
	// The cache may not show yet that it was worked off, and it leaves out the payload.
	event := &v1alpha1.RepositoryEvent{}
	if err := r.Live.Get(ctx, client.ObjectKeyFromObject(next), event); err != nil {
		return reconcile.Result{}, client.IgnoreNotFound(err)
	}
	if finished(event) {
		return reconcile.Result{}, nil
	}
	done, err := r.work(ctx, repository, event)
	return r.record(ctx, event, done, err)
}

func finished(e *v1alpha1.RepositoryEvent) bool {
	switch e.Status.State {
	case v1alpha1.EventDone, v1alpha1.EventIgnored, v1alpha1.EventFailed:
		return true
	}
	return false
}

// next is the event to work off now. If there is none, wait is until there may be;
// 0 is until something changes.
func (r *Reconciler) next(ctx context.Context, of *v1alpha1.Repository) (*v1alpha1.RepositoryEvent, time.Duration, error) {
	all, err := kube.Happened(ctx, r.Client, of)
	if err != nil {
		return nil, 0, err
	}
	var wait time.Duration
	for i := range all {
		e := &all[i]
		if finished(e) {
			r.notBefore.Delete(e.UID)
			continue
		}
		due, failed := r.notBefore.Load(e.UID)
		if !failed || !due.(time.Time).After(r.Now()) {
			return e.DeepCopy(), 0, nil // it is written to
		}
		if left := kube.Until(r.Now(), due.(time.Time)); wait == 0 || left < wait {
			wait = left
		}
		if e.Status.Attempts < inOrder {
			break
		}
	}
	return nil, wait, nil
}

// verdict is what came of an event.
type verdict struct {
	state   v1alpha1.EventState
	message string
	runs    []string
	// problems is how many the pipelines have; nil if they were not read.
	problems *int32
}

func ignored(format string, args ...any) verdict {
	return verdict{state: v1alpha1.EventIgnored, message: fmt.Sprintf(format, args...)}
}

// record writes what came of the event.
func (r *Reconciler) record(ctx context.Context, event *v1alpha1.RepositoryEvent, v verdict, failure error) (reconcile.Result, error) {
	after := event.DeepCopy()
	status := &after.Status
	var refused *refusal
	switch {
	case failure == nil:
		status.State, status.Message, status.Runs, status.Problems = v.state, v.message, v.runs, v.problems
	case errors.As(failure, &refused):
		status.State, status.Message = v1alpha1.EventFailed, refused.message
	case r.Now().Sub(event.Spec.Received.Time) > maxAge:
		status.State, status.Message = v1alpha1.EventFailed, "given up after a day: "+failure.Error()
	default:
		log.FromContext(ctx).Info("an event waits", "event", event.Name, "attempts", event.Status.Attempts+1, "error", failure.Error())
		status.State, status.Message = v1alpha1.EventWaiting, failure.Error()
		status.Attempts++
	}
	if len(status.Message) > maxMessage {
		status.Message = status.Message[:maxMessage-3] + "..."
	}
	wait := pause(status.Attempts)
	if status.State == v1alpha1.EventWaiting {
		r.notBefore.Store(event.UID, r.Now().Add(wait))
	} else {
		wait = 0
		status.Finished = &metav1.Time{Time: r.Now()}
		r.notBefore.Delete(event.UID)
	}
	_, err := kube.PatchStatus(ctx, r.Client, event, after)
	if kube.IsStale(err) || kube.IsGone(err) {
		err = nil
	}
	return reconcile.Result{RequeueAfter: wait}, err
}

func pause(attempts int32) time.Duration {
	return min(maxPause, firstPause<<min(max(attempts-1, 0), 10))
}
