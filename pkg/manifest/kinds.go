package manifest

import (
	"maps"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/validation/field"

	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
	"github.com/slipway-dev/slipway/api/tekton/v1alpha1"
	"github.com/slipway-dev/slipway/api/tekton/v1beta1"
	"github.com/slipway-dev/slipway/api/tekton/validation"
	"github.com/slipway-dev/slipway/pkg/suggest"
)

// kind is what is known of one apiVersion and kind.
type kind struct {
	new func() Object
	// validate sets defaults and returns the object to use and what is wrong with
	// it; it is nil for kinds that only the API server checks.
	validate func(Object) (Object, field.ErrorList)
}

type defaulted interface {
	Object
	SetDefaults()
}

func typed[T defaulted](empty func() T, validate func(T) field.ErrorList) kind {
	return kind{
		new: func() Object { return empty() },
		validate: func(o Object) (Object, field.ErrorList) {
			t := o.(T)
			t.SetDefaults()
			return t, validate(t)
		},
	}
}

func untyped() kind {
	return kind{new: func() Object { return &unstructured.Unstructured{} }}
}

// kinds by apiVersion and kind, joined by a space.
var kinds = map[string]kind{
	"tekton.dev/v1 Task":            typed(func() *v1.Task { return &v1.Task{} }, validation.Task),
	"tekton.dev/v1 TaskRun":         typed(func() *v1.TaskRun { return &v1.TaskRun{} }, validation.TaskRun),
	"tekton.dev/v1 Pipeline":        typed(func() *v1.Pipeline { return &v1.Pipeline{} }, validation.Pipeline),
	"tekton.dev/v1 PipelineRun":     typed(func() *v1.PipelineRun { return &v1.PipelineRun{} }, validation.PipelineRun),
	"tekton.dev/v1beta1 StepAction": typed(func() *v1beta1.StepAction { return &v1beta1.StepAction{} }, validation.StepAction),
	"tekton.dev/v1beta1 CustomRun":  typed(func() *v1beta1.CustomRun { return &v1beta1.CustomRun{} }, validation.CustomRun),
	"tekton.dev/v1alpha1 StepAction": {
		new:      func() Object { return &v1alpha1.StepAction{} },
		validate: stepActionOfOld,
	},
	"v1 ConfigMap":             untyped(),
	"v1 LimitRange":            untyped(),
	"v1 PersistentVolumeClaim": untyped(),
	"v1 Secret":                untyped(),
	"v1 ServiceAccount":        untyped(),
}

// stepActionOfOld reads a v1alpha1 StepAction as the v1beta1 it is stored as.
func stepActionOfOld(o Object) (Object, field.ErrorList) {
	old := o.(*v1alpha1.StepAction)
	sa := &v1beta1.StepAction{TypeMeta: old.TypeMeta, ObjectMeta: old.ObjectMeta, Spec: old.Spec}
	sa.APIVersion = v1beta1.SchemeGroupVersion.String()
	sa.SetDefaults()
	return sa, validation.StepAction(sa)
}

// kind finds what a document says it is.
func (d *decoder) kind(root *yaml.Node, value map[string]any) (kind, bool) {
	apiVersion, _ := value["apiVersion"].(string)
	name, _ := value["kind"].(string)
	if k, ok := kinds[apiVersion+" "+name]; ok {
		return k, true
	}
	var versions, names []string
	// The newest version of a kind comes first.
	for _, id := range slices.Backward(slices.Sorted(maps.Keys(kinds))) {
		v, n, _ := strings.Cut(id, " ")
		versions, names = append(versions, v), append(names, n)
		if n == name {
			d.fail(locate(root, "apiVersion").Line, field.NewPath("apiVersion"), "%q has no %s: write %q", apiVersion, name, v)
			return kind{}, false
		}
	}
	switch {
	case gone[name] != "":
		d.fail(locate(root, "kind").Line, field.NewPath("kind"), "%s", gone[name])
	case name == "":
		d.fail(root.Line, field.NewPath("kind"), "give apiVersion and kind")
	default:
		d.fail(locate(root, "kind").Line, field.NewPath("kind"), "no kind named %q%s", name, suggest.DidYouMean(name, names))
	}
	return kind{}, false
}
