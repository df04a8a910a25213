package admission

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	apiextensions "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

func conversion(t *testing.T, convert Converter, bodies ...string) *apiextensions.ConversionResponse {
	t.Helper()
	req := &apiextensions.ConversionRequest{UID: "u", DesiredAPIVersion: "tekton.dev/v1"}
	for _, body := range bodies {
		req.Objects = append(req.Objects, runtime.RawExtension{Raw: object(t, "tekton.dev/v1beta1 Task", body)})
	}
	return convert.Convert(req)
}

// Of the metadata, labels and annotations alone may change: the API server refuses
// an answer with more.
func TestConvert(t *testing.T) {
	got := conversion(t, func(o map[string]any, _ string) (map[string]any, error) {
		o = runtime.DeepCopyJSON(o)
		o["metadata"] = map[string]any{"name": "other", "labels": map[string]any{"new": "l"}, "annotations": map[string]any{"new": "a"}}
		o["spec"] = map[string]any{"count": o["spec"].(map[string]any)["count"]}
		return o, nil
	}, "metadata: {name: a, uid: x, generation: 3, labels: {old: l}, finalizers: [f]}\nspec: {count: 9007199254740993}", "metadata: {name: b}\nspec: {count: 1}")
	if got.UID != "u" || got.Result.Status != metav1.StatusSuccess || len(got.ConvertedObjects) != 2 {
		t.Fatalf("got %+v", got)
	}
	wantJSON(t, object(t, "tekton.dev/v1 Task", "metadata: {name: a, uid: x, generation: 3, labels: {new: l}, annotations: {new: a}, finalizers: [f]}\nspec: {count: 9007199254740993}"), got.ConvertedObjects[0].Raw)
}

// One object that cannot be converted fails the request by its name, and takes nobody along.
func TestConvertFails(t *testing.T) {
	for name, tc := range map[string]struct {
		convert Converter
		body    string
		want    string
	}{
		"an error": {func(map[string]any, string) (map[string]any, error) {
			return nil, errors.New("spec.resources: what Tekton dropped")
		}, "metadata: {name: a, namespace: ns}", "Task ns/a cannot be converted to tekton.dev/v1: spec.resources: what Tekton dropped"},
		"a bug": {func(o map[string]any, _ string) (map[string]any, error) { return o["spec"].(map[string]any), nil },
			"metadata: {name: a, namespace: ns}", "Task ns/a cannot be converted to tekton.dev/v1: interface conversion"},
	} {
		t.Run(name, func(t *testing.T) {
			got := conversion(t, tc.convert, tc.body)
			if got.Result.Status != metav1.StatusFailure || !strings.HasPrefix(got.Result.Message, tc.want) || got.ConvertedObjects != nil {
				t.Errorf("got %+v", got)
			}
		})
	}
	got := Converter(func(o map[string]any, _ string) (map[string]any, error) { return o, nil }).Convert(&apiextensions.ConversionRequest{Objects: []runtime.RawExtension{{Raw: []byte("{")}}})
	if diff := cmp.Diff(metav1.StatusFailure, got.Result.Status); diff != "" {
		t.Error(diff)
	}
}
