package admission

import (
	"encoding/json"
	"fmt"
	"maps"

	apiextensions "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	utiljson "k8s.io/apimachinery/pkg/util/json"
)

// Converter returns an object of tekton.dev as it is written in the given
// apiVersion, such as tekton.dev/v1. It leaves the object it is given as it is.
type Converter func(object map[string]any, apiVersion string) (map[string]any, error)

// Convert answers one request: all objects converted, in their order, or none.
func (c Converter) Convert(req *apiextensions.ConversionRequest) *apiextensions.ConversionResponse {
	response := &apiextensions.ConversionResponse{UID: req.UID, Result: metav1.Status{Status: metav1.StatusSuccess}}
	converted := make([]runtime.RawExtension, len(req.Objects))
	for i, o := range req.Objects {
		data, err := c.one(o.Raw, req.DesiredAPIVersion)
		if err != nil {
			response.Result = metav1.Status{Status: metav1.StatusFailure, Message: err.Error()}
			return response
		}
		converted[i].Raw = data
	}
	response.ConvertedObjects = converted
	return response
}

func (c Converter) one(data []byte, apiVersion string) (_ []byte, err error) {
	var object map[string]any
	if err := utiljson.Unmarshal(data, &object); err != nil {
		return nil, fmt.Errorf("the object is not JSON: %w", err)
	}
	name := describe(object)
	// Whatever is in one object, the others are read, and its reader is told which it is.
	defer func() {
		if bug := recover(); bug != nil {
			err = fmt.Errorf("%s cannot be converted to %s: %v; please report this", name, apiVersion, bug)
		}
	}()
	converted, err := c(object, apiVersion)
	if err != nil {
		return nil, fmt.Errorf("%s cannot be converted to %s: %w", name, apiVersion, err)
	}
	converted["apiVersion"] = apiVersion
	converted["metadata"] = settle(object["metadata"], converted["metadata"])
	return json.Marshal(converted)
}

// settle takes labels and annotations from the converted metadata and all else
// from the original: the API server refuses an answer that changes more.
func settle(original, converted any) any {
	was, ok := original.(map[string]any)
	changed, has := converted.(map[string]any)
	if !ok || !has {
		return original
	}
	out := maps.Clone(was)
	for _, key := range []string{"labels", "annotations"} {
		delete(out, key)
		if v, ok := changed[key]; ok {
			out[key] = v
		}
	}
	return out
}

// describe names an object for a message.
func describe(object map[string]any) string {
	metadata, _ := object["metadata"].(map[string]any)
	return fmt.Sprintf("%v %v/%v", object["kind"], metadata["namespace"], metadata["name"])
}
