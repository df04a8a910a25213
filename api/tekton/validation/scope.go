package validation

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation/field"

	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
	"github.com/slipway-dev/slipway/pkg/expr"
	"github.com/slipway-dev/slipway/pkg/suggest"
)

// variable is what is known of a parameter in scope.
type variable struct {
	// kind is empty when the value decides.
	kind v1.ParamType
	// keys of an object; nil when they are not known.
	keys []string
}

// scope is what references in a spec may lead to. Inner declarations win over
// those of what is around them, whose names stay visible.
type scope struct {
	params     map[string]variable
	workspaces []string
}

func (s scope) declare(specs v1.ParamSpecs) scope {
	s.params = clone(s.params)
	for _, p := range specs {
		v := variable{kind: p.Type}
		if p.Type == v1.ParamTypeObject {
			v.keys = slices.Collect(maps.Keys(p.Properties))
			if p.Default != nil {
				v.keys = slices.AppendSeq(v.keys, maps.Keys(p.Default.ObjectVal))
			}
			v.keys = append(v.keys, s.params[p.Name].keys...)
		}
		s.params[p.Name] = v
	}
	return s
}

func (s scope) give(params v1.Params) scope {
	s.params = clone(s.params)
	for i := range params {
		p := &params[i]
		v := variable{kind: p.Value.Type}
		if v.kind == v1.ParamTypeObject {
			// Keys that are not given here come from the value around it.
			v.keys = slices.AppendSeq(slices.Clone(s.params[p.Name].keys), maps.Keys(p.Value.ObjectVal))
		}
		if wholeReference(&p.Value) {
			v = variable{}
		}
		s.params[p.Name] = v
	}
	return s
}

// giveEach is give for the parameters of a Matrix, of which a task sees one
// string at a time.
func (s scope) giveEach(params v1.Params) scope {
	s.params = clone(s.params)
	for _, p := range params {
		s.params[p.Name] = variable{kind: v1.ParamTypeString}
	}
	return s
}

func clone(m map[string]variable) map[string]variable {
	if m == nil {
		return map[string]variable{}
	}
	return maps.Clone(m)
}

func (s scope) bind(names ...string) scope {
	s.workspaces = append(slices.Clone(s.workspaces), names...)
	return s
}

// param checks a reference to a parameter.
func (s scope) param(at site, r expr.Reference) *field.Error {
	path := r.Path[1:]
	if r.Path[0] == "inputs" {
		path = r.Path[2:]
	}
	v, name, rest, ok := s.find(path)
	if !ok {
		return unknown(at.at, "parameter", path[0], slices.Sorted(maps.Keys(s.params)))
	}
	switch {
	case v.kind == "":
		return nil
	case v.kind == v1.ParamTypeObject:
		return object(at, r, named{name, v}, rest)
	case len(rest) > 0:
		return invalid(at.at, at.text, "%s: parameter %q is %s and has no key %q", r, name, v.kind, rest[0])
	}
	return brackets(at, r, named{name, v})
}

// brackets checks what a reference takes of a string or array. The whole of a
// string is the string.
func brackets(at site, r expr.Reference, v named) *field.Error {
	_, alone := expr.Isolated(at.text)
	if v.kind == v1.ParamTypeString {
		if r.Selector == expr.Plain || r.Selector == expr.All && alone && at.in == value {
			return nil
		}
		return invalid(at.at, at.text, "%s: parameter %q is string: leave the brackets out", r, v.name)
	}
	if r.Selector != expr.At && (at.in == scalar || !alone) {
		return invalid(at.at, at.text, "%s: parameter %q is array: it may only stand alone as an element of a list; name one element, as $(params.%s[0])", r, v.name, v.name)
	}
	return nil
}

type named struct {
	name string
	variable
}

func object(at site, r expr.Reference, v named, rest []string) *field.Error {
	if len(rest) == 0 {
		if _, alone := expr.Isolated(at.text); alone && at.in == value {
			return nil
		}
		return invalid(at.at, at.text, "%s: parameter %q is object: name one key, as $(params.%s.KEY)", r, v.name, v.name)
	}
	if v.keys != nil && !slices.Contains(v.keys, rest[0]) {
		return fail(field.ErrorTypeNotFound, at.at, at.text, fmt.Sprintf("%s: parameter %q has no key %q", r, v.name, rest[0])+suggest.DidYouMean(rest[0], v.keys))
	}
	return nil
}

// find looks the longest name up that path starts with: a name may have dots.
func (s scope) find(path []string) (v variable, name string, rest []string, ok bool) {
	for n := len(path); n > 0; n-- {
		name = strings.Join(path[:n], ".")
		if v, ok = s.params[name]; ok {
			return v, name, path[n:], true
		}
	}
	return variable{}, "", nil, false
}

// workspace checks a reference to a workspace. Whether one is bound may be asked
// of any name: Tasks in use do so of workspaces that only some runs have.
func (s scope) workspace(at site, r expr.Reference) *field.Error {
	if r.Path[len(r.Path)-1] != "bound" && !slices.Contains(s.workspaces, r.Path[1]) {
		return unknown(at.at, "workspace", r.Path[1], s.workspaces)
	}
	return nil
}

// contexts are the names below $(context.…), by their first.
var contexts = map[string][]string{
	"taskRun":      {"name", "namespace", "uid"},
	"task":         {"name", "retry-count"},
	"pipelineRun":  {"name", "namespace", "uid"},
	"pipeline":     {"name"},
	"pipelineTask": {"retries"},
}

// context checks a reference to the run itself. Other words than the known ones
// after context stay the text they are.
func context(at site, r expr.Reference) *field.Error {
	known, ok := contexts[r.Path[1]]
	if ok && (len(r.Path) != 3 || !slices.Contains(known, r.Path[2])) {
		name := strings.Join(r.Path[2:], ".")
		return unknown(at.at, "variable below context."+r.Path[1], name, known)
	}
	return nil
}
