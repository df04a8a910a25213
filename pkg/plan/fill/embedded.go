package fill

import (
	"bytes"
	"encoding/json"
	"fmt"

	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
	"github.com/slipway-dev/slipway/pkg/expr"
)

// TaskSpec puts the pipeline's variables into a Task written in
// place, wherever a Task has variables. What it does not know stays: it is the Task's own.
func TaskSpec(spec *v1.TaskSpec, vars expr.Vars) error {
	for _, part := range []struct {
		name string
		err  error
	}{
		{"steps", All(&spec.Steps, vars)},
		{"stepTemplate", All(&spec.StepTemplate, vars)},
		{"sidecars", All(&spec.Sidecars, vars)},
		{"volumes", All(&spec.Volumes, vars)},
		{"workspaces", All(&spec.Workspaces, vars)},
	} {
		if part.err != nil {
			return fmt.Errorf("taskSpec.%s: %w", part.name, part.err)
		}
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
