package taskrun

import (
	"context"
	"fmt"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
	"github.com/slipway-dev/slipway/pkg/kube"
	"github.com/slipway-dev/slipway/pkg/observe"
)

// quiet is how long a Pod may take to start its steps before the status says
// that it is on its way. Most are faster, and cost no patch for it.
const quiet = 3 * time.Second

// follow watches the attempt's Pod and ends it when it must.
func (r *Reconciler) follow(ctx context.Context, a *attempt) (time.Duration, error) {
	spec, err := r.ran(ctx, a)
	if err != nil {
		return 0, err
	}
	p, err := r.observe(ctx, a, spec.task)
	if err != nil {
		return 0, err
	}
	again, err := r.explain(ctx, a, &p)
	if err != nil {
		return 0, err
	}
	a.take(p, spec)
	switch {
	case p.Done() && p.Status == corev1.ConditionTrue:
		return r.finish(ctx, a, observed(p))
	case a.run.IsCancelled():
		return r.end(ctx, a, p, cancelled(a.run))
	case r.isOver(a):
		return r.end(ctx, a, p, timedOut(a.run, r.timeout(a.run)).while(p))
	case a.givenUp() != nil:
		return r.end(ctx, a, p, *a.givenUp())
	case p.Done():
		return r.finish(ctx, a, observed(p))
	case p.Stuck && r.patience(a, p) <= 0:
		return r.giveUp(ctx, a, p)
	}
	wait, err := r.progress(ctx, a, p)
	return soonest(wait, again), err
}

// ran is what the Pod was made from.
func (r *Reconciler) ran(ctx context.Context, a *attempt) (*resolvedSpec, error) {
	if a.made != nil && a.made.spec != nil {
		return a.made.spec, nil
	}
	return r.spec(ctx, a.run)
}

// observe reads the Pod, and from logs what did not fit into it.
func (r *Reconciler) observe(ctx context.Context, a *attempt, spec *v1.TaskSpec) (observe.Progress, error) {
	in := observe.Input{Run: a.run.Name, Task: a.member(), Spec: spec, Pod: a.pod}
	p := observe.Pod(in)
	if !p.Done() || len(p.Logs) == 0 {
		return p, nil
	}
	collected, err := r.collect(ctx, a.pod, p.Logs)
	if err != nil {
		return p, err
	}
	in.Collected = collected
	return observe.Pod(in), nil
}

// take puts what was observed into the run's status, not yet written.
func (a *attempt) take(p observe.Progress, spec *resolvedSpec) {
	s := &a.run.Status
	s.PodName, s.TaskSpec = a.pod.Name, spec.task
	if spec.provenance != nil {
		s.Provenance = spec.provenance
	}
	if s.StartTime == nil {
		s.StartTime = a.began(p)
	}
	old := s.Steps
	s.Steps, s.Sidecars, s.Results, s.Artifacts = p.Steps, p.Sidecars, p.Results, p.Artifacts
	for i := range s.Steps {
		switch {
		case spec.steps[i] != nil:
			s.Steps[i].Provenance = spec.steps[i]
		case i < len(old):
			s.Steps[i].Provenance = old[i].Provenance
		}
	}
}

// progress records what a user needs to know of an attempt that goes on.
func (r *Reconciler) progress(ctx context.Context, a *attempt, p observe.Progress) (time.Duration, error) {
	wait := time.Duration(0)
	if end := r.deadline(a); !end.IsZero() {
		wait = kube.Until(a.now, end)
	}
	v := observed(p)
	if p.Stuck {
		v.status, v.at = corev1.ConditionUnknown, time.Time{}
		wait = soonest(wait, r.patience(a, p))
	}
	if v.reason == v1.TaskRunReasonPodPending.String() && a.before.Status.PodName == "" {
		if left := quiet - a.now.Sub(a.pod.CreationTimestamp.Time); left > 0 {
			return soonest(wait, left), nil
		}
	}
	if !worthWriting(&a.before.Status, &a.run.Status, v) {
		return wait, nil
	}
	return wait, r.record(ctx, a, v)
}

// soonest of two waits, of which 0 is for ever.
func soonest(a, b time.Duration) time.Duration {
	if a == 0 || b == 0 {
		return max(a, b)
	}
	return min(a, b)
}

