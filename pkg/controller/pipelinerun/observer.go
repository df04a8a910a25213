package pipelinerun

import v1 "github.com/slipway-dev/slipway/api/tekton/v1"

// Observer is told what becomes of runs. The runs belong to the caller: an
// observer reads them before it returns, writes to none, and neither blocks nor
// fails.
type Observer interface {
	// PipelineRunWritten is called once for each status that the API server took,
	// after it did: a run's end is told once, whichever replica wrote it, and not
	// told when the controller dies between the write and the call.
	PipelineRunWritten(before, after *v1.PipelineRun)
}
