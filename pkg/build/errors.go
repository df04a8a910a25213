package build

import (
	"errors"
	"fmt"
)

// ExitCode is the status the builder ends with. A script or an onError can tell by it who has to act.
type ExitCode int

const (
	// ExitOK: the image is pushed and its results are written.
	ExitOK ExitCode = 0
	// ExitInternal: something nobody foresaw; the log has the engine's own words.
	ExitInternal ExitCode = 1
	// ExitUsage: the request is wrong: a flag, the context, the Dockerfile, a name.
	ExitUsage ExitCode = 2
	// ExitInstruction: an instruction of the Dockerfile failed.
	ExitInstruction ExitCode = 3
	// ExitRefused: a registry answered and refused: no such image, no or wrong credentials.
	ExitRefused ExitCode = 4
	// ExitUnreachable: a registry did not answer; trying again may help.
	ExitUnreachable ExitCode = 5
)

// Error is an error that is told to the user in one line.
type Error struct {
	Code    ExitCode
	Message string
	// Cause is the error underneath, if there is one; Message already says what matters of it.
	Cause error
}

func (e *Error) Error() string { return e.Message }

func (e *Error) Unwrap() error { return e.Cause }

// Usagef is an Error about the request itself.
func Usagef(format string, args ...any) *Error {
	return &Error{Code: ExitUsage, Message: fmt.Sprintf(format, args...)}
}

// exitCodeOf is the status for an error: its own if it is an *Error, else ExitInternal.
func exitCodeOf(err error) ExitCode {
	var e *Error
	switch {
	case err == nil:
		return ExitOK
	case errors.As(err, &e):
		return e.Code
	}
	return ExitInternal
}
