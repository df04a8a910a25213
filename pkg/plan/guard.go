package plan

import (
	"errors"
	"fmt"

	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
	"github.com/slipway-dev/slipway/pkg/expr"
	"github.com/slipway-dev/slipway/pkg/guard"
)

// guardError is a guard that has no answer.
type guardError struct {
	place string
	err   error
}

func (e *guardError) Error() string { return e.place + ": " + e.err.Error() }

// holds evaluates the guards of a task whose variables are put in. A guard
// that has no answer is a problem of the task, and does not skip it.
func (s *state) holds(t *task) bool {
	for i := range t.spec.When {
		ok, err := evaluate(&t.spec.When[i])
		if err != nil {
			t.problem = fmt.Errorf("task %q: %w", t.spec.Name, &guardError{fmt.Sprintf("when[%d]", i), err})
			return true
		}
		if !ok {
			return false
		}
	}
	return true
}

func evaluate(w *v1.WhenExpression) (bool, error) {
	if w.CEL == "" {
		return expr.When{Input: w.Input, Operator: string(w.Operator), Values: w.Values}.Holds()
	}
	return guard.Holds(w.CEL)
}

// problemReason is why a run with a task that cannot start fails.
func (s *state) problemReason() v1.PipelineRunReason {
	for _, t := range s.tasks {
		if noAnswer := new(guardError); t.phase == invalid && errors.As(t.problem, &noAnswer) {
			return v1.PipelineRunReasonCELEvaluationFailed
		}
	}
	return v1.PipelineRunReasonFailedValidation
}
