package validation

import (
	"fmt"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"

	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
	"github.com/slipway-dev/slipway/pkg/expr"
	"github.com/slipway-dev/slipway/pkg/suggest"
)

// PipelineRun checks a PipelineRun, and the Pipeline that is written in it: that
// one may use the run's parameters and workspaces without declaring them.
func PipelineRun(pr *v1.PipelineRun) field.ErrorList {
	if pr.Malformed != nil {
		return unread(pr.Malformed)
	}
	spec, at := &pr.Spec, field.NewPath("spec")
	errs := exactlyOne(at, []string{"pipelineRef", "pipelineSpec"}, spec.PipelineRef != nil, spec.PipelineSpec != nil)
	if spec.PipelineRef != nil {
		errs = append(errs, ref(spec.PipelineRef.Name, spec.PipelineRef.ResolverRef, at.Child("pipelineRef"))...)
	}
	errs = append(errs, givenParams(spec.Params, at.Child("params"))...)
	errs = append(errs, noResults(spec.Params, at.Child("params"))...)
	errs = append(errs, bindings(spec.Workspaces, at.Child("workspaces"))...)
	if spec.PipelineSpec != nil {
		around := scope{}.give(spec.Params).bind(bindingNames(spec.Workspaces)...)
		errs = append(errs, pipelineSpec(spec.PipelineSpec, at.Child("pipelineSpec"), around)...)
		errs = append(errs, PipelineRunFits(spec, spec.PipelineSpec, at)...)
	}
	errs = append(errs, pipelineRunStatus(pr, at.Child("status"))...)
	if spec.Timeouts != nil {
		errs = append(errs, timeouts(spec.Timeouts, at.Child("timeouts"))...)
	}
	return append(errs, taskRunSpecs(spec, at.Child("taskRunSpecs"))...)
}

// noResults refuses references to results in values that are there before any task.
func noResults(params v1.Params, at *field.Path) (errs field.ErrorList) {
	visitStrings(params, at, func(s site) {
		for _, r := range expr.References(s.text) {
			if _, _, ok := r.Result(); ok {
				errs = append(errs, fail(field.ErrorTypeForbidden, s.at, s.text, r.String()+": a run's parameters cannot use results of its tasks"))
			}
		}
	})
	return errs
}

func pipelineRunStatus(pr *v1.PipelineRun, at *field.Path) (errs field.ErrorList) {
	known := []string{
		string(v1.PipelineRunSpecStatusCancelled), string(v1.PipelineRunSpecStatusCancelledRunFinally),
		string(v1.PipelineRunSpecStatusStoppedRunFinally), string(v1.PipelineRunSpecStatusPending),
	}
	s := string(pr.Spec.Status)
	switch {
	case s != "" && !slices.Contains(known, s):
		errs = append(errs, invalid(at, s, "%q: use Cancelled, CancelledRunFinally, StoppedRunFinally or PipelineRunPending%s", s, suggest.DidYouMean(s, known)))
	case pr.IsPending() && pr.HasStarted():
		errs = append(errs, invalid(at, s, "a PipelineRun that has started cannot be held back: end it by Cancelled"))
	}
	return errs
}

// timeouts checks that the parts fit into the whole. Without a limit for the
// whole there is nothing to fit into.
func timeouts(t *v1.TimeoutFields, at *field.Path) (errs field.ErrorList) {
	parts := []struct {
		name string
		*metav1.Duration
	}{{"pipeline", t.Pipeline}, {"tasks", t.Tasks}, {"finally", t.Finally}}
	var sum time.Duration
	for _, p := range parts {
		switch {
		case p.Duration == nil:
		case p.Duration.Duration < 0:
			errs = append(errs, invalid(at.Child(p.name), p.Duration.Duration.String(), "a timeout cannot be negative; 0 means without limit"))
		case p.name == "pipeline":
		case limited(t.Pipeline) && p.Duration.Duration == 0:
			errs = append(errs, invalid(at.Child(p.name), "0", "a part without limit does not fit into %s for the whole pipeline", t.Pipeline.Duration))
		default:
			sum += p.Duration.Duration
		}
	}
	if len(errs) == 0 && limited(t.Pipeline) && sum > t.Pipeline.Duration {
		errs = append(errs, invalid(at, sum.String(), "tasks and finally take %s together, but the whole pipeline %s", sum, t.Pipeline.Duration))
	}
	return errs
}

func limited(d *metav1.Duration) bool { return d != nil && d.Duration > 0 }

func taskRunSpecs(spec *v1.PipelineRunSpec, at *field.Path) (errs field.ErrorList) {
	for i := range spec.TaskRunSpecs {
		s, at := &spec.TaskRunSpecs[i], at.Index(i)
		errs = append(errs, overrides(s.StepSpecs, s.SidecarSpecs, s.ComputeResources != nil, at)...)
		errs = append(errs, taskTimeout(s.Timeout, spec.Timeouts, at.Child("timeout"))...)
	}
	return errs
}

// taskTimeout checks one task's timeout against those of the run.
func taskTimeout(d *metav1.Duration, run *v1.TimeoutFields, at *field.Path) (errs field.ErrorList) {
	if d == nil {
		return nil
	}
	if d.Duration < 0 {
		return append(errs, invalid(at, d.Duration.String(), "a timeout cannot be negative"))
	}
	if run == nil {
		return nil
	}
	limit, of := run.Tasks, "timeouts.tasks"
	if limit == nil {
		limit, of = run.Pipeline, "timeouts.pipeline"
	}
	if limited(limit) && d.Duration > limit.Duration {
		errs = append(errs, invalid(at, d.Duration.String(), "%s", fmt.Sprintf("%s is more than spec.%s, which is %s", d.Duration, of, limit.Duration)))
	}
	return errs
}
