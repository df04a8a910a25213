package manifest

import (
	"math"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

const (
	// maxDepth bounds nesting; an anchor inside itself would have no end.
	maxDepth = 64
	// maxNodes bounds what anchors unfold to.
	maxNodes = 200_000
)

// resolve returns n with aliases and merge keys replaced by what they stand for.
func (d *decoder) resolve(n *yaml.Node, depth int) *yaml.Node {
	if depth == 0 || !d.count() {
		if !d.tooLarge {
			d.fail(n.Line, nil, "is nested too deeply, or its aliases unfold to too much")
		}
		d.tooLarge = true
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!null", Line: n.Line}
	}
	if n.Kind == yaml.AliasNode {
		return d.resolve(n.Alias, depth-1)
	}
	out := *n
	out.Content = nil
	if n.Kind != yaml.MappingNode {
		for _, c := range n.Content {
			out.Content = append(out.Content, d.resolve(c, depth-1))
		}
		return &out
	}
	var merged []*yaml.Node
	for i := 0; i+1 < len(n.Content); i += 2 {
		v := d.resolve(n.Content[i+1], depth-1)
		if n.Content[i].Tag == "!!merge" {
			merged = append(merged, v)
			continue
		}
		out.Content = append(out.Content, d.resolve(n.Content[i], depth-1), v)
	}
	for _, m := range merged {
		merge(&out, m)
	}
	return &out
}

// count counts one more node, and reports whether it may be read.
func (d *decoder) count() bool {
	d.nodes++
	if d.budget == nil {
		return d.nodes <= maxNodes
	}
	*d.budget--
	return d.nodes <= maxNodes && *d.budget >= 0
}

// merge adds to n the entries of m, or of each object in the list m, that it
// does not have.
func merge(n, m *yaml.Node) {
	if m.Kind == yaml.SequenceNode {
		for _, c := range m.Content {
			merge(n, c)
		}
		return
	}
	for i := 0; i+1 < len(m.Content); i += 2 {
		if key(n, m.Content[i].Value) == nil {
			n.Content = append(n.Content, m.Content[i], m.Content[i+1])
		}
	}
}

// value is a resolved node as JSON has it. A date stays the text that it is.
func (d *decoder) value(n *yaml.Node, at *field.Path) any {
	switch n.Kind {
	case yaml.MappingNode:
		return d.mapping(n, at)
	case yaml.SequenceNode:
		list := make([]any, len(n.Content))
		for i, c := range n.Content {
			list[i] = d.value(c, at.Index(i))
		}
		return list
	}
	return d.scalar(n, at)
}

func (d *decoder) mapping(n *yaml.Node, at *field.Path) map[string]any {
	m, lines := map[string]any{}, map[string]int{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		k, v := n.Content[i], n.Content[i+1]
		at := at.Child(k.Value)
		switch line, twice := lines[k.Value]; {
		case k.Kind != yaml.ScalarNode:
			d.fail(k.Line, at, "a key is a plain word")
			continue
		case twice:
			d.fail(k.Line, at, "is given twice, first in line %d", line)
			continue
		}
		lines[k.Value] = k.Line
		m[k.Value] = d.value(v, at)
	}
	return m
}

func (d *decoder) scalar(n *yaml.Node, at *field.Path) any {
	switch n.Tag {
	case "!!null":
		return nil
	case "!!bool":
		var b bool
		if n.Decode(&b) == nil {
			return b
		}
	case "!!int", "!!float":
		var i int64
		if n.Decode(&i) == nil && n.Tag == "!!int" {
			return i
		}
		var f float64
		if n.Decode(&f) == nil && !math.IsInf(f, 0) && !math.IsNaN(f) {
			return f
		}
	case "!!str", "!!timestamp":
		return n.Value
	}
	d.fail(n.Line, at, "%q has no place in JSON: quote it if it is text", n.Value)
	return nil
}

// article names what kind of value a node is.
func article(n *yaml.Node) string {
	switch {
	case n.Kind == yaml.MappingNode:
		return "an object"
	case n.Kind == yaml.SequenceNode:
		return "a list"
	case n.Tag == "!!int" || n.Tag == "!!float":
		return "a number"
	case n.Tag == "!!bool":
		return "a boolean"
	case n.Tag == "!!null":
		return "nothing"
	}
	return "a string"
}

// key returns the value under a key, or nil.
func key(n *yaml.Node, name string) *yaml.Node {
	if n == nil || n.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == name {
			return n.Content[i+1]
		}
	}
	return nil
}

var segments = regexp.MustCompile(`[^.\[\]]+|\[[^\]]*\]`)

// locate returns the node that a field path leads to, or the last one on the way
// that exists. For a scalar or list under a key the line is that of the value.
func locate(root *yaml.Node, path string) *yaml.Node {
	n := root
	for _, s := range segments.FindAllString(path, -1) {
		var next *yaml.Node
		name := strings.Trim(s, "[]")
		if i, err := strconv.Atoi(name); err == nil && n.Kind == yaml.SequenceNode && i >= 0 && i < len(n.Content) {
			next = n.Content[i]
		} else {
			next = key(n, name)
		}
		if next == nil {
			break
		}
		n = next
	}
	return n
}
