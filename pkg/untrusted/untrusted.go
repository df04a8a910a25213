// Package untrusted carries, from who starts a run to who puts values into scripts,
// which values strangers chose: a branch name or a title can hold anything, also
// what a shell would run.
package untrusted

import (
	"encoding/json"
	"slices"
	"strings"
)

// Annotation of a run holds what Encode made.
const Annotation = "slipway.dev/untrusted-values"

// maxSize bounds the annotation, in bytes: all annotations of an object share
// 256 KiB.
const maxSize = 16 << 10

// all stands for more values than fit.
const all = "all"

// Values are those that strangers chose. The zero value is none.
type Values struct {
	all  bool
	list []string
}

// IsSafe reports whether s has only characters that mean nothing to a shell, in
// whatever quotes it stands.
func IsSafe(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool {
		return (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && !strings.ContainsRune("_./:@%+=,-", r)
	}) < 0
}

// Clean is a value as a field of an object can hold it: valid UTF-8 without a zero
// byte.
func Clean(s string) string {
	return strings.ToValidUTF8(strings.ReplaceAll(s, "\x00", ""), "\uFFFD")
}

// Encode returns the text for the annotation; it is empty when all values are safe.
// Values are cleaned.
func Encode(values []string) string {
	values = slices.DeleteFunc(slices.Clone(values), IsSafe)
	for i, v := range values {
		values[i] = Clean(v)
	}
	if len(values) == 0 {
		return ""
	}
	slices.Sort(values)
	// A list of strings always has a JSON.
	data, _ := json.Marshal(slices.Compact(values))
	if len(data) > maxSize {
		return all
	}
	return string(data)
}

// Decode reads the annotation. One that cannot be read means all values.
func Decode(text string) Values {
	if text == "" {
		return Values{}
	}
	var v Values
	if text == all || json.Unmarshal([]byte(text), &v.list) != nil {
		return Values{all: true}
	}
	return v
}

// Of reads those of a run from its annotations.
func Of(annotations map[string]string) Values { return Decode(annotations[Annotation]) }

// None reports whether no value is untrusted.
func (v Values) None() bool { return !v.all && len(v.list) == 0 }

// In reports whether s holds such a value, or is a part of one that a shell would
// act on.
func (v Values) In(s string) bool {
	if v.None() || IsSafe(s) {
		return false
	}
	return v.all || slices.ContainsFunc(v.list, func(value string) bool {
		return strings.Contains(s, value) || strings.ContainsAny(s, "`$()<>{}[];&|\"'\\*?#~!\n\r") && strings.Contains(value, s)
	})
}
