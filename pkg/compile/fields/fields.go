// Package fields puts variables into every string of an object, and names the field
// that an error is about as users write it.
package fields

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/slipway-dev/slipway/pkg/expr"
)

// Walker says what is put in.
type Walker struct {
	Vars expr.Vars
	// Check, when set, refuses references.
	Check func(expr.Reference) error
	// Rewrite, when set, changes a text before its references are looked up.
	Rewrite func(string) string
}

// Put puts variables into every string below the value that v points to: into
// fields, lists, maps' values and what they contain. An element of a list of
// strings that is one reference to an array becomes the array's elements. The error
// begins with the path of the field as users write it.
func (w Walker) Put(v any) error { return w.value(reflect.ValueOf(v).Elem()) }

// Prepare is a text as its references are looked up.
func (w Walker) Prepare(s string) (string, error) {
	if w.Rewrite != nil {
		s = w.Rewrite(s)
	}
	if w.Check == nil {
		return s, nil
	}
	for _, r := range expr.References(s) {
		if err := w.Check(r); err != nil {
			return "", err
		}
	}
	return s, nil
}

func (w Walker) value(v reflect.Value) error {
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

func (w Walker) text(v reflect.Value) error {
	if !strings.Contains(v.String(), "$(") {
		return nil
	}
	text, err := w.Prepare(v.String())
	if err != nil {
		return err
	}
	out, err := expr.Substitute(text, w.Vars)
	if err != nil {
		return err
	}
	v.SetString(out)
	return nil
}

func (w Walker) fields(v reflect.Value) error {
	for i := range v.NumField() {
		field := v.Type().Field(i)
		if !field.IsExported() {
			continue
		}
		if err := w.value(v.Field(i)); err != nil {
			return At(fieldName(field), err)
		}
	}
	return nil
}

func (w Walker) list(v reflect.Value) error {
	if texts, ok := v.Interface().([]string); ok {
		prepared := slices.Clone(texts)
		for i := range prepared {
			text, err := w.Prepare(prepared[i])
			if err != nil {
				return err
			}
			prepared[i] = text
		}
		out, err := expr.SubstituteList(prepared, w.Vars)
		if err != nil {
			return err
		}
		v.Set(reflect.ValueOf(out))
		return nil
	}
	for i := range v.Len() {
		if err := w.value(v.Index(i)); err != nil {
			return At(fmt.Sprintf("[%d]", i), err)
		}
	}
	return nil
}

func (w Walker) entries(v reflect.Value) error {
	for _, key := range v.MapKeys() {
		item := reflect.New(v.Type().Elem()).Elem()
		item.Set(v.MapIndex(key))
		if err := w.value(item); err != nil {
			return At(fmt.Sprint(key), err)
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

// At is an error in a field; those around it are added on the way up.
func At(name string, err error) error {
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
