package event

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/slipway-dev/slipway/api/slipway/v1alpha1"
	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
	"github.com/slipway-dev/slipway/pkg/kube"
	"github.com/slipway-dev/slipway/pkg/trigger"
)

// receivedFormat sorts as text in the order of time.
const receivedFormat = "2006-01-02T15:04:05.000000Z"

// create makes the runs, ends those that they replace, and removes old ones beyond
// what is kept. It returns the names of all that are there by now.
func (j *job) create(ctx context.Context, runs []trigger.Run) (names []string, problems []trigger.Problem, err error) {
	if len(runs) == 0 {
		return nil, nil, nil
	}
	before, err := kube.RunsOf(ctx, j.Client, j.repository)
	if err != nil {
		return nil, nil, err
	}
	for _, run := range runs {
		j.complete(run)
		err := j.Client.Create(ctx, run.Object)
		if apierrors.IsAlreadyExists(err) {
			err = j.adopt(ctx, run.Object)
		}
		if kube.IsRefused(err) {
			problems = append(problems, trigger.Problem{Message: fmt.Sprintf("pipeline %s: %s", run.Pipeline, err)})
			continue
		}
		if err != nil {
			return nil, nil, err
		}
		names = append(names, run.Object.Name)
		if run.CancelInProgress {
			if err := j.cancelOlder(ctx, run.Object, before); err != nil {
				return nil, nil, err
			}
		}
		if run.MaxKeep > 0 {
			if err := j.prune(ctx, run, before); err != nil {
				return nil, nil, err
			}
		}
	}
	// The runs that wait are let go once the cache shows them.
	return names, problems, nil
}

// adopt takes a run of that name for the one to create if it is of the same repository.
func (j *job) adopt(ctx context.Context, run *v1.PipelineRun) error {
	var there v1.PipelineRun
	if err := j.Live.Get(ctx, client.ObjectKeyFromObject(run), &there); err != nil {
		return err
	}
	if v1alpha1.OwnedBy(&there) != j.repository.Name {
		return apierrors.NewForbidden(v1.SchemeGroupVersion.WithResource("pipelineruns").GroupResource(), run.Name,
			fmt.Errorf("a run of that name is there that is not of repository %s", j.repository.Name))
	}
	return nil
}

// complete adds to a run what it takes its place in the cluster by.
func (j *job) complete(run trigger.Run) {
	o := run.Object
	o.Namespace = j.repository.Namespace
	o.OwnerReferences = []metav1.OwnerReference{*v1alpha1.OwnerReference(j.repository)}
	if o.Annotations == nil {
		o.Annotations = map[string]string{}
	}
	// What the commit's YAML says of these is not so.
	delete(o.Annotations, v1alpha1.AnnotationReported)
	delete(o.Annotations, v1alpha1.AnnotationQueued)
	delete(o.Annotations, v1alpha1.AnnotationSchedule)
	o.Annotations[v1alpha1.AnnotationEvent] = j.event.Name
	o.Annotations[v1alpha1.AnnotationReceived] = received(j.event.Spec.Received.Time)
	if tick := j.in.Event.Schedule; tick != nil {
		o.Annotations[v1alpha1.AnnotationSchedule] = tick.Name
	}
	if run.CancelInProgress {
		o.Annotations[v1alpha1.AnnotationCancelInProgress] = "true"
	}
	// Whether there is room is only known when all that were created before are seen.
	if j.repository.Spec.Concurrency != nil && o.Spec.Status == "" {
		o.Spec.Status = v1.PipelineRunSpecStatusPending
		o.Annotations[v1alpha1.AnnotationQueued] = "true"
	}
}

func received(at time.Time) string { return at.UTC().Format(receivedFormat) }

// cancelOlder ends the runs of the same pipeline and pull request, or branch, that are
// of earlier events. What is found by reading the repository again may be older than
// it looks, and ends none.
func (j *job) cancelOlder(ctx context.Context, run *v1.PipelineRun, before []v1.PipelineRun) error {
	if j.event.Spec.Origin == v1alpha1.OriginCatchUp {
		return nil
	}
	for i := range before {
		old := &before[i]
		if old.Name == run.Name || !sameLine(old, run) || old.Annotations[v1alpha1.AnnotationReceived] >= run.Annotations[v1alpha1.AnnotationReceived] {
			continue
		}
		if err := j.cancel(ctx, old); err != nil {
			return err
		}
	}
	return nil
}

// sameLine says whether two runs are of the same pipeline and of the same pull
// request, or branch.
func sameLine(a, b *v1.PipelineRun) bool {
	return a.Annotations[v1alpha1.AnnotationPipeline] == b.Annotations[v1alpha1.AnnotationPipeline] &&
		a.Labels[v1alpha1.LabelPullRequest] == b.Labels[v1alpha1.LabelPullRequest] &&
		a.Annotations[v1alpha1.AnnotationRef] == b.Annotations[v1alpha1.AnnotationRef]
}

// cancel ends a run, its finally tasks after it, unless it is ending already.
func (r *Reconciler) cancel(ctx context.Context, run *v1.PipelineRun) error {
	status := v1.PipelineRunSpecStatusCancelledRunFinally
	switch {
	case run.IsDone() || run.IsCancelled() || run.IsGracefullyCancelled() || run.IsGracefullyStopped():
		return nil
	case run.IsPending():
		status = v1.PipelineRunSpecStatusCancelled
	}
	return client.IgnoreNotFound(r.patchStatus(ctx, run, string(status)))
}

// patchStatus sets spec.status of the run as it was seen: what somebody else has asked
// for since is not undone.
func (r *Reconciler) patchStatus(ctx context.Context, run *v1.PipelineRun, status any) error {
	patch, err := json.Marshal(map[string]any{
		"metadata": map[string]string{"resourceVersion": run.ResourceVersion}, "spec": map[string]any{"status": status}})
	if err != nil {
		return err
	}
	return r.Client.Patch(ctx, run.DeepCopy(), client.RawPatch(types.MergePatchType, patch))
}

// cancelClosed ends the runs of a pull request that is closed, as far as they said so.
func (j *job) cancelClosed(ctx context.Context, number int64) error {
	runs, err := kube.RunsOf(ctx, j.Client, j.repository)
	if err != nil {
		return err
	}
	for i := range runs {
		if runs[i].Labels[v1alpha1.LabelPullRequest] == fmt.Sprint(number) && runs[i].Annotations[v1alpha1.AnnotationCancelInProgress] == "true" {
			if err := j.cancel(ctx, &runs[i]); err != nil {
				return err
			}
		}
	}
	return nil
}

// prune deletes the oldest finished runs of the pipeline beyond those that are kept.
func (j *job) prune(ctx context.Context, run trigger.Run, before []v1.PipelineRun) error {
	kept := 0
	for i := len(before) - 1; i >= 0; i-- {
		old := &before[i]
		if old.Name == run.Object.Name || !old.IsDone() || old.Annotations[v1alpha1.AnnotationPipeline] != run.Object.Annotations[v1alpha1.AnnotationPipeline] {
			continue
		}
		if kept++; kept <= run.MaxKeep {
			continue
		}
		if err := j.Client.Delete(ctx, old, client.PropagationPolicy(metav1.DeletePropagationBackground)); client.IgnoreNotFound(err) != nil {
			return err
		}
	}
	return nil
}
