package event

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/slipway-dev/slipway/api/slipway/v1alpha1"
	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
	"github.com/slipway-dev/slipway/pkg/forge"
	"github.com/slipway-dev/slipway/pkg/kube"
	"github.com/slipway-dev/slipway/pkg/trigger"
)

// locate finds the commit of an event that says a branch or tag at most; without one it is
// of the default branch. It returns a verdict where that ends the matter.
func (j *job) locate(ctx context.Context) (*verdict, error) {
	what := &j.in.Event
	if what.Commit != "" {
		return nil, nil
	}
	if what.Ref == "" {
		var err error
		if what.Ref, err = j.defaultBranch(ctx); err != nil {
			return &verdict{}, err
		}
	}
	if !strings.HasPrefix(what.Ref, "refs/") {
		what.Ref = forge.BranchRef(what.Ref)
	}
	if wanted, why := trigger.Wanted(j.repository, *what); !wanted {
		done := ignored("%s", why)
		return &done, nil
	}
	if what.Commit = j.event.Status.Commit; what.Commit != "" {
		return nil, nil
	}
	tip, err := j.forge.Tip(ctx, what.Ref)
	if errors.Is(err, forge.ErrNotFound) {
		return &verdict{}, refuse("the forge has no %s: %s", what.Ref, err)
	} else if err != nil {
		return &verdict{}, err
	}
	what.Commit, what.Message, what.Title = tip.Commit, tip.Message, forge.FirstLine(tip.Message)
	return j.pin(ctx, tip.Commit)
}

func (j *job) defaultBranch(ctx context.Context) (string, error) {
	if known := j.repository.Status.DefaultBranch; known != "" {
		return known, nil
	}
	info, err := j.forge.Repository(ctx)
	if err == nil && info.DefaultBranch == "" {
		err = refuse("the event names no branch, and the repository has no default branch yet")
	}
	return info.DefaultBranch, err
}

// pin notes the commit before anything is started on it: another attempt is to find what
// this one started, though the branch has moved on.
func (j *job) pin(ctx context.Context, commit string) (*verdict, error) {
	patch, err := json.Marshal(map[string]any{
		"metadata": map[string]string{"resourceVersion": j.event.ResourceVersion}, "status": map[string]string{"commit": commit}})
	if err == nil {
		err = j.Client.Status().Patch(ctx, j.event, client.RawPatch(types.MergePatchType, patch))
	}
	if err != nil {
		return &verdict{}, fmt.Errorf("note the commit: %w", err)
	}
	return nil, nil
}

// scheduled starts what a time asks for, as the concurrency policy of its schedule says.
func (j *job) scheduled(ctx context.Context) (verdict, error) {
	tick := j.in.Event.Schedule
	i := slices.IndexFunc(j.repository.Spec.Schedules, func(s v1alpha1.Schedule) bool { return s.Name == tick.Name })
	if i < 0 {
		return ignored("there is no schedule %s any more", tick.Name), nil
	}
	policy := cmp.Or(j.repository.Spec.Schedules[i].ConcurrencyPolicy, v1alpha1.AllowConcurrent)
	if policy == v1alpha1.AllowConcurrent {
		return j.start(ctx, nil)
	}
	before, err := j.running(ctx, tick.Name)
	if err != nil {
		return verdict{}, err
	}
	if policy == v1alpha1.ForbidConcurrent && len(before) > 0 {
		return ignored("%s of the time before still runs, and concurrencyPolicy of schedule %s is Forbid", before[0].Name, tick.Name), nil
	}
	done, err := j.start(ctx, nil)
	if err != nil || len(done.runs) == 0 {
		return done, err
	}
	for i := range before {
		err = errors.Join(err, j.cancel(ctx, &before[i]))
	}
	return done, err
}

// running is the runs of other times of the schedule that are not over.
func (j *job) running(ctx context.Context, schedule string) ([]v1.PipelineRun, error) {
	runs, err := kube.RunsOf(ctx, j.Client, j.repository)
	return slices.DeleteFunc(runs, func(r v1.PipelineRun) bool {
		return r.IsDone() || r.Annotations[v1alpha1.AnnotationSchedule] != schedule || r.Annotations[v1alpha1.AnnotationEvent] == j.event.Name
	}), err
}
