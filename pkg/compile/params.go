package compile

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
	"github.com/slipway-dev/slipway/pkg/expr"
	"github.com/slipway-dev/slipway/pkg/suggest"
)

// maxDefaultDepth is how many defaults may refer to one another in a row.
const maxDefaultDepth = 10

// Params returns the value of every declared parameter: the one given, or its
// default, which may refer to other parameters; an object takes the keys it was
// not given from its default. With inherit, given parameters that were not
// declared are returned too: a spec written in place may use what its run has.
//
// The error names the parameter that is missing, has the wrong type, lacks a
// key or has a value outside its enum; see InvalidValue for the last.
func Params(declared v1.ParamSpecs, given v1.Params, inherit bool) (map[string]expr.Value, error) {
	values, names := map[string]expr.Value{}, make([]string, 0, len(given))
	for _, p := range given {
		names = append(names, p.Name)
		if inherit {
			values[p.Name] = ValueOf(p.Value)
		}
	}
	var missing []string
	for _, d := range declared {
		value, ok, err := valueFor(d, given)
		if err != nil {
			return nil, err
		}
		if !ok {
			missing = append(missing, missingParam(d.Name, undeclared(names, declared)))
			continue
		}
		values[d.Name] = value
	}
	if len(missing) > 0 {
		return nil, fmt.Errorf("params: no value for %s", strings.Join(missing, ", "))
	}
	if err := resolveDefaults(declared, given, values); err != nil {
		return nil, err
	}
	return values, checkValues(declared, values)
}

func missingParam(name string, unused []string) string {
	if given := suggest.Nearest(name, unused); given != "" {
		return fmt.Sprintf("%q, and the run gives %q, which the task does not declare; did you mean %q?", name, given, name)
	}
	return fmt.Sprintf("%q", name)
}

// InvalidValue is the error of a parameter whose value its enum does not list.
type InvalidValue struct {
	Param, Value string
	Enum         []string
}

func (e *InvalidValue) Error() string {
	return fmt.Sprintf("params.%s: %q is not one of %s%s", e.Param, e.Value,
		strings.Join(e.Enum, ", "), suggest.DidYouMean(e.Value, e.Enum))
}

// ValueOf is a parameter or result value as expressions know it.
func ValueOf(v v1.ParamValue) expr.Value {
	switch v.Type {
	case v1.ParamTypeArray:
		return expr.List(v.ArrayVal...)
	case v1.ParamTypeObject:
		return expr.Map(v.ObjectVal)
	}
	return expr.Text(v.StringVal)
}

func undeclared(names []string, declared v1.ParamSpecs) []string {
	return slices.DeleteFunc(slices.Clone(names), func(n string) bool {
		return slices.ContainsFunc(declared, func(d v1.ParamSpec) bool { return d.Name == n })
	})
}

// valueFor is what was given, completed by the default.
func valueFor(d v1.ParamSpec, given v1.Params) (expr.Value, bool, error) {
	i := slices.IndexFunc(given, func(p v1.Param) bool { return p.Name == d.Name })
	if i < 0 {
		if d.Default == nil {
			return expr.Value{}, false, nil
		}
		return ValueOf(*d.Default), true, nil
	}
	value := ValueOf(given[i].Value)
	if want := kindOf(d); value.Kind != want {
		return value, false, fmt.Errorf("params.%s: needs %s, and the value given is %s", d.Name, want, value.Kind)
	}
	if value.Kind == expr.Object && d.Default != nil {
		merged := maps.Clone(d.Default.ObjectVal)
		if merged == nil {
			merged = map[string]string{}
		}
		maps.Copy(merged, value.Object)
		value.Object = merged
	}
	return value, true, nil
}

func kindOf(d v1.ParamSpec) expr.Kind {
	t := d.Type
	switch {
	case t != "":
	case d.Properties != nil:
		t = v1.ParamTypeObject
	case d.Default != nil:
		t = d.Default.Type
	}
	switch t {
	case v1.ParamTypeArray:
		return expr.Array
	case v1.ParamTypeObject:
		return expr.Object
	}
	return expr.String
}

// resolveDefaults substitutes parameters in those values that came from
// defaults. What was given is data: it is never looked into.
func resolveDefaults(declared v1.ParamSpecs, given v1.Params, values map[string]expr.Value) error {
	open := slices.DeleteFunc(slices.Clone(declared), func(d v1.ParamSpec) bool {
		return slices.ContainsFunc(given, func(p v1.Param) bool { return p.Name == d.Name })
	})
	for range maxDefaultDepth {
		open = slices.DeleteFunc(open, func(d v1.ParamSpec) bool { return len(paramsIn(values[d.Name])) == 0 })
		if len(open) == 0 {
			return nil
		}
		var vars expr.Vars
		for name, value := range values {
			if !slices.ContainsFunc(open, func(d v1.ParamSpec) bool { return d.Name == name }) {
				vars.Set("params."+name, value)
			}
		}
		changed, err := substituteDefaults(open, values, vars)
		if err != nil {
			return err
		}
		if !changed {
			return fmt.Errorf("params.%s: the default refers to itself", open[0].Name)
		}
	}
	return fmt.Errorf("params: more than %d defaults refer to one another in a row", maxDefaultDepth)
}

// substituteDefaults puts what is known into the defaults that are open, and
// reports whether that got any of them further.
func substituteDefaults(open v1.ParamSpecs, values map[string]expr.Value, vars expr.Vars) (bool, error) {
	changed := false
	for _, d := range open {
		before := paramsIn(values[d.Name])
		for _, p := range before {
			if _, known := values[p]; !known {
				return false, fmt.Errorf("params.%s: the default refers to params.%s, which is not declared%s",
					d.Name, p, suggest.DidYouMean(p, slices.Sorted(maps.Keys(values))))
			}
		}
		next, err := expr.SubstituteValue(values[d.Name], vars)
		if err != nil {
			return false, fmt.Errorf("params.%s: default: %w", d.Name, err)
		}
		if !slices.Equal(paramsIn(next), before) {
			values[d.Name], changed = next, true
		}
	}
	return changed, nil
}

// paramsIn lists the parameters that the strings of a value refer to.
func paramsIn(value expr.Value) []string {
	texts := append([]string{value.String}, value.Array...)
	for _, k := range slices.Sorted(maps.Keys(value.Object)) {
		texts = append(texts, value.Object[k])
	}
	var names []string
	for _, text := range texts {
		for _, r := range expr.References(text) {
			if name, ok := r.Param(); ok {
				names = append(names, name)
			}
		}
	}
	return names
}

func checkValues(declared v1.ParamSpecs, values map[string]expr.Value) error {
	for _, d := range declared {
		value := values[d.Name]
		if want := kindOf(d); value.Kind != want {
			return fmt.Errorf("params.%s: needs %s, and the default is %s", d.Name, want, value.Kind)
		}
		if len(d.Enum) > 0 && !slices.Contains(d.Enum, value.String) {
			return &InvalidValue{Param: d.Name, Value: value.String, Enum: d.Enum}
		}
		for _, key := range slices.Sorted(maps.Keys(d.Properties)) {
			if _, ok := value.Object[key]; !ok {
				return fmt.Errorf("params.%s: no value for key %q%s", d.Name, key,
					suggest.DidYouMean(key, slices.Sorted(maps.Keys(value.Object))))
			}
		}
	}
	return nil
}
