package compile

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/slipway-dev/slipway/pkg/expr"
)

// substitute puts variables into every string below the value that v points
// to: into fields, lists, maps' values and what they contain. An element of a
// list of strings that is one reference to an array becomes the array's
// elements. The error begins with the path of the field as users write it.
func substitute(v any, vars expr.Vars, check func(expr.Reference) error) error {
	w := walker{vars: vars, check: check}
	return w.value(reflect.ValueOf(v).Elem())
}

type walker struct {
	vars expr.Vars
	// check, when set, refuses references.
	check func(expr.Reference) error
	// rewrite, when set, changes a text before its references are looked up.
	rewrite func(string) string
}

func (w walker) prepare(s string) (string, error) {
	if w.rewrite != nil {
		s = w.rewrite(s)
	}
	if w.check == nil {
		return s, nil
	}
	for _, r := range expr.References(s) {
		if err := w.check(r); err != nil {
			return "", err
		}
	}
	return s, nil
}

func (w walker) value(v reflect.Value) error {
	switch v.Kind() {
	case reflect.String:
		return w.text(v)
	case reflect.Pointer:
		if v.IsNil() {
			return nil
		}
		return w.value(v.Elem())
	case reflect.Struct:
		return w.fields(v)
	case reflect.Slice:
		return w.list(v)
	case reflect.Map:
		return w.entries(v)
	}
	return nil
}

func (w walker) text(v reflect.Value) error {
	if !strings.Contains(v.String(), "$(") {
		return nil
	}
	text, err := w.prepare(v.String())
	if err != nil {
		return err
	}
	out, err := expr.Substitute(text, w.vars)
	if err != nil {
		return err
	}
	v.SetString(out)
	return nil
}

func (w walker) fields(v reflect.Value) error {
	for i := range v.NumField() {
		field := v.Type().Field(i)
		if !field.IsExported() {
			continue
		}
		if err := w.value(v.Field(i)); err != nil {
			return at(fieldName(field), err)
		}
	}
	return nil
}

func (w walker) list(v reflect.Value) error {
	if texts, ok := v.Interface().([]string); ok {
		prepared := slices.Clone(texts)
		for i := range prepared {
			text, err := w.prepare(prepared[i])
			if err != nil {
				return err
			}
			prepared[i] = text
		}
		out, err := expr.SubstituteList(prepared, w.vars)
		if err != nil {
			return err
		}
		v.Set(reflect.ValueOf(out))
		return nil
	}
	for i := range v.Len() {
		if err := w.value(v.Index(i)); err != nil {
			return at(fmt.Sprintf("[%d]", i), err)
		}
	}
	return nil
}

func (w walker) entries(v reflect.Value) error {
	for _, key := range v.MapKeys() {
		item := reflect.New(v.Type().Elem()).Elem()
		item.Set(v.MapIndex(key))
		if err := w.value(item); err != nil {
			return at(fmt.Sprint(key), err)
		}
		v.SetMapIndex(key, item)
	}
	return nil
}

// fieldError is an error in one field; its path grows on the way up.
type fieldError struct {
	path string
	err  error
}

func (e *fieldError) Error() string { return e.path + ": " + e.err.Error() }
func (e *fieldError) Unwrap() error { return e.err }

func at(name string, err error) error {
	inner, ok := err.(*fieldError) //nolint:errorlint // one further down has a path of its own
	switch {
	case !ok:
		return &fieldError{name, err}
	case name == "":
		return inner
	case strings.HasPrefix(inner.path, "["):
		return &fieldError{name + inner.path, inner.err}
	}
	return &fieldError{name + "." + inner.path, inner.err}
}

// fieldName is the name a field has in YAML; an embedded struct has none.
func fieldName(f reflect.StructField) string {
	name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
	return name
}
