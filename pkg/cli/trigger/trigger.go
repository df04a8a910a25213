// Package trigger is `slipway trigger`.
package trigger

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/slipway-dev/slipway/api/slipway/v1alpha1"
	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
	"github.com/slipway-dev/slipway/pkg/cli/internal/cluster"
	"github.com/slipway-dev/slipway/pkg/cli/internal/env"
	"github.com/slipway-dev/slipway/pkg/cli/internal/follow"
	"github.com/slipway-dev/slipway/pkg/cli/internal/output"
	"github.com/slipway-dev/slipway/pkg/cli/internal/repositories"
	"github.com/slipway-dev/slipway/pkg/cli/internal/runs"
)

// pause is how long it is waited between two looks at the event.
const pause = 250 * time.Millisecond

type options struct {
	asked
	print   *output.Flags
	showlog bool
	timeout time.Duration
}

// NewCommand makes `slipway trigger`.
func NewCommand(e *env.Env) *cobra.Command {
	o := options{print: output.NewFlags()}
	cmd := &cobra.Command{
		Use:   "trigger [REPOSITORY [PIPELINE]]",
		Short: "Start the pipelines of a repository that an event would start, or one of them",
		Long: `Start the pipelines of a repository that an event would start, or one of them.

The pipelines are those of the commit, as for an event of the forge. PIPELINE is started whether or not its annotations
match. The repository need not be named where the namespace has one only.`,
		Example: `  slipway trigger app                          # as a push of the default branch would
  slipway trigger app --branch next --showlog
  slipway trigger app nightly -p level=full    # one pipeline, whatever it waits for
  slipway trigger app --event schedule
  slipway trigger app --pull-request 7`,
		Args:              cobra.MaximumNArgs(2),
		ValidArgsFunction: complete(e),
		RunE: func(cmd *cobra.Command, args []string) error {
			args = append(args, "", "")
			o.pipeline = args[1]
			return run(cmd.Context(), e, args[0], o)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&o.event, "event", "", "what to do as if it had happened: push (the default), pull_request, incoming, schedule or image")
	flags.StringVar(&o.branch, "branch", "", "branch, or the full name of a tag such as refs/tags/v1; the default branch if not given")
	flags.StringVar(&o.revision, "revision", "", "commit to run on, instead of the head of the branch")
	flags.Int64Var(&o.pull, "pull-request", 0, "number of the pull request that is as if updated")
	flags.StringArrayVarP(&o.params, "param", "p", nil, "value NAME=VALUE of a param of the repository, or of a variable (repeatable)")
	flags.BoolVar(&o.showlog, "showlog", false, "follow the logs, and exit with the result of the runs")
	flags.DurationVar(&o.timeout, "timeout", time.Minute, "time to wait for the runs to be started")
	if err := cmd.RegisterFlagCompletionFunc("event", cobra.FixedCompletions(kinds, cobra.ShellCompDirectiveNoFileComp)); err != nil {
		panic(err) // only if the flag is not made
	}
	o.print.AddTo(cmd)
	return cmd
}

// complete offers the repositories, and then the pipelines that ran last.
func complete(e *env.Env) runs.Completion {
	return func(cmd *cobra.Command, args []string, word string) ([]string, cobra.ShellCompDirective) {
		if len(args) != 1 {
			return repositories.Complete(e)(cmd, args, word)
		}
		return runs.CompleteBy(e, 0, func(ctx context.Context, c *cluster.Cluster) ([]string, error) {
			r, err := repositories.Find(ctx, c, args[0])
			if err != nil {
				return nil, err
			}
			return lastPipelines(r), nil
		})(cmd, nil, word)
	}
}

func run(ctx context.Context, e *env.Env, name string, o options) error {
	if err := errors.Join(o.check(), o.print.Check()); err != nil {
		return err
	}
	c, err := e.Cluster()
	if err != nil {
		return err
	}
	r, err := find(ctx, c, name)
	if err != nil {
		return err
	}
	made, err := o.make(r, e.Now())
	if err != nil {
		return err
	}
	if made, err = c.RepositoryEvents().Create(ctx, made, metav1.CreateOptions{}); err != nil {
		return c.Explain(err)
	}
	done, err := wait(ctx, c, made, o.timeout)
	if ctx.Err() != nil {
		fmt.Fprintf(e.ErrOut, "\nevent %s goes on; see: slipway events %s\n", made.Name, r.Name)
		return &env.ExitError{Code: env.ExitInterrupted}
	} else if err != nil {
		return err
	}
	return tell(ctx, e, c, done, o)
}

func find(ctx context.Context, c *cluster.Cluster, name string) (*v1alpha1.Repository, error) {
	if name == "" {
		return repositories.Only(ctx, c)
	}
	return repositories.Find(ctx, c, name)
}

// wait returns the event once it was worked off.
func wait(ctx context.Context, c *cluster.Cluster, event *v1alpha1.RepositoryEvent, patience time.Duration) (*v1alpha1.RepositoryEvent, error) {
	end := time.After(patience)
	for {
		switch event.Status.State {
		case v1alpha1.EventDone, v1alpha1.EventIgnored, v1alpha1.EventFailed:
			return event, nil
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-end:
			return nil, fmt.Errorf("event %s was not worked off within %s%s; it goes on, see: slipway events %s", event.Name, patience, why(event), event.Spec.Repository)
		case <-time.After(pause):
		}
		now, err := c.RepositoryEvents().Get(ctx, event.Name, metav1.GetOptions{})
		if err != nil {
			return nil, c.Explain(err)
		}
		event = now
	}
}

// why is what holds an event up, as far as it says so.
func why(event *v1alpha1.RepositoryEvent) string {
	if event.Status.Message == "" {
		return ""
	}
	return ": " + event.Status.Message
}

// tell prints what was started, and follows it where that is asked for.
func tell(ctx context.Context, e *env.Env, c *cluster.Cluster, event *v1alpha1.RepositoryEvent, o options) error {
	if len(event.Status.Runs) == 0 {
		return &env.ExitError{Code: env.ExitFailed, Err: fmt.Errorf("nothing was started: %s", event.Status.Message)}
	}
	list := v1.PipelineRunList{TypeMeta: metav1.TypeMeta{APIVersion: v1.SchemeGroupVersion.String(), Kind: "PipelineRunList"}}
	for _, name := range event.Status.Runs {
		started, err := c.PipelineRuns().Get(ctx, name, metav1.GetOptions{})
		if err != nil {
			return c.Explain(err)
		}
		list.Items = append(list.Items, *started)
	}
	if err := announce(e, &list, o); err != nil {
		return err
	}
	if event.Status.Message != "" { // some were started, and others are not right
		fmt.Fprintln(e.ErrOut, event.Status.Message)
	}
	var failed error
	for i := range list.Items {
		if !o.showlog {
			break
		}
		if err := follow.Run(ctx, e, c, runs.Run{PipelineRun: &list.Items[i]}, follow.Options{Follow: true}); err != nil {
			if ctx.Err() != nil {
				return err
			}
			failed = err
		}
	}
	return failed
}

func announce(e *env.Env, list *v1.PipelineRunList, o options) error {
	if o.print.Asked() {
		if len(list.Items) == 1 {
			return o.print.Print(e.Out, &list.Items[0])
		}
		return o.print.Print(e.Out, list)
	}
	for i := range list.Items {
		name := list.Items[i].Name
		if o.showlog {
			fmt.Fprintf(e.ErrOut, "pipelinerun %s started\n", name)
		} else if _, err := fmt.Fprintf(e.Out, "pipelinerun %s started; see: slipway logs -f %s\n", name, name); err != nil {
			return err
		}
	}
	return nil
}
