package admission

import (
	"bytes"
	"encoding/json"
	"reflect"

	"github.com/slipway-dev/slipway/pkg/manifest"
)

// operation is one of a JSON patch.
type operation struct {
	Op    string `json:"op"`
	Path  string `json:"path"`
	Value any    `json:"value"`
}

// patch makes a JSON patch that turns raw, which given was read from, into an
// object with what object has and given has not. It is nil when nothing differs. Of
// raw all else stays as it is written, such as 1000m for 1.
func patch(raw []byte, given, object manifest.Object) ([]byte, error) {
	have, err := generic(raw)
	if err != nil {
		return nil, err
	}
	before, err := written(given)
	if err != nil {
		return nil, err
	}
	after, err := written(object)
	if err != nil {
		return nil, err
	}
	var operations []operation
	if !reflect.DeepEqual(before["spec"], after["spec"]) {
		operations = append(operations, operation{"add", "/spec", overlay(have["spec"], before["spec"], after["spec"])})
	}
	if l := labels(after); !reflect.DeepEqual(labels(before), l) {
		operations = append(operations, operation{"add", "/metadata/labels", l})
	}
	if operations == nil {
		return nil, nil
	}
	return json.Marshal(operations)
}

func written(o manifest.Object) (map[string]any, error) {
	data, err := json.Marshal(o)
	if err != nil {
		return nil, err
	}
	return generic(data)
}

// generic reads an object and keeps its numbers as they are written.
func generic(data []byte) (o map[string]any, err error) {
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	return o, d.Decode(&o)
}

func labels(o map[string]any) any {
	metadata, _ := o["metadata"].(map[string]any)
	return metadata["labels"]
}

// overlay returns have with every change from before to after made in it.
func overlay(have, before, after any) any {
	if reflect.DeepEqual(before, after) {
		return have
	}
	switch after := after.(type) {
	case map[string]any:
		was, _ := before.(map[string]any)
		out, ok := have.(map[string]any)
		if !ok {
			out = map[string]any{}
		}
		for k, v := range after {
			if !reflect.DeepEqual(was[k], v) {
				out[k] = overlay(out[k], was[k], v)
			}
		}
		return out
	case []any:
		was, _ := before.([]any)
		out, _ := have.([]any)
		if len(was) != len(after) || len(out) != len(after) {
			return after
		}
		for i, v := range after {
			out[i] = overlay(out[i], was[i], v)
		}
		return out
	}
	return after
}
