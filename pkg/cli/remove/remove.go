// Package remove is `slipway delete`.
package remove

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
	"github.com/slipway-dev/slipway/pkg/cli/internal/cluster"
	"github.com/slipway-dev/slipway/pkg/cli/internal/env"
	"github.com/slipway-dev/slipway/pkg/cli/internal/runs"
)

type options struct {
	all       bool
	label     string
	keep      int
	keepSince time.Duration
	running   bool
	dryRun    bool
	output    string
}

// NewCommand makes `slipway delete`.
func NewCommand(e *env.Env) *cobra.Command {
	o := options{keep: -1}
	cmd := &cobra.Command{
		Use:     "delete RUN… | pipeline/NAME | task/NAME | --all | -l LABELS",
		Aliases: []string{"rm"},
		Short:   "Delete runs with their Pods and logs, or a Pipeline or Task",
		Example: `  slipway delete ci-x7k2p
  slipway delete --all --keep 5           # finished runs but the five newest
  slipway delete --all --keep-since 72h
  slipway delete pipeline/ci`,
		ValidArgsFunction: runs.Complete(e, 0),
		RunE: func(cmd *cobra.Command, args []string) error {
			return run(cmd.Context(), e, args, o)
		},
	}
	flags := cmd.Flags()
	flags.BoolVar(&o.all, "all", false, "all finished runs of the namespace")
	flags.StringVarP(&o.label, "selector", "l", "", "finished runs with these labels")
	flags.IntVar(&o.keep, "keep", -1, "with --all or -l: keep this many of the newest")
	flags.DurationVar(&o.keepSince, "keep-since", 0, "with --all or -l: keep what ended less than this long ago")
	flags.BoolVar(&o.running, "running", false, "with --all or -l: also runs that go on")
	flags.BoolVar(&o.dryRun, "dry-run", false, "only print what would be deleted")
	flags.StringVarP(&o.output, "output", "o", "", "name: print only what was deleted, as KIND/NAME")
	return cmd
}

// check refuses arguments that contradict each other.
func (o options) check(args []string) error {
	many := o.all || o.label != ""
	switch {
	case many && len(args) > 0:
		return env.Usage("give either names or --all / -l, not both")
	case !many && len(args) == 0:
		return env.Usage("which run? name it, or say --all or -l LABELS")
	case !many && (o.keep >= 0 || o.keepSince > 0 || o.running):
		return env.Usage("--keep, --keep-since and --running go with --all or -l")
	}
	if _, err := labels.Parse(o.label); err != nil {
		return env.Usage("--selector %s: write KEY=VALUE, KEY!=VALUE, KEY or !KEY, joined by commas", o.label)
	}
	return nil
}

func run(ctx context.Context, e *env.Env, args []string, o options) error {
	if o.output != "" && o.output != "name" {
		return env.Usage("--output %s: of what is deleted there is only its name", o.output)
	}
	if err := o.check(args); err != nil {
		return err
	}
	c, err := e.Cluster()
	if err != nil {
		return err
	}
	targets, err := choose(ctx, e, c, args, o)
	if err != nil {
		return err
	}
	if len(targets) == 0 {
		fmt.Fprintf(e.ErrOut, "nothing to delete in namespace %q\n", c.Namespace)
	}
	for _, t := range targets {
		if err := t.delete(ctx, c, o.dryRun); err != nil {
			return err
		}
		if err := t.tell(e.Out, o); err != nil {
			return err
		}
	}
	return nil
}

// target is one object to delete.
type target struct{ kind, word, name string }

func (t target) tell(w io.Writer, o options) (err error) {
	switch {
	case o.output == "name":
		_, err = fmt.Fprintf(w, "%s.%s/%s\n", t.word, v1.GroupName, t.name)
	case o.dryRun:
		_, err = fmt.Fprintf(w, "%s %s deleted (dry run)\n", t.word, t.name)
	default:
		_, err = fmt.Fprintf(w, "%s %s deleted\n", t.word, t.name)
	}
	return err
}

func choose(ctx context.Context, e *env.Env, c *cluster.Cluster, args []string, o options) ([]target, error) {
	if len(args) > 0 {
		return named(ctx, c, args)
	}
	all, err := runs.List(ctx, c, runs.ListOptions{Label: o.label})
	if err != nil {
		return nil, err
	}
	var targets []target
	kept := 0
	for _, r := range all {
		switch {
		case !r.Done() && !o.running:
			continue
		case kept < o.keep:
			kept++
			continue
		case o.keepSince > 0 && (r.Ended() == nil || e.Now().Sub(r.Ended().Time) < o.keepSince):
			continue
		}
		targets = append(targets, target{r.Kind(), r.Word(), r.Name()})
	}
	return targets, nil
}

// named finds every name before anything is deleted: a slip in the last one shall not leave half the work done.
func named(ctx context.Context, c *cluster.Cluster, args []string) ([]target, error) {
	var targets []target
	for _, arg := range args {
		kind, name, err := runs.Split(arg)
		if err != nil {
			return nil, err
		}
		switch kind {
		case v1.KindPipeline:
			targets = append(targets, target{kind, "pipeline", name})
		case v1.KindTask:
			targets = append(targets, target{kind, "task", name})
		default:
			r, err := runs.Find(ctx, c, arg)
			if err != nil {
				return nil, err
			}
			targets = append(targets, target{r.Kind(), r.Word(), r.Name()})
		}
	}
	return targets, nil
}

func (t target) delete(ctx context.Context, c *cluster.Cluster, dryRun bool) (err error) {
	policy := metav1.DeletePropagationBackground
	opts := metav1.DeleteOptions{PropagationPolicy: &policy}
	if dryRun {
		opts.DryRun = []string{metav1.DryRunAll}
	}
	switch t.kind {
	case v1.KindPipelineRun:
		err = c.PipelineRuns().Delete(ctx, t.name, opts)
	case v1.KindTaskRun:
		err = c.TaskRuns().Delete(ctx, t.name, opts)
	case v1.KindPipeline:
		err = c.Pipelines().Delete(ctx, t.name, opts)
	case v1.KindTask:
		err = c.Tasks().Delete(ctx, t.name, opts)
	}
	if apierrors.IsNotFound(err) {
		return fmt.Errorf("no %s named %q in namespace %q; see: slipway list %ss", t.word, t.name, c.Namespace, t.word)
	}
	return c.Explain(err)
}
