// Package malformed reads objects as far as they can be read.
package malformed

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	utiljson "k8s.io/apimachinery/pkg/util/json"
)

// Field is a field of an object that holds something else than its type
// allows. The API server refuses most of it by the schema, but not in a Pipeline
// within a Pipeline, nor in objects that are older than the schema. Such an object must
// not stop the list or watch of all others: it is read without that field, and
// whoever wants to act on it has to look here first.
type Field struct {
	// Path leads to the first such field, such as spec.tasks[0].retries.
	Path string
	// Message says what should be there.
	Message string
}

func (f *Field) Error() string { return f.Path + ": " + f.Message }

// DeepCopy returns a copy.
func (f *Field) DeepCopy() *Field {
	if f == nil {
		return nil
	}
	out := *f
	return &out
}

// Read reads the JSON of an object into the struct that it points to, which has no
// UnmarshalJSON of its own. Names of fields are read as they are written. A
// field that cannot be read is left empty and the first of them returned; the error
// is for what is not an object at all.
func Read(data []byte, into any) (*Field, error) {
	err := utiljson.Unmarshal(data, into)
	if err == nil {
		return nil, nil
	}
	v := reflect.ValueOf(into).Elem()
	v.SetZero()
	var r reader
	if r.read(data, v, ""); r.first == nil || r.first.Path == "" {
		return nil, err
	}
	return r.first, nil
}

// reader reads what can be read.
type reader struct{ first *Field }

func (r *reader) read(data []byte, v reflect.Value, at string) {
	if utiljson.Unmarshal(data, v.Addr().Interface()) == nil {
		return
	}
	v.SetZero()
	if v.Kind() == reflect.Pointer {
		v.Set(reflect.New(v.Type().Elem()))
		r.read(data, v.Elem(), at)
		return
	}
	if _, readsItself := v.Addr().Interface().(json.Unmarshaler); readsItself || !r.inside(data, v, at) {
		r.note(at, v.Type(), data)
	}
}

// inside reads the parts of a struct, map or slice. It returns false where v is none
// or data is another thing.
func (r *reader) inside(data []byte, v reflect.Value, at string) bool {
	fields, items := map[string]json.RawMessage{}, []json.RawMessage{}
	switch v.Kind() {
	case reflect.Struct:
		if json.Unmarshal(data, &fields) != nil {
			return false
		}
		r.fields(fields, v, at)
	case reflect.Map:
		if json.Unmarshal(data, &fields) != nil {
			return false
		}
		v.Set(reflect.MakeMap(v.Type()))
		for _, key := range slices.Sorted(maps.Keys(fields)) {
			e := reflect.New(v.Type().Elem()).Elem()
			r.read(fields[key], e, at+"["+key+"]")
			v.SetMapIndex(reflect.ValueOf(key).Convert(v.Type().Key()), e)
		}
	case reflect.Slice:
		if json.Unmarshal(data, &items) != nil {
			return false
		}
		v.Set(reflect.MakeSlice(v.Type(), len(items), len(items)))
		for i, item := range items {
			r.read(item, v.Index(i), fmt.Sprintf("%s[%d]", at, i))
		}
	default:
		return false
	}
	return true
}

// note keeps the first complaint.
func (r *reader) note(at string, t reflect.Type, data []byte) {
	switch want, is := wanted(t), found(data); {
	case r.first != nil:
	case want == is:
		r.first = &Field{at, "has a field that cannot be read"}
	default:
		r.first = &Field{at, fmt.Sprintf("must be %s, and is %s", want, is)}
	}
}

// fields reads those of a struct, in the order of the type.
func (r *reader) fields(fields map[string]json.RawMessage, v reflect.Value, at string) {
	for i := range v.NumField() {
		name, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("json"), ",")
		if name == "" && v.Type().Field(i).Anonymous {
			r.fields(fields, v.Field(i), at)
		} else if data, ok := fields[name]; ok {
			r.read(data, v.Field(i), strings.TrimPrefix(at+"."+name, "."))
		}
	}
}

// wanted says what a type holds.
func wanted(t reflect.Type) string {
	switch t {
	case reflect.TypeFor[metav1.Duration](), reflect.TypeFor[time.Duration]():
		return "a duration, such as 90s or 1h30m"
	case reflect.TypeFor[resource.Quantity]():
		return "a quantity, such as 500m or 2Gi"
	case reflect.TypeFor[metav1.Time](), reflect.TypeFor[metav1.MicroTime]():
		return "a time, such as 2006-01-02T15:04:05Z"
	case reflect.TypeFor[intstr.IntOrString]():
		return "a number of at most 32 bits or a string"
	}
	switch t.Kind() {
	case reflect.String:
		return "a string"
	case reflect.Bool:
		return "a boolean"
	case reflect.Slice:
		return "a list"
	case reflect.Struct, reflect.Map:
		return "an object"
	case reflect.Int32:
		return "a whole number of at most 32 bits"
	}
	return "a whole number of at most 64 bits"
}

// found says what there is instead; a long text is cut.
func found(data []byte) string {
	const most = 40
	switch data = bytes.TrimSpace(data); {
	case data[0] == '{':
		return "an object"
	case data[0] == '[':
		return "a list"
	case len(data) > most:
		return string(bytes.ToValidUTF8(data[:most], nil)) + "…"
	}
	return string(data)
}
