// Package events is `slipway events`.
package events

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/duration"
	"k8s.io/cli-runtime/pkg/printers"

	"github.com/slipway-dev/slipway/api/slipway/v1alpha1"
	"github.com/slipway-dev/slipway/pkg/cli/internal/cluster"
	"github.com/slipway-dev/slipway/pkg/cli/internal/env"
	"github.com/slipway-dev/slipway/pkg/cli/internal/output"
	"github.com/slipway-dev/slipway/pkg/cli/internal/repositories"
)

type options struct {
	print *output.Flags
	all   bool
	limit int
}

// NewCommand makes `slipway events`.
func NewCommand(e *env.Env) *cobra.Command {
	o := options{print: output.NewFlags()}
	cmd := &cobra.Command{
		Use:   "events [REPOSITORY]",
		Short: "List what happened at repositories, the newest first, and what came of it",
		Long: `List what happened at repositories, the newest first, and what came of it.

Events are kept for a day after they were worked off.`,
		Example: `  slipway events
  slipway events app -o json`,
		Args:              cobra.MaximumNArgs(1),
		ValidArgsFunction: repositories.Complete(e),
		RunE: func(cmd *cobra.Command, args []string) error {
			return run(cmd.Context(), e, append(args, "")[0], o)
		},
	}
	cmd.Flags().BoolVarP(&o.all, "all-namespaces", "A", false, "of all namespaces")
	cmd.Flags().IntVar(&o.limit, "limit", 50, "at most this many, 0 for all")
	o.print.AddTo(cmd)
	return cmd
}

func run(ctx context.Context, e *env.Env, repository string, o options) error {
	if err := o.print.Check(); err != nil {
		return err
	}
	c, err := e.Cluster()
	if err != nil {
		return err
	}
	if o.all {
		c = c.In("")
	}
	list, err := Of(ctx, c, repository)
	if err != nil {
		return err
	}
	if o.limit > 0 && len(list.Items) > o.limit {
		list.Items = list.Items[:o.limit]
	}
	if o.print.Asked() {
		return o.print.Print(e.Out, list)
	}
	if len(list.Items) == 0 {
		fmt.Fprintln(e.ErrOut, "no events; `slipway repo check` says whether webhooks arrive")
		return nil
	}
	tw := printers.GetNewTabWriter(e.Out)
	fmt.Fprintln(tw, "AGE\tREPOSITORY\tTYPE\tREF\tCOMMIT\tFROM\tSTATE\tMESSAGE")
	for i := range list.Items {
		fmt.Fprintln(tw, row(e, &list.Items[i]))
	}
	return tw.Flush()
}

// Of lists the events of a repository, or of all where it is empty, the newest first.
func Of(ctx context.Context, c *cluster.Cluster, repository string) (*v1alpha1.RepositoryEventList, error) {
	list, err := c.RepositoryEvents().List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, c.Explain(err)
	}
	if repository != "" {
		list.Items = slices.DeleteFunc(list.Items, func(e v1alpha1.RepositoryEvent) bool { return e.Spec.Repository != repository })
	}
	slices.SortFunc(list.Items, func(a, b v1alpha1.RepositoryEvent) int {
		return cmp.Or(b.Spec.Received.Compare(a.Spec.Received.Time), strings.Compare(a.Name, b.Name))
	})
	return list, nil
}

func row(e *env.Env, ev *v1alpha1.RepositoryEvent) string {
	what := ev.Spec.Event
	ref := strings.TrimPrefix(strings.TrimPrefix(what.Ref, "refs/heads/"), "refs/")
	if what.PullRequest != nil {
		ref = fmt.Sprintf("#%d", what.PullRequest.Number)
	}
	message := ev.Status.Message
	if len(ev.Status.Runs) > 0 {
		message = strings.TrimSpace(strings.Join(ev.Status.Runs, " ") + " " + message)
	}
	commit := cmp.Or(what.Commit, ev.Status.Commit)
	columns := []string{duration.HumanDuration(e.Now().Sub(ev.Spec.Received.Time)), ev.Spec.Repository, string(what.Type), ref,
		commit[:min(len(commit), 10)], what.Sender, string(cmp.Or(ev.Status.State, "New")), message}
	for i := range columns {
		// What strangers wrote must not draw on the terminal.
		columns[i] = strings.Map(printable, cmp.Or(columns[i], "-"))
	}
	return strings.Join(columns, "\t")
}

func printable(r rune) rune {
	if r < ' ' || r >= 0x7f && r < 0xa0 {
		return ' '
	}
	return r
}
