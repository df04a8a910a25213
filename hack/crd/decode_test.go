package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	structuralschema "k8s.io/apiextensions-apiserver/pkg/apiserver/schema"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/pruning"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/validation"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	utiljson "k8s.io/apimachinery/pkg/util/json"

	slipway "github.com/slipway-dev/slipway/api/slipway/v1alpha1"
	"github.com/slipway-dev/slipway/api/tekton/malformed"
	resolution "github.com/slipway-dev/slipway/api/tekton/resolution/v1beta1"
	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
	"github.com/slipway-dev/slipway/api/tekton/v1alpha1"
	"github.com/slipway-dev/slipway/api/tekton/v1beta1"
	triggersalpha "github.com/slipway-dev/slipway/api/triggers/v1alpha1"
	triggers "github.com/slipway-dev/slipway/api/triggers/v1beta1"
	"github.com/slipway-dev/slipway/pkg/convert"
)

// nasty is what is tried in every place of every kind.
var nasty = []string{
	`null`, `true`, `false`,
	`0`, `1`, `-1`, `-0.0`, `0.5`, `1.5`, `1.0`, `-1e-7`, `65536`, `2147483647`, `2147483648`, `-2147483648`, `-2147483649`, `4294967296`, `99999999999`,
	`9007199254740993`, `9223372036854774784`, `9223372036854775807`, `9223372036854775808`, `-9223372036854775808`, `-9223372036854775809`, `18446744073709551616`,
	`1e18`, `1e19`, `1e21`, `1e300`,
	`""`, `" "`, `"a"`, `"A"`, `"é"`, `"\u0000"`, `"\ud800"`, `"null"`, `"true"`, `"[]"`, `"{}"`, `"===="`, `"a b\nc"`, `"$(params.x)"`,
	`"1"`, `"-1"`, `"1.5"`, `"1e3"`, `"99999999999"`, `"99999999999999999999999999"`, `"1Gi"`, `"1 GB"`, `"Gi"`, `"1e1.5"`, `"1e99999999999"`, `"+.5Ki"`, `"-"`, `"."`, `"0x10"`,
	`"10s"`, `"1d"`, `"soon"`, `"9999999h"`, `"1h30m"`, `"99999.999999999h99999.999999999h99999.999999999h99999.999999999h99999.999999999h99999.999999999h"`,
	`"2006-01-02"`, `"2006-01-02T15:04:05Z"`, `"2006-01-02t15:04:05z"`, `"2006-01-02T15:04:05"`, `"2006-01-02T24:00:00Z"`, `"2023-02-30T00:00:00Z"`, `"2006-01-02T15:04:60Z"`,
	`"2006-01-02T15:04:05.123456789+02:00"`, `"2006-01-02T15:04:05+99:99"`, `"2006-01-02T15:04:05,5Z"`, `"2006-01-02T15:04:05.5-24:00"`, `"0000-00-00T00:00:00Z"`, `"2024-02-29T23:59:59Z"`,
	`"2023-02-29T23:59:59Z"`, `"2023-04-31T23:59:59Z"`,
	`[]`, `[null]`, `[1]`, `["a"]`, `["a",1]`, `[[]]`, `[{}]`, `[{"name":1}]`,
	`{}`, `{"a":null}`, `{"a":1}`, `{"a":"b"}`, `{"a":[]}`, `{"a":{}}`, `{"a":{"b":1.5}}`, `{"Name":1,"NAME":[],"name":"a"}`, `{"metadata":5,"spec":"x","status":[]}`, `{"":""}`,
	`"` + strings.Repeat("long", 2_000) + `"`, strings.Repeat("1", 300), strings.Repeat("[", 40) + strings.Repeat("]", 40),
}

// served is one kind in one version, as the API server checks it and the project reads it.
type served struct {
	gvk        schema.GroupVersionKind
	props      *apiextensions.JSONSchemaProps
	structural *structuralschema.Structural
	validator  validation.SchemaValidator
}

var scheme = runtime.NewScheme()

