package plan

import (
	"fmt"
	"strings"

	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
	"github.com/slipway-dev/slipway/pkg/expr"
	"github.com/slipway-dev/slipway/pkg/plan/fill"
)

// pipelineResults are the results of the pipeline. One that refers to a task
// that did not succeed is left out; one whose task succeeded without it is an error.
func (s *state) pipelineResults() ([]v1.PipelineRunResult, error) {
	var out []v1.PipelineRunResult
	var wrong []string
	for _, r := range s.run.Status.PipelineSpec.Results {
		refs := fill.ReferencesIn(r.Value)
		missing, broken := s.missingResults(refs)
		if broken {
			wrong = append(wrong, r.Name)
		}
		if missing || len(refs) == 0 {
			continue
		}
		value, err := expr.SubstituteValue(fill.ToExpr(r.Value), s.results)
		if err != nil {
			wrong = append(wrong, r.Name)
			continue
		}
		out = append(out, v1.PipelineRunResult{Name: r.Name, Value: fill.FromExpr(value)})
	}
	if len(wrong) > 0 {
		return out, fmt.Errorf("spec.results: the tasks ended well without what %s refers to", strings.Join(wrong, ", "))
	}
	return out, nil
}

// missingResults reports whether one of refs has no value, and whether its
// task owes it, as it ended well.
func (s *state) missingResults(refs []expr.Reference) (missing, owed bool) {
	for _, ref := range refs {
		if _, ok, err := s.results.Lookup(ref); ok && err == nil {
			continue
		}
		missing = true
		name, _, isResult := ref.Result()
		t := s.named[name]
		owed = owed || !isResult || t == nil || t.phase == succeeded
	}
	return missing, owed
}
