package attest

import (
	"cmp"
	"context"
	"slices"

	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
	"github.com/slipway-dev/slipway/pkg/provenance"
)

// TaskRuns signs what finished TaskRuns made: each image once, however many runs
// name it, and a statement of each run beside each of its images.
type TaskRuns struct{ Config }

// Reconcile takes one TaskRun as far as it can be taken now.
func (r *TaskRuns) Reconcile(ctx context.Context, req reconcile.Request) (reconcile.Result, error) {
	run := &v1.TaskRun{}
	if err := r.Client.Get(ctx, req.NamespacedName, run); err != nil {
		return reconcile.Result{}, client.IgnoreNotFound(err)
	}
	if !taskRunDue(run) {
		return reconcile.Result{}, nil
	}
	return r.conclude(ctx, run, run.Status.CompletionTime, r.sign(ctx, run))
}

func (r *TaskRuns) sign(ctx context.Context, run *v1.TaskRun) error {
	signer, _, err := r.Keyring.Signer(ctx)
	if err != nil {
		return err
	}
	siblings, err := r.children(ctx, run.Namespace, run.Labels[v1.LabelPipelineRun], run.Labels[v1.LabelPipelineRunUID])
	if err != nil {
		return err
	}
	images, err := provenance.Images(run.Status.Results)
	if err != nil {
		return err
	}
	statement, err := provenance.ForTaskRun(provenance.Input{BuilderID: r.BuilderID, Run: run, Siblings: siblings})
	if err != nil {
		return err
	}
	for _, image := range images {
		if _, err := signer.Sign(ctx, image.Ref()); err != nil {
			return err
		}
		if _, err := signer.Attest(ctx, image.Ref(), statement); err != nil {
			return err
		}
	}
	return nil
}

// children lists the TaskRuns of a PipelineRun: none without a name. The UID, where
// both sides know it, tells a PipelineRun from an earlier one of its name.
func (c *Config) children(ctx context.Context, namespace, pipelineRun, uid string) ([]v1.TaskRun, error) {
	if pipelineRun == "" {
		return nil, nil
	}
	var found v1.TaskRunList
	if err := c.Client.List(ctx, &found, client.InNamespace(namespace), client.MatchingLabels{v1.LabelPipelineRun: pipelineRun}); err != nil {
		return nil, err
	}
	children := slices.DeleteFunc(found.Items, func(run v1.TaskRun) bool {
		its := run.Labels[v1.LabelPipelineRunUID]
		return its != "" && uid != "" && its != uid
	})
	slices.SortFunc(children, func(a, b v1.TaskRun) int { return cmp.Compare(a.Name, b.Name) })
	return children, nil
}
