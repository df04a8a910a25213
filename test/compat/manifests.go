package compat

import (
	"bytes"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/yaml"

	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
)

// Uses are the fields that some test uses.
type Uses map[Field]bool

// A reader recognizes parts of the API in texts.
type reader struct {
	// shapes are what a mapping may be, those of the stored version first. One that
	// fits several of a version could be any of them, and counts for none.
	shapes [][]shape
}

type shape struct {
	version, kind string
	t             reflect.Type
}

func newReader(roots []Root) *reader {
	r := &reader{shapes: make([][]shape, 3)}
	add := func(version, kind string, t reflect.Type) {
		r.shapes[age(version)] = append(r.shapes[age(version)], shape{version, kind, t})
	}
	for _, root := range roots {
		add(root.Version, root.Kind, root.Type)
		for _, part := range []string{"Spec", "Status"} {
			if f, ok := root.Type.FieldByName(part); ok {
				add(root.Version, "", f.Type)
			}
		}
	}
	// What tests write one by one. What could be a step as well as a sidecar is neither.
	for _, t := range []reflect.Type{reflect.TypeFor[v1.PipelineTask](), reflect.TypeFor[v1.Step](), reflect.TypeFor[v1.Sidecar]()} {
		add("v1", "", t)
	}
	return r
}

var (
	fileInArchive = regexp.MustCompile(`(?m)^-- .+ --$`)
	document      = regexp.MustCompile(`(?m)^---$`)
	verb          = regexp.MustCompile(`%[-+# 0-9.*]*[a-zA-Z]`)
)

// text records the fields of what stands in a text as YAML, be it a manifest, a
// spec, or something that holds one.
func (r *reader) text(s string, into Uses) {
	if !strings.Contains(s, ":") {
		return
	}
	for _, file := range fileInArchive.Split(s, -1) {
		for _, doc := range document.Split(file, -1) {
			if !r.document(doc, into) {
				r.document(verb.ReplaceAllString(doc, "x"), into)
			}
		}
	}
}

func (r *reader) document(doc string, into Uses) bool {
	var v any
	if yaml.Unmarshal([]byte(doc), &v) != nil {
		return false
	}
	r.value(v, into)
	return true
}

// value records v if it has a shape of the API, else looks into it.
func (r *reader) value(v any, into Uses) {
	switch v := v.(type) {
	case []any:
		for _, item := range v {
			r.value(item, into)
		}
	case map[string]any:
		if used := r.recognize(v); used != nil {
			maps.Copy(into, used)
			return
		}
		for _, item := range v {
			r.value(item, into)
		}
	}
}

func (r *reader) recognize(v map[string]any) Uses {
	version, kind := "", ""
	if api, ok := v["apiVersion"].(string); ok {
		version = api[strings.LastIndex(api, "/")+1:]
		kind, _ = v["kind"].(string)
	}
	for _, shapes := range r.shapes {
		var fits []Uses
		for _, s := range shapes {
			if version != "" && (s.version != version || s.kind != kind) {
				continue
			}
			if used := (Uses{}); fit(s.t, v, used) {
				fits = append(fits, used)
			}
		}
		switch len(fits) {
		case 0:
			continue
		case 1:
			return fits[0]
		}
		return nil
	}
	return nil
}

// fit reports whether v is a t, no more and nothing unknown in it, and records the
// fields that it gives.
func fit(t reflect.Type, v any, used Uses) bool {
	if v == nil || isValue(t) || t == reflect.TypeFor[runtime.RawExtension]() {
		return true
	}
	switch t.Kind() {
	case reflect.Pointer:
		return fit(t.Elem(), v, used)
	case reflect.Slice:
		return fitList(t, v, used)
	case reflect.Struct:
		if own(t) {
			return fitStruct(t, v, used)
		}
	}
	return decodes(t, v)
}

func fitList(t reflect.Type, v any, used Uses) bool {
	list, ok := v.([]any)
	return ok && !slices.ContainsFunc(list, func(item any) bool { return !fit(t.Elem(), item, used) })
}

func fitStruct(t reflect.Type, v any, used Uses) bool {
	m, ok := v.(map[string]any)
	for key, item := range m {
		ok = ok && fitField(t, key, item, used)
	}
	return ok
}

func fitField(t reflect.Type, key string, v any, used Uses) bool {
	for i := range t.NumField() {
		f := t.Field(i)
		switch name := jsonName(f.Tag); {
		case name == key:
			used[fieldOf(t.PkgPath(), t.Name(), name)] = true
			return fit(f.Type, v, used)
		case f.Anonymous && name == "" && own(f.Type) && fitField(f.Type, key, v, used):
			return true
		case f.Anonymous && name == "" && !own(f.Type) && decodes(f.Type, map[string]any{key: v}):
			return true
		}
	}
	return false
}

// decodes reports whether v is a t of Kubernetes or of Go.
func decodes(t reflect.Type, v any) bool {
	text, err := json.Marshal(v)
	if err != nil {
		return false
	}
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.DisallowUnknownFields()
	return dec.Decode(reflect.New(t).Interface()) == nil
}

// files records the fields in the manifests that tests read: the testdata of every
// package, the cases of the conformance test, and the Tasks and Pipelines that
// Slipway ships.
func (r *reader) files(root string, into Uses) error {
	return filepath.WalkDir(root, func(file string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, file)
		if err != nil {
			return err
		}
		rel = filepath.ToSlash(rel)
		tested := strings.Contains(rel, "testdata/") || strings.HasPrefix(rel, "pipelines/") || strings.HasPrefix(rel, "test/conformance/cases/")
		if d.IsDir() && d.Name() == ".git" {
			return filepath.SkipDir
		}
		if d.IsDir() || !tested || !slices.Contains([]string{".yaml", ".json", ".txtar", ".txt"}, filepath.Ext(file)) {
			return nil
		}
		text, err := os.ReadFile(file)
		r.text(string(text), into)
		return err
	})
}
