package plan

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"

	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
	"github.com/slipway-dev/slipway/api/tekton/validation"
	"github.com/slipway-dev/slipway/api/tekton/validation/unsupported"
	"github.com/slipway-dev/slipway/pkg/expr"
	"github.com/slipway-dev/slipway/pkg/plan/check"
	"github.com/slipway-dev/slipway/pkg/plan/fill"
	"github.com/slipway-dev/slipway/pkg/plan/matrix"
	"github.com/slipway-dev/slipway/pkg/plan/names"
	"github.com/slipway-dev/slipway/pkg/untrusted"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// userError marks the failures that are for the user to mend, so that they
// can be told from those of the cluster in dashboards.
const userError = "[User error] "

// hold answers for a run that is held back.
func (d *Decision) hold(in Input) {
	d.set(in, corev1.ConditionUnknown, v1.PipelineRunReasonPending, fmt.Sprintf("PipelineRun %q is pending", in.Run.Name))
}

// start checks the run against its pipeline and pins the pipeline in the status,
// with the variables that are known put in.
func (d *Decision) start(in Input) {
	d.Status.ObservedGeneration = in.Run.Generation
	d.Status.StartTime = &metav1.Time{Time: in.Now}
	d.Status.Provenance = in.Provenance
	if in.Run.IsCancelled() {
		d.finish(in, corev1.ConditionFalse, v1.PipelineRunReasonCancelled, cancelledMessage(in.Run))
		return
	}
	spec := specOf(in)
	if spec == nil {
		d.fail(in, v1.PipelineRunReasonCouldntGetPipeline, errors.New("spec: needs a pipelineRef or a pipelineSpec"))
		return
	}
	spec = spec.DeepCopy()
	spec.SetDefaults()
	d.Status.PipelineSpec = spec
	if reason, err := pin(in, spec); err != nil {
		d.fail(in, reason, worded(in.Run, err))
		return
	}
	d.Labels, d.Annotations = inherited(in)
	if err := d.share(in, spec); err != nil {
		d.fail(in, v1.PipelineRunReasonFailedValidation, err)
		return
	}
	d.set(in, corev1.ConditionUnknown, v1.PipelineRunReasonStarted, "")
}

func specOf(in Input) *v1.PipelineSpec {
	switch {
	case in.Run.Spec.PipelineSpec != nil:
		return in.Run.Spec.PipelineSpec
	case in.Pipeline != nil:
		return &in.Pipeline.Spec
	}
	return nil
}

// pin validates spec and substitutes in it.
func pin(in Input, spec *v1.PipelineSpec) (v1.PipelineRunReason, error) {
	if _, err := graphOf(spec); err != nil {
		return v1.PipelineRunReasonInvalidGraph, check.GraphError(spec, err)
	}
	if reason, err := check.Params(spec.Params, in.Run.Spec.Params); err != nil {
		return reason, err
	}
	if reason, err := check.Bindings(in.Run, spec); err != nil {
		return reason, err
	}
	vars, err := runVars(in, spec)
	if err != nil {
		return v1.PipelineRunReasonFailedValidation, err
	}
	if reason, err := fill.Pipeline(spec, vars, untrusted.Of(in.Run.Annotations)); err != nil {
		return reason, err
	}
	for _, t := range slices.Concat(spec.Tasks, spec.Finally) {
		if err := matrix.Check(&t, in.Defaults.MaxMatrix); err != nil {
			return v1.PipelineRunReasonFailedValidation, err
		}
	}
	if reason, err := check.Tasks(in.Run, spec, check.Given{Tasks: in.Tasks, Workspace: in.Defaults.Workspace}); err != nil {
		return reason, err
	}
	return validate(in)
}

// validate looks for all else that can be wrong, in what the user wrote, and for
// what nothing here acts on: it comes last because it knows no reason but one.
func validate(in Input) (v1.PipelineRunReason, error) {
	run, spec := in.Run.DeepCopy(), field.NewPath("spec")
	run.SetDefaults()
	errs := append(validation.PipelineRun(run), unsupported.PipelineRun(&run.Spec, spec)...)
	if in.Pipeline != nil {
		pipeline := in.Pipeline.DeepCopy()
		pipeline.SetDefaults()
		errs = append(errs, validation.Pipeline(pipeline)...)
		errs = append(errs, unsupported.PipelineSpec(&pipeline.Spec, spec)...)
		errs = append(errs, unsupported.TaskRunSpecs(&run.Spec, &pipeline.Spec, spec)...)
	}
	if err := validation.Err(errs); err != nil {
		return v1.PipelineRunReasonFailedValidation, err
	}
	return "", nil
}

// worded has the failure of a run that is wrong on its face say so as admission
// does, which was not there when the run was made.
func worded(run *v1.PipelineRun, err error) error {
	run = run.DeepCopy()
	run.SetDefaults()
	return cmp.Or(validation.Err(validation.PipelineRun(run)), err)
}

// runVars are the variables that are known when a run starts.
func runVars(in Input, spec *v1.PipelineSpec) (expr.Vars, error) {
	vars, err := fill.Params(spec.Params, in.Run.Spec.Params)
	if err != nil {
		return vars, err
	}
	vars.SetText("context.pipelineRun.name", in.Run.Name)
	vars.SetText("context.pipelineRun.namespace", in.Run.Namespace)
	vars.SetText("context.pipelineRun.uid", string(in.Run.UID))
	vars.SetText("context.pipeline.name", contextName(in))
	for _, w := range spec.Workspaces {
		vars.SetText("workspaces."+w.Name+".bound", "false")
	}
	for _, w := range in.Run.Spec.Workspaces {
		vars.SetText("workspaces."+w.Name+".bound", "true")
	}
	return vars, nil
}

// contextName is $(context.pipeline.name): that of a Pipeline, or of the run
// that carries its pipeline in itself.
func contextName(in Input) string {
	if in.Pipeline != nil {
		return in.Pipeline.Name
	}
	return in.Run.Name
}

// inherited are the labels and annotations that a run takes from its Pipeline.
// Its own come first.
func inherited(in Input) (labels, annotations map[string]string) {
	labels, annotations = map[string]string{}, map[string]string{}
	if in.Pipeline != nil {
		maps.Copy(labels, in.Pipeline.Labels)
		maps.Copy(annotations, in.Pipeline.Annotations)
		delete(annotations, corev1.LastAppliedConfigAnnotation)
	}
	labels[v1.LabelPipeline] = names.Pipeline(in.Run, in.Pipeline)
	maps.DeleteFunc(labels, func(k, _ string) bool { _, has := in.Run.Labels[k]; return has })
	maps.DeleteFunc(annotations, func(k, _ string) bool { _, has := in.Run.Annotations[k]; return has })
	return labels, annotations
}
