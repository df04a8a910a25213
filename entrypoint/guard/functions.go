package guard

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"
)

// call evaluates a function whose arguments all have values. Functions that the
// compiler lets through take as many arguments as they are called with.
func call(name string, args []any) (any, error) {
	switch name {
	case "_==_":
		return equal(args[0], args[1]), nil
	case "_!=_":
		return !equal(args[0], args[1]), nil
	case "@in":
		return in(args[0], args[1])
	case "dyn":
		return args[0], nil
	case "_<_", "_<=_", "_>_", "_>=_":
		return compare(name, args[0], args[1])
	case "_[_]":
		return index(args[0], args[1])
	case "contains", "startsWith", "endsWith":
		return search(name, args[0], args[1])
	case "int", "double", "string", "bool":
		return convert(name, args[0])
	case "size", "!_", "-_":
		return unary(name, args[0])
	}
	return arithmetic(name, args[0], args[1])
}

func none(name string, args ...any) error {
	texts := make([]string, len(args))
	for i, a := range args {
		texts[i] = show(a)
	}
	return fmt.Errorf("%s has no answer for %s", strings.Trim(strings.ReplaceAll(name, "_", " "), " "), strings.Join(texts, " and "))
}

// equal is false for values of different kinds; numbers are one kind.
func equal(a, b any) bool {
	if x, y, ok := lists(a, b); ok {
		if len(x) != len(y) {
			return false
		}
		for i := range x {
			if !equal(x[i], y[i]) {
				return false
			}
		}
		return true
	}
	if x, y, ok := floats(a, b); ok {
		return x == y
	}
	if _, ok := a.([]any); ok {
		return false
	}
	if _, ok := b.([]any); ok {
		return false
	}
	return a == b
}

func lists(a, b any) (x, y []any, ok bool) {
	x, okX := a.([]any)
	y, okY := b.([]any)
	return x, y, okX && okY
}

// floats are two numbers of which at least one is a double.
func floats(a, b any) (x, y float64, ok bool) {
	_, intA := a.(int64)
	_, intB := b.(int64)
	x, okX := number(a)
	y, okY := number(b)
	return x, y, okX && okY && !(intA && intB)
}

func number(v any) (float64, bool) {
	switch n := v.(type) {
	case int64:
		return float64(n), true
	case float64:
		return n, true
	}
	return 0, false
}

func in(item, of any) (any, error) {
	list, ok := of.([]any)
	if !ok {
		return nil, none("in", item, of)
	}
	for _, v := range list {
		if equal(item, v) {
			return true, nil
		}
	}
	return false, nil
}

func compare(name string, a, b any) (any, error) {
	switch x := a.(type) {
	case string:
		if y, ok := b.(string); ok {
			return ordered(name, strings.Compare(x, y)), nil
		}
	case bool:
		if y, ok := b.(bool); ok {
			return ordered(name, rank(x)-rank(y)), nil
		}
	case int64:
		if y, ok := b.(int64); ok {
			return ordered(name, three(x, y)), nil
		}
	}
	if x, y, ok := floats(a, b); ok {
		if math.IsNaN(x) || math.IsNaN(y) {
			return false, nil
		}
		return ordered(name, three(x, y)), nil
	}
	return nil, none(name, a, b)
}

func rank(b bool) int {
	if b {
		return 1
	}
	return 0
}

func three[T int64 | float64](x, y T) int {
	switch {
	case x < y:
		return -1
	case x > y:
		return 1
	}
	return 0
}

func ordered(name string, sign int) bool {
	switch name {
	case "_<_":
		return sign < 0
	case "_<=_":
		return sign <= 0
	case "_>_":
		return sign > 0
	}
	return sign >= 0
}

func index(of, at any) (any, error) {
	list, ok := of.([]any)
	i, isInt := at.(int64)
	if !ok || !isInt || i < 0 || i >= int64(len(list)) {
		return nil, none("[]", of, at)
	}
	return list[i], nil
}

