package compile

import (
	"slices"

	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
	"github.com/slipway-dev/slipway/api/tekton/v1beta1"
	"github.com/slipway-dev/slipway/pkg/compile/fields"
	"github.com/slipway-dev/slipway/pkg/compile/scripts"
	"github.com/slipway-dev/slipway/pkg/expr"
)

// actionBody is the step that a StepAction describes, with the parameters it
// was given put in. The values given may use the variables of the Task; the body
// sees those in common, and its own parameters.
func (s scope) actionBody(action *v1beta1.StepActionSpec, given v1.Params, task, common expr.Vars) (v1.Step, error) {
	action = action.DeepCopy()
	body := v1.Step{
		Image: action.Image, Command: action.Command, Args: action.Args, Script: action.Script,
		WorkingDir: action.WorkingDir, Env: action.Env, Results: action.Results,
		SecurityContext: action.SecurityContext, VolumeMounts: action.VolumeMounts,
	}
	known, later := v1.Params{}, map[string]expr.Reference{}
	for _, p := range given {
		value, err := expr.SubstituteValue(ValueOf(p.Value), task)
		if err != nil {
			return body, fields.At("params."+p.Name, err)
		}
		if r, ok := expr.Isolated(value.String); ok && r.Path[0] == "steps" {
			later[p.Name] = r
			continue
		}
		known = append(known, v1.Param{Name: p.Name, Value: paramValue(value)})
	}
	now := slices.DeleteFunc(slices.Clone(action.Params), func(d v1.ParamSpec) bool {
		_, ok := later[d.Name]
		return ok
	})
	values, err := Params(now, known, false)
	if err != nil {
		return body, err
	}
	w := fields.Walker{Vars: withParams(common, values), Rewrite: func(s string) string { return postpone(s, later) }}
	return body, scripts.Put(scripts.OfStep(&body, s.spec.StepTemplate), w, s.strangers, func() error { return w.Put(&body) })
}

// postpone rewrites references to parameters whose value is the result of an
// earlier step, and so known only when that has run, into references to that
// result: $(params.p[0]) becomes $(steps.s.results.r[0]).
func postpone(s string, later map[string]expr.Reference) string {
	for _, r := range slices.Backward(expr.References(s)) {
		name, ok := r.Param()
		result, isLater := later[name]
		if !ok || !isLater {
			continue
		}
		rest := r.Path[slices.Index(r.Path, "params")+2:]
		out := expr.Reference{Path: append(slices.Clone(result.Path), rest...), Selector: r.Selector, Index: r.Index}
		s = s[:r.Pos] + out.String() + s[r.End:]
	}
	return s
}

func paramValue(v expr.Value) v1.ParamValue {
	switch v.Kind {
	case expr.Array:
		return *v1.NewArray(v.Array...)
	case expr.Object:
		return *v1.NewObject(v.Object)
	}
	return *v1.NewString(v.String)
}

// inline puts the body in place of the ref; what only the step can say, such as
// onError, stays.
func inline(step *v1.Step, body v1.Step) {
	step.Ref = nil
	step.Image, step.Command, step.Args, step.Script = body.Image, body.Command, body.Args, body.Script
	step.WorkingDir, step.Env, step.Results = body.WorkingDir, body.Env, body.Results
	step.SecurityContext = body.SecurityContext
	step.VolumeMounts = append(step.VolumeMounts, body.VolumeMounts...)
}
