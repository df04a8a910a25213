package repository

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/slipway-dev/slipway/api/slipway/v1alpha1"
	"github.com/slipway-dev/slipway/pkg/forge"
	"github.com/slipway-dev/slipway/pkg/kube"
	"github.com/slipway-dev/slipway/pkg/schedule"
)

// schedule stores the times that came as events, and returns when the next one does; zero if
// none is known. An event has the name of its time, so that a controller that ended before it
// noted the time in the status stores it once. While the repository is paused none is stored:
// of those that came meanwhile the last one is, as far as its deadline lets it.
func (r *Reconciler) schedule(ctx context.Context, of *v1alpha1.Repository) (next time.Time, err error) {
	now := r.Now()
	var known []v1alpha1.ScheduleStatus
	var wrong error
	for i := range of.Spec.Schedules {
		s := &of.Spec.Schedules[i]
		clock, err := schedule.Parse(s.Cron, s.TimeZone)
		if err != nil {
			wrong = errors.Join(wrong, fmt.Errorf("spec.schedules[%d] (%s): %w", i, s.Name, err))
			continue
		}
		status := seen(of, s, now)
		since := status.Since.Time
		if last := status.LastScheduleTime; last != nil && last.After(since) {
			since = last.Time
		}
		due := schedule.At(s, clock, string(of.UID), since, now)
		if !due.Tick.IsZero() && !of.Spec.Paused {
			if err := r.store(ctx, of, s, due.Tick); err != nil {
				return time.Time{}, err
			}
			status.LastScheduleTime = &metav1.Time{Time: due.Tick}
		}
		status.NextScheduleTime = &metav1.Time{Time: due.Next}
		if next.IsZero() || due.Next.Before(next) {
			next = due.Next
		}
		known = append(known, status)
	}
	of.Status.Schedules = known
	judge(of, wrong)
	return next, nil
}

// seen is the status of a schedule, a new one if its expression is.
func seen(of *v1alpha1.Repository, s *v1alpha1.Schedule, now time.Time) v1alpha1.ScheduleStatus {
	expression := cmp.Or(s.TimeZone, "UTC") + " " + s.Cron
	status := v1alpha1.ScheduleStatus{Name: s.Name}
	if i := slices.IndexFunc(of.Status.Schedules, func(old v1alpha1.ScheduleStatus) bool { return old.Name == s.Name }); i >= 0 {
		status = of.Status.Schedules[i]
	}
	if status.Expression != expression {
		status.Expression, status.Since = expression, metav1.NewTime(now)
	}
	return status
}

// store makes a time an event.
func (r *Reconciler) store(ctx context.Context, of *v1alpha1.Repository, s *v1alpha1.Schedule, tick time.Time) error {
	e := v1alpha1.NewEvent(of, v1alpha1.OriginSchedule, fmt.Appendf(nil, "schedule %s %d", s.Name, tick.Unix()), r.Now())
	e.Spec.Event = v1alpha1.Event{Type: v1alpha1.EventSchedule, Ref: fullName(s.Branch), Pipeline: s.Pipeline,
		Schedule: &v1alpha1.Tick{Name: s.Name, Time: metav1.NewTime(tick)}}
	if err := r.Client.Create(ctx, e); err != nil && !kube.IsTaken(err) {
		return err
	}
	return nil
}

// fullName is that of a branch, unless it is one already; empty is the default branch.
func fullName(branch string) string {
	if strings.HasPrefix(branch, "refs/") {
		return branch
	}
	return forge.BranchRef(branch)
}

// judge sets the condition Scheduled.
func judge(of *v1alpha1.Repository, wrong error) {
	if len(of.Spec.Schedules) == 0 {
		meta.RemoveStatusCondition(&of.Status.Conditions, v1alpha1.ConditionScheduled)
		return
	}
	condition := metav1.Condition{Type: v1alpha1.ConditionScheduled, Status: metav1.ConditionTrue, Reason: v1alpha1.ReasonScheduled, ObservedGeneration: of.Generation}
	if wrong != nil {
		condition.Status, condition.Reason = metav1.ConditionFalse, v1alpha1.ReasonInvalidSchedule
		condition.Message = strings.ReplaceAll(wrong.Error(), "\n", "; ")
	}
	meta.SetStatusCondition(&of.Status.Conditions, condition)
}
