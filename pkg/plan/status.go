package plan

import (
	"fmt"
	"slices"
	"strings"

	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
	"github.com/slipway-dev/slipway/api/tekton/v1beta1"
	"github.com/slipway-dev/slipway/pkg/expr"
	"github.com/slipway-dev/slipway/pkg/plan/fill"
	"github.com/slipway-dev/slipway/pkg/plan/limits"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

// set puts the condition Succeeded into the status.
func (d *Decision) set(in Input, status corev1.ConditionStatus, reason v1.PipelineRunReason, message string) {
	d.Status.SetCondition(v1.Condition{
		Type: v1.ConditionSucceeded, Status: status, Reason: reason.String(), Message: message,
		LastTransitionTime: metav1.Time{Time: in.Now},
	})
}

// finish ends the run.
func (d *Decision) finish(in Input, status corev1.ConditionStatus, reason v1.PipelineRunReason, message string) {
	d.set(in, status, reason, message)
	d.Status.CompletionTime = &metav1.Time{Time: in.Now}
}

// fail ends the run for a reason that the user can mend.
func (d *Decision) fail(in Input, reason v1.PipelineRunReason, err error) {
	d.finish(in, corev1.ConditionFalse, reason, userError+err.Error())
}

func cancelledMessage(run *v1.PipelineRun) string {
	return fmt.Sprintf("PipelineRun %q was cancelled", run.Name)
}

// Failed is the status of a run that ends because of something found outside
// of plan: what it refers to does not exist, or the API server refuses a child.
func Failed(in Input, reason v1.PipelineRunReason, err error) v1.PipelineRunStatus {
	d := Decision{Status: *in.Run.Status.DeepCopy()}
	if d.Status.StartTime.IsZero() {
		d.Status.StartTime = &metav1.Time{Time: in.Now}
	}
	d.fail(in, reason, err)
	return d.Status
}

// Awaiting is the status of a run of which a part is being found elsewhere.
func Awaiting(in Input, reason v1.PipelineRunReason, what error) v1.PipelineRunStatus {
	d := Decision{Status: *in.Run.Status.DeepCopy()}
	d.set(in, corev1.ConditionUnknown, reason, fmt.Sprintf("PipelineRun %s/%s %s", in.Run.Namespace, in.Run.Name, what))
	return d.Status
}

// conclude writes the status of a run that has started.
func (d *Decision) conclude(s *state) {
	d.Status.ObservedGeneration = s.run.Generation
	d.Status.ChildReferences = s.childReferences()
	d.Status.SkippedTasks = s.skippedTasks()
	status, reason, message := s.condition()
	if status == corev1.ConditionUnknown {
		d.set(s.in, status, reason, message)
		return
	}
	results, err := s.pipelineResults()
	d.Status.Results = results
	if err != nil && status == corev1.ConditionTrue {
		d.fail(s.in, v1.PipelineRunReasonCouldntGetPipelineResult, err)
		return
	}
	d.finish(s.in, status, reason, message)
}

// count is how many tasks stand where.
type count struct {
	succeeded, failed, ignored, cancelled, skipped, late, invalid, incomplete int
}

func (s *state) count() count {
	var n count
	for _, t := range s.tasks {
		switch {
		case t.phase == succeeded:
			n.succeeded++
		case t.cancelledByTimeout():
			n.failed++
		case t.cancelled():
			n.cancelled++
		case t.phase == failed && t.ignored():
			n.ignored++
		case t.phase == failed:
			n.failed++
		case t.phase == invalid:
			n.invalid++
		case t.phase == skipped:
			n.skipped++
			if slices.Contains([]v1.SkippingReason{v1.PipelineTimedOutSkip, v1.TasksTimedOutSkip, v1.FinallyTimedOutSkip}, t.skip) {
				n.late++
			}
		default:
			n.incomplete++
		}
	}
	return n
}

// condition is the condition Succeeded of a run that has started.
func (s *state) condition() (corev1.ConditionStatus, v1.PipelineRunReason, string) {
	switch {
	case s.run.IsCancelled():
		return corev1.ConditionFalse, v1.PipelineRunReasonCancelled, cancelledMessage(s.run)
	case s.timedOut():
		return corev1.ConditionFalse, v1.PipelineRunReasonTimedOut,
			fmt.Sprintf("PipelineRun %q failed to finish within %q", s.run.Name, s.pipelineTimeout())
	case s.tasksTimedOut() && s.allEnded(true) && (!s.dagEnded() || s.lateTasks()):
		return corev1.ConditionFalse, v1.PipelineRunReasonTimedOut,
			fmt.Sprintf("PipelineRun %q failed due to tasks failed to finish within %q", s.run.Name, limits.Tasks(s.run.Spec.Timeouts).Duration)
	}
	n := s.count()
	if n.incomplete == 0 {
		return s.outcome(n)
	}
	return corev1.ConditionUnknown, s.progress(n), fmt.Sprintf("Tasks Completed: %d (Failed: %d, Cancelled %d), Incomplete: %d, Skipped: %d",
		n.completed(), n.failed, n.cancelled, n.incomplete, n.skipped)
}

// progress is the reason of a run that goes on.
func (s *state) progress(n count) v1.PipelineRunReason {
	finallyEnded := s.allEnded(true)
	switch {
	case s.tasksTimedOut() && !finallyEnded:
		return v1.PipelineRunReasonTimedOutRunningFinally
	case s.run.IsGracefullyCancelled():
		return v1.PipelineRunReasonCancelledRunningFinally
	case s.run.IsGracefullyStopped():
		return v1.PipelineRunReasonStoppedRunningFinally
	case n.cancelled > 0 || (n.failed > 0 && finallyEnded):
		return v1.PipelineRunReasonStopping
	}
	return v1.PipelineRunReasonRunning
}

func (n count) completed() int { return n.succeeded + n.failed + n.ignored + n.cancelled }

// lateTasks reports whether the limit of the tasks kept one from its end.
func (s *state) lateTasks() bool {
	return slices.ContainsFunc(s.tasks, func(t *task) bool {
		return !t.final && (t.cancelledByTimeout() || t.skip == v1.TasksTimedOutSkip)
	})
}

// outcome is the condition of a run whose tasks have all ended.
func (s *state) outcome(n count) (corev1.ConditionStatus, v1.PipelineRunReason, string) {
	message := fmt.Sprintf("Tasks Completed: %d (Failed: %d, Cancelled %d), Skipped: %d", n.completed(), n.failed, n.cancelled, n.skipped)
	if n.ignored > 0 {
		message = fmt.Sprintf("Tasks Completed: %d (Failed: %d (Ignored: %d), Cancelled %d), Skipped: %d",
			n.completed(), n.failed+n.ignored, n.ignored, n.cancelled, n.skipped)
	}
	message += s.problems(n)
	switch {
	case n.invalid > 0:
		return corev1.ConditionFalse, s.problemReason(), message
	case n.failed > 0 || n.late > 0:
		return corev1.ConditionFalse, v1.PipelineRunReasonFailed, message
	case s.run.IsGracefullyCancelled() || s.run.IsGracefullyStopped():
		return corev1.ConditionFalse, v1.PipelineRunReasonCancelled, cancelledMessage(s.run)
	case n.cancelled > 0:
		return corev1.ConditionFalse, v1.PipelineRunReasonCancelled, message
	case n.skipped > 0:
		return corev1.ConditionTrue, v1.PipelineRunReasonCompleted, message
	}
	return corev1.ConditionTrue, v1.PipelineRunReasonSuccessful, message
}

// problems ends the message with what no child can tell.
func (s *state) problems(n count) string {
	var parts []string
	for _, t := range s.tasks {
		if t.phase == invalid && t.problem != nil {
			parts = append(parts, t.problem.Error())
		}
	}
	out := ""
	if n.invalid > 0 {
		out = fmt.Sprintf(", Failed Validation: %d (%s)", n.invalid, strings.Join(parts, "; "))
	}
	for _, t := range s.tasks {
		for _, c := range t.children {
			if c.gone {
				out += fmt.Sprintf("; %s %q was deleted before its end", c.kind, c.name)
			}
		}
	}
	return out
}

func (s *state) childReferences() []v1.ChildStatusReference {
	var out []v1.ChildStatusReference
	for _, t := range s.tasks {
		for _, c := range t.children {
			version := v1.SchemeGroupVersion.String()
			if c.kind == kindCustomRun {
				version = v1beta1.SchemeGroupVersion.String()
			}
			out = append(out, v1.ChildStatusReference{
				TypeMeta: runtime.TypeMeta{APIVersion: version, Kind: c.kind}, Name: c.name,
				DisplayName: displayName(t, c), PipelineTaskName: t.spec.Name, WhenExpressions: t.spec.When,
			})
		}
	}
	return out
}

// displayName is the task's, or that of the matrix's include that made the
// child, with the child's params put in.
func displayName(t *task, c *child) string {
	var vars expr.Vars
	for _, p := range c.params {
		vars.Set("params."+p.Name, fill.ToExpr(p.Value))
	}
	text := func(s string) string {
		if out, err := expr.Substitute(s, vars); err == nil {
			return out
		}
		return s
	}
	var names []string
	if t.spec.Matrix != nil {
		for _, include := range t.spec.Matrix.Include {
			made := !slices.ContainsFunc(include.Params, func(p v1.Param) bool {
				v, ok := vars.Get("params." + p.Name)
				return !ok || v.String != p.Value.StringVal
			})
			if made && include.Name != "" {
				names = append(names, text(include.Name))
			}
		}
	}
	if len(names) > 0 {
		return strings.Join(names, " ")
	}
	return text(t.spec.DisplayName)
}

func (s *state) skippedTasks() []v1.SkippedTask {
	var out []v1.SkippedTask
	for _, t := range s.tasks {
		if t.phase != skipped {
			continue
		}
		task := v1.SkippedTask{Name: t.spec.Name, Reason: t.skip}
		if !t.final || t.skip == v1.WhenExpressionsSkip {
			task.WhenExpressions = t.spec.When
		}
		out = append(out, task)
	}
	return out
}
