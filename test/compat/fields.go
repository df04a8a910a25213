// Package compat keeps docs/compatibility.md true: what it says is tested is, and
// no field of the API is without a test or a reason.
package compat

import (
	"cmp"
	"path"
	"reflect"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/runtime"

	"github.com/slipway-dev/slipway/api/tekton/v1alpha1"
	"github.com/slipway-dev/slipway/api/tekton/v1beta1"

	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
)

// apiPackages is where the import paths of the API's own types begin.
const apiPackages = "github.com/slipway-dev/slipway/api/tekton/"

// A Field is a field of a type of the API, such as v1.Step.onError: the package,
// the Go type and the name in JSON. A type that stands in many places, as a Step
// does, is the same code in all of them, so it counts once.
type Field string

// A Root is a kind of the API.
type Root struct {
	Version, Kind string
	Type          reflect.Type
}

// Roots are the kinds that the API registers, the version that is stored first.
func Roots() ([]Root, error) {
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{v1.AddToScheme, v1beta1.AddToScheme} {
		if err := add(scheme); err != nil {
			return nil, err
		}
	}
	roots := []Root{{"v1alpha1", v1beta1.KindStepAction, reflect.TypeFor[v1alpha1.StepAction]()}}
	for gvk, t := range scheme.AllKnownTypes() {
		if own(t) && !strings.HasSuffix(gvk.Kind, "List") {
			roots = append(roots, Root{gvk.Version, gvk.Kind, t})
		}
	}
	slices.SortFunc(roots, func(a, b Root) int {
		return cmp.Or(cmp.Compare(age(a.Version), age(b.Version)), strings.Compare(a.Kind, b.Kind))
	})
	return roots, nil
}

func age(version string) int { return slices.Index([]string{"v1", "v1beta1", "v1alpha1"}, version) }

// own reports whether t is a type of the API, and not one of Kubernetes.
func own(t reflect.Type) bool { return strings.HasPrefix(t.PkgPath(), apiPackages) }

// Fields lists the fields of the types that the roots lead to. A type of
// Kubernetes, such as a volume, ends the way.
func Fields(roots []Root) []Field {
	var all []Field
	seen := map[reflect.Type]bool{}
	var visit func(t reflect.Type)
	visit = func(t reflect.Type) {
		switch t.Kind() {
		case reflect.Pointer, reflect.Slice, reflect.Map:
			visit(t.Elem())
			return
		}
		if t.Kind() != reflect.Struct || !own(t) || seen[t] || isValue(t) {
			return
		}
		seen[t] = true
		for i := range t.NumField() {
			f := t.Field(i)
			if name := jsonName(f.Tag); name != "" && !f.Anonymous {
				all = append(all, fieldOf(t.PkgPath(), t.Name(), name))
			}
			visit(f.Type)
		}
	}
	for _, r := range roots {
		visit(r.Type)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// isValue reports whether a struct is written as one value, not as its fields.
func isValue(t reflect.Type) bool { return t == reflect.TypeFor[v1.ParamValue]() }

func fieldOf(pkg, typeName, name string) Field {
	return Field(path.Base(pkg) + "." + typeName + "." + name)
}

// jsonName is the name of a field in JSON; empty for one that has none.
func jsonName(tag reflect.StructTag) string {
	name, _, _ := strings.Cut(tag.Get("json"), ",")
	if name == "-" {
		return ""
	}
	return name
}
