package logs

import (
	"context"
	"errors"
	"fmt"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
	"github.com/slipway-dev/slipway/pkg/cli/internal/cluster"
	"github.com/slipway-dev/slipway/pkg/cli/internal/runs"
	"github.com/slipway-dev/slipway/pkg/suggest"
)

// checkNames refuses --task and --step that the run does not have, as far as its tasks are known yet.
func checkNames(ctx context.Context, c *cluster.Cluster, r runs.Run, o options) error {
	if r.TaskRun != nil {
		if len(o.Tasks) > 0 {
			return errors.New("--task is for PipelineRuns; a TaskRun is one task: leave it out")
		}
		return known("step", o.Steps, stepNames(r.TaskRun.Status.TaskSpec), r)
	}
	spec := r.PipelineRun.Status.PipelineSpec
	if spec == nil {
		spec = r.PipelineRun.Spec.PipelineSpec
	}
	if spec == nil {
		return nil
	}
	var names []string
	for _, t := range slices.Concat(spec.Tasks, spec.Finally) {
		names = append(names, t.Name)
	}
	if err := known("task", o.Tasks, names, r); err != nil || len(o.Steps) == 0 || !r.Done() {
		return err
	}
	steps, err := stepsOf(ctx, c, r, o.Tasks)
	if err != nil {
		return err
	}
	return known("step", o.Steps, steps, r)
}

// stepsOf names the steps of a PipelineRun's tasks, or of those asked for.
func stepsOf(ctx context.Context, c *cluster.Cluster, r runs.Run, tasks []string) (names []string, err error) {
	list, err := c.TaskRuns().List(ctx, metav1.ListOptions{LabelSelector: v1.LabelPipelineRun + "=" + r.Name()})
	if err != nil {
		return nil, c.Explain(err)
	}
	for i := range list.Items {
		tr := &list.Items[i]
		if len(tasks) == 0 || slices.Contains(tasks, tr.Labels[v1.LabelPipelineTask]) {
			names = append(names, stepNames(tr.Status.TaskSpec)...)
		}
	}
	return names, nil
}

func stepNames(spec *v1.TaskSpec) (names []string) {
	if spec == nil {
		return nil
	}
	for i, s := range spec.Steps {
		if s.Name == "" {
			s.Name = fmt.Sprintf("unnamed-%d", i)
		}
		names = append(names, s.Name)
	}
	return names
}

func known(what string, asked, names []string, r runs.Run) error {
	if len(names) == 0 {
		return nil
	}
	for _, name := range asked {
		if !slices.Contains(names, name) {
			return fmt.Errorf("%s has no %s %q%s", r.Name(), what, name, suggest.DidYouMean(name, names))
		}
	}
	return nil
}
