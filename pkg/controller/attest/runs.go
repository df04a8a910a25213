// Package attest drives the signing of finished runs. It watches TaskRuns and
// PipelineRuns, has the images that they name signed and attested, and marks the
// run when that is done or given up.
//
// The registry is the memory: what stands beside an image there decides what is
// still to do. The mark is written last, so that a process that ends at any moment
// starts again from what is true and nothing is written twice. No run is held back
// from deletion.
package attest

import (
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
	"github.com/slipway-dev/slipway/pkg/provenance"
)

// ours reports whether a run's spec.managedBy leaves it to Slipway.
func ours(managedBy *string) bool {
	return managedBy == nil || *managedBy == "" || *managedBy == v1.ManagedBy
}

func marked(meta *metav1.ObjectMeta) bool { return meta.Annotations[provenance.AnnotationSigned] != "" }

// taskRunDue reports whether the run made images that are still to be signed. An
// image hint that cannot be read makes it due too: someone must be told.
func taskRunDue(run *v1.TaskRun) bool {
	if marked(&run.ObjectMeta) || !run.IsSuccessful() || !ours(run.Spec.ManagedBy) {
		return false
	}
	images, err := provenance.Images(run.Status.Results)
	return err != nil || len(images) > 0
}

// pipelineRunDue reports whether the run may have images, of its own or through its
// TaskRuns.
func pipelineRunDue(run *v1.PipelineRun) bool {
	return !marked(&run.ObjectMeta) && run.IsSuccessful() && ours(run.Spec.ManagedBy)
}

// Trim drops from a run, on its way into the cache, what signing does not read:
// most runs are kept as little more than their name. It satisfies
// cache.TransformFunc.
func Trim(obj any) (any, error) {
	switch run := obj.(type) {
	case *v1.TaskRun:
		trimTaskRun(run)
	case *v1.PipelineRun:
		trimPipelineRun(run)
	}
	return obj, nil
}

func trimTaskRun(run *v1.TaskRun) {
	due := taskRunDue(run)
	trimMeta(&run.ObjectMeta)
	if due {
		run.Status.TaskSpec, run.Status.RetriesStatus = nil, nil
		return
	}
	run.Spec = v1.TaskRunSpec{ManagedBy: run.Spec.ManagedBy}
	// A sibling may still ask what was cloned here, and when.
	run.Status = v1.TaskRunStatus{
		Status: outcome(run.Status.Status),
		TaskRunStatusFields: v1.TaskRunStatusFields{
			CompletionTime: run.Status.CompletionTime,
			Results:        slices.DeleteFunc(run.Status.Results, func(r v1.TaskRunResult) bool { return !provenance.NamesSource(r.Name) }),
		},
	}
}

func trimPipelineRun(run *v1.PipelineRun) {
	trimMeta(&run.ObjectMeta)
	kept := v1.PipelineRunStatusFields{CompletionTime: run.Status.CompletionTime}
	if pipelineRunDue(run) {
		kept.Results = run.Status.Results
	}
	run.Spec = v1.PipelineRunSpec{ManagedBy: run.Spec.ManagedBy}
	run.Status = v1.PipelineRunStatus{Status: outcome(run.Status.Status), PipelineRunStatusFields: kept}
}

func trimMeta(meta *metav1.ObjectMeta) {
	mark := meta.Annotations[provenance.AnnotationSigned]
	meta.ManagedFields, meta.OwnerReferences, meta.Annotations = nil, nil, nil
	if mark != "" {
		meta.Annotations = map[string]string{provenance.AnnotationSigned: mark}
	}
}

func outcome(s v1.Status) v1.Status {
	c := s.GetCondition(v1.ConditionSucceeded)
	if c == nil {
		return v1.Status{}
	}
	return v1.Status{Conditions: v1.Conditions{{Type: c.Type, Status: c.Status}}}
}
