package manifest

import (
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/slipway-dev/slipway/pkg/suggest"
)

var unmarshaler = reflect.TypeFor[json.Unmarshaler]()

func typeOf(o any) reflect.Type { return reflect.TypeOf(o).Elem() }

// check reports every field under n that t does not have, and every value of
// another shape than t's. A null is nowhere wrong: it is the same as nothing.
func (d *decoder) check(n *yaml.Node, t reflect.Type, at *field.Path) {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch {
	case n == nil || n.Tag == "!!null":
	case t.Kind() == reflect.Struct && len(fields(t)) > 0:
		d.object(n, t, at)
	case reflect.PointerTo(t).Implements(unmarshaler):
		d.own(n, t, at)
	case t.Kind() == reflect.Map:
		d.entries(n, t, at)
	case t.Kind() == reflect.Slice && t.Elem().Kind() != reflect.Uint8:
		d.elements(n, t, at)
	default:
		d.plain(n, t, at)
	}
}

func (d *decoder) entries(n *yaml.Node, t reflect.Type, at *field.Path) {
	if !d.shape(n, at, yaml.MappingNode, "an object") {
		return
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		d.check(n.Content[i+1], t.Elem(), at.Key(n.Content[i].Value))
	}
}

func (d *decoder) elements(n *yaml.Node, t reflect.Type, at *field.Path) {
	if !d.shape(n, at, yaml.SequenceNode, "a list") {
		return
	}
	for i, c := range n.Content {
		d.check(c, t.Elem(), at.Index(i))
	}
}

// own has a type that reads itself do so.
func (d *decoder) own(n *yaml.Node, t reflect.Type, at *field.Path) {
	data, err := json.Marshal(d.value(n, at))
	if err == nil {
		err = json.Unmarshal(data, reflect.New(t).Interface())
	}
	if err != nil {
		d.fail(n.Line, at, "%q is not %s", n.Value, kindOf(t))
	}
}

// kindOf says in the field's words what a type that reads itself holds.
func kindOf(t reflect.Type) string {
	switch t.Name() {
	case "Duration":
		return "a duration, such as 90s or 1h30m"
	case "Quantity":
		return "a quantity, such as 500m or 2Gi"
	case "Time", "MicroTime":
		return "a time, such as 2006-01-02T15:04:05Z"
	case "IntOrString":
		return "a number or a string"
	}
	return "a " + strings.ToLower(t.Name())
}

func (d *decoder) object(n *yaml.Node, t reflect.Type, at *field.Path) {
	if !d.shape(n, at, yaml.MappingNode, "an object") {
		return
	}
	known := fields(t)
	for i := 0; i+1 < len(n.Content); i += 2 {
		k := n.Content[i]
		at := at.Child(k.Value)
		ft, ok := known[k.Value]
		if !ok {
			d.fail(k.Line, at, "unknown field%s", suggest.DidYouMean(k.Value, slices.Sorted(maps.Keys(known))))
			continue
		}
		d.check(n.Content[i+1], ft, at)
	}
}

// fields are the types of a struct's fields by their name in JSON, with those of
// what is inlined.
func fields(t reflect.Type) map[string]reflect.Type {
	m := map[string]reflect.Type{}
	for f := range t.Fields() {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case !f.IsExported() || name == "-":
		case name == "" && f.Anonymous && f.Type.Kind() == reflect.Struct:
			maps.Copy(m, fields(f.Type))
		case name != "":
			m[name] = f.Type
		}
	}
	return m
}

func (d *decoder) shape(n *yaml.Node, at *field.Path, want yaml.Kind, what string) bool {
	if n.Kind != want {
		d.fail(n.Line, at, "must be %s, and is %s", what, article(n))
		return false
	}
	return true
}

func (d *decoder) plain(n *yaml.Node, t reflect.Type, at *field.Path) {
	want, hint := "a number", ""
	switch t.Kind() {
	case reflect.String, reflect.Slice:
		want = "a string"
		if n.Kind == yaml.ScalarNode {
			hint = ": quote it"
		}
	case reflect.Bool:
		want = "a boolean"
	}
	if is := article(n); is != want && !(want == "a string" && n.Tag == "!!timestamp") {
		d.fail(n.Line, at, "must be %s, and is %s%s", want, is, hint)
		return
	}
	data, _ := json.Marshal(d.value(n, at))
	if json.Unmarshal(data, reflect.New(t).Interface()) != nil {
		d.fail(n.Line, at, "%q is out of range", n.Value)
	}
}