func init() {
	for _, add := range []func(*runtime.Scheme) error{v1.AddToScheme, v1beta1.AddToScheme, resolution.AddToScheme, slipway.AddToScheme,
		triggers.AddToScheme, triggersalpha.AddToScheme} {
		if err := add(scheme); err != nil {
			panic(err)
		}
	}
	scheme.AddKnownTypes(v1alpha1.SchemeGroupVersion, &v1alpha1.StepAction{})
}

var decoder = serializer.NewCodecFactory(scheme).UniversalDeserializer()

// everyKind returns all that is served.
func everyKind(t *testing.T) (kinds []*served) {
	t.Helper()
	files, err := filepath.Glob("../../config/crd/*_*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no CRDs: %v", err)
	}
	for _, file := range files {
		crd := load(t, file)
		for _, version := range crd.Spec.Versions {
			own := version.Schema
			if own == nil {
				own = crd.Spec.Validation
			}
			k := &served{gvk: schema.GroupVersionKind{Group: crd.Spec.Group, Version: version.Name, Kind: crd.Spec.Names.Kind}, props: own.OpenAPIV3Schema.DeepCopy()}
			simplify(k.props)
			if k.structural, err = structuralschema.NewStructural(k.props); err != nil {
				t.Fatal(err)
			}
			k.validator = validatorOf(t, k.props)
			kinds = append(kinds, k)
		}
	}
	return kinds
}

// simplify drops what is for people, and the formats: some API servers check them
// and others do not.
func simplify(p *apiextensions.JSONSchemaProps) {
	p.Format, p.Description = "", ""
	for name, child := range p.Properties {
		simplify(&child)
		p.Properties[name] = child
	}
	if p.Items != nil {
		simplify(p.Items.Schema)
	}
	if p.AdditionalProperties != nil && p.AdditionalProperties.Schema != nil {
		simplify(p.AdditionalProperties.Schema)
	}
}

func validatorOf(t *testing.T, props *apiextensions.JSONSchemaProps) validation.SchemaValidator {
	t.Helper()
	v, _, err := validation.NewSchemaValidator(props)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// place is one field of a kind.
type place struct {
	path string
	// props is what the schema says of it; nil where it says nothing, and all is kept.
	props *apiextensions.JSONSchemaProps
	// goType is what is read into; nil below a type that reads itself.
	goType reflect.Type
	// wrap returns a document that has the value in this place.
	wrap func(any) any
}

// children are the places right below p.
func (p place) children() (below []place) {
	add := func(name string, props *apiextensions.JSONSchemaProps, t reflect.Type, in func(any) any) {
		below = append(below, place{p.path + name, props, t, func(v any) any { return p.wrap(in(v)) }})
	}
	element := reflect.Type(nil)
	if t := deref(p.goType); t != nil && (t.Kind() == reflect.Slice || t.Kind() == reflect.Map) && !readsItself(t) {
		element = t.Elem()
	}
	named := fieldsOf(p.goType)
	if p.props == nil || p.props.XPreserveUnknownFields != nil {
		for _, name := range slices.Sorted(maps.Keys(named)) {
			if p.props == nil || p.props.Properties[name].Type == "" && !hasKey(p.props.Properties, name) {
				add("."+name, nil, named[name], func(v any) any { return p.with(name, v) })
				odd := strings.ToUpper(name)
				add("."+odd, nil, named[name], func(v any) any { return p.with(odd, v) })
			}
		}
		if t := deref(p.goType); p.props == nil && element != nil && t.Kind() == reflect.Slice {
			add("[]", nil, element, func(v any) any { return []any{v} })
		} else if p.props == nil && element != nil {
			add("{}", nil, element, func(v any) any { return map[string]any{"k": v} })
		}
	}
	if p.props == nil {
		return below
	}
	for _, name := range slices.Sorted(maps.Keys(p.props.Properties)) {
		child := p.props.Properties[name]
		add("."+name, &child, named[name], func(v any) any { return p.with(name, v) })
	}
	if p.props.Items != nil {
		add("[]", p.props.Items.Schema, element, func(v any) any { return []any{v} })
	}
	if a := p.props.AdditionalProperties; a != nil && a.Schema != nil {
		add("{}", a.Schema, element, func(v any) any { return map[string]any{"k": v} })
	}
	return below
}

func hasKey[V any](m map[string]V, k string) bool { _, ok := m[k]; return ok }

// with is the least object that has the field and what else is required.
func (p place) with(name string, v any) any {
	object := map[string]any{}
	if p.props != nil && p.props.Type == "object" {
		object = minimal(p.props).(map[string]any)
	}
	object[name] = v
	return object
}

// minimal is the least value that a schema allows.
func minimal(p *apiextensions.JSONSchemaProps) any {
	switch {
	case len(p.Enum) > 0:
		return p.Enum[0]
	case p.Type == "object":
		object := map[string]any{}
		for _, name := range p.Required {
			child := p.Properties[name]
			object[name] = minimal(&child)
		}
		return object
	case p.Type == "array":
		return []any{}
	case p.Type == "integer":
		return int64(1)
	case p.Type == "boolean":
		return true
	case p.Pattern != "":
		for _, text := range []string{"1", "A", "http://a/b", "2006-01-02T15:04:05Z", "2006-01-02T15:04:05.000000Z"} {
			if regexp.MustCompile(p.Pattern).MatchString(text) {
				return text
			}
		}
	}
	return "1"
}

var unmarshaler = reflect.TypeFor[json.Unmarshaler]()

func readsItself(t reflect.Type) bool { return reflect.PointerTo(t).Implements(unmarshaler) }

func deref(t reflect.Type) reflect.Type {
	for t != nil && t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return t
}

// fieldsOf are the fields of a struct by their name in JSON, inlined ones too.
func fieldsOf(t reflect.Type) map[string]reflect.Type {
	fields := map[string]reflect.Type{}
	if t = deref(t); t == nil || t.Kind() != reflect.Struct {
		return fields
	}
	for f := range t.Fields() {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case f.Anonymous && name == "":
			maps.Copy(fields, fieldsOf(f.Type))
		case name != "" && name != "-":
			fields[name] = f.Type
		}
	}
	return fields
}

