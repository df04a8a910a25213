package settings

import "github.com/slipway-dev/slipway/pkg/plan"

// Plan is what the settings say of PipelineRuns that say nothing themselves.
func (s *Settings) Plan() plan.Defaults {
	return plan.Defaults{Timeout: s.Timeout.Duration, MaxMatrix: s.MaxMatrix, Workspace: s.Workspace != nil, Coschedule: s.Coschedule}
}
