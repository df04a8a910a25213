// Package describe is `slipway describe`.
package describe

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
	"github.com/slipway-dev/slipway/pkg/cli/internal/cluster"
	"github.com/slipway-dev/slipway/pkg/cli/internal/env"
	"github.com/slipway-dev/slipway/pkg/cli/internal/output"
	"github.com/slipway-dev/slipway/pkg/cli/internal/runs"
	"github.com/slipway-dev/slipway/pkg/suggest"
)

type options struct {
	print *output.Flags
	last  bool
}

// NewCommand makes `slipway describe`.
func NewCommand(e *env.Env) *cobra.Command {
	o := options{print: output.NewFlags()}
	cmd := &cobra.Command{
		Use:     "describe [RUN | pipeline/NAME | task/NAME]",
		Aliases: []string{"desc"},
		Short:   "Show a run as a tree with states and times, or what a Pipeline or Task asks for",
		Example: `  slipway describe                 # the newest run
  slipway describe ci-x7k2p
  slipway describe pipeline/ci`,
		Args:              cobra.MaximumNArgs(1),
		ValidArgsFunction: runs.Complete(e, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return run(cmd.Context(), e, args, o)
		},
	}
	cmd.Flags().BoolVarP(&o.last, "last", "L", false, "the newest run, as when nothing is named")
	o.print.AddTo(cmd)
	return cmd
}

func run(ctx context.Context, e *env.Env, args []string, o options) error {
	if err := o.print.Check(); err != nil {
		return err
	}
	c, err := e.Cluster()
	if err != nil {
		return err
	}
	if len(args) > 0 {
		kind, name, err := runs.Split(args[0])
		if err != nil {
			return err
		}
		switch kind {
		case v1.KindPipeline:
			return pipeline(ctx, e, c, name, o)
		case v1.KindTask:
			return task(ctx, e, c, name, o)
		}
	}
	r, err := runs.Choose(ctx, c, args, o.last)
	if err != nil {
		return err
	}
	if o.print.Asked() {
		return o.print.Print(e.Out, r.Object())
	}
	page := &page{style: e.Style, now: e.Now()}
	if r.TaskRun != nil {
		page.taskRun(r)
		return page.send(e.Out)
	}
	children, err := c.TaskRuns().List(ctx, metav1.ListOptions{LabelSelector: v1.LabelPipelineRun + "=" + r.Name()})
	if err != nil {
		return c.Explain(err)
	}
	page.pipelineRun(r, children.Items)
	return page.send(e.Out)
}

func pipeline(ctx context.Context, e *env.Env, c *cluster.Cluster, name string, o options) error {
	p, err := c.Pipelines().Get(ctx, name, metav1.GetOptions{})
	switch {
	case err != nil:
		return notFound(ctx, c, "pipeline", name, err)
	case o.print.Asked():
		return o.print.Print(e.Out, p)
	}
	page := &page{style: e.Style, now: e.Now()}
	page.pipeline(p)
	return page.send(e.Out)
}

func task(ctx context.Context, e *env.Env, c *cluster.Cluster, name string, o options) error {
	t, err := c.Tasks().Get(ctx, name, metav1.GetOptions{})
	switch {
	case err != nil:
		return notFound(ctx, c, "task", name, err)
	case o.print.Asked():
		return o.print.Print(e.Out, t)
	}
	page := &page{style: e.Style, now: e.Now()}
	page.task(t)
	return page.send(e.Out)
}

func notFound(ctx context.Context, c *cluster.Cluster, what, name string, err error) error {
	if !apierrors.IsNotFound(err) {
		return c.Explain(err)
	}
	if hint := c.NamespaceHint(ctx); hint != "" {
		return errors.New(hint)
	}
	names, err := runs.Startable(ctx, c)
	if err != nil {
		return err
	}
	if what == "task" {
		name = "task/" + name
	}
	return fmt.Errorf("no %s named %q in namespace %q%s", what, strings.TrimPrefix(name, "task/"), c.Namespace, suggest.DidYouMean(name, names))
}

func (p *page) send(w io.Writer) error {
	_, err := io.WriteString(w, p.text.String())
	return err
}