// worthWriting reports whether a user would miss the write: another condition,
// or another step that has ended.
func worthWriting(before, after *v1.TaskRunStatus, v verdict) bool {
	c := before.GetCondition(v1.ConditionSucceeded)
	if c == nil || c.Status != v.status || c.Reason != v.reason || c.Message != v.message || before.PodName != after.PodName {
		return true
	}
	return endedSteps(before) != endedSteps(after)
}

func endedSteps(s *v1.TaskRunStatus) int {
	n := 0
	for i := range s.Steps {
		if s.Steps[i].Terminated != nil {
			n++
		}
	}
	return n
}

// patience is how much longer a Pod may be stuck before its run fails.
func (r *Reconciler) patience(a *attempt, p observe.Progress) time.Duration {
	limit := r.Settings.Current().ImagePullTimeout.Duration
	if p.Reason == v1.TaskRunReasonCreateContainerConfigError.String() {
		limit = r.Settings.Current().CreateContainerTimeout
	}
	return limit - a.now.Sub(a.pod.CreationTimestamp.Time)
}

// giveUp ends a Pod of which a container cannot start. What the Pod says of that
// is gone once it has ended, so it is recorded first where steps are to end before.
func (r *Reconciler) giveUp(ctx context.Context, a *attempt, p observe.Progress) (time.Duration, error) {
	v := observed(p)
	goesOn := v
	goesOn.status, goesOn.at = corev1.ConditionUnknown, time.Time{}
	if p.Running && worthWriting(&a.before.Status, &a.run.Status, goesOn) {
		if err := r.record(ctx, a, goesOn); err != nil {
			return 0, err
		}
	}
	return r.end(ctx, a, p, v)
}

// givenUp is the recorded verdict on an attempt that is being ended because a
// container could not start; else nil. The kubelet tries on for a while, and its
// word changes with each try.
func (a *attempt) givenUp() *verdict {
	c := a.before.Status.GetCondition(v1.ConditionSucceeded)
	if c == nil || !kube.IsToldToEnd(a.pod) {
		return nil
	}
	switch v1.TaskRunReason(c.Reason) {
	case v1.TaskRunReasonImagePullFailed, v1.TaskRunReasonCreateContainerConfigError:
		return &verdict{status: corev1.ConditionFalse, reason: c.Reason, message: c.Message}
	}
	return nil
}

// lastWords is how long, beyond its grace period, a Pod that was told to end may
// take before the run ends without it: its node may be gone.
const lastWords = 15 * time.Second

// end stops the Pod, and finishes the run when its steps have ended: what they
// left behind is part of the run.
func (r *Reconciler) end(ctx context.Context, a *attempt, p observe.Progress, v verdict) (time.Duration, error) {
	if p.Done() && !stillRuns(p) {
		v.at = p.FinishedAt
		return r.finish(ctx, a, v)
	}
	if a.made == nil || a.made.stopped.IsZero() {
		if err := r.stop(ctx, a.pod, p.Running || a.sharedPod() != ""); err != nil {
			return 0, fmt.Errorf("stop of pod %s: %w", a.pod.Name, err)
		}
		r.made.stop(a.run.UID, a.number(), a.now)
		a.made = r.made.get(a.run.UID, a.number())
	}
	if !p.Running {
		return r.finish(ctx, a, v)
	}
	grace := lastWords + 30*time.Second
	if s := a.pod.Spec.TerminationGracePeriodSeconds; s != nil {
		grace = lastWords + time.Duration(*s)*time.Second
	}
	if left := grace - a.now.Sub(a.made.stopped); left > 0 {
		return left, nil
	}
	return r.finish(ctx, a, v)
}

// stillRuns reports whether a step is not said to have ended: the kubelet may call a Pod
// failed before it tells how its containers ended.
func stillRuns(p observe.Progress) bool {
	return slices.ContainsFunc(p.Steps, func(s v1.StepState) bool { return s.Running != nil })
}

// stop has the kubelet end the Pod's containers and keep the Pod with its logs.
// A Pod of which no step was started has nothing to keep.
func (r *Reconciler) stop(ctx context.Context, pod *corev1.Pod, running bool) error {
	if !running {
		return client.IgnoreNotFound(r.Client.Delete(ctx, pod, client.Preconditions{UID: &pod.UID}))
	}
	return kube.EndPod(ctx, r.Client, pod)
}
