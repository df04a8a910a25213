package fill

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
	"github.com/slipway-dev/slipway/pkg/expr"
)

// maxDefaults is how many defaults may stand on each other.
const maxDefaults = 10

// Params are the params of a run as variables: what the run gives, and the
// defaults of what it leaves out, which may refer to other params. Objects are
// completed from their default key by key.
func Params(specs v1.ParamSpecs, given v1.Params) (expr.Vars, error) {
	var vars expr.Vars
	for _, p := range given {
		vars.Set("params."+p.Name, ToExpr(p.Value))
	}
	r := defaults{vars: &vars, specs: map[string]*v1.ParamSpec{}}
	for i := range specs {
		s := &specs[i]
		if s.Default == nil {
			continue
		}
		value, ok := vars.Get("params." + s.Name)
		if !ok {
			r.specs[s.Name] = s
		} else if value.Kind == expr.Object {
			object := maps.Clone(s.Default.ObjectVal)
			if object == nil {
				object = map[string]string{}
			}
			maps.Copy(object, value.Object)
			vars.Set("params."+s.Name, expr.Map(object))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(r.specs)) {
		if err := r.resolve(name, nil); err != nil {
			return vars, err
		}
	}
	vars.Close("params")
	return vars, nil
}

// defaults resolves defaults that refer to each other.
type defaults struct {
	vars  *expr.Vars
	specs map[string]*v1.ParamSpec
}

func (r *defaults) resolve(name string, above []string) error {
	spec := r.specs[name]
	if _, ok := r.vars.Get("params." + name); ok || spec == nil {
		return nil
	}
	above = append(above, name)
	if i := slices.Index(above, name); i < len(above)-1 {
		return fmt.Errorf("params.%s: the defaults refer to each other: %s", name, strings.Join(above[i:], " → "))
	}
	if len(above) > maxDefaults+1 {
		return fmt.Errorf("params.%s: more than %d defaults refer to each other: %s", name, maxDefaults, strings.Join(above, " → "))
	}
	for _, ref := range ReferencesIn(*spec.Default) {
		if other, ok := ref.Param(); ok {
			if err := r.resolve(other, above); err != nil {
				return err
			}
		}
	}
	vars := r.vars.Clone()
	vars.Close("params")
	out, err := expr.SubstituteValue(ToExpr(*spec.Default), vars)
	if err != nil {
		return fmt.Errorf("params.%s: default: %w", name, err)
	}
	r.vars.Set("params."+name, out)
	return nil
}
