package plan

import (
	"errors"
	"fmt"
	"sync"

	"github.com/google/cel-go/cel"
	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
	"github.com/slipway-dev/slipway/pkg/expr"
)

// celCost bounds the work of one expression; one over a few strings takes a
// hundredth of it.
const celCost = 1_000_000

var celEnv = sync.OnceValues(func() (*cel.Env, error) { return cel.NewEnv() })

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
	env, err := celEnv()
	if err != nil {
		return false, err
	}
	ast, issues := env.Compile(w.CEL)
	if issues.Err() != nil {
		return false, fmt.Errorf("cel %q: %s", w.CEL, issues.Errors()[0].Message)
	}
	program, err := env.Program(ast, cel.CostLimit(celCost))
	if err != nil {
		return false, fmt.Errorf("cel %q: %w", w.CEL, err)
	}
	out, _, err := program.Eval(cel.NoVars())
	if err != nil {
		return false, fmt.Errorf("cel %q: %w", w.CEL, err)
	}
	answer, ok := out.Value().(bool)
	if !ok {
		return false, fmt.Errorf("cel %q: the answer must be true or false", w.CEL)
	}
	return answer, nil
}

// problemReason is why a run with a task that cannot start fails.
func (s *state) problemReason() v1.PipelineRunReason {
	for _, t := range s.tasks {
		if guard := new(guardError); t.phase == invalid && errors.As(t.problem, &guard) {
			return v1.PipelineRunReasonCELEvaluationFailed
		}
	}
	return v1.PipelineRunReasonFailedValidation
}
