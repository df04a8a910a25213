package manifest

import (
	"fmt"
	"slices"

	"go.yaml.in/yaml/v3"
	"k8s.io/apimachinery/pkg/util/validation/field"

	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
	"github.com/slipway-dev/slipway/api/tekton/v1beta1"
	"github.com/slipway-dev/slipway/pkg/convert"
)

// gone are kinds that were served beside v1beta1, with the way out.
var gone = map[string]string{
	convert.ClusterTask: convert.NoClusterTask,
	"PipelineResource":  convert.NoResources,
}

// upToDate makes a document of v1beta1 v1, and takes down what stood where. All
// other documents are returned as they are.
func (d *decoder) upToDate(root *yaml.Node, value map[string]any) (map[string]any, bool) {
	kind, _ := value["kind"].(string)
	if value["apiVersion"] != v1beta1.SchemeGroupVersion.String() || convert.Shapes[kind] == nil {
		return value, true
	}
	problems := convert.Refused(value)
	for _, p := range problems {
		d.failAt(nameLine(root, p.Path), p.Path.String(), p.Message)
	}
	if len(problems) > 0 {
		return nil, false
	}
	newest, err := convert.Convert(value, v1.SchemeGroupVersion.String())
	if err != nil {
		d.fail(root.Line, nil, "%s", err)
		return nil, false
	}
	d.changes = convert.Changes(value)
	for _, c := range d.changes {
		change(root, c)
	}
	if n := key(root, "apiVersion"); n != nil {
		n.Value = v1.SchemeGroupVersion.String()
	}
	return newest, true
}

// nameLine is the line of a field's name.
func nameLine(root *yaml.Node, p convert.Path) int {
	in := locate(root, p[:len(p)-1].String())
	for i := 0; i+1 < len(in.Content); i += 2 {
		if in.Content[i].Value == p[len(p)-1] {
			return in.Content[i].Line
		}
	}
	return in.Line
}

// change makes one change in the nodes of a document, whose lines stay.
func change(root *yaml.Node, c convert.Change) {
	value := &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: fmt.Sprint(c.Value)}
	if c.From != nil {
		in := locate(root, c.From[:len(c.From)-1].String())
		value = remove(in, c.From[len(c.From)-1].(string))
	} else {
		value.Line = locate(root, c.To.String()).Line
	}
	if c.To == nil || value == nil {
		return
	}
	in := root
	for i, step := range c.To[:len(c.To)-1] {
		if index, ok := step.(int); ok {
			if index == len(in.Content) {
				in.Content = append(in.Content, &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map", Line: value.Line})
			}
			in = in.Content[index]
			continue
		}
		next := key(in, step.(string))
		if next == nil {
			next = &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map", Line: value.Line}
			if _, list := c.To[i+1].(int); list {
				next.Kind, next.Tag = yaml.SequenceNode, "!!seq"
			}
			add(in, step.(string), next)
		}
		in = next
	}
	add(in, c.To[len(c.To)-1].(string), value)
}

func add(to *yaml.Node, name string, value *yaml.Node) {
	to.Content = append(to.Content, &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: name, Line: value.Line}, value)
}

// remove takes an entry out of an object.
func remove(from *yaml.Node, name string) *yaml.Node {
	value := key(from, name)
	if value != nil {
		i := slices.Index(from.Content, value)
		from.Content = slices.Delete(from.Content, i-1, i+1)
	}
	return value
}

// Field returns the path of a field as the file has it, which names those of v1beta1
// otherwise than the object does.
func (d Document) Field(path string) string { return convert.Origin(d.changes, path) }

// Strict reads the spec of one object of v1beta1, as JSON, and returns what is in it
// that cannot be served, and each field that nothing knows.
func Strict(data []byte) Errors {
	var doc yaml.Node
	if err := yaml.Unmarshal(data, &doc); err != nil || len(doc.Content) == 0 {
		return Errors{{Message: "is no JSON"}}
	}
	var d decoder
	root := d.resolve(doc.Content[0], maxDepth)
	value, ok := d.upToDate(root, d.mapping(root, nil))
	if !ok {
		return d.errs
	}
	if k, ok := d.kind(root, value); ok {
		d.check(key(root, "spec"), fields(typeOf(k.new()))["spec"], field.NewPath("spec"))
	}
	return d.errs
}
