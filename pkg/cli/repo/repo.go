// Package repo is `slipway repo`: it connects repositories at a forge with a namespace.
package repo

import (
	"cmp"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/duration"
	"k8s.io/cli-runtime/pkg/printers"

	"github.com/slipway-dev/slipway/api/slipway/v1alpha1"
	"github.com/slipway-dev/slipway/pkg/cli/internal/env"
	"github.com/slipway-dev/slipway/pkg/cli/internal/output"
	"github.com/slipway-dev/slipway/pkg/cli/internal/repositories"
	"github.com/slipway-dev/slipway/pkg/forge"
	"github.com/slipway-dev/slipway/pkg/forge/forges"
)

// Forge makes the client of a repository, with the data of the Secret of its credentials.
type Forge func(r *v1alpha1.Repository, secret map[string][]byte) (forge.Client, error)

// Connect is the Forge of the real ones.
func Connect(r *v1alpha1.Repository, secret map[string][]byte) (forge.Client, error) {
	return (&forges.Forges{Transport: http.DefaultTransport}).New(r, secret)
}

// NewCommand makes `slipway repo`.
func NewCommand(e *env.Env, connect Forge) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "repo",
		Aliases: []string{"repository", "repositories"},
		Short:   "Connect repositories at a forge, so that pushes and pull requests run their pipelines",
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newCreate(e, connect), newList(e), newDescribe(e), newDelete(e, connect), newCheck(e))
	return cmd
}

func newList(e *env.Env) *cobra.Command {
	print, all := output.NewFlags(), false
	cmd := &cobra.Command{
		Use:     "list",
		Aliases: []string{"ls"},
		Short:   "List repositories",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := print.Check(); err != nil {
				return err
			}
			c, err := e.Cluster()
			if err != nil {
				return err
			}
			if all {
				c = c.In("")
			}
			list, err := c.Repositories().List(cmd.Context(), metav1.ListOptions{})
			if err != nil {
				return c.Explain(err)
			}
			if print.Asked() {
				return print.Print(e.Out, list)
			}
			return table(e, list.Items, all)
		},
	}
	cmd.Flags().BoolVarP(&all, "all-namespaces", "A", false, "of all namespaces")
	print.AddTo(cmd)
	return cmd
}

func table(e *env.Env, items []v1alpha1.Repository, all bool) error {
	if len(items) == 0 {
		fmt.Fprintln(e.ErrOut, "no repositories; connect one: slipway repo create")
		return nil
	}
	tw := printers.GetNewTabWriter(e.Out)
	header := "NAME\tURL\tREADY\tLAST RUN\tENDED"
	if all {
		header = "NAMESPACE\t" + header
	}
	fmt.Fprintln(tw, header)
	for i := range items {
		r := &items[i]
		run, reason := "-", "-"
		if len(r.Status.Runs) > 0 {
			run, reason = r.Status.Runs[0].Name, cmp.Or(r.Status.Runs[0].Reason, "-")
		}
		state, _ := ready(r)
		line := strings.Join([]string{r.Name, r.Spec.URL, state, run, reason}, "\t")
		if all {
			line = r.Namespace + "\t" + line
		}
		fmt.Fprintln(tw, line)
	}
	return tw.Flush()
}

// ready is how the connection stands, and why.
func ready(r *v1alpha1.Repository) (state, message string) {
	c := meta.FindStatusCondition(r.Status.Conditions, v1alpha1.ConditionReady)
	switch {
	case c == nil:
		return "Unknown", "the controller has not looked at it yet"
	case c.Status == metav1.ConditionTrue:
		return "True", ""
	}
	return c.Reason, c.Message
}

func newDescribe(e *env.Env) *cobra.Command {
	print := output.NewFlags()
	cmd := &cobra.Command{
		Use:               "describe NAME",
		Short:             "Show a repository, its connection and its last runs",
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: repositories.Complete(e),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := print.Check(); err != nil {
				return err
			}
			c, err := e.Cluster()
			if err != nil {
				return err
			}
			r, err := repositories.Find(cmd.Context(), c, args[0])
			if err != nil {
				return err
			}
			if print.Asked() {
				return print.Print(e.Out, r)
			}
			return describe(e, r)
		},
	}
	print.AddTo(cmd)
	return cmd
}

func describe(e *env.Env, r *v1alpha1.Repository) error {
	state, message := ready(r)
	tw := printers.GetNewTabWriter(e.Out)
	for _, line := range [][2]string{
		{"Name", r.Name}, {"Namespace", r.Namespace}, {"URL", r.Spec.URL}, {"Provider", string(r.Spec.Provider)}, {"Default branch", r.Status.DefaultBranch},
		{"Service account", r.Spec.ServiceAccountName}, {"Ready", strings.TrimSuffix(state+": "+message, ": ")},
		{"Schedules", wrongSchedules(r)},
	} {
		if line[1] != "" {
			fmt.Fprintf(tw, "%s:\t%s\n", line[0], line[1])
		}
	}
	if r.Spec.Paused {
		fmt.Fprintln(tw, "Paused:\tevents wait until spec.paused is false")
	}
	schedules(tw, e.Now(), r)
	if len(r.Status.Runs) == 0 {
		return tw.Flush()
	}
	fmt.Fprintln(tw, "\nRUN\tPIPELINE\tEVENT\tCOMMIT\tSTARTED\tOUTCOME")
	for _, run := range r.Status.Runs {
		started := "-"
		if run.Started != nil {
			started = duration.HumanDuration(e.Now().Sub(run.Started.Time)) + " ago"
		}
		fmt.Fprintln(tw, strings.Join([]string{run.Name, run.Pipeline, string(run.Event), run.Commit[:min(len(run.Commit), 10)], started, cmp.Or(run.Reason, "-")}, "\t"))
	}
	return tw.Flush()
}

// wrongSchedules is what is wrong with schedules; empty if nothing is.
func wrongSchedules(r *v1alpha1.Repository) string {
	c := meta.FindStatusCondition(r.Status.Conditions, v1alpha1.ConditionScheduled)
	if c == nil || c.Status == metav1.ConditionTrue {
		return ""
	}
	return c.Reason + ": " + c.Message
}

func schedules(w io.Writer, now time.Time, r *v1alpha1.Repository) {
	if len(r.Status.Schedules) == 0 {
		return
	}
	fmt.Fprintln(w, "\nSCHEDULE\tTIMES\tLAST\tNEXT")
	for _, s := range r.Status.Schedules {
		last, next := "-", "-"
		if s.LastScheduleTime != nil {
			last = duration.HumanDuration(now.Sub(s.LastScheduleTime.Time)) + " ago"
		}
		if s.NextScheduleTime != nil {
			next = "in " + duration.HumanDuration(max(0, s.NextScheduleTime.Sub(now)))
		}
		fmt.Fprintln(w, strings.Join([]string{s.Name, s.Expression, last, next}, "\t"))
	}
}
