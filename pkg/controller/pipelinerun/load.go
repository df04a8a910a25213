package pipelinerun

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
	"github.com/slipway-dev/slipway/api/tekton/v1beta1"
	"github.com/slipway-dev/slipway/pkg/expr"
	"github.com/slipway-dev/slipway/pkg/plan"
	"github.com/slipway-dev/slipway/pkg/plan/fill"
	"github.com/slipway-dev/slipway/pkg/resolve"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// load gathers what the decision rests on.
func (r *Reconciler) load(ctx context.Context, run *v1.PipelineRun) (plan.Input, error) {
	in := plan.Input{Run: run, Now: r.Now(), Defaults: r.Settings.Current().Plan()}
	if run.Malformed != nil && !run.IsDone() {
		return in, &userError{v1.PipelineRunReasonFailedValidation, run.Malformed}
	}
	if run.Status.PipelineSpec != nil {
		r.References.Forget(run.UID)
	}
	if run.Status.PipelineSpec == nil && !run.IsDone() && !run.IsPending() && !run.IsCancelled() {
		return in, r.resolve(ctx, &in)
	}
	if err := r.loadChildren(ctx, &in); err != nil {
		return in, err
	}
	if run.IsDone() {
		return in, r.clear(ctx, run)
	}
	if err := r.loadMembers(ctx, &in); err != nil {
		return in, err
	}
	return in, r.findUnseen(ctx, &in)
}

// permitted finds specs written in others where the installation forbids it.
func (r *Reconciler) permitted(run *v1.PipelineRun, spec *v1.PipelineSpec) error {
	set := r.Settings.Current()
	if run.Spec.PipelineSpec != nil && metav1.GetControllerOf(run) == nil && set.ForbidsInline("pipelinerun") {
		return &userError{v1.PipelineRunReasonFailedValidation,
			errors.New("spec.pipelineSpec: disable-inline-spec in configmap feature-flags forbids a Pipeline written in a PipelineRun: use pipelineRef")}
	}
	for _, t := range slices.Concat(spec.Tasks, spec.Finally) {
		if (t.TaskSpec != nil || t.PipelineSpec != nil) && set.ForbidsInline("pipeline") {
			return &userError{v1.PipelineRunReasonFailedValidation,
				fmt.Errorf("task %q: disable-inline-spec in configmap feature-flags forbids specs written in a Pipeline: use taskRef or pipelineRef", t.Name)}
		}
	}
	return nil
}

// resolve finds the Pipeline of a run that is about to start, and its Tasks.
func (r *Reconciler) resolve(ctx context.Context, in *plan.Input) error {
	run := in.Run
	spec := run.Spec.PipelineSpec
	if ref := run.Spec.PipelineRef; ref != nil {
		ref, err := filled(run, ref)
		if err != nil {
			return &userError{v1.PipelineRunReasonCouldntGetPipeline, fmt.Errorf("spec.pipelineRef.%w", err)}
		}
		found, err := r.References.Pipeline(ctx, asker(run), ref)
		if err != nil {
			return asUser(v1.PipelineRunReasonCouldntGetPipeline, fmt.Errorf("spec.%w", err))
		}
		if err := r.refuseLoop(ctx, run, found.Name); err != nil {
			return err
		}
		in.Pipeline = &v1.Pipeline{
			ObjectMeta: metav1.ObjectMeta{Name: found.Name, Labels: found.Labels, Annotations: found.Annotations}, Spec: *found.Spec.DeepCopy()}
		r.Settings.Current().PipelineSpec(&in.Pipeline.Spec)
		in.Provenance, spec = &v1.Provenance{RefSource: found.Source}, &in.Pipeline.Spec
	}
	if spec == nil {
		return nil
	}
	if err := r.permitted(run, spec); err != nil {
		return err
	}
	return r.resolveTasks(ctx, in, spec)
}

// asker is the run as the one that a reference is found for.
func asker(run *v1.PipelineRun) resolve.Asker {
	return resolve.Asker{Kind: v1.KindPipelineRun, Namespace: run.Namespace, Name: run.Name, UID: run.UID}
}

// filled is the reference with the run's own variables put in.
func filled(run *v1.PipelineRun, ref *v1.PipelineRef) (*v1.PipelineRef, error) {
	vars, err := runVars(nil, run)
	if err != nil {
		return nil, err
	}
	ref = ref.DeepCopy()
	return ref, resolve.Fill(&ref.Name, &ref.ResolverRef, vars)
}

