package expr

import (
	"fmt"
	"slices"
)

// When is a guard: Input must be in Values (Operator "in"), or must not be
// ("notin"). Its strings may hold references.
type When struct {
	Input    string
	Operator string
	Values   []string
}

// Substitute puts the values of vars into the guard; an array reference that
// stands alone among Values adds its elements.
func (w When) Substitute(vars Vars) (When, error) {
	input, err := Substitute(w.Input, vars)
	if err != nil {
		return When{}, err
	}
	values, err := SubstituteList(w.Values, vars)
	return When{input, w.Operator, values}, err
}

// Holds evaluates a guard whose references are substituted.
func (w When) Holds() (bool, error) {
	found := slices.Contains(w.Values, w.Input)
	switch w.Operator {
	case "in":
		return found, nil
	case "notin":
		return !found, nil
	default:
		return false, fmt.Errorf(`operator %q: use "in" or "notin"`, w.Operator)
	}
}
