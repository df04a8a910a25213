// Package run is `slipway run`.
package run

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
	"github.com/slipway-dev/slipway/pkg/cli/internal/cluster"
	"github.com/slipway-dev/slipway/pkg/cli/internal/env"
	"github.com/slipway-dev/slipway/pkg/cli/internal/follow"
	"github.com/slipway-dev/slipway/pkg/cli/internal/newrun"
	"github.com/slipway-dev/slipway/pkg/cli/internal/output"
	"github.com/slipway-dev/slipway/pkg/cli/internal/runs"
)

type options struct {
	newrun.Flags
	follow.Options
	print  *output.Flags
	files  []string
	detach bool
	dryRun bool
}

// NewCommand makes `slipway run`.
func NewCommand(e *env.Env) *cobra.Command {
	o := options{print: output.NewFlags()}
	cmd := &cobra.Command{
		Use:   "run -f FILE|DIR",
		Short: "Run what is in files: apply the Tasks and Pipelines, create the runs, follow the logs",
		Long: `Run what is in files.

Tasks, Pipelines and StepActions are applied to the cluster, PipelineRuns and TaskRuns are created, and their logs are
followed one after another. Files without a run but with one Pipeline (or no Pipeline and one Task) have that one run,
with the parameters and workspaces of -p and -w.

The exit code is that of the first run that did not succeed: 1 failed, 3 cancelled, 4 timed out. It is 2 if a file is
not right, and then nothing was created.`,
		Example: `  slipway run -f ci.yaml
  slipway run -f .tekton/ -p revision=main -w name=source,size=1Gi
  kustomize build . | slipway run -f - --detach -o name`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return run(cmd.Context(), e, o)
		},
	}
	flags := cmd.Flags()
	flags.StringSliceVarP(&o.files, "filename", "f", nil, "file, folder, or - for standard input (repeatable, required)")
	flags.BoolVar(&o.detach, "detach", false, "do not follow the logs")
	flags.BoolVar(&o.dryRun, "dry-run", false, "let the cluster check everything, but change nothing")
	o.Flags.AddTo(flags)
	o.print.AddTo(cmd)
	return cmd
}

func run(ctx context.Context, e *env.Env, o options) error {
	if err := o.print.Check(); err != nil {
		return err
	}
	if len(o.files) == 0 {
		return env.Usage("run what? give -f FILE, or start what is in the cluster: slipway start PIPELINE")
	}
	objects, err := read(e.In, o.files)
	if err != nil {
		return &env.ExitError{Code: env.ExitUsage, Err: err}
	}
	work, err := sortOut(objects, o)
	if err != nil {
		return &env.ExitError{Code: env.ExitUsage, Err: err}
	}
	c, err := e.Cluster()
	if err != nil {
		return err
	}
	if err := sameNamespace(objects, e, c); err != nil {
		return &env.ExitError{Code: env.ExitUsage, Err: err}
	}
	for _, d := range work.definitions {
		what, err := apply(ctx, c, d, o.dryRun)
		if err != nil {
			return err
		}
		fmt.Fprintf(e.ErrOut, "%s %s applied%s\n", what, d.GetName(), map[bool]string{true: " (dry run)"}[o.dryRun])
	}
	created, err := create(ctx, e, c, work.runs, o)
	if err != nil || o.detach || o.dryRun {
		return err
	}
	return followAll(ctx, e, c, created, o)
}

// work is what is to be done with the objects of the files.
type work struct {
	definitions []cluster.Object
	runs        []runs.Run
}

// sortOut tells definitions from runs, and makes a run where there is none but no doubt what to run.
func sortOut(objects []cluster.Object, o options) (work, error) {
	var w work
	var pipelines []*v1.Pipeline
	var tasks []*v1.Task
	for _, object := range objects {
		switch object := object.(type) {
		case *v1.PipelineRun:
			w.runs = append(w.runs, runs.Run{PipelineRun: object})
			continue
		case *v1.TaskRun:
			w.runs = append(w.runs, runs.Run{TaskRun: object})
			continue
		case *v1.Pipeline:
			pipelines = append(pipelines, object)
		case *v1.Task:
			tasks = append(tasks, object)
		}
		w.definitions = append(w.definitions, object)
	}
	if len(w.runs) > 0 {
		if len(o.Params)+len(o.Workspaces) > 0 {
			return w, errors.New("--param and --workspace are for files without a run: the run in these has its own")
		}
		return w, nil
	}
	made, err := only(pipelines, tasks, o.Build())
	w.runs = []runs.Run{made}
	return w, err
}

// only makes a run of the only Pipeline, or without one of the only Task.
func only(pipelines []*v1.Pipeline, tasks []*v1.Task, o newrun.Options) (r runs.Run, err error) {
	switch {
	case len(pipelines) == 1:
		r.PipelineRun, err = newrun.OfPipeline(pipelines[0], nil, o)
		if err == nil {
			r.PipelineRun.Namespace = pipelines[0].Namespace
		}
	case len(pipelines) == 0 && len(tasks) == 1:
		r.TaskRun, err = newrun.OfTask(tasks[0], nil, o)
		if err == nil {
			r.TaskRun.Namespace = tasks[0].Namespace
		}
	case len(pipelines)+len(tasks) == 0:
		err = errors.New("there is nothing to run in these files: no PipelineRun, TaskRun, Pipeline or Task")
	default:
		err = fmt.Errorf("there is no run in these files, and which of the %d pipelines and %d tasks to run is not clear; add a PipelineRun", len(pipelines), len(tasks))
	}
	return r, err
}

func create(ctx context.Context, e *env.Env, c *cluster.Cluster, wanted []runs.Run, o options) ([]runs.Run, error) {
	var created []runs.Run
	for _, r := range wanted {
		r, err := runs.Create(ctx, c, r, o.dryRun)
		if err != nil {
			return nil, err
		}
		created = append(created, r)
		switch {
		case o.print.Asked():
			err = o.print.Print(e.Out, r.Object())
		case o.dryRun:
			_, err = fmt.Fprintf(e.Out, "%s %s would be created\n", r.Word(), r.Name())
		case o.detach:
			_, err = fmt.Fprintf(e.Out, "%s %s started; see: slipway logs -f %s\n", r.Word(), r.Name(), r.Name())
		default:
			_, err = fmt.Fprintf(e.ErrOut, "%s %s started\n", r.Word(), r.Name())
		}
		if err != nil {
			return nil, err
		}
	}
	return created, nil
}

// followAll follows every run, and returns the result of the first that did not succeed.
func followAll(ctx context.Context, e *env.Env, c *cluster.Cluster, created []runs.Run, o options) (first error) {
	o.Follow = true
	for _, r := range created {
		err := follow.Run(ctx, e, c.In(r.Object().GetNamespace()), r, o.Options)
		if first == nil {
			first = err
		}
		if ctx.Err() != nil {
			return err
		}
	}
	return first
}
