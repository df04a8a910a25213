package check

import (
	"errors"
	"fmt"
	"slices"

	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
	"github.com/slipway-dev/slipway/pkg/dag"
	"github.com/slipway-dev/slipway/pkg/suggest"
)

// GraphError says where in spec the graph of its tasks is wrong; err is that of dag.Build.
func GraphError(spec *v1.PipelineSpec, err error) error {
	unknown := new(dag.UnknownNodeError)
	if !errors.As(err, &unknown) {
		return fmt.Errorf("spec.tasks: %w", err)
	}
	var names []string
	at := 0
	for i, t := range spec.Tasks {
		names = append(names, t.Name)
		if t.Name == unknown.Edge.To {
			at = i
		}
	}
	field := ""
	if slices.Contains(spec.Tasks[at].RunAfter, unknown.Name) {
		field = ".runAfter"
	}
	return fmt.Errorf("spec.tasks[%d]%s: no task named %q%s", at, field, unknown.Name, suggest.DidYouMean(unknown.Name, names))
}
