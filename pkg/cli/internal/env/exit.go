package env

import (
	"errors"
	"fmt"
)

// Exit codes of slipway.
const (
	ExitOK          = 0
	ExitFailed      = 1   // the run failed
	ExitUsage       = 2   // wrong flags, arguments or manifest; nothing was changed
	ExitCancelled   = 3   // the run was cancelled or deleted
	ExitTimedOut    = 4   // the run took longer than its timeout
	ExitOther       = 5   // the cluster cannot be reached, refuses, or does not have what was asked for
	ExitInterrupted = 130 // Ctrl-C; the run goes on
)

// ExitError ends the program with a code of its own. Err may be nil if all is said already.
type ExitError struct {
	Code int
	Err  error
}

func (e *ExitError) Error() string {
	if e.Err == nil {
		return fmt.Sprintf("exit code %d", e.Code)
	}
	return e.Err.Error()
}

// Unwrap returns the cause.
func (e *ExitError) Unwrap() error { return e.Err }

// Usage is an error of the user's that was noticed before anything was changed.
func Usage(format string, args ...any) error {
	return &ExitError{Code: ExitUsage, Err: fmt.Errorf(format, args...)}
}

// Code returns the exit code of an error.
func Code(err error) int {
	var exit *ExitError
	switch {
	case err == nil:
		return ExitOK
	case errors.As(err, &exit):
		return exit.Code
	default:
		return ExitOther
	}
}
