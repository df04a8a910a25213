package convert

import (
	"maps"
	"slices"
	"strings"
)

// A Change is one difference between an object and what it is in the other
// version. Changes are made in their order: one inside a field comes before one of
// the field, whose path is then still the old one.
type Change struct {
	// From is where the value is; nil when it is Value.
	From Path
	// To is where the value goes; nil when the other version has no place for it.
	To    Path
	Value any
	// note is what is written down so that the way back leads to the same object.
	note note
}

type note int

const (
	// keepValue notes the value itself.
	keepValue note = iota + 1
	// keepPlace notes that the value was at From; it is found again elsewhere.
	keepPlace
)

// Changes lists what has to change for a v1beta1 object to become v1.
func Changes(obj map[string]any) (changes []Change) {
	walk(obj, func(s *Shape, o map[string]any, at Path) { changes = append(changes, s.up(o, at)...) })
	return changes
}

// walk calls visit for every part of a v1beta1 object that may differ, what is
// inside a part before the part itself.
func walk(obj map[string]any, visit func(*Shape, map[string]any, Path)) {
	kind, _ := obj[kindField].(string)
	if s := Shapes[kind]; s != nil {
		s.walk(obj, nil, visit)
	}
}

func (s *Shape) walk(obj map[string]any, at Path, visit func(*Shape, map[string]any, Path)) {
	for _, field := range slices.Sorted(maps.Keys(s.Fields)) {
		for p, o := range objects(obj[field], at.child(field)) {
			s.Fields[field].walk(o, p, visit)
		}
	}
	visit(s, obj, at)
}

// up lists the changes of one part of a v1beta1 object.
func (s *Shape) up(obj map[string]any, at Path) (changes []Change) {
	if s.Folded != nil {
		changes = s.Folded.up(obj, at)
	}
	for _, field := range slices.Sorted(maps.Keys(s.Renamed)) {
		if _, ok := obj[field]; ok {
			changes = append(changes, Change{From: at.child(field), To: at.names(s.In(field))})
		}
	}
	for _, field := range slices.Sorted(maps.Keys(s.Gone)) {
		if _, ok := obj[field]; ok {
			changes = append(changes, Change{From: at.child(field), note: keepValue})
		}
	}
	return changes
}

// down lists what has to change for v1 to become v1beta1.
func (s *Shape) down(obj map[string]any, at Path) (changes []Change) {
	for _, field := range slices.Sorted(maps.Keys(s.Fields)) {
		p := at.names(s.In(field))
		in, _ := get(obj, p[len(at):])
		for p, o := range objects(in, p) {
			changes = append(changes, s.Fields[field].down(o, p)...)
		}
	}
	moved := map[string]int{}
	for _, field := range slices.Sorted(maps.Keys(s.Renamed)) {
		p := at.names(s.In(field))
		if _, ok := get(obj, p[len(at):]); ok {
			changes = append(changes, Change{From: p, To: at.child(field)})
			moved[s.In(field)[0]]++
		}
	}
	for _, field := range s.containers() {
		o, ok := obj[field].(map[string]any)
		switch {
		case !ok:
		case len(o) == moved[field] && len(o) > 0:
			changes = append(changes, Change{From: at.child(field)})
		default:
			changes = append(changes, Change{From: at.child(field), note: keepValue})
		}
	}
	return changes
}

// containers are the fields of v1 that hold what v1beta1 has a step higher.
func (s *Shape) containers() (names []string) {
	for _, path := range s.Renamed {
		if name, _, deep := strings.Cut(path, "."); deep && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// up says by other fields what a folded one says.
func (f *Fold) up(obj map[string]any, at Path) []Change {
	if _, ok := obj[f.Field]; !ok {
		return nil
	}
	from := at.child(f.Field)
	if f.Field == timeoutField {
		return []Change{{From: from, To: at.child(timeoutsField, pipelineField), note: keepPlace}}
	}
	changes := []Change{{To: at.child(resolverField), Value: bundles}}
	params := []Change{{From: from, note: keepPlace}, {Value: f.kind}}
	names := []string{bundleField, kindField}
	if _, ok := obj[nameField]; ok {
		params = slices.Insert(params, 1, Change{From: at.child(nameField)})
		names = slices.Insert(names, 1, nameField)
	}
	for i, value := range params {
		value.To = at.child(paramsField, i, valueField)
		changes = append(changes, Change{To: at.child(paramsField, i, nameField), Value: names[i]}, value)
	}
	return changes
}

// unfold puts back a field that was folded, if what it was folded into still is
// what up makes of it. It reports false for a field that is never folded.
func unfold(root map[string]any, p Path) bool {
	in, _ := get(root, p.parent())
	obj, _ := in.(map[string]any)
	switch p.last() {
	case timeoutField:
		unfoldTimeout(obj)
	case bundleField:
		unfoldBundle(obj)
	default:
		return false
	}
	return true
}

func unfoldTimeout(obj map[string]any) {
	timeouts, _ := obj[timeoutsField].(map[string]any)
	if value, ok := timeouts[pipelineField]; ok && len(timeouts) == 1 {
		delete(obj, timeoutsField)
		obj[timeoutField] = value
	}
}

func unfoldBundle(obj map[string]any) {
	params, _ := obj[paramsField].([]any)
	given := map[string]any{}
	for _, p := range params {
		param, _ := p.(map[string]any)
		name, _ := param[nameField].(string)
		given[name] = param[valueField]
	}
	bundle, name := given[bundleField], given[nameField]
	delete(given, bundleField)
	delete(given, nameField)
	delete(given, kindField)
	if obj[resolverField] != bundles || bundle == nil || len(given) > 0 {
		return
	}
	delete(obj, resolverField)
	delete(obj, paramsField)
	obj[bundleField] = bundle
	if name != nil {
		obj[nameField] = name
	}
}

// objects yields the object that a field holds, or each one of its list, with its path.
func objects(value any, at Path) func(func(Path, map[string]any) bool) {
	return func(yield func(Path, map[string]any) bool) {
		switch v := value.(type) {
		case map[string]any:
			yield(at, v)
		case []any:
			for i, e := range v {
				if o, ok := e.(map[string]any); ok && !yield(at.child(i), o) {
					return
				}
			}
		}
	}
}

// Origin returns where in the v1beta1 object that has these changes stood what stands
// at path in v1. Where v1beta1 has nothing like it, that is path itself.
func Origin(changes []Change, path string) string {
	for _, c := range slices.Backward(changes) {
		if c.From == nil || c.To == nil {
			continue
		}
		if rest, ok := strings.CutPrefix(path, c.To.String()); ok && (rest == "" || rest[0] == '.' || rest[0] == '[') {
			path = c.From.String() + rest
		}
	}
	return path
}
