// Package logs is `slipway logs`.
package logs

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/slipway-dev/slipway/pkg/cli/internal/env"
	"github.com/slipway-dev/slipway/pkg/cli/internal/follow"
	"github.com/slipway-dev/slipway/pkg/cli/internal/runs"
)

type options struct {
	follow.Options
	args []string
	last bool
}

// NewCommand makes `slipway logs`.
func NewCommand(e *env.Env) *cobra.Command {
	var o options
	cmd := &cobra.Command{
		Use:   "logs [RUN]",
		Short: "Show the logs of a run",
		Long: `Show the logs of a PipelineRun or TaskRun: the steps of a task in order, the tasks by their start.

Without RUN the newest run is meant. With -f the logs are shown live until the run ends, and the exit code is the
run's: 0 succeeded, 1 failed, 3 cancelled, 4 timed out.`,
		Example: `  slipway logs ci-x7k2p              # what was written so far
  slipway logs -f                    # the newest run, live
  slipway logs ci-x7k2p --task test --step unit
  slipway logs taskrun/lint-4fz2c    # if a PipelineRun has the same name`,
		Args:              cobra.MaximumNArgs(1),
		ValidArgsFunction: runs.Complete(e, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.args = args
			return run(cmd.Context(), e, o)
		},
	}
	flags := cmd.Flags()
	flags.BoolVarP(&o.Follow, "follow", "f", false, "show the logs live until the run ends")
	flags.StringSliceVarP(&o.Tasks, "task", "t", nil, "only these tasks of the pipeline")
	flags.StringSliceVar(&o.Steps, "step", nil, "only these steps")
	flags.BoolVarP(&o.last, "last", "L", false, "the newest run, as when no RUN is given")
	flags.BoolVar(&o.NoPrefix, "no-prefix", false, "leave out [task : step]")
	flags.BoolVar(&o.Times, "timestamps", false, "put the time before each line")
	return cmd
}

func run(ctx context.Context, e *env.Env, o options) error {
	c, err := e.Cluster()
	if err != nil {
		return err
	}
	r, err := runs.Choose(ctx, c, o.args, o.last)
	if err != nil {
		return err
	}
	if err := checkNames(ctx, c, r, o); err != nil {
		return err
	}
	return follow.Run(ctx, e, c, r, o.Options)
}
