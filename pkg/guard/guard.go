// Package guard evaluates expressions in CEL that stand in when, and translates those
// that need values of a running Pod for the entrypoint.
package guard

import (
	"errors"
	"fmt"
	"sync"

	"github.com/google/cel-go/cel"
	"github.com/slipway-dev/slipway/pkg/expr"
	"github.com/slipway-dev/slipway/pkg/untrusted"
)

// cost bounds the work of one expression; one over a few strings takes a hundredth
// of it.
const cost = 1_000_000

var environment = sync.OnceValues(func() (*cel.Env, error) { return cel.NewEnv() })

// Holds evaluates an expression whose variables have been put in. The error names
// the expression.
func Holds(text string) (bool, error) {
	env, err := environment()
	if err != nil {
		return false, err
	}
	answer, err := holds(env, text)
	if err != nil {
		return false, fmt.Errorf("cel %q: %w", text, err)
	}
	return answer, nil
}

func holds(env *cel.Env, text string) (bool, error) {
	ast, err := compile(env, text)
	if err != nil {
		return false, err
	}
	program, err := env.Program(ast, cel.CostLimit(cost))
	if err != nil {
		return false, err
	}
	out, _, err := program.Eval(cel.NoVars())
	if err != nil {
		return false, err
	}
	answer, ok := out.Value().(bool)
	if !ok {
		return false, errNoAnswer
	}
	return answer, nil
}

var errNoAnswer = errors.New("the answer must be true or false")

func compile(env *cel.Env, text string) (*cel.Ast, error) {
	ast, issues := env.Compile(text)
	if issues.Err() != nil {
		return nil, errors.New(issues.Errors()[0].Message)
	}
	return ast, nil
}

// CheckValues refuses an expression that a value of a stranger would become a part
// of: put between quotes, it could end them.
func CheckValues(text string, vars expr.Vars, strangers untrusted.Values) error {
	for _, r := range expr.References(text) {
		if value, ok, err := vars.Lookup(r); ok && err == nil && strangers.In(value.String) {
			return fmt.Errorf("%s: its value is one that anybody may choose, and could be more than a text there: compare it by input, operator and values", r)
		}
	}
	return nil
}
