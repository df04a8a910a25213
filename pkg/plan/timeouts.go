package plan

import (
	"time"

	"github.com/slipway-dev/slipway/pkg/plan/limits"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func timeOf(t *metav1.Time, otherwise time.Time) time.Time {
	if t.IsZero() {
		return otherwise
	}
	return t.Time
}

func (s *state) pipelineTimeout() time.Duration {
	return limits.Pipeline(s.run.Spec.Timeouts, s.in.Defaults.Timeout)
}

func (s *state) timedOut() bool {
	return limits.Passed(s.startTime(), &metav1.Duration{Duration: s.pipelineTimeout()}, s.in.Now)
}

// tasksTimedOut holds still once finally has begun: the tasks that ended in
// time do not become late by what follows them.
func (s *state) tasksTimedOut() bool {
	return limits.Passed(s.startTime(), limits.Tasks(s.run.Spec.Timeouts), timeOf(s.run.Status.FinallyStartTime, s.in.Now))
}

func (s *state) finallyTimedOut() bool {
	f := s.run.Status.FinallyStartTime
	return !f.IsZero() && limits.Passed(f.Time, limits.Finally(s.run.Spec.Timeouts), s.in.Now)
}

// deadline is the next moment at which time alone changes something.
func (s *state) deadline() time.Time {
	var next time.Time
	consider := func(start time.Time, limit *metav1.Duration) {
		if limit == nil || limit.Duration == 0 {
			return
		}
		if at := start.Add(limit.Duration); at.After(s.in.Now) && (next.IsZero() || at.Before(next)) {
			next = at
		}
	}
	consider(s.startTime(), &metav1.Duration{Duration: s.pipelineTimeout()})
	if f := s.run.Status.FinallyStartTime; f.IsZero() {
		consider(s.startTime(), limits.Tasks(s.run.Spec.Timeouts))
	} else {
		consider(f.Time, limits.Finally(s.run.Spec.Timeouts))
	}
	return next
}

// timeoutOf is the timeout of the TaskRun of t: its own, or that of its part of
// the run where this is longer than what a TaskRun gets by itself. A shorter
// one needs no mention, as the run ends its children in time.
func (s *state) timeoutOf(t *task) *metav1.Duration {
	if own := s.taskRunSpec(t.spec.Name).Timeout; own != nil {
		return own
	}
	if t.spec.Timeout != nil {
		return t.spec.Timeout
	}
	part := limits.Tasks(s.run.Spec.Timeouts)
	if t.final {
		part = limits.Finally(s.run.Spec.Timeouts)
	}
	if part != nil && (part.Duration == 0 || part.Duration > s.in.Defaults.Timeout) {
		return part
	}
	return nil
}
