// Package check compares a run with its pipeline, and the pipeline with the
// Tasks that it runs, before anything starts. Each error names the place and the way
// out, and comes with the reason that the run fails with.
package check

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
	"github.com/slipway-dev/slipway/pkg/suggest"
)

// Params compares what a run gives with what its pipeline declares.
func Params(specs v1.ParamSpecs, given v1.Params) (v1.PipelineRunReason, error) {
	for i := range specs {
		s := &specs[i]
		at := slices.IndexFunc(given, func(p v1.Param) bool { return p.Name == s.Name })
		if at < 0 {
			if s.Default == nil {
				return v1.PipelineRunReasonParameterMissing, missingParam(s, given)
			}
			continue
		}
		value := given[at].Value
		if want := typeOf(s); value.Type != "" && value.Type != want {
			return v1.PipelineRunReasonParameterTypeMismatch,
				fmt.Errorf("spec.params: %s must be of type %s, and %s is given", s.Name, want, value.Type)
		}
		if len(s.Enum) > 0 && !slices.Contains(s.Enum, value.StringVal) {
			return v1.PipelineRunReasonInvalidParamValue,
				fmt.Errorf("spec.params: %s must be one of %s, and %q is given", s.Name, strings.Join(s.Enum, ", "), value.StringVal)
		}
		if missing := missingKeys(s, value); len(missing) > 0 {
			return v1.PipelineRunReasonObjectParameterMissKeys,
				fmt.Errorf("spec.params: %s lacks the keys %s", s.Name, strings.Join(missing, ", "))
		}
	}
	return "", nil
}

func missingParam(s *v1.ParamSpec, given v1.Params) error {
	var names []string
	for _, p := range given {
		names = append(names, p.Name)
	}
	hint := ""
	if near := suggest.Nearest(s.Name, names); near != "" {
		hint = fmt.Sprintf("; %q is given, is it a slip?", near)
	}
	return fmt.Errorf("spec.params: %s has no default and must be given%s", s.Name, hint)
}

func missingKeys(s *v1.ParamSpec, value v1.ParamValue) []string {
	var missing []string
	for _, k := range slices.Sorted(maps.Keys(s.Properties)) {
		_, ok := value.ObjectVal[k]
		if !ok && s.Default != nil {
			_, ok = s.Default.ObjectVal[k]
		}
		if !ok {
			missing = append(missing, k)
		}
	}
	return missing
}

// typeOf is the type of a param that may leave it to be seen from the rest.
func typeOf(s *v1.ParamSpec) v1.ParamType {
	switch {
	case s.Type != "":
		return s.Type
	case len(s.Properties) > 0:
		return v1.ParamTypeObject
	case s.Default != nil && s.Default.Type != "":
		return s.Default.Type
	}
	return v1.ParamTypeString
}
