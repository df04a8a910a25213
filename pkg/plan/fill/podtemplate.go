package fill

import (
	"encoding/json"

	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
	"github.com/slipway-dev/slipway/pkg/expr"
)

// PodTemplate takes each field from top, and from base where top does not have
// it, with the variables put in, one set after the other. What cannot be put in
// stays as it is; the API server refuses a Pod for it.
func PodTemplate(base, top *v1.PodTemplate, vars ...expr.Vars) *v1.PodTemplate {
	out := overlay(base, top)
	for _, v := range vars {
		_ = All(&out, v)
	}
	return out
}

func overlay(base, top *v1.PodTemplate) *v1.PodTemplate {
	if base == nil || top == nil {
		if top == nil {
			top = base
		}
		return top.DeepCopy()
	}
	fields := map[string]json.RawMessage{}
	for _, p := range []*v1.PodTemplate{base, top} {
		// A pod template that came as JSON goes as JSON.
		text, _ := json.Marshal(p)
		_ = json.Unmarshal(text, &fields)
	}
	text, _ := json.Marshal(fields)
	var out v1.PodTemplate
	_ = json.Unmarshal(text, &out)
	return &out
}
