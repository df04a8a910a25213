package v1beta1

import v1 "github.com/slipway-dev/slipway/api/tekton/v1"

// SetDefaults gives parameters and results their types.
func (sa *StepAction) SetDefaults() { sa.Spec.SetDefaults() }

// SetDefaults gives parameters and results their types.
func (s *StepActionSpec) SetDefaults() {
	// A step with these declarations has the same defaults.
	spec := v1.TaskSpec{Params: s.Params, Steps: []v1.Step{{Results: s.Results}}}
	spec.SetDefaults()
}

// SetDefaults does nothing: what a CustomRun leaves out, its controller decides.
func (r *CustomRun) SetDefaults() {}
