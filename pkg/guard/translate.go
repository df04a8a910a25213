package guard

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/ast"
	"github.com/slipway-dev/slipway/entrypoint/contract"
	"github.com/slipway-dev/slipway/pkg/expr"
)

// Translate makes of an expression what the entrypoint evaluates. late tells the
// references whose values only the Pod will know: between quotes their values are
// texts whatever is in them, elsewhere they are numbers, true or false. Without any, the
// answer is found now. The error names the expression.
func Translate(text string, late func(expr.Reference) bool) (contract.Guard, error) {
	t := translator{}
	source := t.hide(text, late)
	if len(t.refs) == 0 {
		answer, err := Holds(text)
		return contract.Guard{Op: contract.GuardBool, Text: strconv.FormatBool(answer)}, err
	}
	g, err := t.translate(source)
	if err != nil {
		return g, fmt.Errorf("cel %q: %w", text, err)
	}
	return g, nil
}

// Check finds what is no expression whatever the values of its references.
func Check(text string) error {
	t := translator{}
	_, err := t.check(t.hide(text, func(expr.Reference) bool { return true }))
	return err
}

// translator knows the late references by names that CEL accepts as variables:
// prefix, and the index in refs.
type translator struct {
	prefix string
	refs   []string
}

func (t *translator) name(i int) string { return fmt.Sprintf("%s%d_", t.prefix, i) }

// hide puts variables in the place of late references.
func (t *translator) hide(text string, late func(expr.Reference) bool) string {
	for t.prefix = "ref_"; strings.Contains(text, t.prefix); {
		t.prefix += "_"
	}
	var b strings.Builder
	end := 0
	for _, r := range expr.References(text) {
		if !late(r) {
			continue
		}
		b.WriteString(text[end:r.Pos])
		b.WriteString(t.name(len(t.refs)))
		t.refs = append(t.refs, text[r.Pos:r.End])
		end = r.End
	}
	return b.String() + text[end:]
}

// show puts references back into a text.
func (t *translator) show(text string) string {
	for i, ref := range t.refs {
		text = strings.ReplaceAll(text, t.name(i), ref)
	}
	return text
}

// check compiles what hide made.
func (t *translator) check(source string) (*cel.Ast, error) {
	env, err := environment()
	if err != nil {
		return nil, err
	}
	variables := make([]cel.EnvOption, 0, len(t.refs))
	for i := range t.refs {
		variables = append(variables, cel.Variable(t.name(i), cel.DynType))
	}
	if env, err = env.Extend(variables...); err != nil {
		return nil, err
	}
	checked, err := compile(env, source)
	if err != nil {
		return nil, errors.New(t.show(err.Error()))
	}
	return checked, nil
}

func (t *translator) translate(source string) (contract.Guard, error) {
	checked, err := t.check(source)
	if err != nil {
		return contract.Guard{}, err
	}
	if out := checked.OutputType(); !out.IsExactType(cel.BoolType) && !out.IsExactType(cel.DynType) {
		return contract.Guard{}, errNoAnswer
	}
	return t.node(checked.NativeRep().Expr())
}

func (t *translator) node(e ast.Expr) (contract.Guard, error) {
	switch e.Kind() {
	case ast.LiteralKind:
		return t.literal(e.AsLiteral().Value())
	case ast.IdentKind:
		for i, ref := range t.refs {
			if e.AsIdent() == t.name(i) {
				return contract.Guard{Op: contract.GuardRef, Text: ref}, nil
			}
		}
		return contract.Guard{Op: contract.GuardVar, Text: e.AsIdent()}, nil
	case ast.ListKind:
		return t.with(contract.Guard{Op: contract.GuardList}, e.AsList().Elements()...)
	case ast.CallKind:
		return t.call(e.AsCall())
	case ast.ComprehensionKind:
		c := e.AsComprehension()
		if c.HasIterVar2() {
			return contract.Guard{}, unknown("a macro with two variables")
		}
		fold := contract.Guard{Op: contract.GuardFold, Text: c.IterVar() + " " + c.AccuVar()}
		return t.with(fold, c.IterRange(), c.AccuInit(), c.LoopCondition(), c.LoopStep(), c.Result())
	}
	return contract.Guard{}, unknown("a map or an object")
}

// unknown is the error of what CEL has and the entrypoint does not.
func unknown(what string) error {
	return fmt.Errorf("%s is not available where a guard needs the result of a step", what)
}

func (t *translator) literal(v any) (contract.Guard, error) {
	switch x := v.(type) {
	case bool:
		return contract.Guard{Op: contract.GuardBool, Text: strconv.FormatBool(x)}, nil
	case int64:
		return contract.Guard{Op: contract.GuardInt, Text: strconv.FormatInt(x, 10)}, nil
	case float64:
		return contract.Guard{Op: contract.GuardDouble, Text: strconv.FormatFloat(x, 'g', -1, 64)}, nil
	case string:
		return contract.Guard{Op: contract.GuardText, Text: t.show(x)}, nil
	}
	return contract.Guard{}, unknown("null, an unsigned number or a text of bytes")
}

func (t *translator) call(c ast.CallExpr) (contract.Guard, error) {
	if !slices.Contains(contract.GuardFunctions, c.FunctionName()) {
		return contract.Guard{}, unknown("the function " + c.FunctionName())
	}
	args := c.Args()
	if c.IsMemberFunction() {
		args = append([]ast.Expr{c.Target()}, args...)
	}
	return t.with(contract.Guard{Op: c.FunctionName()}, args...)
}

func (t *translator) with(g contract.Guard, args ...ast.Expr) (contract.Guard, error) {
	for _, a := range args {
		arg, err := t.node(a)
		if err != nil {
			return contract.Guard{}, err
		}
		g.Args = append(g.Args, arg)
	}
	return g, nil
}
