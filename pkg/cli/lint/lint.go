// Package lint is `slipway lint`.
package lint

import (
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"github.com/slipway-dev/slipway/pkg/cli/internal/env"
	"github.com/slipway-dev/slipway/pkg/suggest"
)

var formats = []string{"text", "json", "sarif"}

type options struct {
	output  string
	verbose bool
}

// NewCommand makes `slipway lint`.
func NewCommand(e *env.Env) *cobra.Command {
	var o options
	cmd := &cobra.Command{
		Use:   "lint FILE|DIR...",
		Short: "Check files without a cluster",
		Long: `Check files as slipway run does, without a cluster: every field, every reference, and whether the objects of the files
fit together, such as a PipelineRun with its Pipeline and a Pipeline with its Tasks.

Of a folder all .yaml, .yml and .json files are read, those in folders below it too; files without an object of
tekton.dev are passed over. - is standard input.

A parameter that is pasted into a script is a warning: who sets it can have the script run anything.

The exit code is 0 if there is no error, 1 if there is one, 2 for wrong usage. Warnings alone are no error.`,
		Example: `  slipway lint .tekton/
  slipway lint ci.yaml tasks/ -o sarif > lint.sarif
  kustomize build . | slipway lint -`,
		Args:              cobra.MinimumNArgs(1),
		ValidArgsFunction: cobra.FixedCompletions([]string{"yaml", "yml", "json"}, cobra.ShellCompDirectiveFilterFileExt),
		RunE:              func(_ *cobra.Command, args []string) error { return run(e, args, o) },
	}
	cmd.Flags().StringVarP(&o.output, "output", "o", "text", "text, json or sarif")
	cmd.Flags().BoolVarP(&o.verbose, "verbose", "v", false, "name the files that are passed over")
	if err := cmd.RegisterFlagCompletionFunc("output", cobra.FixedCompletions(formats, cobra.ShellCompDirectiveNoFileComp)); err != nil {
		panic(err) // only if the flag above is renamed
	}
	return cmd
}

func run(e *env.Env, names []string, o options) error {
	if !slices.Contains(formats, o.output) {
		return env.Usage("--output %s: it is text, json or sarif%s", o.output, suggest.DidYouMean(o.output, formats))
	}
	files, err := read(e.In, names)
	if err != nil {
		return &env.ExitError{Code: env.ExitUsage, Err: err}
	}
	if o.verbose {
		for _, name := range files.passedOver {
			fmt.Fprintf(e.ErrOut, "%s: passed over: it holds no object of tekton.dev\n", name)
		}
	}
	result := report{Files: files.read, Findings: check(files)}
	if err := result.print(e, o.output); err != nil {
		return err
	}
	if result.count(severityError) > 0 {
		return &env.ExitError{Code: env.ExitFailed}
	}
	return nil
}
