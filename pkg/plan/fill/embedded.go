package fill

import (
	"bytes"
	"encoding/json"
	"fmt"

	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
	"github.com/slipway-dev/slipway/pkg/compile/fields"
	"github.com/slipway-dev/slipway/pkg/compile/scripts"
	"github.com/slipway-dev/slipway/pkg/expr"
	"github.com/slipway-dev/slipway/pkg/untrusted"
)

// TaskSpec puts the pipeline's variables into a Task written in
// place, wherever a Task has variables. What it does not know stays: it is the Task's own.
// Values of strangers come into scripts by the environment.
func TaskSpec(spec *v1.TaskSpec, vars expr.Vars, strangers untrusted.Values) error {
	w := fields.Walker{Vars: vars}
	for i := range spec.Steps {
		s := &spec.Steps[i]
		if err := scripts.Put(scripts.OfStep(s, spec.StepTemplate), w, strangers, func() error { return All(s, vars) }); err != nil {
			return fields.At(fmt.Sprintf("taskSpec.steps[%d]", i), err)
		}
	}
	for i := range spec.Sidecars {
		s := &spec.Sidecars[i]
		if err := scripts.Put(scripts.OfSidecar(s), w, strangers, func() error { return All(s, vars) }); err != nil {
			return fields.At(fmt.Sprintf("taskSpec.sidecars[%d]", i), err)
		}
	}
	if t := spec.StepTemplate; t != nil {
		if err := scripts.Put(scripts.OfTemplate(t), w, strangers, func() error { return All(t, vars) }); err != nil {
			return fields.At("taskSpec.stepTemplate", err)
		}
	}
	if err := All(&spec.Volumes, vars); err != nil {
		return fields.At("taskSpec.volumes", err)
	}
	if err := All(&spec.Workspaces, vars); err != nil {
		return fields.At("taskSpec.workspaces", err)
	}
	return nil
}

// All substitutes in every string of what at points to.
func All[T any](at *T, vars expr.Vars) error {
	text, err := json.Marshal(at)
	if err != nil {
		return err
	}
	if !bytes.Contains(text, []byte("$(")) {
		return nil
	}
	var tree any
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	if err := d.Decode(&tree); err != nil {
		return err
	}
	if tree, err = walk(tree, vars, false); err != nil {
		return err
	}
	if text, err = json.Marshal(tree); err != nil {
		return err
	}
	var out T
	if err := json.Unmarshal(text, &out); err != nil {
		return err
	}
	*at = out
	return nil
}

// walk substitutes in a decoded JSON value. params says that it is a list of
// params, whose values may become arrays and objects.
func walk(node any, vars expr.Vars, params bool) (any, error) {
	switch n := node.(type) {
	case string:
		return expr.Substitute(n, vars)
	case []any:
		return walkList(n, vars, params)
	case map[string]any:
		for k, v := range n {
			if s, ok := v.(string); ok && params && k == "value" {
				value, err := expr.SubstituteValue(expr.Text(s), vars)
				if err != nil {
					return nil, err
				}
				n[k] = FromExpr(value)
				continue
			}
			out, err := walk(v, vars, k == "params")
			if err != nil {
				return nil, err
			}
			n[k] = out
		}
	}
	return node, nil
}

func walkList(list []any, vars expr.Vars, params bool) (any, error) {
	out := make([]any, 0, len(list))
	for _, item := range list {
		if s, ok := item.(string); ok {
			items, err := expr.SubstituteList([]string{s}, vars)
			if err != nil {
				return nil, err
			}
			for _, i := range items {
				out = append(out, i)
			}
			continue
		}
		item, err := walk(item, vars, params)
		if err != nil {
			return nil, err
		}
		out = append(out, item)
	}
	return out, nil
}
