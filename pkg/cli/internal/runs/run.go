// Package runs treats PipelineRuns and TaskRuns alike: one name to find them by, one state, one list.
package runs

import (
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/duration"

	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
	"github.com/slipway-dev/slipway/pkg/cli/internal/cluster"
	"github.com/slipway-dev/slipway/pkg/cli/internal/style"
)

// Run is a PipelineRun or a TaskRun; exactly one of the two is set.
type Run struct {
	PipelineRun *v1.PipelineRun
	TaskRun     *v1.TaskRun
}

// Object is the run as it came from the API server.
func (r Run) Object() cluster.Object {
	if r.PipelineRun != nil {
		return r.PipelineRun
	}
	return r.TaskRun
}

// Kind is PipelineRun or TaskRun.
func (r Run) Kind() string {
	if r.PipelineRun != nil {
		return v1.KindPipelineRun
	}
	return v1.KindTaskRun
}

// Word is the kind as users type it before a slash.
func (r Run) Word() string {
	if r.PipelineRun != nil {
		return "pipelinerun"
	}
	return "taskrun"
}

// Name of the object.
func (r Run) Name() string { return r.Object().GetName() }

// Status is what both kinds of status share.
func (r Run) Status() *v1.Status {
	if r.PipelineRun != nil {
		return &r.PipelineRun.Status.Status
	}
	return &r.TaskRun.Status.Status
}

// Started is when the run began, nil if it has not.
func (r Run) Started() *metav1.Time {
	if r.PipelineRun != nil {
		return r.PipelineRun.Status.StartTime
	}
	return r.TaskRun.Status.StartTime
}

// Ended is when the run was over, nil if it is not.
func (r Run) Ended() *metav1.Time {
	if r.PipelineRun != nil {
		return r.PipelineRun.Status.CompletionTime
	}
	return r.TaskRun.Status.CompletionTime
}

// Done reports whether the run is over.
func (r Run) Done() bool { return !r.condition().IsUnknown() }

// Of is the Pipeline or Task that runs, as the user named it; empty for one written in place.
func (r Run) Of() string {
	switch {
	case r.PipelineRun != nil && r.PipelineRun.Spec.PipelineRef != nil:
		return r.PipelineRun.Spec.PipelineRef.Name
	case r.TaskRun != nil && r.TaskRun.Spec.TaskRef != nil:
		return r.TaskRun.Spec.TaskRef.Name
	}
	return ""
}

func (r Run) condition() *v1.Condition { return r.Status().GetCondition(v1.ConditionSucceeded) }

// Reason is the reason of the run's condition, Pending while there is none.
func (r Run) Reason() string {
	if c := r.condition(); c != nil && c.Reason != "" {
		return c.Reason
	}
	return "Pending"
}

// Message is the message of the run's condition.
func (r Run) Message() string {
	if c := r.condition(); c != nil {
		return c.Message
	}
	return ""
}

// State is where the run stands.
func (r Run) State() style.State { return StateOf(r.condition(), r.Started()) }

// cancelled are the reasons of runs that somebody ended.
var cancelled = map[string]bool{
	string(v1.PipelineRunReasonCancelled): true,
	string(v1.TaskRunReasonCancelled):     true,
}

// StateOf tells the state of a run by its condition and start.
func StateOf(c *v1.Condition, started *metav1.Time) style.State {
	switch {
	case c.IsTrue():
		return style.Succeeded
	case c.IsFalse() && cancelled[c.Reason]:
		return style.Cancelled
	case c.IsFalse():
		return style.Failed
	case started.IsZero():
		return style.Pending
	default:
		return style.Running
	}
}

// Took is how long the run took, until now if it still goes on; empty before it started.
func (r Run) Took(now time.Time) string { return Span(r.Started(), r.Ended(), now) }

// Span is the time from start to end, or to now while there is no end: 42s, 1m05s, 2h03m. Empty without a start.
func Span(start, end *metav1.Time, now time.Time) string {
	if start.IsZero() {
		return ""
	}
	if !end.IsZero() {
		now = end.Time
	}
	return Duration(now.Sub(start.Time))
}

// Duration is d to the second: 42s, 1m05s, 2h03m.
func Duration(d time.Duration) string {
	d = max(d, 0).Round(time.Second)
	h, m, s := int(d.Hours()), int(d.Minutes())%60, int(d.Seconds())%60
	switch {
	case h > 0:
		return fmt.Sprintf("%dh%02dm", h, m)
	case m > 0:
		return fmt.Sprintf("%dm%02ds", m, s)
	default:
		return fmt.Sprintf("%ds", s)
	}
}

// Ago is how long ago t was: 42s ago, 3h ago.
func Ago(t, now time.Time) string { return duration.HumanDuration(now.Sub(t)) + " ago" }
