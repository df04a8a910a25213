package event

import (
	"context"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/slipway-dev/slipway/api/slipway/v1alpha1"
	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
	"github.com/slipway-dev/slipway/pkg/kube"
)

// letGo starts the runs that wait, the oldest first, as far as the limit of the
// repository has room. All is counted from the runs themselves: a run that is
// deleted, or a controller that starts anew, leaves no place taken. A cache that
// does not show yet what was let go shows the same runs as the oldest, so that the
// same are let go again and no more.
func (r *Reconciler) letGo(ctx context.Context, of *v1alpha1.Repository) error {
	runs, err := kube.RunsOf(ctx, r.Client, of)
	if err != nil {
		return err
	}
	free := len(runs)
	if of.Spec.Concurrency != nil {
		free = int(of.Spec.Concurrency.Limit)
		for i := range runs {
			if !runs[i].IsDone() && !waits(&runs[i]) {
				free--
			}
		}
	}
	for i := range runs {
		if free <= 0 {
			return nil
		}
		if !waits(&runs[i]) {
			continue
		}
		free--
		if err := client.IgnoreNotFound(r.patchStatus(ctx, &runs[i], nil)); err != nil {
			return err
		}
	}
	return nil
}

// waits says whether a run is held back by its repository's limit, and not by whoever
// wrote it.
func waits(run *v1.PipelineRun) bool {
	return run.IsPending() && !run.IsDone() && run.Annotations[v1alpha1.AnnotationQueued] == "true"
}
