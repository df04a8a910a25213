// Package cancel is `slipway cancel`.
package cancel

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"

	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
	"github.com/slipway-dev/slipway/pkg/cli/internal/cluster"
	"github.com/slipway-dev/slipway/pkg/cli/internal/env"
	"github.com/slipway-dev/slipway/pkg/cli/internal/output"
	"github.com/slipway-dev/slipway/pkg/cli/internal/runs"
	"github.com/slipway-dev/slipway/pkg/suggest"
)

type options struct {
	print    *output.Flags
	graceful string
	last     bool
}

// modes of --graceful and what they make of spec.status.
var modes = map[string]v1.PipelineRunSpecStatus{
	"":       v1.PipelineRunSpecStatusCancelled,
	"cancel": v1.PipelineRunSpecStatusCancelledRunFinally,
	"stop":   v1.PipelineRunSpecStatusStoppedRunFinally,
}

// NewCommand makes `slipway cancel`.
func NewCommand(e *env.Env) *cobra.Command {
	o := options{print: output.NewFlags()}
	cmd := &cobra.Command{
		Use:   "cancel RUN",
		Short: "End a run",
		Long: `End a run.

Without --graceful everything is ended at once. With --graceful=cancel the tasks are ended and the finally tasks still
run; with --graceful=stop the tasks that run may end, no new one starts, and then the finally tasks run.`,
		Example: `  slipway cancel ci-x7k2p
  slipway cancel ci-x7k2p --graceful stop`,
		Args:              cobra.MaximumNArgs(1),
		ValidArgsFunction: runs.Complete(e, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return run(cmd.Context(), e, args, o)
		},
	}
	cmd.Flags().StringVar(&o.graceful, "graceful", "", "how to go easy on a PipelineRun: stop or cancel")
	cmd.Flags().BoolVarP(&o.last, "last", "L", false, "the newest run")
	if err := cmd.RegisterFlagCompletionFunc("graceful", cobra.FixedCompletions([]string{"stop", "cancel"}, cobra.ShellCompDirectiveNoFileComp)); err != nil {
		panic(err) // only if the flag above has another name
	}
	o.print.AddTo(cmd)
	return cmd
}

func run(ctx context.Context, e *env.Env, args []string, o options) error {
	status, ok := modes[o.graceful]
	if !ok {
		return env.Usage("--graceful %s: it is stop or cancel%s", o.graceful, suggest.DidYouMean(o.graceful, []string{"stop", "cancel"}))
	}
	if err := o.print.Check(); err != nil {
		return err
	}
	if len(args) == 0 && !o.last {
		return env.Usage("which run? name it, or say --last for the newest")
	}
	c, err := e.Cluster()
	if err != nil {
		return err
	}
	r, err := runs.Choose(ctx, c, args, o.last)
	if err != nil {
		return err
	}
	if r.Done() {
		return fmt.Errorf("%s %s is over already: %s", r.Word(), r.Name(), r.Reason())
	}
	if r.TaskRun != nil && o.graceful != "" {
		return env.Usage("--graceful is for PipelineRuns: a TaskRun has no finally tasks")
	}
	ending, err := patch(ctx, c, r, status)
	if err != nil {
		return c.Explain(err)
	}
	if o.print.Asked() {
		return o.print.Print(e.Out, ending)
	}
	_, err = fmt.Fprintf(e.Out, "%s %s is being ended\n", r.Word(), r.Name())
	return err
}

func patch(ctx context.Context, c *cluster.Cluster, r runs.Run, status v1.PipelineRunSpecStatus) (runtime.Object, error) {
	spec := map[string]any{"status": status}
	if r.TaskRun != nil {
		spec["status"] = v1.TaskRunSpecStatusCancelled
	}
	body, err := json.Marshal(map[string]any{"spec": spec})
	if err != nil {
		return nil, err
	}
	if r.TaskRun != nil {
		return c.TaskRuns().Patch(ctx, r.Name(), types.MergePatchType, body, metav1.PatchOptions{})
	}
	return c.PipelineRuns().Patch(ctx, r.Name(), types.MergePatchType, body, metav1.PatchOptions{})
}