// store is what the API server makes of a document that is valid.
func (k *served) store(document any) map[string]any {
	object := document.(map[string]any)
	object["apiVersion"], object["kind"] = k.gvk.GroupVersion().String(), k.gvk.Kind
	object["metadata"] = map[string]any{"name": "a"}
	pruning.Prune(object, k.structural, true)
	return object
}

// older reports whether the kind is served in this version, and stored in v1. Its
// schema leaves more open than v1's.
func (k *served) older() bool { return convert.Shapes[k.gvk.Kind] != nil && k.gvk.Version != "v1" }

// read reads a document as the controller does, by way of the version in store, and
// as somebody does who lists the other one.
func (k *served) read(document map[string]any) (runtime.Object, error) {
	if k.older() {
		converted, err := convert.Convert(document, "v1")
		if err != nil {
			return nil, nil // so it is refused
		}
		document = converted
	}
	if convert.Shapes[k.gvk.Kind] != nil {
		if _, err := convert.Convert(document, "v1beta1"); err != nil {
			return nil, err
		}
	}
	data, err := json.Marshal(document)
	if err != nil {
		return nil, err
	}
	object, _, err := decoder.Decode(data, nil, nil)
	return object, err
}

func parse(t *testing.T, text string) any {
	t.Helper()
	var v any
	if err := utiljson.Unmarshal([]byte(text), &v); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return v
}

// The API server keeps what the schema allows, and a list or watch of a kind ends
// at the first object that cannot be read. So each place in each kind is given each
// nasty value, and what is stored must be read.
func TestWhateverIsStoredIsRead(t *testing.T) {
	seen, stored := map[string]bool{}, 0
	for _, k := range everyKind(t) {
		t.Run(k.gvk.Version+" "+k.gvk.Kind, func(t *testing.T) {
			gvk := k.gvk
			if k.older() {
				gvk.Version = "v1"
			}
			object, err := scheme.New(gvk)
			if err != nil {
				t.Fatal(err)
			}
			s := search{T: t, kind: k, seen: seen}
			for _, p := range (place{"", k.props, reflect.TypeOf(object), func(v any) any { return v }}).children() {
				if p.path == ".spec" || p.path == ".status" {
					s.visit(p)
				}
			}
			t.Logf("%d places, %d documents of which %d are stored", s.places, s.tried, s.stored)
			stored += s.stored
		})
	}
	if stored < 10_000 {
		t.Errorf("only %d documents are stored: too few to prove anything", stored)
	}
}

