package observe

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
	"github.com/slipway-dev/slipway/entrypoint/contract"
	"github.com/slipway-dev/slipway/pkg/expr"
)

func unnamed(i int) string { return "unnamed-" + strconv.Itoa(i) }

// values are the results as the API shows them. One that is not what its type
// promises is left out: see badResult.
func values(list []contract.Result) []v1.TaskRunResult {
	var out []v1.TaskRunResult
	for _, r := range list {
		if value, ok := value(r); ok {
			out = append(out, v1.TaskRunResult{Name: r.Name, Type: value.Type, Value: value})
		}
	}
	return out
}

func value(r contract.Result) (v1.ResultValue, bool) {
	if r.Validate() != nil {
		return v1.ResultValue{}, false
	}
	if r.Type == "" || r.Type == string(v1.ResultsTypeString) {
		return *v1.NewString(r.Value), true
	}
	var v v1.ResultValue
	if err := json.Unmarshal([]byte(r.Value), &v); err != nil {
		return v, false
	}
	return v, string(v.Type) == r.Type
}

// results are those of the Task: what steps wrote, in the order of the steps
// and in each by name, where several wrote one the last; and then what the Task
// takes from results of steps.
func results(spec *v1.TaskSpec, steps []step) []v1.TaskRunResult {
	var out []v1.TaskRunResult
	for _, s := range steps {
		if s.said == nil {
			continue
		}
		wrote := values(s.said.Results)
		slices.SortFunc(wrote, func(a, b v1.TaskRunResult) int { return strings.Compare(a.Name, b.Name) })
		out = slices.DeleteFunc(out, func(old v1.TaskRunResult) bool {
			return slices.ContainsFunc(wrote, func(r v1.TaskRunResult) bool { return r.Name == old.Name })
		})
		out = append(out, wrote...)
	}
	for _, declared := range spec.Results {
		if declared.Value == nil {
			continue
		}
		if r, ok := fromStep(declared, steps); ok {
			out = append(out, r)
		}
	}
	return out
}

// fromStep is a result of the Task that names one of a step as its value.
func fromStep(declared v1.TaskResult, steps []step) (v1.TaskRunResult, bool) {
	var vars expr.Vars
	for _, s := range steps {
		for _, r := range s.state.Results {
			vars.Set("steps."+s.state.Name+".results."+r.Name, exprValue(r.Value))
		}
	}
	got, err := expr.SubstituteValue(exprValue(*declared.Value), vars)
	if err != nil || len(expr.References(got.String)) > 0 {
		return v1.TaskRunResult{}, false
	}
	v := *v1.NewString(got.String)
	switch got.Kind {
	case expr.Array:
		v = *v1.NewArray(got.Array...)
	case expr.Object:
		v = *v1.NewObject(got.Object)
	}
	return v1.TaskRunResult{Name: declared.Name, Type: v.Type, Value: v}, true
}

func exprValue(v v1.ResultValue) expr.Value {
	switch v.Type {
	case v1.ResultsTypeArray:
		return expr.List(v.ArrayVal...)
	case v1.ResultsTypeObject:
		return expr.Map(v.ObjectVal)
	}
	return expr.Text(v.StringVal)
}

// badResult is the complaint about the first result that is not of its type.
func badResult(steps []step) (stepName string, err error) {
	for _, s := range steps {
		if s.said == nil {
			continue
		}
		for _, r := range slices.Concat(s.said.Results, s.said.StepResults) {
			if err := r.Validate(); err != nil {
				return s.state.Name, err
			}
		}
	}
	return "", nil
}

// undeclared is the complaint about the first result of the Task that has
// another type than it declares, or lacks a key of its properties.
func undeclared(spec *v1.TaskSpec, list []v1.TaskRunResult) error {
	for _, d := range spec.Results {
		i := slices.IndexFunc(list, func(r v1.TaskRunResult) bool { return r.Name == d.Name })
		if i < 0 {
			continue
		}
		want := d.Type
		if want == "" && d.Properties != nil {
			want = v1.ResultsTypeObject
		}
		if want != "" && list[i].Type != want {
			return fmt.Errorf("result %q is declared of type %s, and its value is of type %s", d.Name, want, list[i].Type)
		}
		for _, key := range slices.Sorted(maps.Keys(d.Properties)) {
			if _, ok := list[i].Value.ObjectVal[key]; !ok {
				return fmt.Errorf("result %q lacks the key %q that its properties declare", d.Name, key)
			}
		}
	}
	return nil
}

// artifacts are the Task's provenance as the last step that saw it reports it.
func artifacts(steps []step) *v1.Artifacts {
	for _, s := range slices.Backward(steps) {
		if s.said == nil || len(s.said.Artifacts) == 0 {
			continue
		}
		in, out := readArtifacts(s.said.Artifacts)
		if len(in)+len(out) > 0 {
			return &v1.Artifacts{Inputs: in, Outputs: out}
		}
	}
	return nil
}

func readArtifacts(text json.RawMessage) (inputs, outputs []v1.Artifact) {
	var a v1.Artifacts
	if len(text) == 0 || json.Unmarshal(text, &a) != nil {
		return nil, nil
	}
	return a.Inputs, a.Outputs
}
