package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode"

	"github.com/slipway-dev/slipway/pkg/convert"
)

// crowded is the kind whose CRD has no room for a Pipeline in v1beta1 too, of which
// Pipeline's own has all.
const crowded = "PipelineRun"

// older adds v1beta1 to the CRD of a kind that v1beta1 has in another form. Its
// schema is v1's, changed by the table that objects are converted by.
func older(crd map[string]any) error {
	spec, _ := crd["spec"].(map[string]any)
	names, _ := spec["names"].(map[string]any)
	kind, _ := names["kind"].(string)
	shape := convert.Shapes[kind]
	if shape == nil {
		return nil
	}
	versions, _ := spec["versions"].([]any)
	if len(versions) != 1 {
		return fmt.Errorf("%s: %d versions, and v1 alone is expected", kind, len(versions))
	}
	old, err := copied(versions[0])
	if err != nil {
		return err
	}
	old["name"], old["storage"] = "v1beta1", false
	root, _ := old["schema"].(map[string]any)["openAPIV3Schema"].(map[string]any)
	if err := age(root, shape); err != nil {
		return fmt.Errorf("%s: %w", kind, err)
	}
	open := core
	if kind == crowded {
		open = append(slices.Clone(core), "pipelineSpec")
	}
	unfold(root, open)
	spec["versions"] = append(versions, old)
	return nil
}

func copied(in any) (map[string]any, error) {
	data, err := json.Marshal(in)
	if err != nil {
		return nil, err
	}
	var out map[string]any
	return out, json.Unmarshal(data, &out)
}

// age makes v1's schema of an object v1beta1's.
func age(schema map[string]any, shape *convert.Shape) error {
	properties, ok := schema["properties"].(map[string]any)
	if !ok {
		// What has no schema in v1 has none here.
		return nil
	}
	for _, field := range slices.Sorted(maps.Keys(shape.Fields)) {
		part, _ := properties[shape.In(field)[0]].(map[string]any)
		if items, ok := part["items"].(map[string]any); ok {
			part = items
		}
		if err := age(part, shape.Fields[field]); err != nil {
			return fmt.Errorf("%s.%w", field, err)
		}
	}
	if err := rename(schema, properties, shape); err != nil {
		return err
	}
	for field, former := range shape.Gone {
		properties[field] = formerly(field, former)
		if former.Refused {
			rule(schema, "!has(self."+field+")", field+": "+convert.NoResources)
		}
	}
	if f := shape.Folded; f != nil {
		properties[f.Field] = map[string]any{"type": "string", "description": title(f.Field) + " " + f.Description}
		rule(schema, fmt.Sprintf("!has(self.%s) || !has(self.%s)", f.Field, f.Into), fmt.Sprintf("give only one of %s and %s", f.Field, f.Into))
	}
	if shape == convert.TaskRef {
		rule(schema, fmt.Sprintf("!has(self.kind) || self.kind != '%s'", convert.ClusterTask), "kind: "+convert.NoClusterTask)
	}
	return nil
}

// rename gives fields the names and places that they have in v1beta1.
func rename(schema, properties map[string]any, shape *convert.Shape) error {
	for _, field := range slices.Sorted(maps.Keys(shape.Renamed)) {
		path := shape.In(field)
		in, name := properties, path[len(path)-1]
		if len(path) > 1 {
			container, _ := properties[path[0]].(map[string]any)
			in, _ = container["properties"].(map[string]any)
		}
		part, ok := in[name].(map[string]any)
		if !ok {
			return fmt.Errorf("%s: v1 has no %s", field, strings.Join(path, "."))
		}
		if err := unnamed(schema, name, field); err != nil {
			return err
		}
		delete(in, name)
		if text, ok := part["description"].(string); ok {
			part["description"] = title(field) + strings.TrimPrefix(text, title(name))
		}
		properties[field] = part
		if required, ok := schema["required"].([]any); ok {
			for i := range required {
				if required[i] == name {
					required[i] = field
				}
			}
		}
	}
	for _, path := range shape.Renamed {
		if container, _, deep := strings.Cut(path, "."); deep {
			delete(properties, container)
		}
	}
	return nil
}

// unnamed makes sure that no rule speaks of a field by a name that it has no more.
func unnamed(schema map[string]any, name, field string) error {
	rules, _ := schema["x-kubernetes-validations"].([]any)
	for _, r := range rules {
		text, _ := r.(map[string]any)["rule"].(string)
		if name != field && strings.Contains(text, "."+name) {
			return fmt.Errorf("%s: a rule calls it %s: %s", field, name, text)
		}
	}
	return nil
}

func rule(schema map[string]any, rule, message string) {
	rules, _ := schema["x-kubernetes-validations"].([]any)
	schema["x-kubernetes-validations"] = append(rules, map[string]any{"rule": rule, "message": message})
}

func formerly(field string, f convert.Former) map[string]any {
	schema := map[string]any{"type": f.Type, "description": title(field) + " " + f.Description}
	switch f.Type {
	case "object":
		schema["x-kubernetes-preserve-unknown-fields"] = true
	case "array":
		schema["items"] = map[string]any{"type": "object", "x-kubernetes-preserve-unknown-fields": true}
	}
	return schema
}

// unfold leaves open what is inside the named fields: they are described in v1, and
// what is wrong in them is found when the object, converted, is admitted.
func unfold(schema map[string]any, names []string) {
	properties, _ := schema["properties"].(map[string]any)
	for name, p := range properties {
		if part, _ := p.(map[string]any); slices.Contains(names, name) {
			properties[name] = opened(part)
		} else {
			unfold(part, names)
		}
	}
	if items, ok := schema["items"].(map[string]any); ok {
		unfold(items, names)
	}
}

func opened(part map[string]any) map[string]any {
	open := map[string]any{"type": part["type"]}
	if text, ok := part["description"]; ok {
		open["description"] = text
	}
	if part["type"] == "array" {
		open["items"] = map[string]any{"type": "object", "x-kubernetes-preserve-unknown-fields": true}
		open["x-kubernetes-list-type"] = "atomic"
	} else {
		open["x-kubernetes-preserve-unknown-fields"] = true
	}
	return open
}

func title(field string) string {
	r := []rune(field)
	r[0] = unicode.ToUpper(r[0])
	return string(r)
}
