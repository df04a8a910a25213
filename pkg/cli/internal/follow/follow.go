// Package follow shows the logs of a run until its end and turns its result into the program's exit code.
package follow

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"syscall"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/slipway-dev/slipway/pkg/cli/internal/cluster"
	"github.com/slipway-dev/slipway/pkg/cli/internal/env"
	"github.com/slipway-dev/slipway/pkg/cli/internal/runs"
	"github.com/slipway-dev/slipway/pkg/cli/internal/style"
	"github.com/slipway-dev/slipway/pkg/logs"
)

// Options say what of a run's logs to show, and how.
type Options struct {
	// Follow waits for the end of the run and reports its result.
	Follow bool
	// Tasks and Steps narrow the logs down; empty means all.
	Tasks, Steps []string
	// NoPrefix leaves out [task : step]; Times adds time stamps.
	NoPrefix, Times bool
}

// Run shows the logs. When it follows, the error carries the exit code of the run's result.
func Run(ctx context.Context, e *env.Env, c *cluster.Cluster, run runs.Run, o Options) error {
	request := logs.Request{Follow: o.Follow, Tasks: o.Tasks, Steps: o.Steps}
	if run.PipelineRun != nil {
		request.PipelineRun = run.Name()
	} else {
		request.TaskRun = run.Name()
	}
	source := logs.Source{Pods: c.Core.CoreV1().Pods(c.Namespace), TaskRuns: c.TaskRuns(), PipelineRuns: c.PipelineRuns()}
	printer := &logs.Printer{Out: e.Out, Notes: e.ErrOut, Prefix: !o.NoPrefix, Times: o.Times, Color: e.Style.Color}
	outcome, err := logs.Stream(ctx, source, request, printer)
	switch {
	case errors.Is(err, syscall.EPIPE):
		return err
	case ctx.Err() != nil:
		return Interrupted(e, c, run)
	case apierrors.IsForbidden(err):
		return fmt.Errorf("%w; reading logs takes the right to get pods/log", err)
	case err != nil:
		return c.Explain(err)
	case o.Follow:
		return report(e, outcome)
	case outcome.Done && !outcome.Succeeded:
		return tell(e.ErrOut, e.ErrStyle, outcome, false)
	default:
		return nil
	}
}

// Interrupted says that Ctrl-C ended the command, not the run, and how to come back.
func Interrupted(e *env.Env, c *cluster.Cluster, run runs.Run) error {
	where := ""
	if e.Config.Namespace != nil && *e.Config.Namespace != "" {
		where = " -n " + *e.Config.Namespace
	}
	fmt.Fprintf(e.ErrOut, "\n%s %s goes on; come back with: slipway logs -f %s%s, or end it with: slipway cancel %s%s\n",
		run.Word(), run.Name(), run.Name(), where, run.Name(), where)
	return &env.ExitError{Code: env.ExitInterrupted}
}

func report(e *env.Env, o *logs.Outcome) error {
	if err := tell(e.ErrOut, e.ErrStyle, o, true); err != nil {
		return err
	}
	return exit(o)
}

// exit is the exit code of an outcome; the rest was said.
func exit(o *logs.Outcome) error {
	switch {
	case o.Succeeded:
		return nil
	case o.Deleted && !o.Done, o.Cancelled:
		return &env.ExitError{Code: env.ExitCancelled}
	case o.TimedOut:
		return &env.ExitError{Code: env.ExitTimedOut}
	default:
		return &env.ExitError{Code: env.ExitFailed}
	}
}

// tell says how the run ended: one line, and one for each task that failed.
func tell(w io.Writer, s style.Style, o *logs.Outcome, followed bool) error {
	head, state := headline(o)
	if _, err := fmt.Fprintf(w, "\n%s %s\n", s.Symbol(state), s.Paint(state, head)); err != nil {
		return err
	}
	if o.Kind == "TaskRun" {
		return nil // its own message is the headline's
	}
	for _, f := range o.Failures {
		if _, err := fmt.Fprintf(w, "  %s\n", failureLine(o, f, followed)); err != nil {
			return err
		}
	}
	return nil
}

func headline(o *logs.Outcome) (string, style.State) {
	took := ""
	if o.Took > 0 {
		took = " after " + runs.Duration(o.Took)
	}
	name := o.Kind + " " + o.Name
	why := ""
	if o.Message != "" {
		why = ": " + o.Message
	}
	switch {
	case o.Succeeded:
		return name + " succeeded" + took, style.Succeeded
	case o.Deleted && !o.Done:
		return name + " was deleted", style.Cancelled
	case o.Cancelled:
		return name + " was cancelled" + took, style.Cancelled
	case o.TimedOut:
		return name + " timed out" + took + why, style.Failed
	default:
		return name + " failed" + took + why, style.Failed
	}
}

func failureLine(o *logs.Outcome, f logs.Failure, followed bool) string {
	line := fmt.Sprintf("task %q: %s", f.Task, f.Message)
	if followed || !f.Ran || strings.Contains(f.Message, "slipway logs") {
		return line
	}
	line += fmt.Sprintf("; see: slipway logs %s --task %s", o.Name, f.Task)
	if f.Step != "" {
		line += " --step " + f.Step
	}
	return line
}
