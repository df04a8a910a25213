package expr

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Substitute puts the values of vars into s, once: a value that looks like a
// reference stays as it is. Unknown references stay too, unless vars is closed over
// them. There is no escape: `$$(params.x)` is "$" and the value of x.
//
// It returns an *Error for a name that is not known, an index out of bounds, a
// key that is missing, and a whole array or object in the middle of a string.
func Substitute(s string, vars Vars) (string, error) {
	return SubstituteBy(s, vars, func(_ Reference, value string) string { return value })
}

// SubstituteBy is Substitute with what put makes of a value in the place of it.
func SubstituteBy(s string, vars Vars, put func(r Reference, value string) string) (string, error) {
	refs := References(s)
	if len(refs) == 0 {
		return s, nil
	}
	var b strings.Builder
	at := 0
	for _, r := range refs {
		value, ok, err := vars.Lookup(r)
		if err != nil {
			return "", err
		}
		if !ok {
			continue
		}
		if value.Kind != String {
			return "", &Error{r, ErrKind, fmt.Sprintf("this is %s: it may only stand alone as an element of a list, so name one element of it", value.Kind)}
		}
		b.WriteString(s[at:r.Pos])
		b.WriteString(put(r, value.String))
		at = r.End
	}
	b.WriteString(s[at:])
	return b.String(), nil
}

// SubstituteList substitutes each item; an item that is one reference to an
// array becomes the array's elements, be they none.
func SubstituteList(items []string, vars Vars) ([]string, error) {
	if items == nil {
		return nil, nil
	}
	out := make([]string, 0, len(items))
	for _, item := range items {
		value, err := whole(item, vars)
		if err != nil {
			return nil, err
		}
		switch value.Kind {
		case Array:
			out = append(out, value.Array...)
		case Object:
			r, _ := Isolated(item)
			return nil, &Error{r, ErrKind, "this is an object: name one key of it"}
		default:
			out = append(out, value.String)
		}
	}
	return out, nil
}

// SubstituteValue substitutes in every string of value. A string that is one
// reference to an array or object becomes that array or object; the whole, `[*]`,
// of a string is the string.
func SubstituteValue(value Value, vars Vars) (Value, error) {
	switch value.Kind {
	case Array:
		items, err := SubstituteList(value.Array, vars)
		return Value{Kind: Array, Array: items}, err
	case Object:
		out := make(map[string]string, len(value.Object))
		for _, k := range slices.Sorted(maps.Keys(value.Object)) {
			s, err := Substitute(value.Object[k], vars)
			if err != nil {
				return Value{}, fmt.Errorf("key %q: %w", k, err)
			}
			out[k] = s
		}
		return Map(out), nil
	default:
		if r, ok := Isolated(value.String); ok && r.Selector == All {
			if text, found := vars.Get(r.Name()); found && text.Kind == String {
				return text, nil
			}
		}
		return whole(value.String, vars)
	}
}

func whole(s string, vars Vars) (Value, error) {
	if r, ok := Isolated(s); ok {
		value, known, err := vars.Lookup(r)
		if err != nil {
			return Value{}, err
		}
		if known {
			return value, nil
		}
	}
	out, err := Substitute(s, vars)
	return Text(out), err
}