type search struct {
	*testing.T
	kind                  *served
	seen                  map[string]bool
	places, tried, stored int
}

func (s *search) visit(p place) {
	shape, err := json.Marshal(p.props)
	if err != nil {
		s.Fatal(err)
	}
	key := fmt.Sprint(p.goType, " ", string(shape))
	if s.seen[key] {
		return
	}
	s.seen[key] = true
	s.places++
	var holes []string
	var allowed validation.SchemaValidator
	if p.props != nil {
		allowed = validatorOf(s.T, p.props)
	}
	for _, text := range nasty {
		s.tried++
		value := parse(s.T, text)
		if allowed != nil && !allowed.Validate(value).IsValid() {
			continue
		}
		s.stored++
		if err := s.read(p, s.kind.store(p.wrap(value))); err != nil {
			holes = append(holes, fmt.Sprintf("%.40s: %.120s", text, err))
		}
	}
	if len(holes) > 0 {
		s.Errorf("%s: %d values are stored and cannot be read, such as %s", p.path, len(holes), holes[0])
	}
	for _, below := range p.children() {
		s.visit(below)
	}
}

// unsaid are the places of which the schema says nothing: what cannot be read there
// is told of, by validation, as if the schema had.
var unsaid = regexp.MustCompile(`(tasks|finally)\[\]\.pipelineSpec|^\.status\.(taskSpec|pipelineSpec|retriesStatus)|` +
	`volumeClaimTemplate\.(status|metadata\.(ownerReferences|managedFields))`)

// read reads what is stored. That a field was passed over is an error where
// the schema should have refused it.
func (s *search) read(p place, document map[string]any) error {
	object, err := s.kind.read(document)
	if err != nil || s.kind.older() || unsaid.MatchString(p.path) {
		return err
	}
	if m := reflect.ValueOf(object).Elem().FieldByName("Malformed"); m.IsValid() && !m.IsNil() {
		return m.Interface().(*malformed.Field)
	}
	return nil
}

// So it is with whole documents, with many things odd at once.
func TestWhateverIsStoredIsReadWhole(t *testing.T) {
	for _, k := range everyKind(t) {
		t.Run(k.gvk.Version+" "+k.gvk.Kind, func(t *testing.T) {
			rnd, stored := rand.New(rand.NewPCG(1, 1)), 0
			for range 300 {
				document := k.store(random(rnd, k.props, 12))
				if !k.validator.Validate(document).IsValid() {
					continue
				}
				stored++
				if _, err := k.read(document); err != nil {
					t.Fatalf("%v in %.2000v", err, document)
				}
			}
			if stored < 30 {
				t.Errorf("only %d of the documents are stored", stored)
			}
		})
	}
}

// random is a value that the schema may allow.
func random(rnd *rand.Rand, p *apiextensions.JSONSchemaProps, depth int) any {
	switch {
	case p.Type == "object" && len(p.Properties) > 0:
		object := map[string]any{}
		for _, name := range slices.Sorted(maps.Keys(p.Properties)) {
			child := p.Properties[name]
			if slices.Contains(p.Required, name) || depth > 0 && rnd.IntN(6) == 0 {
				object[name] = random(rnd, &child, depth-1)
			}
		}
		return object
	case p.Type == "array" && depth > 0:
		list := []any{}
		for range rnd.IntN(3) {
			list = append(list, random(rnd, p.Items.Schema, depth-1))
		}
		return list
	}
	v, _, err := validation.NewSchemaValidator(p)
	for range 200 {
		var value any
		if e := utiljson.Unmarshal([]byte(nasty[rnd.IntN(len(nasty))]), &value); e == nil && err == nil && v.Validate(value).IsValid() {
			return value
		}
	}
	return minimal(p)
}
