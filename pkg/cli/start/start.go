// Package start is `slipway start`.
package start

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/spf13/cobra"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
	"github.com/slipway-dev/slipway/pkg/cli/internal/cluster"
	"github.com/slipway-dev/slipway/pkg/cli/internal/env"
	"github.com/slipway-dev/slipway/pkg/cli/internal/follow"
	"github.com/slipway-dev/slipway/pkg/cli/internal/newrun"
	"github.com/slipway-dev/slipway/pkg/cli/internal/output"
	"github.com/slipway-dev/slipway/pkg/cli/internal/runs"
	"github.com/slipway-dev/slipway/pkg/suggest"
)

type options struct {
	newrun.Flags
	follow.Options
	print   *output.Flags
	last    bool
	showlog bool
	dryRun  bool
}

// NewCommand makes `slipway start`.
func NewCommand(e *env.Env) *cobra.Command {
	o := options{print: output.NewFlags()}
	cmd := &cobra.Command{
		Use:   "start PIPELINE | task/NAME",
		Short: "Start a Pipeline or Task of the cluster",
		Example: `  slipway start ci -p revision=main -w name=source,size=1Gi --showlog
  slipway start task/lint -w name=source,claimName=sources
  slipway start ci --last -p revision=v2       # as the last time, but for one parameter
  slipway start ci --dry-run -o yaml           # only show what would be created`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: runs.CompleteStartable(e),
		RunE: func(cmd *cobra.Command, args []string) error {
			return run(cmd.Context(), e, args[0], o)
		},
	}
	flags := cmd.Flags()
	o.Flags.AddTo(flags)
	flags.BoolVar(&o.last, "last", false, "take what is not given from the last run")
	flags.BoolVar(&o.showlog, "showlog", false, "follow the logs, and exit with the run's result")
	flags.BoolVar(&o.dryRun, "dry-run", false, "do not create the run, only show it (as YAML, or with -o)")
	flags.Bool("use-param-defaults", true, "take the defaults of parameters that are not given (always so)")
	o.print.AddTo(cmd)
	return cmd
}

func run(ctx context.Context, e *env.Env, arg string, o options) error {
	c, err := e.Cluster()
	if err != nil {
		return err
	}
	r, err := build(ctx, c, arg, o)
	if err != nil {
		return err
	}
	r.Object().SetNamespace(c.Namespace)
	if o.dryRun {
		return o.print.Or("yaml").Print(e.Out, r.Object())
	}
	if r, err = runs.Create(ctx, c, r, false); err != nil {
		return err
	}
	return announce(ctx, e, c, r, o)
}

func announce(ctx context.Context, e *env.Env, c *cluster.Cluster, r runs.Run, o options) error {
	switch {
	case o.print.Asked():
		if err := o.print.Print(e.Out, r.Object()); err != nil || !o.showlog {
			return err
		}
	case o.showlog:
		fmt.Fprintf(e.ErrOut, "%s %s started\n", r.Word(), r.Name())
	default:
		return say(e.Out, r)
	}
	o.Follow = true
	return follow.Run(ctx, e, c, r, o.Options)
}

func say(w io.Writer, r runs.Run) error {
	_, err := fmt.Fprintf(w, "%s %s started; see: slipway logs -f %s\n", r.Word(), r.Name(), r.Name())
	return err
}

func build(ctx context.Context, c *cluster.Cluster, arg string, o options) (runs.Run, error) {
	kind, name, err := runs.Split(arg)
	switch {
	case err != nil:
		return runs.Run{}, err
	case kind == "" || kind == v1.KindPipeline:
		return ofPipeline(ctx, c, name, o)
	case kind == v1.KindTask:
		return ofTask(ctx, c, name, o)
	default:
		return runs.Run{}, env.Usage("%s is a run already; start takes a pipeline or task/NAME", arg)
	}
}

func ofPipeline(ctx context.Context, c *cluster.Cluster, name string, o options) (runs.Run, error) {
	p, err := c.Pipelines().Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return runs.Run{}, notFound(ctx, c, "pipeline", name, err)
	}
	var last runs.Run
	if o.last {
		if last, err = lastOf(ctx, c, v1.KindPipelineRun, name); err != nil {
			return last, err
		}
	}
	pr, err := newrun.OfPipeline(p, last.PipelineRun, o.Build())
	return runs.Run{PipelineRun: pr}, usage(err)
}

func ofTask(ctx context.Context, c *cluster.Cluster, name string, o options) (runs.Run, error) {
	t, err := c.Tasks().Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return runs.Run{}, notFound(ctx, c, "task", name, err)
	}
	var last runs.Run
	if o.last {
		if last, err = lastOf(ctx, c, v1.KindTaskRun, name); err != nil {
			return last, err
		}
	}
	tr, err := newrun.OfTask(t, last.TaskRun, o.Build())
	return runs.Run{TaskRun: tr}, usage(err)
}

func usage(err error) error {
	if err == nil {
		return nil
	}
	return &env.ExitError{Code: env.ExitUsage, Err: err}
}

func lastOf(ctx context.Context, c *cluster.Cluster, kind, name string) (runs.Run, error) {
	all, err := runs.List(ctx, c, runs.ListOptions{Kind: kind})
	if err != nil {
		return runs.Run{}, err
	}
	for _, r := range all {
		if r.Of() == name {
			return r, nil
		}
	}
	return runs.Run{}, fmt.Errorf("--last: %q was not run yet in namespace %q; leave --last out", name, c.Namespace)
}

func notFound(ctx context.Context, c *cluster.Cluster, what, name string, err error) error {
	if !apierrors.IsNotFound(err) {
		return c.Explain(err)
	}
	if hint := c.NamespaceHint(ctx); hint != "" {
		return errors.New(hint)
	}
	known, err := runs.Startable(ctx, c)
	if err != nil {
		return err
	}
	if what == "pipeline" && slices.Contains(known, "task/"+name) {
		return fmt.Errorf("no pipeline named %q in namespace %q, but a task: slipway start task/%s", name, c.Namespace, name)
	}
	hint := suggest.DidYouMean("task/"+name, known)
	if what == "pipeline" {
		hint = cmp.Or(suggest.DidYouMean(name, known), hint)
	}
	return fmt.Errorf("no %s named %q in namespace %q%s", what, name, c.Namespace, hint)
}
