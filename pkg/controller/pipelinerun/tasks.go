package pipelinerun

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
	"github.com/slipway-dev/slipway/pkg/expr"
	"github.com/slipway-dev/slipway/pkg/plan"
	"github.com/slipway-dev/slipway/pkg/plan/fill"
	"github.com/slipway-dev/slipway/pkg/resolve"
)

// resolveTasks finds the Tasks that are known before anything runs, all at once: one
// that is not there ends the run before it has begun.
func (r *Reconciler) resolveTasks(ctx context.Context, in *plan.Input, spec *v1.PipelineSpec) error {
	in.Tasks = map[string]*v1.TaskSpec{}
	var pending error
	for _, t := range slices.Concat(spec.Tasks, spec.Finally) {
		ref, err := knownAhead(in.Run, spec, &t)
		if ref == nil || err != nil {
			continue // what is wrong with a variable is found, and said, with all else
		}
		task, err := r.References.Task(ctx, asker(in.Run), ref)
		switch {
		case errors.Is(err, resolve.ErrPending):
			pending = cmp.Or(pending, error(&taskPending{err}))
		case err != nil:
			return asUser(v1.PipelineRunReasonCouldntGetTask, fmt.Errorf("task %q: %w", t.Name, err))
		default:
			in.Tasks[t.Name] = task.Spec
		}
	}
	return pending
}

// taskPending is resolve.ErrPending for one of the run's Tasks.
type taskPending struct{ err error }

func (e *taskPending) Error() string { return e.err.Error() }
func (e *taskPending) Unwrap() error { return e.err }

// knownAhead is the reference of a task to what does not depend on the results of
// others or on a cell of its matrix; nil for all other tasks, whose runs find theirs.
func knownAhead(run *v1.PipelineRun, spec *v1.PipelineSpec, t *v1.PipelineTask) (*v1.TaskRef, error) {
	if t.TaskRef == nil || t.TaskRef.IsCustomTask() {
		return nil, nil
	}
	vars, err := runVars(spec.Params, run)
	if err != nil {
		return nil, err
	}
	ref := t.TaskRef.DeepCopy()
	if err := resolve.Fill(&ref.Name, &ref.ResolverRef, vars); err != nil {
		return nil, err
	}
	left := expr.References(ref.Name)
	for _, p := range ref.Params {
		left = append(left, fill.ReferencesIn(p.Value)...)
	}
	if len(left) > 0 {
		return nil, nil
	}
	return ref, nil
}
