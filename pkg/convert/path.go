package convert

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Path leads to a field: each step is a field's name, or an index into a list.
type Path []any

// String writes the path as messages have it, such as spec.steps[0].ports.
func (p Path) String() string {
	var b strings.Builder
	for _, step := range p {
		switch step := step.(type) {
		case int:
			fmt.Fprintf(&b, "[%d]", step)
		default:
			if b.Len() > 0 {
				b.WriteByte('.')
			}
			fmt.Fprint(&b, step)
		}
	}
	return b.String()
}

// ParsePath reads what String writes; what is in other brackets than an index is a name.
func ParsePath(text string) Path {
	var p Path
	for _, part := range strings.FieldsFunc(strings.ReplaceAll(text, "[", ".["), func(r rune) bool { return r == '.' || r == ']' }) {
		digits, bracketed := strings.CutPrefix(part, "[")
		if i, err := strconv.Atoi(digits); bracketed && err == nil && i >= 0 {
			p = append(p, i)
			continue
		}
		p = append(p, digits)
	}
	return p
}

func (p Path) child(steps ...any) Path { return append(slices.Clone(p), steps...) }

// names is child for field names alone.
func (p Path) names(names []string) Path {
	c := slices.Clone(p)
	for _, n := range names {
		c = append(c, n)
	}
	return c
}

func (p Path) parent() Path { return p[:len(p)-1] }

func (p Path) last() any { return p[len(p)-1] }

// get returns what the path leads to.
func get(root any, p Path) (any, bool) {
	for _, step := range p {
		var ok bool
		switch in := root.(type) {
		case map[string]any:
			name, _ := step.(string)
			root, ok = in[name]
		case []any:
			i, isIndex := step.(int)
			if ok = isIndex && i < len(in); ok {
				root = in[i]
			}
		}
		if !ok {
			return nil, false
		}
	}
	return root, true
}

// take removes the field that the path leads to, and returns its value.
func take(root map[string]any, p Path) any {
	in, _ := get(root, p.parent())
	object, _ := in.(map[string]any)
	name, _ := p.last().(string)
	value := object[name]
	delete(object, name)
	return value
}

// put sets the field that the path leads to, and makes the objects and lists on
// the way to it. A field that is there already is an error.
func put(root map[string]any, p Path, value any) error {
	in := root
	for i, step := range p[:len(p)-1] {
		name, isName := step.(string)
		if !isName {
			continue
		}
		if index, ok := p[i+1].(int); ok {
			list, _ := in[name].([]any)
			if index == len(list) {
				list = append(list, map[string]any{})
				in[name] = list
			}
			if index >= len(list) {
				return fmt.Errorf("%s: there is no such place", p)
			}
			in, _ = list[index].(map[string]any)
			continue
		}
		next, ok := in[name].(map[string]any)
		if _, taken := in[name]; taken && !ok {
			return fmt.Errorf("%s: must be an object", p[:i+1])
		}
		if !ok {
			next = map[string]any{}
			in[name] = next
		}
		in = next
	}
	name, ok := p.last().(string)
	if !ok || in == nil {
		return fmt.Errorf("%s: there is no such place", p)
	}
	if _, taken := in[name]; taken {
		return fmt.Errorf("%s: is given twice, under its names in v1 and in v1beta1: give one", p)
	}
	in[name] = value
	return nil
}
