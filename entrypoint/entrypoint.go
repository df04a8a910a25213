// Package entrypoint is PID 1 of every step: it waits for the steps before,
// runs the user's process exactly once, hands over to the steps after it, and
// reports how it went. It is linked into nothing but the binary that is put
// into users' containers, and uses the standard library only.
package entrypoint

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/slipway-dev/slipway/entrypoint/contract"
	"github.com/slipway-dev/slipway/entrypoint/mask"
)

// Exit codes that are the entrypoint's own; all others are the process's.
const (
	exitFailed    = 1   // not run for the failure of another, or overran its time
	exitUsage     = 2   // arguments of another release
	exitRestarted = 125 // the container was started again
	exitNotExec   = 126
	exitNotFound  = 127
	exitCancelled = 128 + int(syscall.SIGTERM)
)

// Main runs the step that args describe, see [contract.Parse], and returns the
// container's exit code. "install FILE" instead copies the binary to FILE,
// for nodes that cannot mount an image, and "debug-… FILE" answers or asks for a
// breakpoint.
func Main(args, environ []string, stdout, stderr *os.File) int {
	if len(args) == 2 && args[0] == contract.Install {
		if err := install(args[1]); err != nil {
			fmt.Fprintf(stderr, "entrypoint: install: %v\n", err)
			return exitFailed
		}
		return 0
	}
	if len(args) == 2 && strings.HasPrefix(args[0], contract.DebugPrefix) {
		if err := debug(args[0], args[1]); err != nil {
			fmt.Fprintf(stderr, "%s: %v\n", args[0], err)
			return exitFailed
		}
		return 0
	}
	step, err := contract.Parse(args)
	if err != nil {
		fmt.Fprintf(stderr, "entrypoint: %v\n", err)
		return exitUsage
	}
	e := &entry{Step: step, environ: environ, stdout: stdout, stderr: stderr, signals: listen()}
	return e.run()
}

type entry struct {
	contract.Step
	environ        []string
	stdout, stderr *os.File
	signals        signals
	alive          *os.File
	secrets        *mask.Set
}

// ending is how a step ended: what its mark and its message say.
type ending struct {
	contract.Mark
	detail string
	found  found
}

func failed(cause contract.Cause, code int, format string, args ...any) ending {
	return ending{
		Mark:   contract.Mark{Outcome: contract.OutcomeError, Reason: contract.ReasonError, Cause: cause, ExitCode: code},
		detail: fmt.Sprintf(format, args...),
	}
}

// run reads as the step's life.
func (e *entry) run() int {
	if err := e.claim(); err != nil {
		return e.finish(failed(contract.CauseSetup, exitFailed, "its run folder cannot be used: %v", err))
	}
	if err := e.equip(); err != nil {
		return e.finish(failed(contract.CauseSetup, exitFailed, "its breakpoint cannot be prepared: %v", err))
	}
	if mark, err := readMark(contract.MarkPath(e.RunDir)); err == nil {
		return e.report(e.again(mark))
	}
	end, ready := e.wait()
	if ready {
		end, ready = e.hold()
	}
	if ready {
		end = e.attempt()
	}
	return e.finish(end)
}

// attempt runs the process unless a when expression, or a run before this
// one, stands against it.
func (e *entry) attempt() ending {
	values := e.loadRefs()
	if ok, err := hold(e.When, e.Guards, values); err != nil {
		return failed(contract.CauseSetup, exitFailed, "its guard in CEL cannot be evaluated: %v", err)
	} else if !ok {
		return ending{Mark: contract.Mark{Outcome: contract.OutcomeSkipped, Reason: contract.ReasonSkipped, Cause: contract.CauseWhen}}
	}
	if e.BreakBefore {
		if end, ok := e.breakBefore(); !ok {
			return end
		}
	}
	if err := e.markStart(); errors.Is(err, fs.ErrExist) {
		return failed(contract.CauseRestarted, exitRestarted, "the node started the container again; the process had begun before and is not run a second time")
	} else if err != nil {
		return failed(contract.CauseSetup, exitFailed, "its start cannot be recorded: %v", err)
	}
	before := e.snapshot()
	end := e.execute(values)
	if e.BreakOnFailure {
		end = e.breakAfter(end)
	}
	e.gather(&end, before)
	return end
}

