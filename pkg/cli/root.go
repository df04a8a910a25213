// Package cli is the command slipway: it puts the commands together and turns errors into messages and exit codes.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"k8s.io/klog/v2"

	"github.com/slipway-dev/slipway/pkg/cli/cache"
	"github.com/slipway-dev/slipway/pkg/cli/cancel"
	"github.com/slipway-dev/slipway/pkg/cli/describe"
	"github.com/slipway-dev/slipway/pkg/cli/doctor"
	"github.com/slipway-dev/slipway/pkg/cli/events"
	"github.com/slipway-dev/slipway/pkg/cli/initialize"
	"github.com/slipway-dev/slipway/pkg/cli/internal/env"
	"github.com/slipway-dev/slipway/pkg/cli/internal/runs"
	"github.com/slipway-dev/slipway/pkg/cli/internal/style"
	"github.com/slipway-dev/slipway/pkg/cli/lint"
	"github.com/slipway-dev/slipway/pkg/cli/list"
	"github.com/slipway-dev/slipway/pkg/cli/logs"
	"github.com/slipway-dev/slipway/pkg/cli/remove"
	"github.com/slipway-dev/slipway/pkg/cli/repo"
	"github.com/slipway-dev/slipway/pkg/cli/run"
	"github.com/slipway-dev/slipway/pkg/cli/start"
	"github.com/slipway-dev/slipway/pkg/cli/trigger"
	"github.com/slipway-dev/slipway/pkg/cli/verify"
	"github.com/slipway-dev/slipway/pkg/cli/version"
	"github.com/slipway-dev/slipway/pkg/sign"
	"github.com/slipway-dev/slipway/pkg/suggest"
)

// Main runs slipway with the arguments after its name, and returns the exit code.
func Main(args []string, streams genericiooptions.IOStreams, getenv func(string) string, versionName string) int {
	// A write to a closed pipe shall be an error to handle, not the end of the process.
	signal.Ignore(syscall.SIGPIPE)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends at once
	klog.LogToStderr(false)
	klog.SetOutput(io.Discard) // client-go's own remarks mean nothing to a user

	e := &env.Env{
		IOStreams: streams,
		Config:    genericclioptions.NewConfigFlags(true),
		Now:       time.Now,
		Style:     style.Detect(streams.Out, getenv),
		ErrStyle:  style.Detect(streams.ErrOut, getenv),
		Version:   versionName,
	}
	cmd := NewCommand(e)
	cmd.SetArgs(args)
	err := cmd.ExecuteContext(ctx)
	return report(ctx, e, err)
}

// report says what went wrong, one line each, and returns the exit code.
func report(ctx context.Context, e *env.Env, err error) int {
	var exit *env.ExitError
	switch {
	case err == nil:
		return env.ExitOK
	case errors.Is(err, syscall.EPIPE):
		return env.ExitOK // the reader, such as head, has seen enough
	case errors.As(err, &exit) && exit.Err == nil:
		return exit.Code
	case ctx.Err() != nil:
		return env.ExitInterrupted
	}
	for line := range strings.Lines(err.Error()) {
		fmt.Fprintf(e.ErrOut, "%s %s\n", e.ErrStyle.Paint(style.Failed, "error:"), strings.TrimRight(line, "\n"))
	}
	return env.Code(err)
}

// NewCommand makes the command with all of its own.
func NewCommand(e *env.Env) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "slipway",
		Short: "Run CI pipelines in Kubernetes",
		Long: `Run CI pipelines in Kubernetes.

Exit codes: 0 done, 1 the run failed, or an image or a file was refused, 2 wrong usage, 3 the run was cancelled, 4 the
run timed out, 5 the cluster cannot be reached or refuses, 130 interrupted.`,
		SilenceUsage:      true,
		SilenceErrors:     true,
		DisableAutoGenTag: true,
		Args:              unknownCommand,
		RunE:              func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.SetIn(e.In)
	cmd.SetOut(e.Out)
	cmd.SetErr(e.ErrOut)
	cmd.SetFlagErrorFunc(flagError)
	addConfigFlags(cmd, e)
	verifier := func(ctx context.Context, image string, key []byte) (sign.Report, error) {
		return sign.Verify(ctx, image, key, sign.Options{})
	}
	cmd.AddCommand(
		initialize.NewCommand(e), run.NewCommand(e), start.NewCommand(e), lint.NewCommand(e), logs.NewCommand(e),
		list.NewCommand(e), describe.NewCommand(e), cancel.NewCommand(e), remove.NewCommand(e),
		repo.NewCommand(e, repo.Connect), trigger.NewCommand(e), events.NewCommand(e),
		cache.NewCommand(e), verify.NewCommand(e, verifier), version.NewCommand(e), doctor.NewCommand(e),
	)
	usageArgs(cmd)
	return cmd
}

// addConfigFlags adds kubectl's flags and keeps those few in sight that most people use.
func addConfigFlags(cmd *cobra.Command, e *env.Env) {
	common := map[string]bool{"namespace": true, "context": true, "kubeconfig": true}
	flags := pflag.NewFlagSet("cluster", pflag.ContinueOnError)
	e.Config.AddFlags(flags)
	flags.VisitAll(func(f *pflag.Flag) { f.Hidden = !common[f.Name] })
	flags.Lookup("server").Shorthand = "" // -s is the service account, as in tkn
	cmd.PersistentFlags().AddFlagSet(flags)
	if err := cmd.RegisterFlagCompletionFunc("namespace", runs.CompleteNamespace(e)); err != nil {
		panic(err) // only if ConfigFlags stops to make the flag
	}
}

func unknownCommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	var names []string
	for _, c := range cmd.Commands() {
		names = append(append(names, c.Name()), c.Aliases...)
	}
	return env.Usage("no command %q%s", args[0], orHelp(suggest.DidYouMean(args[0], names), cmd))
}

// flagError adds the flag that was probably meant.
func flagError(cmd *cobra.Command, err error) error {
	var unknown *pflag.NotExistError
	if !errors.As(err, &unknown) {
		return env.Usage("%w", err)
	}
	var names []string
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		if !f.Hidden {
			names = append(names, "--"+f.Name)
		}
	})
	name := "--" + unknown.GetSpecifiedName()
	if unknown.GetSpecifiedShortnames() != "" {
		name = "-" + unknown.GetSpecifiedName()
	}
	return env.Usage("no flag %s%s", name, orHelp(suggest.DidYouMean(name, names), cmd))
}

func orHelp(hint string, cmd *cobra.Command) string {
	if hint != "" {
		return hint
	}
	return "; see: " + cmd.CommandPath() + " --help"
}

// usageArgs makes a wrong number of arguments an error of usage, in all commands.
func usageArgs(cmd *cobra.Command) {
	for _, c := range cmd.Commands() {
		usageArgs(c)
		check := c.Args
		if check == nil {
			continue
		}
		c.Args = func(cmd *cobra.Command, args []string) error {
			if err := check(cmd, args); err != nil {
				return env.Usage("%w; write: %s", err, strings.TrimSuffix(cmd.UseLine(), " [flags]"))
			}
			return nil
		}
	}
}
