package runs

import (
	"context"
	"slices"
	"time"

	"github.com/spf13/cobra"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/slipway-dev/slipway/pkg/cli/internal/cluster"
	"github.com/slipway-dev/slipway/pkg/cli/internal/env"
)

// Completion is what cobra asks for the words of an argument.
type Completion = func(cmd *cobra.Command, args []string, toComplete string) ([]string, cobra.ShellCompDirective)

// completionWait bounds how long a press of the tab key may ask the cluster.
const completionWait = 3 * time.Second

// Complete offers the names of runs, up to most of them (0: no limit).
func Complete(e *env.Env, most int) Completion {
	return CompleteBy(e, most, func(ctx context.Context, c *cluster.Cluster) ([]string, error) {
		all, err := List(ctx, c, ListOptions{})
		var names []string
		for _, r := range all {
			names = append(names, r.Name()+"\t"+r.Reason())
		}
		return names, err
	})
}

// CompleteStartable offers the names of Pipelines, and of Tasks as task/NAME.
func CompleteStartable(e *env.Env) Completion {
	return CompleteBy(e, 1, Startable)
}

// Startable are the names of Pipelines, and of Tasks as task/NAME.
func Startable(ctx context.Context, c *cluster.Cluster) ([]string, error) {
	pipelines, err := c.Pipelines().List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, c.Explain(err)
	}
	tasks, err := c.Tasks().List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, c.Explain(err)
	}
	var names []string
	for _, p := range pipelines.Items {
		names = append(names, p.Name)
	}
	for _, t := range tasks.Items {
		names = append(names, "task/"+t.Name)
	}
	return names, nil
}

// CompleteNamespace offers the namespaces.
func CompleteNamespace(e *env.Env) Completion {
	return CompleteBy(e, 0, func(ctx context.Context, c *cluster.Cluster) ([]string, error) {
		all, err := c.Core.CoreV1().Namespaces().List(ctx, metav1.ListOptions{})
		if err != nil {
			return nil, err
		}
		var names []string
		for _, ns := range all.Items {
			names = append(names, ns.Name)
		}
		return names, nil
	})
}

// CompleteBy offers what ask finds, for the first most arguments (0: all), but for those that are given.
func CompleteBy(e *env.Env, most int, ask func(context.Context, *cluster.Cluster) ([]string, error)) Completion {
	return func(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
		if most > 0 && len(args) >= most {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		ctx, cancel := context.WithTimeout(cmd.Context(), completionWait)
		defer cancel()
		c, err := e.Cluster()
		if err != nil {
			return nil, cobra.ShellCompDirectiveError
		}
		names, err := ask(ctx, c)
		if err != nil {
			return nil, cobra.ShellCompDirectiveError
		}
		names = slices.DeleteFunc(names, func(name string) bool { return slices.Contains(args, name) })
		return names, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveKeepOrder
	}
}
