package names

import (
	"strings"

	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
)

// Pipeline is the name of the pipeline, for labels and context.pipeline.name.
func Pipeline(run *v1.PipelineRun, pipeline *v1.Pipeline) string {
	switch ref := run.Spec.PipelineRef; {
	case pipeline != nil && pipeline.Name != "":
		return pipeline.Name
	case ref != nil && ref.Name != "":
		return ref.Name
	case ref == nil && run.GenerateName != "":
		if name := strings.TrimRight(run.GenerateName, "-."); name != "" {
			return name
		}
	}
	return run.Name
}
