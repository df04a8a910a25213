package plan

import (
	"time"

	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// noTimeout is the value of a timeout that never comes.
const noTimeout = time.Duration(0)

func timeOf(t *metav1.Time, otherwise time.Time) time.Time {
	if t.IsZero() {
		return otherwise
	}
	return t.Time
}

// PipelineTimeout is how long the whole run may take; 0 means no limit.
func PipelineTimeout(run *v1.PipelineRun, d Defaults) time.Duration {
	if t := run.Spec.Timeouts; t != nil && t.Pipeline != nil {
		return t.Pipeline.Duration
	}
	return d.Timeout
}

// tasksTimeout and finallyTimeout are the limits of the two parts: what
// spec.timeouts gives, or what the other two leave; nil when neither does.
func tasksTimeout(run *v1.PipelineRun) *metav1.Duration {
	t := run.Spec.Timeouts
	if t == nil {
		return nil
	}
	return given(t.Tasks, t.Pipeline, t.Finally)
}

func finallyTimeout(run *v1.PipelineRun) *metav1.Duration {
	t := run.Spec.Timeouts
	if t == nil {
		return nil
	}
	return given(t.Finally, t.Pipeline, t.Tasks)
}

func given(own, whole, other *metav1.Duration) *metav1.Duration {
	if own != nil {
		return own
	}
	if whole == nil || other == nil || whole.Duration == noTimeout || other.Duration == noTimeout {
		return nil
	}
	return &metav1.Duration{Duration: whole.Duration - other.Duration}
}

// passed reports whether a limit has been reached; never for no limit.
func passed(start time.Time, limit *metav1.Duration, now time.Time) bool {
	return limit != nil && limit.Duration != noTimeout && !now.Before(start.Add(limit.Duration))
}

func (s *state) timedOut() bool {
	return passed(s.startTime(), &metav1.Duration{Duration: PipelineTimeout(s.run, s.in.Defaults)}, s.in.Now)
}

// tasksTimedOut holds still once finally has begun: the tasks that ended in
// time do not become late by what follows them.
func (s *state) tasksTimedOut() bool {
	return passed(s.startTime(), tasksTimeout(s.run), timeOf(s.run.Status.FinallyStartTime, s.in.Now))
}

func (s *state) finallyTimedOut() bool {
	f := s.run.Status.FinallyStartTime
	return !f.IsZero() && passed(f.Time, finallyTimeout(s.run), s.in.Now)
}

// deadline is the next moment at which time alone changes something.
func (s *state) deadline() time.Time {
	var next time.Time
	consider := func(start time.Time, limit *metav1.Duration) {
		if limit == nil || limit.Duration == noTimeout {
			return
		}
		if at := start.Add(limit.Duration); at.After(s.in.Now) && (next.IsZero() || at.Before(next)) {
			next = at
		}
	}
	consider(s.startTime(), &metav1.Duration{Duration: PipelineTimeout(s.run, s.in.Defaults)})
	if f := s.run.Status.FinallyStartTime; f.IsZero() {
		consider(s.startTime(), tasksTimeout(s.run))
	} else {
		consider(f.Time, finallyTimeout(s.run))
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
	part := tasksTimeout(s.run)
	if t.final {
		part = finallyTimeout(s.run)
	}
	if part != nil && (part.Duration == noTimeout || part.Duration > s.in.Defaults.Timeout) {
		return part
	}
	return nil
}
