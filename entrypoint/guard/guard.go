// Package guard evaluates the guards of a step, which the compiler of Pods has parsed
// and checked. Its answers are those of CEL
// (https://github.com/google/cel-spec/blob/master/doc/langdef.md).
package guard

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/slipway-dev/slipway/entrypoint/contract"
)

// limit bounds the work of one guard, in nodes.
const limit = 1_000_000

// Holds evaluates g. put replaces the refs of a text by their values. The error is
// one line that says what has no answer.
func Holds(g contract.Guard, put func(string) string) (bool, error) {
	m := machine{put: put, left: limit}
	v, err := m.value(g)
	if err != nil {
		return false, err
	}
	answer, ok := v.(bool)
	if !ok {
		return false, fmt.Errorf("the answer must be true or false, and is %s", show(v))
	}
	return answer, nil
}

// machine evaluates to bool, int64, float64, string and []any.
type machine struct {
	put  func(string) string
	vars []variable
	left int
}

type variable struct {
	name  string
	value any
}

func (m *machine) value(g contract.Guard) (any, error) {
	if m.left--; m.left < 0 {
		return nil, fmt.Errorf("it takes more than %d operations", limit)
	}
	switch g.Op {
	case contract.GuardText:
		return m.put(g.Text), nil
	case contract.GuardRef:
		return literal(g.Text, m.put(g.Text))
	case contract.GuardBool:
		return strconv.ParseBool(g.Text)
	case contract.GuardInt:
		return strconv.ParseInt(g.Text, 10, 64)
	case contract.GuardDouble:
		return strconv.ParseFloat(g.Text, 64)
	case contract.GuardVar:
		return m.variable(g.Text)
	case contract.GuardFold:
		return m.fold(g)
	}
	return m.compound(g)
}

// literal reads the value of a ref that stands outside of quotes, where CEL would
// have read it as a part of the expression.
func literal(ref, text string) (any, error) {
	text = strings.TrimSpace(text)
	if text == "true" || text == "false" {
		return text == "true", nil
	}
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		return n, nil
	}
	if f, err := strconv.ParseFloat(text, 64); err == nil {
		return f, nil
	}
	return nil, fmt.Errorf("the value of %s is %s, which is neither a number nor true or false: put the reference in quotes", ref, show(text))
}

// show is a value in a message.
func show(v any) string {
	const most = 60
	s, ok := v.(string)
	if !ok {
		return fmt.Sprint(v)
	}
	if len(s) > most {
		s = s[:most] + "…"
	}
	return strconv.Quote(s)
}

func (m *machine) variable(name string) (any, error) {
	for i := len(m.vars) - 1; i >= 0; i-- {
		if m.vars[i].name == name {
			return m.vars[i].value, nil
		}
	}
	return nil, fmt.Errorf("%s has no value", name)
}

func (m *machine) fold(g contract.Guard) (any, error) {
	element, so, _ := strings.Cut(g.Text, " ")
	over, err := m.value(g.Args[0])
	if err != nil {
		return nil, err
	}
	list, ok := over.([]any)
	if !ok {
		return nil, fmt.Errorf("%s is not a list", show(over))
	}
	// What is folded may be an error that a later element outweighs.
	folded, foldErr := m.value(g.Args[1])
	before := len(m.vars)
	defer func() { m.vars = m.vars[:before] }()
	for _, item := range list {
		m.vars = append(m.vars[:before], variable{so, orError(folded, foldErr)}, variable{element, item})
		if again, err := m.value(g.Args[2]); err == nil && again == false {
			break
		}
		if folded, foldErr = m.value(g.Args[3]); foldErr != nil && m.left < 0 {
			return nil, foldErr
		}
	}
	m.vars = append(m.vars[:before], variable{so, orError(folded, foldErr)})
	return m.value(g.Args[4])
}

func orError(v any, err error) any {
	if err != nil {
		return err
	}
	return v
}

func (m *machine) compound(g contract.Guard) (any, error) {
	switch g.Op {
	case "_&&_":
		return m.logic(g, false)
	case "_||_":
		return m.logic(g, true)
	case "_?_:_":
		return m.choose(g)
	case "@not_strictly_false":
		v, err := m.strict(g.Args[0])
		return err != nil || v != false, nil
	}
	args := make([]any, 0, len(g.Args))
	for _, a := range g.Args {
		v, err := m.strict(a)
		if err != nil {
			return nil, err
		}
		args = append(args, v)
	}
	if g.Op == contract.GuardList {
		return args, nil
	}
	return call(g.Op, args)
}

// strict is a value that is no error that was folded.
func (m *machine) strict(g contract.Guard) (any, error) {
	v, err := m.value(g)
	if err == nil {
		if failed, ok := v.(error); ok {
			return nil, failed
		}
	}
	return v, err
}

// logic is the operator whose answer is strong as soon as one side is: also where the
// other has no answer.
func (m *machine) logic(g contract.Guard, strong bool) (any, error) {
	var errs []error
	for _, a := range g.Args {
		v, err := m.strict(a)
		if b, ok := v.(bool); err == nil && !ok {
			err = fmt.Errorf("%s is neither true nor false", show(v))
		} else if err == nil && b == strong {
			return strong, nil
		}
		errs = append(errs, err)
	}
	for _, err := range errs {
		if err != nil {
			return nil, err
		}
	}
	return !strong, nil
}

func (m *machine) choose(g contract.Guard) (any, error) {
	v, err := m.strict(g.Args[0])
	if err != nil {
		return nil, err
	}
	yes, ok := v.(bool)
	switch {
	case !ok:
		return nil, errors.New("what stands before ? is neither true nor false")
	case yes:
		return m.strict(g.Args[1])
	}
	return m.strict(g.Args[2])
}
