package taskrun

import (
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"

	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
	"github.com/slipway-dev/slipway/entrypoint/contract"
	"github.com/slipway-dev/slipway/pkg/observe"
)

// verdict is where a run stands, as its condition Succeeded says it.
type verdict struct {
	status  corev1.ConditionStatus
	reason  string
	message string
	// final says that another attempt would fare no better or is not wanted.
	final bool
	// at is when the attempt ended; zero is now.
	at time.Time
}

func cancelled(run *v1.TaskRun) verdict {
	message := fmt.Sprintf("TaskRun %q was cancelled", run.Name)
	if run.Spec.StatusMessage != "" {
		message += ". " + string(run.Spec.StatusMessage)
	}
	return verdict{status: corev1.ConditionFalse, reason: v1.TaskRunReasonCancelled.String(), message: message, final: true}
}

func timedOut(run *v1.TaskRun, timeout time.Duration) verdict {
	return verdict{status: corev1.ConditionFalse, reason: v1.TaskRunReasonTimedOut.String(),
		message: fmt.Sprintf("TaskRun %q failed to finish within %q", run.Name, timeout)}
}

// while adds to the message what the attempt was at.
func (v verdict) while(p observe.Progress) verdict {
	if !p.Running {
		v.message += ": " + p.Message
		return v
	}
	for _, s := range p.Steps {
		if s.Terminated == nil || s.TerminationReason == string(contract.ReasonCancelled) {
			v.message += fmt.Sprintf(": step %q was running", s.Name)
			break
		}
	}
	return v
}

func podDeleted(pod string) verdict {
	return verdict{status: corev1.ConditionFalse, reason: observe.ReasonPodDeleted,
		message: fmt.Sprintf("pod %s was deleted while the run was going on", pod)}
}

func held(run *v1.TaskRun) verdict {
	return verdict{status: corev1.ConditionUnknown, reason: v1.TaskRunReasonPending.String(),
		message: fmt.Sprintf("TaskRun %q is pending: clear spec.status to start it", run.Name)}
}

func quota(err error) verdict {
	return verdict{status: corev1.ConditionUnknown, reason: v1.TaskRunReasonExceededResourceQuota.String(),
		message: fmt.Sprintf("the pod waits for room in a resource quota: %v", err)}
}

func observed(p observe.Progress) verdict {
	return verdict{status: p.Status, reason: p.Reason, message: p.Message, at: p.FinishedAt}
}

// refusal is an error that ends the run: it is the user's to mend.
type refusal struct {
	reason v1.TaskRunReason
	err    error
}

func (e *refusal) Error() string { return e.err.Error() }
func (e *refusal) Unwrap() error { return e.err }

func (e *refusal) verdict() verdict {
	return verdict{status: corev1.ConditionFalse, reason: e.reason.String(), message: e.err.Error(), final: true}
}