// execute prepares and runs the process.
func (e *entry) execute(values replacements) ending {
	e.secrets = e.loadSecrets()
	cmd, err := e.prepare(values)
	if err != nil {
		return asEnding(err)
	}
	streams, err := e.openStreams()
	if err != nil {
		return asEnding(err)
	}
	started := time.Now()
	exit, err := e.supervise(cmd, streams)
	if err != nil {
		return asEnding(err)
	}
	end := e.judge(exit)
	end.StartedAt = started
	return end
}

// judge turns the process's exit into an outcome.
func (e *entry) judge(x exit) ending {
	m := contract.Mark{Outcome: contract.OutcomeError, Reason: contract.ReasonError, ExitCode: x.code}
	detail := ""
	switch {
	case x.timedOut:
		m.Reason, m.ExitCode = contract.ReasonTimeout, exitFailed
		detail = fmt.Sprintf("it did not end within its timeout of %s", time.Duration(e.Timeout))
	case x.code == 0:
		m.Outcome, m.Reason = contract.OutcomeOK, contract.ReasonCompleted
	case x.interrupted:
		m.Reason = contract.ReasonCancelled
	case e.ContinueOnError:
		m.Outcome, m.Reason = contract.OutcomeOK, contract.ReasonContinued
	}
	return ending{Mark: m, detail: detail}
}

// finish hands over to the steps that wait, then reports.
func (e *entry) finish(end ending) int {
	end.FinishedAt = time.Now()
	if err := e.handOver(end.Mark); err != nil {
		e.complain("its end cannot be recorded: %v", err)
	}
	return e.report(end)
}

// report writes the termination message, and returns the container's exit code.
func (e *entry) report(end ending) int {
	if end.detail != "" {
		end.detail = e.secrets.String(end.detail)
		e.complain("%s", end.detail)
	}
	if err := e.deliver(end); err != nil {
		e.complain("its termination message cannot be written: %v", err)
	}
	if end.Outcome == contract.OutcomeError {
		return max(end.ExitCode, 1)
	}
	return 0
}

// again is the ending of a container that is started after its step had ended:
// the same as before, with whatever results are there.
func (e *entry) again(mark contract.Mark) ending {
	end := ending{Mark: mark}
	e.gather(&end, nil)
	return end
}

func (e *entry) complain(format string, args ...any) {
	fmt.Fprintf(e.stderr, "step %q: %s\n", e.Name, e.secrets.String(fmt.Sprintf(format, args...)))
}

// setupError is why a process could not be started.
type setupError struct {
	cause contract.Cause
	code  int
	text  string
}

func (s setupError) Error() string { return s.text }

func asEnding(err error) ending {
	if s, ok := errors.AsType[setupError](err); ok {
		return failed(s.cause, s.code, "%s", s.text)
	}
	return failed(contract.CauseSetup, exitFailed, "%v", err)
}

// signals are those that the step is to pass on, and news of children apart,
// so that a storm of the latter cannot crowd out the former.
type signals struct {
	pass, child chan os.Signal
}

func listen() signals {
	s := signals{pass: make(chan os.Signal, 64), child: make(chan os.Signal, 1)}
	signal.Notify(s.child, syscall.SIGCHLD)
	var list []os.Signal
	for n := syscall.Signal(1); n < 65; n++ {
		switch n {
		case syscall.SIGCHLD, syscall.SIGURG, syscall.SIGPIPE, syscall.SIGKILL, syscall.SIGSTOP:
			// news of children; the Go runtime's own; a reader of ours that left; cannot be caught
		case syscall.SIGSEGV, syscall.SIGBUS, syscall.SIGFPE, syscall.SIGILL, syscall.SIGTRAP, syscall.SIGABRT:
			// our own bugs
		default:
			list = append(list, n)
		}
	}
	signal.Notify(s.pass, list...)
	return s
}
