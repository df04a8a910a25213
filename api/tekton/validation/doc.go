// Package validation checks objects of tekton.dev for what their schema cannot
// say: names that must be known, references that must lead somewhere, cycles.
//
// Each function returns every error it finds, each with the path of the field
// at fault and, in Detail, one line that says what to do. Call SetDefaults on the
// object first: a parameter's type is taken as it stands. Nothing that
// tekton.dev/v1 allows is refused.
package validation

import (
	"errors"
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/slipway-dev/slipway/api/tekton/malformed"
	"github.com/slipway-dev/slipway/pkg/suggest"
)

// Message is err as one line of the form `spec.steps[0].image: what is wrong`.
func Message(err *field.Error) string {
	if err.Field == "" || err.Field == "<nil>" {
		return err.Detail
	}
	return err.Field + ": " + err.Detail
}

// Err is everything that is wrong as one error of one line, in the words of whoever
// finds it: admission, a run's status, or a linter. It is nil when nothing is.
func Err(errs field.ErrorList) error {
	if len(errs) == 0 {
		return nil
	}
	lines := make([]string, len(errs))
	for i, e := range errs {
		lines[i] = Message(e)
	}
	return errors.New(strings.Join(lines, "; "))
}

func fail(t field.ErrorType, at *field.Path, value any, detail string) *field.Error {
	return &field.Error{Type: t, Field: at.String(), BadValue: value, Detail: detail}
}

func required(at *field.Path, detail string) *field.Error {
	return fail(field.ErrorTypeRequired, at, "", detail)
}

func invalid(at *field.Path, value any, format string, args ...any) *field.Error {
	return fail(field.ErrorTypeInvalid, at, value, fmt.Sprintf(format, args...))
}

// unread is the error for an object that could not be read as a whole, of which
// there is nothing else to say.
func unread(m *malformed.Field) field.ErrorList {
	return field.ErrorList{{Type: field.ErrorTypeTypeInvalid, Field: m.Path, Detail: m.Message}}
}

// unknown is the error for a name that nothing has; what says what it would be.
func unknown(at *field.Path, what, name string, known []string) *field.Error {
	return fail(field.ErrorTypeNotFound, at, name, fmt.Sprintf("no %s named %q", what, name)+suggest.DidYouMean(name, known))
}

// unique reports every name that was there before. An empty name may repeat.
func unique(at *field.Path, what string, n int, name func(int) string) (errs field.ErrorList) {
	first := map[string]int{}
	for i := range n {
		s := name(i)
		if s == "" {
			continue
		}
		if j, ok := first[s]; ok {
			errs = append(errs, fail(field.ErrorTypeDuplicate, at.Index(i).Child("name"), s,
				fmt.Sprintf("two %ss are named %q: rename this one or %s", what, s, at.Index(j))))
			continue
		}
		first[s] = i
	}
	return errs
}

// exactlyOne reports when not exactly one of the fields is given.
func exactlyOne(at *field.Path, fields []string, given ...bool) (errs field.ErrorList) {
	var list string
	n := 0
	for i, f := range fields {
		switch {
		case i == 0:
			list = f
		case i == len(fields)-1:
			list += " and " + f
		default:
			list += ", " + f
		}
		if given[i] {
			n++
		}
	}
	switch {
	case n == 0:
		errs = append(errs, required(at, "give exactly one of "+list))
	case n > 1:
		errs = append(errs, fail(field.ErrorTypeForbidden, at, "", "give only one of "+list))
	}
	return errs
}
