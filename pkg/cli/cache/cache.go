// Package cache is `slipway cache`.
package cache

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/util/duration"
	"k8s.io/cli-runtime/pkg/printers"

	caches "github.com/slipway-dev/slipway/pkg/cache"
	"github.com/slipway-dev/slipway/pkg/cli/internal/env"
)

// NewCommand makes `slipway cache`.
func NewCommand(e *env.Env) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "cache",
		Short: "List and prune the caches that cache-save keeps in a registry",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(ls(e), prune(e))
	return cmd
}

// take lists the caches with the credentials of docker login.
func take(ctx context.Context, e *env.Env, repository string, insecure bool) (*caches.Inventory, error) {
	inv, err := caches.Take(ctx, caches.Options{Repository: repository, Insecure: insecure, Transport: http.DefaultTransport, Now: e.Now, Log: e.ErrOut})
	if caches.IsUsage(err) {
		return nil, env.Usage("%w", err)
	}
	return inv, err
}

func ls(e *env.Env) *cobra.Command {
	var format string
	var insecure bool
	cmd := &cobra.Command{
		Use:     "ls REGISTRY/REPOSITORY",
		Aliases: []string{"list"},
		Short:   "List the caches of a repository and of its pull requests, the newest first",
		Example: `  slipway cache ls registry.example.com/team/app/cache`,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if format != "" && format != "json" {
				return env.Usage("--output %s: it is json", format)
			}
			inv, err := take(cmd.Context(), e, args[0], insecure)
			if err != nil {
				return err
			}
			if format == "json" {
				encoder := json.NewEncoder(e.Out)
				encoder.SetIndent("", "    ")
				return encoder.Encode(append([]caches.Kept{}, inv.Kept...))
			}
			return table(e, inv.Kept)
		},
	}
	cmd.Flags().StringVarP(&format, "output", "o", "", "json")
	addInsecure(cmd, &insecure)
	return cmd
}

func addInsecure(cmd *cobra.Command, insecure *bool) {
	cmd.Flags().BoolVar(insecure, "insecure", false, "speak to the registry in plain HTTP (not needed for private addresses)")
}

func table(e *env.Env, kept []caches.Kept) error {
	if len(kept) == 0 {
		fmt.Fprintln(e.ErrOut, "no caches")
		return nil
	}
	tw := printers.GetNewTabWriter(e.Out)
	fmt.Fprintln(tw, "AGE\tKEY\tFOLDERS\tSCOPE\tSIZE\tCONTENT")
	for _, k := range kept {
		fmt.Fprintf(tw, "%s\t%s\t%s\t%s\t%s\t%s\n", age(e, k), plain(k.Key), plain(strings.Join(k.Folders, ",")), plain(cmp.Or(k.Scope, "-")),
			caches.Bytes(k.Size), caches.Bytes(k.Content))
	}
	if err := tw.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(e.Out, "%d caches, which take %s together\n", len(kept), caches.Bytes(caches.Size(kept)))
	return err
}

// plain keeps what strangers chose from drawing on the terminal.
func plain(s string) string { return strings.Trim(strconv.QuoteToGraphic(s), `"`) }

func age(e *env.Env, k caches.Kept) string { return duration.HumanDuration(e.Now().Sub(k.Saved)) }

type pruning struct {
	age      time.Duration
	size     string
	dryRun   bool
	insecure bool
}

func (p pruning) rules() (caches.Rules, error) {
	rules := caches.Rules{Age: p.age}
	if p.size != "" {
		size, err := resource.ParseQuantity(p.size)
		if err != nil || size.Value() <= 0 {
			return rules, env.Usage("--max-size %s: write a number of bytes, such as 10G or 500Mi", p.size)
		}
		rules.Size = size.Value()
	}
	if rules.Age <= 0 && rules.Size == 0 {
		return rules, env.Usage("what is too many? give --older-than, --max-size, or both")
	}
	return rules, nil
}

func prune(e *env.Env) *cobra.Command {
	var p pruning
	cmd := &cobra.Command{
		Use:   "prune REGISTRY/REPOSITORY",
		Short: "Delete caches that are old, or too many, of a repository and of its pull requests",
		Long: `Delete caches that are old, or too many, of a repository and of its pull requests.

The registry frees what they took when it next collects its garbage.`,
		Example: `  slipway cache prune registry.example.com/team/app/cache --older-than 336h
  slipway cache prune registry.example.com/team/app/cache --max-size 10G --dry-run`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			rules, err := p.rules()
			if err != nil {
				return err
			}
			inv, err := take(cmd.Context(), e, args[0], p.insecure)
			if err != nil {
				return err
			}
			return p.run(cmd.Context(), e, inv, rules)
		},
	}
	cmd.Flags().DurationVar(&p.age, "older-than", 0, "those that were saved longer ago than this")
	cmd.Flags().StringVar(&p.size, "max-size", "", "the oldest, until the others take no more than this together")
	cmd.Flags().BoolVar(&p.dryRun, "dry-run", false, "only print what would be deleted")
	addInsecure(cmd, &p.insecure)
	return cmd
}

func (p pruning) run(ctx context.Context, e *env.Env, inv *caches.Inventory, rules caches.Rules) error {
	doomed := rules.TooMany(inv.Kept, e.Now())
	note := ""
	if p.dryRun {
		note = " (dry run)"
	}
	for _, k := range doomed {
		if !p.dryRun {
			if err := inv.Delete(ctx, k); err != nil {
				return fmt.Errorf("%s: %w", k.Key, err)
			}
		}
		if _, err := fmt.Fprintf(e.Out, "%s of %s, %s old, deleted%s\n", plain(k.Key), k.Repository, age(e, k), note); err != nil {
			return err
		}
	}
	left := inv.Kept[:len(inv.Kept)-len(doomed)]
	_, err := fmt.Fprintf(e.Out, "%d of %d caches deleted%s; the others take %s\n", len(doomed), len(inv.Kept), note, caches.Bytes(caches.Size(left)))
	return err
}
