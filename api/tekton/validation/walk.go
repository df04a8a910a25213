package validation

import (
	"reflect"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/validation/field"

	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
)

// place says what a string stands for, and so what a reference in it may be.
type place int

const (
	// scalar is a string field: every reference must be to a string.
	scalar place = iota
	// element of a list: a reference that stands alone may be to a whole array.
	element
	// value of a parameter: a reference that stands alone may be to anything.
	value
)

// site is one string of a spec.
type site struct {
	at   *field.Path
	text string
	in   place
}

// words are fields that are for people or for other programs: what looks like a
// reference there is none.
var words = []string{"description", "metadata", "labels", "annotations"}

// strings calls visit for each string in v that may hold references.
func visitStrings(v any, at *field.Path, visit func(site)) {
	walk(reflect.ValueOf(v), at, scalar, visit)
}

var (
	rawType        = reflect.TypeFor[runtime.RawExtension]()
	paramValueType = reflect.TypeFor[v1.ParamValue]()
)

func walk(v reflect.Value, at *field.Path, in place, visit func(site)) {
	switch v.Kind() {
	case reflect.String:
		if s := v.String(); strings.Contains(s, "$(") {
			visit(site{at, s, in})
		}
	case reflect.Pointer, reflect.Interface:
		if !v.IsNil() {
			walk(v.Elem(), at, in, visit)
		}
	case reflect.Slice:
		for i := range v.Len() {
			walk(v.Index(i), at.Index(i), element, visit)
		}
	case reflect.Map:
		keys := v.MapKeys()
		slices.SortFunc(keys, func(a, b reflect.Value) int { return strings.Compare(a.String(), b.String()) })
		for _, k := range keys {
			walk(v.MapIndex(k), at.Key(k.String()), scalar, visit)
		}
	case reflect.Struct:
		walkStruct(v, at, visit)
	}
}

func walkStruct(v reflect.Value, at *field.Path, visit func(site)) {
	switch v.Type() {
	case rawType:
		return
	case paramValueType:
		pv := v.Interface().(v1.ParamValue)
		walk(reflect.ValueOf(pv.StringVal), at, value, visit)
		walk(reflect.ValueOf(pv.ArrayVal), at, element, visit)
		walk(reflect.ValueOf(pv.ObjectVal), at, scalar, visit)
		return
	}
	for i := range v.NumField() {
		f := v.Type().Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case !f.IsExported() || name == "-" || slices.Contains(words, name):
		case name == "" && f.Anonymous:
			walk(v.Field(i), at, scalar, visit)
		case name != "":
			walk(v.Field(i), at.Child(name), scalar, visit)
		}
	}
}
