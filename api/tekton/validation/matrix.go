package validation

import (
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/util/validation/field"

	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
)

// maxCombinations bounds how often a Matrix runs its task.
const maxCombinations = 256

// matrix checks the task's Matrix.
func (t taskCheck) matrix() (errs field.ErrorList) {
	if t.Matrix == nil {
		return nil
	}
	at := t.at.Child("matrix")
	if len(t.Matrix.Params) == 0 && len(t.Matrix.Include) == 0 {
		return append(errs, required(at, "give params or include"))
	}
	errs = append(errs, givenParams(t.Matrix.Params, at.Child("params"))...)
	errs = append(errs, t.alsoGiven(t.Matrix.Params, at.Child("params"))...)
	combinations := 1
	for i := range t.Matrix.Params {
		v := &t.Matrix.Params[i].Value
		switch {
		case v.Type == v1.ParamTypeArray:
			combinations = min(combinations*max(1, len(v.ArrayVal)), maxCombinations+1)
		case !wholeReference(v):
			errs = append(errs, invalid(at.Child("params").Index(i).Child("value"), v.Type, "a Matrix takes an array, or a reference to one, as $(params.x[*]), and not %s", v.Type))
		}
	}
	if combinations > maxCombinations {
		errs = append(errs, invalid(at, "", "there are more than %d combinations", maxCombinations))
	}
	return append(errs, t.include(at.Child("include"))...)
}

func (t taskCheck) include(at *field.Path) (errs field.ErrorList) {
	for i, include := range t.Matrix.Include {
		at := at.Index(i).Child("params")
		errs = append(errs, givenParams(include.Params, at)...)
		errs = append(errs, t.alsoGiven(include.Params, at)...)
		for j, p := range include.Params {
			if p.Value.Type != v1.ParamTypeString {
				errs = append(errs, invalid(at.Index(j).Child("value"), p.Value.Type, "include takes strings, and not %s", p.Value.Type))
			}
		}
	}
	return errs
}

// alsoGiven reports parameters that the task gives outside its Matrix as well.
func (t taskCheck) alsoGiven(params v1.Params, at *field.Path) (errs field.ErrorList) {
	for i, p := range params {
		if slices.ContainsFunc(t.Params, func(q v1.Param) bool { return q.Name == p.Name }) {
			errs = append(errs, fail(field.ErrorTypeDuplicate, at.Index(i).Child("name"), p.Name, fmt.Sprintf("%q is given in params too: give it once", p.Name)))
		}
	}
	return errs
}
