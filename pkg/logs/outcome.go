package logs

import (
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
)

// Outcome is what became of a run.
type Outcome struct {
	// Kind is PipelineRun or TaskRun.
	Kind, Name string
	// Done is false while the run goes on. Deleted means that the run went away while it was followed.
	Done, Succeeded, Cancelled, TimedOut, Deleted bool
	// Reason and Message are those of the run's condition Succeeded.
	Reason, Message string
	// Took is the time from start to end; 0 while running.
	Took time.Duration
	// Failures tell of the tasks that failed, in the order they started. Empty unless the run failed.
	Failures []Failure
}

// Failure is a task that failed.
type Failure struct {
	// Task is the name in the pipeline; empty for a TaskRun of its own. Step is the step that failed, empty if it was
	// not a step that failed.
	Task, Step string
	// TaskRun is the object's name.
	TaskRun string
	Message string
	// Ran is false if no Pod was made, so that there is no log to look at.
	Ran bool
}

// judge reads the outcome from the objects. The caller holds the lock.
func (s *state) judge() *Outcome {
	if s.pipelineName == "" {
		for _, tr := range s.taskRuns {
			return judgeTaskRun(tr)
		}
	}
	if s.pipelineRun == nil {
		return s.last
	}
	pr := s.pipelineRun
	o := &Outcome{Kind: v1.KindPipelineRun, Name: pr.Name, Took: took(pr.Status.StartTime, pr.Status.CompletionTime)}
	o.conclude(&pr.Status.Status, string(v1.PipelineRunReasonCancelled), string(v1.PipelineRunReasonTimedOut))
	if !pr.IsFailure() {
		return o
	}
	for _, tr := range s.owned() {
		if tr.IsFailure() {
			o.Failures = append(o.Failures, failure(tr, taskLabel(pr, tr)))
		}
	}
	return o
}

func judgeTaskRun(tr *v1.TaskRun) *Outcome {
	o := &Outcome{Kind: v1.KindTaskRun, Name: tr.Name, Took: took(tr.Status.StartTime, tr.Status.CompletionTime)}
	o.conclude(&tr.Status.Status, string(v1.TaskRunReasonCancelled), string(v1.TaskRunReasonTimedOut))
	if tr.IsFailure() {
		o.Failures = []Failure{failure(tr, "")}
	}
	return o
}

func (o *Outcome) conclude(s *v1.Status, cancelled, timedOut string) {
	c := s.GetCondition(v1.ConditionSucceeded)
	if c == nil {
		return
	}
	o.Done, o.Succeeded = !c.IsUnknown(), c.IsTrue()
	o.Reason, o.Message = c.Reason, c.Message
	o.Cancelled = c.IsFalse() && c.Reason == cancelled
	o.TimedOut = c.IsFalse() && c.Reason == timedOut
}

func took(start, end *metav1.Time) time.Duration {
	if start.IsZero() || end.IsZero() {
		return 0
	}
	return end.Sub(start.Time)
}

func failure(tr *v1.TaskRun, label string) Failure {
	f := Failure{Task: label, TaskRun: tr.Name, Ran: tr.Status.PodName != "", Step: failedStep(tr)}
	if c := tr.Status.GetCondition(v1.ConditionSucceeded); c != nil {
		f.Message = c.Message
	}
	return f
}

// failedStep is the first step that ended badly; the ones after it never ran.
func failedStep(tr *v1.TaskRun) string {
	for _, step := range tr.Status.Steps {
		if t := step.Terminated; t != nil && t.ExitCode != 0 {
			return step.Name
		}
	}
	return ""
}