// runVars are the variables that are known before the run starts.
func runVars(params v1.ParamSpecs, run *v1.PipelineRun) (expr.Vars, error) {
	vars, err := fill.Params(params, run.Spec.Params)
	vars.SetText("context.pipelineRun.name", run.Name)
	vars.SetText("context.pipelineRun.namespace", run.Namespace)
	vars.SetText("context.pipelineRun.uid", string(run.UID))
	return vars, err
}

// asUser gives the reason to a reference that leads nowhere; any other error
// is the world's and is tried again.
func asUser(reason v1.PipelineRunReason, err error) error {
	if nowhere := new(resolve.Error); errors.As(err, &nowhere) {
		return &userError{reason, err}
	}
	return err
}

// refuseLoop refuses a run whose pipeline is that of a run above it.
func (r *Reconciler) refuseLoop(ctx context.Context, run *v1.PipelineRun, pipeline string) error {
	chain := []string{pipeline}
	for at := run; ; {
		owner := metav1.GetControllerOf(at)
		if owner == nil || owner.Kind != "PipelineRun" {
			return nil
		}
		parent := &v1.PipelineRun{}
		if err := r.Client.Get(ctx, client.ObjectKey{Namespace: run.Namespace, Name: owner.Name}, parent); err != nil {
			return client.IgnoreNotFound(err)
		}
		above := parent.Labels[v1.LabelPipeline]
		chain = append(chain, above)
		if above == pipeline {
			slices.Reverse(chain)
			return &userError{v1.PipelineRunReasonInvalidGraph, fmt.Errorf("spec.pipelineRef: pipelines run each other: %s", strings.Join(chain, " → "))}
		}
		at = parent
	}
}

func (r *Reconciler) loadChildren(ctx context.Context, in *plan.Input) error {
	reader, options := client.Reader(r.Client), []client.ListOption{client.InNamespace(in.Run.Namespace), client.MatchingFields{ownerField: string(in.Run.UID)}}
	if _, unsure := r.unsure.Load(client.ObjectKeyFromObject(in.Run)); unsure {
		reader, options[1] = r.Live, client.MatchingLabels{v1.LabelPipelineRunUID: string(in.Run.UID)}
	}
	var taskRuns v1.TaskRunList
	var customRuns v1beta1.CustomRunList
	var pipelineRuns v1.PipelineRunList
	for _, list := range []client.ObjectList{&taskRuns, &customRuns, &pipelineRuns} {
		if err := reader.List(ctx, list, options...); err != nil {
			return fmt.Errorf("list children: %w", err)
		}
	}
	for i := range taskRuns.Items {
		in.TaskRuns = append(in.TaskRuns, &taskRuns.Items[i])
	}
	for i := range customRuns.Items {
		in.CustomRuns = append(in.CustomRuns, &customRuns.Items[i])
	}
	for i := range pipelineRuns.Items {
		in.PipelineRuns = append(in.PipelineRuns, &pipelineRuns.Items[i])
	}
	return nil
}

// findUnseen asks the API server for the children that the status names and
// the cache does not have: they are too new, or have been deleted.
func (r *Reconciler) findUnseen(ctx context.Context, in *plan.Input) error {
	seen := map[string]bool{}
	for _, c := range in.TaskRuns {
		seen[c.Name] = true
	}
	for _, c := range in.CustomRuns {
		seen[c.Name] = true
	}
	for _, c := range in.PipelineRuns {
		seen[c.Name] = true
	}
	in.Gone = map[string]bool{}
	for _, ref := range in.Run.Status.ChildReferences {
		if seen[ref.Name] {
			continue
		}
		o := childOf(ref.Kind)
		err := r.Live.Get(ctx, client.ObjectKey{Namespace: in.Run.Namespace, Name: ref.Name}, o)
		switch {
		case apierrors.IsNotFound(err):
			in.Gone[ref.Name] = true
			continue
		case err != nil:
			return fmt.Errorf("get %s %s: %w", ref.Kind, ref.Name, err)
		}
		switch child := o.(type) {
		case *v1.TaskRun:
			in.TaskRuns = append(in.TaskRuns, child)
		case *v1beta1.CustomRun:
			in.CustomRuns = append(in.CustomRuns, child)
		case *v1.PipelineRun:
			in.PipelineRuns = append(in.PipelineRuns, child)
		}
	}
	return nil
}
