package jsonpath

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Find returns the values at the path in decoded JSON. A field or index that is not there
// is an error, which says which.
func (p Path) Find(document any) ([]any, error) {
	found := []any{document}
	for _, s := range p.steps {
		var below []any
		for _, v := range found {
			values, err := s.from(v)
			if err != nil {
				return nil, err
			}
			below = append(below, values...)
		}
		found = below
	}
	return found, nil
}

// Text is what stands for the values: a text as it is, anything else as JSON, and more than
// one or none as a list.
func Text(values []any) (string, error) {
	if len(values) != 1 {
		return encode(append([]any{}, values...))
	}
	if s, ok := values[0].(string); ok {
		return s, nil
	}
	return encode(values[0])
}

func encode(v any) (string, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	return strings.TrimSuffix(b.String(), "\n"), err
}

type field string

func (f field) from(v any) ([]any, error) {
	object, ok := v.(map[string]any)
	if !ok {
		return nil, fmt.Errorf("%s has no fields, of which %q is asked", kind(v), string(f))
	}
	value, ok := object[string(f)]
	if !ok {
		return nil, fmt.Errorf("there is no %q", string(f))
	}
	return []any{value}, nil
}

type index int

func (i index) from(v any) ([]any, error) {
	list, ok := v.([]any)
	if !ok {
		return nil, fmt.Errorf("%s is no list, of which number %d is asked", kind(v), int(i))
	}
	at := int(i)
	if at < 0 {
		at += len(list)
	}
	if at < 0 || at >= len(list) {
		return nil, fmt.Errorf("there is no [%d] in a list of %d", int(i), len(list))
	}
	return list[at : at+1], nil
}

type slice struct {
	start, end *int
	stride     int
}

func (s slice) from(v any) ([]any, error) {
	list, ok := v.([]any)
	if !ok {
		return nil, fmt.Errorf("%s is no list, of which a slice is asked", kind(v))
	}
	from, to := bound(s.start, 0, len(list)), bound(s.end, len(list), len(list))
	var out []any
	for i := from; i < to; i += s.stride {
		out = append(out, list[i])
	}
	return out, nil
}

// bound is a limit of a slice within a list, counted from its end where it is negative.
func bound(at *int, otherwise, length int) int {
	if at == nil {
		return otherwise
	}
	n := *at
	if n < 0 {
		n += length
	}
	return min(max(n, 0), length)
}

type all struct{}

func (all) from(v any) ([]any, error) {
	switch v := v.(type) {
	case []any:
		return v, nil
	case map[string]any:
		var out []any
		for _, key := range slices.Sorted(maps.Keys(v)) {
			out = append(out, v[key])
		}
		return out, nil
	}
	return nil, fmt.Errorf("%s has nothing in it, of which all is asked", kind(v))
}

type filter struct {
	path     Path
	operator string
	literal  any
}

func (f filter) from(v any) ([]any, error) {
	list, ok := v.([]any)
	if !ok {
		return nil, fmt.Errorf("%s is no list that can be filtered", kind(v))
	}
	var out []any
	for _, e := range list {
		values, err := f.path.Find(e)
		if err == nil && len(values) > 0 && (f.operator == "" || f.compare(values[0])) {
			out = append(out, e)
		}
	}
	return out, nil
}

// compare is false for values of another type, unless unequal is asked for.
func (f filter) compare(v any) bool {
	order, comparable := compare(v, f.literal)
	switch f.operator {
	case "==":
		return comparable && order == 0
	case "!=":
		return !comparable || order != 0
	case ">=":
		return comparable && order >= 0
	case "<=":
		return comparable && order <= 0
	case ">":
		return comparable && order > 0
	}
	return comparable && order < 0
}

func compare(a, b any) (order int, comparable bool) {
	if n, ok := a.(json.Number); ok {
		if f, err := n.Float64(); err == nil {
			a = f
		}
	}
	switch b := b.(type) {
	case string:
		s, ok := a.(string)
		return cmp.Compare(s, b), ok
	case float64:
		n, ok := a.(float64)
		return cmp.Compare(n, b), ok
	}
	if a == b {
		return 0, true
	}
	_, ok := a.(bool)
	return 1, ok
}

// kind is a value's type in JSON.
func kind(v any) string {
	switch v.(type) {
	case nil:
		return "null"
	case string:
		return "a text"
	case bool:
		return "true or false"
	case []any:
		return "a list"
	case map[string]any:
		return "an object"
	}
	return "a number"
}
