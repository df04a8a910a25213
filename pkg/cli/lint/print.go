package lint

import (
	"encoding/json"
	"fmt"
	"io"

	"github.com/slipway-dev/slipway/pkg/cli/internal/env"
	"github.com/slipway-dev/slipway/pkg/cli/internal/style"
	"github.com/slipway-dev/slipway/pkg/manifest"
)

// report is the outcome; its form in JSON is what -o json prints.
type report struct {
	// Files is how many files were checked.
	Files    int       `json:"files"`
	Findings []finding `json:"findings"`
}

func (r report) count(s severity) (n int) {
	for _, f := range r.Findings {
		if f.Severity == s {
			n++
		}
	}
	return n
}

func (r report) print(e *env.Env, format string) error {
	switch format {
	case "json":
		return writeJSON(e.Out, r)
	case "sarif":
		return writeJSON(e.Out, r.sarif(e.Version))
	}
	for _, f := range r.Findings {
		state := style.Failed
		if f.Severity == severityWarning {
			state = style.Cancelled
		}
		text := manifest.Error{File: f.File, Line: f.Line, Field: f.Field, Message: f.Message}
		if _, err := fmt.Fprintf(e.Out, "%s %s\n", e.Style.Paint(state, string(f.Severity)+":"), text); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintf(e.ErrOut, "%s, %s, %s\n", plural(r.Files, "file"), plural(r.count(severityError), "error"), plural(r.count(severityWarning), "warning"))
	return err
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

func writeJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}
