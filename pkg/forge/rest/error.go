package rest

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
	"unicode"

	"github.com/slipway-dev/slipway/pkg/forge"
)

// maxMessage bounds, in runes, what is passed on of what a forge says.
const maxMessage = 300

// Error is an answer of a forge that is no success. It is a forge.ErrDenied or
// forge.ErrNotFound where its status says so.
type Error struct {
	Method, URL string
	Status      int
	// Message is what the forge says, one line; empty if it says nothing in JSON.
	Message string
	// After is how long it asks to be left alone.
	After time.Duration

	limited bool
}

func (e *Error) Error() string {
	text := fmt.Sprintf("%s %s: %d %s", e.Method, e.URL, e.Status, http.StatusText(e.Status))
	if e.Message != "" {
		text += ": " + e.Message
	}
	if e.limited {
		text += fmt.Sprintf("; the forge's limit of requests is used up for %s", e.After.Round(time.Second))
	}
	return text
}

// Unwrap is the kind of error, or nil.
func (e *Error) Unwrap() error {
	switch {
	case e.limited:
		return nil
	case e.Status == http.StatusUnauthorized, e.Status == http.StatusForbidden:
		return forge.ErrDenied
	case e.Status == http.StatusNotFound, e.Status == http.StatusGone:
		return forge.ErrNotFound
	}
	return nil
}

func refusal(method, address string, res *http.Response) error {
	address, _, _ = strings.Cut(address, "?")
	e := &Error{Method: method, URL: address, Status: res.StatusCode, After: after(res.Header, time.Now())}
	e.limited = e.Status == http.StatusTooManyRequests || e.Status == http.StatusForbidden &&
		(res.Header.Get("Retry-After") != "" || res.Header.Get("X-Ratelimit-Remaining") == "0")
	// What is no JSON is a page for people, or of somebody who is no forge.
	var said any
	if json.NewDecoder(io.LimitReader(res.Body, 1<<20)).Decode(&said) == nil {
		e.Message = line(text(said))
	}
	return e
}

// text finds the message in what a forge says; each has it elsewhere.
func text(said any) string {
	switch v := said.(type) {
	case string:
		return v
	case []any:
		parts := make([]string, 0, len(v))
		for _, part := range v {
			if t := text(part); t != "" {
				parts = append(parts, t)
			}
		}
		return strings.Join(parts, "; ")
	case map[string]any:
		var parts []string
		for _, key := range []string{"message", "error", "error_description", "errors"} {
			if t := text(v[key]); t != "" {
				parts = append(parts, t)
			}
		}
		return strings.Join(parts, ": ")
	}
	return ""
}

func line(s string) string {
	s = strings.Join(strings.FieldsFunc(s, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }), " ")
	if runes := []rune(s); len(runes) > maxMessage {
		s = string(runes[:maxMessage]) + "…"
	}
	return s
}
