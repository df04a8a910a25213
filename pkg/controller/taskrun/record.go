package taskrun

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
	"github.com/slipway-dev/slipway/pkg/kube"
)

// record writes where the run stands.
func (r *Reconciler) record(ctx context.Context, a *attempt, v verdict) error {
	a.set(v)
	return r.write(ctx, a)
}

func (r *Reconciler) write(ctx context.Context, a *attempt) error {
	wrote, err := kube.PatchStatus(ctx, r.Client, a.before, a.run)
	if wrote && err == nil {
		r.behind.Wrote(a.before, a.now)
		r.told(a)
	}
	return err
}

func (a *attempt) set(v verdict) {
	s := &a.run.Status
	s.ObservedGeneration = a.run.Generation
	if s.StartTime == nil && v.reason != v1.TaskRunReasonPending.String() {
		s.StartTime = new(metav1.NewTime(a.now))
	}
	s.SetCondition(v1.Condition{Type: v1.ConditionSucceeded, Status: v.status, Reason: v.reason, Message: v.message,
		LastTransitionTime: metav1.NewTime(a.now)})
}

// The reasons of the events at the end of a run; that of its condition may be another.
const (
	eventSucceeded = "Succeeded"
	eventFailed    = "Failed"
)

// finish ends the attempt, and with it the run unless it is to be retried.
func (r *Reconciler) finish(ctx context.Context, a *attempt, v verdict) (time.Duration, error) {
	if v.status == corev1.ConditionFalse {
		closeSteps(&a.run.Status, v, a.now)
		if !v.final && a.number() < a.run.Spec.Retries {
			return 0, r.retry(ctx, a, v)
		}
		if a.run.Annotations[v1.AnnotationPipelineTaskOnError] == "continue" && !v.final {
			v.reason = v1.TaskRunReasonFailureIgnored.String()
		}
	}
	if err := r.quieten(ctx, a); err != nil {
		return 0, err
	}
	a.complete(v)
	err := r.record(ctx, a, v)
	if kube.IsTooLarge(err) {
		v = a.tooLarge(err)
		err = r.record(ctx, a, v)
	}
	if err != nil {
		return 0, err
	}
	reason := eventFailed
	if v.status == corev1.ConditionTrue {
		reason = eventSucceeded
	}
	kube.Tell(r.Events, a.run, v.status == corev1.ConditionTrue, reason, v.message)
	return 0, nil
}

// tooLarge ends a run that cannot be stored with its results.
func (a *attempt) tooLarge(err error) verdict {
	a.dropResults()
	return verdict{status: corev1.ConditionFalse, reason: v1.TaskRunReasonResultLargerThanAllowedLimit.String(), final: true, message: fmt.Sprintf(
		"the run is larger with its results than the API server stores, %s: write what is large to a workspace, and return its path (%v)", kube.Stored, err)}
}

// dropResults takes them out of the run, those of earlier attempts too.
func (a *attempt) dropResults() {
	drop := func(s *v1.TaskRunStatus) {
		s.Results = nil
		for i := range s.Steps {
			s.Steps[i].Results = nil
		}
	}
	drop(&a.run.Status)
	for i := range a.run.Status.RetriesStatus {
		drop(&a.run.Status.RetriesStatus[i])
	}
}

// complete sets when the run ended: by the clock of its last step, unless that
// runs behind the one that set the start.
func (a *attempt) complete(v verdict) {
	at := v.at
	if at.IsZero() {
		at = a.now
	}
	if start := a.started(); at.Before(start) {
		at = start
	}
	a.run.Status.CompletionTime = new(metav1.NewTime(at))
}

// quieten ends what still runs in a Pod whose steps have ended, such as a
// container that was put there by an admission webhook. The kubelet sees to
// the Task's own sidecars.
func (r *Reconciler) quieten(ctx context.Context, a *attempt) error {
	if a.pod == nil || !allEnded(a.pod) {
		return nil
	}
	for _, s := range a.pod.Status.ContainerStatuses {
		if s.State.Running != nil {
			return r.stop(ctx, a.pod, true)
		}
	}
	return nil
}

// retry puts the attempt aside and makes room for the next.
func (r *Reconciler) retry(ctx context.Context, a *attempt, v verdict) error {
	a.complete(v)
	a.set(v)
	s := &a.run.Status
	ended := *s.DeepCopy()
	ended.RetriesStatus = nil
	again := v1.TaskRunStatus{}
	again.RetriesStatus = append(s.RetriesStatus, ended)
	again.TaskSpec, again.Provenance = s.TaskSpec, s.Provenance
	a.run.Status = again
	a.run.Status.ObservedGeneration = a.run.Generation
	a.run.Status.SetCondition(v1.Condition{Type: v1.ConditionSucceeded, Status: corev1.ConditionUnknown,
		Reason: v1.TaskRunReasonToBeRetried.String(), Message: v.message, LastTransitionTime: metav1.NewTime(a.now)})
	err := r.write(ctx, a)
	if kube.IsTooLarge(err) {
		a.dropResults()
		err = r.write(ctx, a)
	}
	if err != nil {
		return err
	}
	kube.Tell(r.Events, a.run, false, v1.TaskRunReasonToBeRetried.String(), v.message)
	return nil
}

// closeSteps ends the steps of which no end is known, since the run has ended.
func closeSteps(s *v1.TaskRunStatus, v verdict, now time.Time) {
	why := v1.TerminationReasonError
	switch v.reason {
	case v1.TaskRunReasonCancelled.String():
		why = v1.TerminationReasonCancelled
	case v1.TaskRunReasonTimedOut.String():
		why = v1.TerminationReasonTimeoutExceeded
	}
	for i := range s.Steps {
		step := &s.Steps[i]
		if step.Terminated != nil {
			continue
		}
		ended := &corev1.ContainerStateTerminated{ExitCode: 1, Reason: v.reason, FinishedAt: metav1.NewTime(now)}
		if step.Running != nil {
			ended.StartedAt = step.Running.StartedAt
		}
		step.ContainerState = corev1.ContainerState{Terminated: ended}
		step.TerminationReason = why
	}
}