func search(name string, in, what any) (any, error) {
	s, okS := in.(string)
	t, okT := what.(string)
	if !okS || !okT {
		return nil, none(name, in, what)
	}
	switch name {
	case "contains":
		return strings.Contains(s, t), nil
	case "startsWith":
		return strings.HasPrefix(s, t), nil
	}
	return strings.HasSuffix(s, t), nil
}

func unary(name string, v any) (any, error) {
	switch x := v.(type) {
	case bool:
		if name == "!_" {
			return !x, nil
		}
	case string:
		if name == "size" {
			return int64(utf8.RuneCountInString(x)), nil
		}
	case []any:
		if name == "size" {
			return int64(len(x)), nil
		}
	case float64:
		if name == "-_" {
			return -x, nil
		}
	case int64:
		if name == "-_" && x != math.MinInt64 {
			return -x, nil
		}
	}
	return nil, none(name, v)
}

func convert(to string, v any) (any, error) {
	if text, ok := v.(string); ok {
		return fromText(to, text)
	}
	if to == "string" {
		return toText(v)
	}
	if b, ok := v.(bool); ok && to == "bool" {
		return b, nil
	}
	f, ok := number(v)
	switch {
	case ok && to == "double":
		return f, nil
	case ok && to == "int":
		return toInt(v)
	}
	return nil, none(to, v)
}

func fromText(to, text string) (any, error) {
	switch to {
	case "bool":
		return strconv.ParseBool(text)
	case "int":
		return strconv.ParseInt(text, 10, 64)
	case "double":
		return strconv.ParseFloat(text, 64)
	}
	return text, nil
}

func toText(v any) (any, error) {
	switch x := v.(type) {
	case bool:
		return strconv.FormatBool(x), nil
	case int64:
		return strconv.FormatInt(x, 10), nil
	case float64:
		return strconv.FormatFloat(x, 'g', -1, 64), nil
	}
	return nil, none("string", v)
}

func toInt(v any) (any, error) {
	if f, ok := v.(float64); ok {
		if !(f > math.MinInt64 && f < math.MaxInt64) {
			return nil, none("int", v)
		}
		return int64(f), nil
	}
	return v, nil
}

func arithmetic(name string, a, b any) (any, error) {
	if x, y, ok := lists(a, b); ok && name == "_+_" {
		return append(append([]any(nil), x...), y...), nil
	}
	switch x := a.(type) {
	case string:
		if y, ok := b.(string); ok && name == "_+_" {
			return x + y, nil
		}
	case int64:
		if y, ok := b.(int64); ok {
			return integers(name, x, y)
		}
	case float64:
		if y, ok := b.(float64); ok && name != "_%_" {
			return doubles(name, x, y), nil
		}
	}
	return nil, none(name, a, b)
}

func doubles(name string, x, y float64) float64 {
	switch name {
	case "_+_":
		return x + y
	case "_-_":
		return x - y
	case "_*_":
		return x * y
	}
	return x / y
}

var errOverflow = errors.New("the number is larger than 64 bits hold")

// integers refuses what does not fit, as CEL does.
func integers(name string, x, y int64) (any, error) {
	switch name {
	case "_+_":
		if sum := x + y; (sum > x) == (y > 0) {
			return sum, nil
		}
		return nil, errOverflow
	case "_-_":
		if difference := x - y; (difference < x) == (y > 0) {
			return difference, nil
		}
		return nil, errOverflow
	case "_*_":
		product := x * y
		if x != 0 && (product/x != y || x == -1 && y == math.MinInt64) {
			return nil, errOverflow
		}
		return product, nil
	}
	return quotient(name, x, y)
}

func quotient(name string, x, y int64) (any, error) {
	if y == 0 {
		return nil, errors.New("division by zero")
	}
	if x == math.MinInt64 && y == -1 {
		return nil, errOverflow
	}
	if name == "_%_" {
		return x % y, nil
	}
	return x / y, nil
}
