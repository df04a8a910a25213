// Package doctor is `slipway doctor`: it looks at an installation, and says what is
// wrong with it and what to do.
package doctor

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"

	"github.com/spf13/cobra"

	"github.com/slipway-dev/slipway/pkg/cli/internal/env"
	"github.com/slipway-dev/slipway/pkg/cli/internal/style"
)

// NewCommand makes `slipway doctor`.
func NewCommand(e *env.Env) *cobra.Command {
	var format string
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Check Slipway in the cluster, and say what to do",
		Long: `Check Slipway in the cluster, and say what to do.

Exit code 1 when something keeps Slipway from its work; a warning leaves it at 0.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if format != "" && format != "json" {
				return env.Usage("--output %s: it is json", format)
			}
			c, err := e.Cluster()
			if err != nil {
				return err
			}
			seen, err := look(cmd.Context(), c)
			if err != nil {
				return err
			}
			return tell(e, format, examine(seen))
		},
	}
	cmd.Flags().StringVarP(&format, "output", "o", "", "json")
	return cmd
}

func tell(e *env.Env, format string, found []Finding) error {
	write := func() error { return writeText(e.Out, e.Style, found) }
	if format == "json" {
		write = func() error { return writeJSON(e.Out, found) }
	}
	if err := write(); err != nil {
		return err
	}
	if slices.ContainsFunc(found, func(f Finding) bool { return f.Verdict == Fail }) {
		return &env.ExitError{Code: env.ExitFailed}
	}
	return nil
}

func writeJSON(w io.Writer, found []Finding) error {
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "    ")
	encoder.SetEscapeHTML(false)
	return encoder.Encode(found)
}

var looks = map[Verdict]style.State{OK: style.Succeeded, Warn: style.Cancelled, Fail: style.Failed}

func writeText(w io.Writer, s style.Style, found []Finding) error {
	for _, f := range found {
		// Padded before it is painted, as colours have no width.
		if _, err := fmt.Fprintf(w, "%s  %-11s  %s\n", s.Paint(looks[f.Verdict], fmt.Sprintf("%-4s", f.Verdict)), f.Check, f.Message); err != nil {
			return err
		}
		if f.Remedy != "" {
			if _, err := fmt.Fprintf(w, "%19s%s\n", "", s.Faint("→ "+f.Remedy)); err != nil {
				return err
			}
		}
	}
	return nil
}
