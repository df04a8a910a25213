package attest

import (
	"context"
	"fmt"

	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
	"github.com/slipway-dev/slipway/pkg/provenance"
)

// PipelineRuns marks a PipelineRun once all that its TaskRuns made is signed, and
// signs the images that only its own results name. The statements about its images
// are those of its TaskRuns.
type PipelineRuns struct{ Config }

// Reconcile takes one PipelineRun as far as it can be taken now.
func (r *PipelineRuns) Reconcile(ctx context.Context, req reconcile.Request) (reconcile.Result, error) {
	run := &v1.PipelineRun{}
	if err := r.Client.Get(ctx, req.NamespacedName, run); err != nil {
		return reconcile.Result{}, client.IgnoreNotFound(err)
	}
	if !pipelineRunDue(run) {
		return reconcile.Result{}, nil
	}
	children, err := r.children(ctx, run.Namespace, run.Name, string(run.UID))
	if err != nil {
		return reconcile.Result{}, err
	}
	images, err := provenance.PipelineImages(run.Status.Results)
	switch made := countMarked(children); {
	case waiting(children):
		// The mark of the last of them wakes the run.
		return reconcile.Result{}, nil
	case err == nil && len(images) == 0 && made == 0:
		return reconcile.Result{}, nil
	case err == nil:
		err = r.sign(ctx, children, images)
	}
	return r.conclude(ctx, run, run.Status.CompletionTime, err)
}

// waiting reports whether a TaskRun may still be marked. One that the cache shows
// as running counts: the PipelineRun is ahead of it there.
func waiting(children []v1.TaskRun) bool {
	for i := range children {
		if !children[i].IsDone() || taskRunDue(&children[i]) {
			return true
		}
	}
	return false
}

func countMarked(children []v1.TaskRun) int {
	n := 0
	for i := range children {
		if marked(&children[i].ObjectMeta) {
			n++
		}
	}
	return n
}

func (r *PipelineRuns) sign(ctx context.Context, children []v1.TaskRun, images []provenance.Image) error {
	for _, child := range children {
		if child.Annotations[provenance.AnnotationSigned] == provenance.SignedFailed {
			return fmt.Errorf("taskrun %s %w", child.Name, errChild)
		}
	}
	if len(images) == 0 {
		return nil
	}
	signer, _, err := r.Keyring.Signer(ctx)
	if err != nil {
		return err
	}
	for _, image := range images {
		if _, err := signer.Sign(ctx, image.Ref()); err != nil {
			return err
		}
	}
	return nil
}
