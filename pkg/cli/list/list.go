// Package list is `slipway list`.
package list

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/duration"

	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
	"github.com/slipway-dev/slipway/pkg/cli/internal/cluster"
	"github.com/slipway-dev/slipway/pkg/cli/internal/env"
	"github.com/slipway-dev/slipway/pkg/cli/internal/output"
	"github.com/slipway-dev/slipway/pkg/cli/internal/runs"
	"github.com/slipway-dev/slipway/pkg/suggest"
)

type options struct {
	print *output.Flags
	all   bool
	limit int
	label string
}

// what can be listed besides the kinds that runs.KindOf knows.
const everyRun = "runs"

// NewCommand makes `slipway list`.
func NewCommand(e *env.Env) *cobra.Command {
	o := options{print: output.NewFlags()}
	cmd := &cobra.Command{
		Use:     "list [runs | pipelineruns | taskruns | pipelines | tasks]",
		Aliases: []string{"ls", "get"},
		Short:   "List runs, the newest first, or pipelines or tasks",
		Long: `List runs, the newest first, or pipelines or tasks.

Without an argument these are the PipelineRuns and those TaskRuns that belong to none of them.`,
		Example: `  slipway list -A --limit 10
  slipway list taskruns -l tekton.dev/pipelineRun=ci-x7k2p
  slipway list pipelines -o name`,
		Args:      cobra.MaximumNArgs(1),
		ValidArgs: []string{everyRun, "pipelineruns", "taskruns", "pipelines", "tasks"},
		RunE: func(cmd *cobra.Command, args []string) error {
			return run(cmd.Context(), e, append(args, everyRun)[0], o)
		},
	}
	flags := cmd.Flags()
	flags.BoolVarP(&o.all, "all-namespaces", "A", false, "of all namespaces")
	flags.IntVar(&o.limit, "limit", 0, "at most this many, 0 for all")
	flags.StringVarP(&o.label, "selector", "l", "", "only with these labels, such as team=a,tier!=test")
	o.print.AddTo(cmd)
	return cmd
}

func run(ctx context.Context, e *env.Env, what string, o options) error {
	if err := o.print.Check(); err != nil {
		return err
	}
	if _, err := labels.Parse(o.label); err != nil {
		return env.Usage("--selector %s: write KEY=VALUE, KEY!=VALUE, KEY or !KEY, joined by commas", o.label)
	}
	kind, ok := runs.KindOf(what)
	if !ok && what != everyRun {
		return env.Usage("no kind %q to list%s", what, suggest.DidYouMean(what, runs.Words()))
	}
	c, err := e.Cluster()
	if err != nil {
		return err
	}
	if o.all {
		c = c.In("")
	}
	switch kind {
	case v1.KindPipeline, v1.KindTask:
		return definitions(ctx, e, c, kind, o)
	default:
		return listRuns(ctx, e, c, kind, o)
	}
}

func listRuns(ctx context.Context, e *env.Env, c *cluster.Cluster, kind string, o options) error {
	all, err := runs.List(ctx, c, runs.ListOptions{Kind: kind, Label: o.label, Children: kind == v1.KindTaskRun})
	if err != nil {
		return err
	}
	if o.limit > 0 && len(all) > o.limit {
		all = all[:o.limit]
	}
	if o.print.Asked() {
		var objects []cluster.Object
		for _, r := range all {
			objects = append(objects, r.Object())
		}
		return printList(e, o, objects)
	}
	if len(all) == 0 {
		return none(ctx, e, c, "runs")
	}
	now := e.Now()
	t := table{header: []string{"NAME", "STARTED", "DURATION", "STATUS"}, namespaces: o.all}
	for _, r := range all {
		started := "-"
		if r.Started() != nil {
			started = runs.Ago(r.Started().Time, now)
		}
		took := r.Took(now)
		if took == "" {
			took = "-"
		}
		t.add(r.Object().GetNamespace(), r.Name(), started, took, e.Style.Paint(r.State(), r.Reason()))
	}
	return t.write(e.Out)
}

func definitions(ctx context.Context, e *env.Env, c *cluster.Cluster, kind string, o options) error {
	objects, about, err := load(ctx, c, kind, o.label)
	if err != nil {
		return err
	}
	if o.limit > 0 && len(objects) > o.limit {
		objects = objects[:o.limit]
	}
	if o.print.Asked() {
		return printList(e, o, objects)
	}
	if len(objects) == 0 {
		return none(ctx, e, c, strings.ToLower(kind)+"s")
	}
	now := e.Now()
	t := table{header: []string{"NAME", "AGE", "DESCRIPTION"}, namespaces: o.all}
	for i, obj := range objects {
		line, _, _ := strings.Cut(strings.TrimSpace(about[i]), "\n")
		t.add(obj.GetNamespace(), obj.GetName(), duration.HumanDuration(now.Sub(obj.GetCreationTimestamp().Time)), line)
	}
	return t.write(e.Out)
}

// load returns the Pipelines or Tasks and their descriptions.
func load(ctx context.Context, c *cluster.Cluster, kind, label string) (objects []cluster.Object, about []string, err error) {
	opts := metav1.ListOptions{LabelSelector: label}
	if kind == v1.KindPipeline {
		list, err := c.Pipelines().List(ctx, opts)
		if err != nil {
			return nil, nil, c.Explain(err)
		}
		for i := range list.Items {
			objects = append(objects, &list.Items[i])
			about = append(about, list.Items[i].Spec.Description)
		}
		return objects, about, nil
	}
	list, err := c.Tasks().List(ctx, opts)
	if err != nil {
		return nil, nil, c.Explain(err)
	}
	for i := range list.Items {
		objects = append(objects, &list.Items[i])
		about = append(about, list.Items[i].Spec.Description)
	}
	return objects, about, nil
}

// printList prints a List as kubectl does, whatever kinds are in it.
func printList(e *env.Env, o options, objects []cluster.Object) error {
	list := &unstructured.UnstructuredList{Object: map[string]any{"apiVersion": "v1", "kind": "List"}}
	for _, obj := range objects {
		gvks, _, err := cluster.Scheme.ObjectKinds(obj)
		if err != nil {
			return err
		}
		content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(obj)
		if err != nil {
			return err
		}
		item := unstructured.Unstructured{Object: content}
		item.SetGroupVersionKind(gvks[0])
		list.Items = append(list.Items, item)
	}
	return o.print.Print(e.Out, list)
}

func none(ctx context.Context, e *env.Env, c *cluster.Cluster, what string) error {
	if c.Namespace == "" {
		fmt.Fprintf(e.ErrOut, "no %s in any namespace\n", what)
		return nil
	}
	if hint := c.NamespaceHint(ctx); hint != "" {
		return &env.ExitError{Code: env.ExitOther, Err: fmt.Errorf("%s", hint)}
	}
	fmt.Fprintf(e.ErrOut, "no %s in namespace %q; look in all of them with -A\n", what, c.Namespace)
	return nil
}

// table is what list prints.
type table struct {
	header     []string
	namespaces bool
	rows       [][]string
}

func (t *table) add(namespace string, cells ...string) {
	if t.namespaces {
		cells = slices.Insert(cells, 0, namespace)
	}
	t.rows = append(t.rows, cells)
}
