// Package fill puts the variables of a run into the specs that it is made of.
package fill

import (
	"fmt"
	"maps"
	"slices"

	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
	"github.com/slipway-dev/slipway/pkg/expr"
	"github.com/slipway-dev/slipway/pkg/guard"
	"github.com/slipway-dev/slipway/pkg/untrusted"
)

// visitor is called for each field of a pipeline task where variables count.
type visitor interface {
	text(place string, s *string)
	list(place string, items *[]string)
	value(place string, v *v1.ParamValue)
}

// visit walks the fields of t that are the pipeline's, not those inside its
// taskSpec. A display name of a matrix is left out: its variables are the matrix's.
func visit(t *v1.PipelineTask, v visitor) {
	if t.Matrix == nil {
		v.text("displayName", &t.DisplayName)
	}
	visitParams("params", t.Params, v)
	if t.Matrix != nil {
		visitParams("matrix.params", t.Matrix.Params, v)
		for i := range t.Matrix.Include {
			visitParams(fmt.Sprintf("matrix.include[%d].params", i), t.Matrix.Include[i].Params, v)
		}
	}
	for i := range t.When {
		w := &t.When[i]
		v.text(fmt.Sprintf("when[%d].input", i), &w.Input)
		v.list(fmt.Sprintf("when[%d].values", i), &w.Values)
		v.text(fmt.Sprintf("when[%d].cel", i), &w.CEL)
	}
	for i := range t.Workspaces {
		v.text(fmt.Sprintf("workspaces[%d].subPath", i), &t.Workspaces[i].SubPath)
	}
	if t.TaskRef != nil {
		v.text("taskRef.name", &t.TaskRef.Name)
		visitParams("taskRef.params", t.TaskRef.Params, v)
	}
	if t.PipelineRef != nil {
		v.text("pipelineRef.name", &t.PipelineRef.Name)
		visitParams("pipelineRef.params", t.PipelineRef.Params, v)
	}
	onError := string(t.OnError)
	v.text("onError", &onError)
	t.OnError = v1.PipelineTaskOnErrorType(onError)
}

func visitParams(place string, params v1.Params, v visitor) {
	for i := range params {
		v.value(place+"."+params[i].Name, &params[i].Value)
	}
}

// References lists what t refers to outside its taskSpec.
func References(t *v1.PipelineTask) []expr.Reference {
	var c collector
	visit(t.DeepCopy(), &c)
	return c.refs
}

// ReferencesIn lists what a value refers to.
func ReferencesIn(v v1.ParamValue) []expr.Reference {
	var c collector
	c.value("", v.DeepCopy())
	return c.refs
}

// Task puts vars into the fields of t outside its taskSpec. A field that cannot
// be filled stays as it is, and the first such is the error. Values of strangers
// become no part of an expression.
func Task(t *v1.PipelineTask, vars expr.Vars, strangers untrusted.Values) error {
	for i, w := range t.When {
		if err := guard.CheckValues(w.CEL, vars, strangers); err != nil {
			return fmt.Errorf("when[%d].cel: %w", i, err)
		}
	}
	u := substituter{vars: vars}
	visit(t, &u)
	return u.err
}

type collector struct{ refs []expr.Reference }

func (c *collector) text(_ string, s *string) { c.refs = append(c.refs, expr.References(*s)...) }

func (c *collector) list(_ string, items *[]string) {
	for _, s := range *items {
		c.text("", &s)
	}
}

func (c *collector) value(_ string, v *v1.ParamValue) {
	c.text("", &v.StringVal)
	c.list("", &v.ArrayVal)
	for _, k := range slices.Sorted(maps.Keys(v.ObjectVal)) {
		s := v.ObjectVal[k]
		c.text("", &s)
	}
}

// substituter puts variables in; it keeps the first error, with its place, and
// leaves the field it stands in as it is.
type substituter struct {
	vars expr.Vars
	err  error
}

func (u *substituter) keep(place string, err error) {
	if err != nil && u.err == nil {
		u.err = fmt.Errorf("%s: %w", place, err)
	}
}

func (u *substituter) text(place string, s *string) {
	out, err := expr.Substitute(*s, u.vars)
	u.keep(place, err)
	if err == nil {
		*s = out
	}
}

func (u *substituter) list(place string, items *[]string) {
	out, err := expr.SubstituteList(*items, u.vars)
	u.keep(place, err)
	if err == nil {
		*items = out
	}
}

func (u *substituter) value(place string, v *v1.ParamValue) {
	out, err := expr.SubstituteValue(ToExpr(*v), u.vars)
	u.keep(place, err)
	if err == nil {
		*v = FromExpr(out)
	}
}

// ToExpr makes a value of the API one of expressions.
func ToExpr(v v1.ParamValue) expr.Value {
	switch v.Type {
	case v1.ParamTypeArray:
		return expr.List(v.ArrayVal...)
	case v1.ParamTypeObject:
		return expr.Map(v.ObjectVal)
	default:
		return expr.Text(v.StringVal)
	}
}

// FromExpr is the way back.
func FromExpr(v expr.Value) v1.ParamValue {
	switch v.Kind {
	case expr.Array:
		return *v1.NewArray(v.Array...)
	case expr.Object:
		return *v1.NewObject(v.Object)
	default:
		return *v1.NewString(v.String)
	}
}

// AllParams are the params of a task together with those of its matrix.
func AllParams(t *v1.PipelineTask) v1.Params {
	params := slices.Clone(t.Params)
	if t.Matrix != nil {
		params = append(params, t.Matrix.Params...)
		for _, i := range t.Matrix.Include {
			params = append(params, i.Params...)
		}
	}
	return params
}
