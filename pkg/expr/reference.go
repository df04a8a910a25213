// Package expr is the language of references: `$(params.image)`,
// `$(tasks.build.results["digest"])`, `$(params.hosts[0])`, `$(params.hosts[*])`. It finds
// them in a string, looks them up and puts their values in.
package expr

import (
	"strconv"
	"strings"
)

// Reference is one `$(…)` in a string.
type Reference struct {
	// Pos and End are the byte offsets of "$(" and of what follows ")".
	Pos, End int
	// Path holds the names in order, without dots, brackets and quotes; it has
	// at least two: `tasks.a.results['b.c'].key` is tasks, a, results, b.c, key.
	Path []string
	// Selector says what of an array or object is meant.
	Selector Selector
	// Index is the position meant when Selector is At.
	Index int
}

// Selector is the bracket that may end a reference.
type Selector int

// The selectors.
const (
	// Plain is a reference without a bracket at its end.
	Plain Selector = iota
	// All is `[*]`: the whole array or object.
	All
	// At is `[i]`: one element of an array, counted from 0.
	At
)

// Name is the path joined by dots, the key by which Vars knows a value.
func (r Reference) Name() string { return strings.Join(r.Path, ".") }

// String is the reference in dot notation, as it would stand in a string; a
// name that dots cannot carry, such as one with a dot in it, stands in brackets.
func (r Reference) String() string {
	var b strings.Builder
	b.WriteString("$(")
	for i, p := range r.Path {
		switch {
		case wordLen(p) != len(p):
			b.WriteString(`["` + p + `"]`)
		case i > 0:
			b.WriteString("." + p)
		default:
			b.WriteString(p)
		}
	}
	switch r.Selector {
	case All:
		b.WriteString("[*]")
	case At:
		b.WriteString("[" + strconv.Itoa(r.Index) + "]")
	}
	b.WriteString(")")
	return b.String()
}

// Param returns the name of the parameter that r means, if it means one:
// `params.x`, or `inputs.params.x` as old Tasks have it.
func (r Reference) Param() (name string, ok bool) {
	p := r.Path
	if p[0] == "inputs" && len(p) > 2 {
		p = p[1:]
	}
	if p[0] != "params" {
		return "", false
	}
	return p[1], true
}

// Result returns the pipeline task and the result that r means, if it means
// `tasks.T.results.R` or `finally.T.results.R`.
func (r Reference) Result() (task, result string, ok bool) {
	if len(r.Path) < 4 || r.Path[2] != "results" || (r.Path[0] != "tasks" && r.Path[0] != "finally") {
		return "", "", false
	}
	return r.Path[1], r.Path[3], true
}

// References lists the references in s in order. What does not have the form
// of a reference, such as `$(date +%s)` or `$(foo)`, belongs to the shell and is not listed.
func References(s string) []Reference {
	var refs []Reference
	for at := 0; ; {
		i := strings.Index(s[at:], "$(")
		if i < 0 {
			return refs
		}
		pos := at + i
		r, ok := parse(s[pos+2:])
		if !ok {
			at = pos + 2
			continue
		}
		r.Pos, r.End = pos, pos+2+r.End
		refs = append(refs, r)
		at = r.End
	}
}

// Isolated returns the reference that s consists of, if s is one reference
// and nothing else.
func Isolated(s string) (Reference, bool) {
	if !strings.HasPrefix(s, "$(") {
		return Reference{}, false
	}
	r, ok := parse(s[2:])
	if !ok || r.End+2 != len(s) {
		return Reference{}, false
	}
	r.End += 2
	return r, true
}

// parse reads what follows "$(" up to and including ")". Reference.End is
// relative to s.
func parse(s string) (Reference, bool) {
	var r Reference
	n := wordLen(s)
	if n == 0 {
		return r, false
	}
	r.Path = append(r.Path, s[:n])
	for i := n; i < len(s); {
		switch s[i] {
		case ')':
			r.End = i + 1
			return r, len(r.Path) > 1
		case '.':
			n := wordLen(s[i+1:])
			if n == 0 || r.Selector != Plain {
				return r, false
			}
			r.Path = append(r.Path, s[i+1:i+1+n])
			i += 1 + n
		case '[':
			n := r.bracket(s[i:])
			if n == 0 {
				return r, false
			}
			i += n
		default:
			return r, false
		}
	}
	return r, false
}

// bracket reads `["name"]`, `['name']`, `[*]` or `[3]` at the start of s and
// returns its length, or 0 when it is none of these or stands behind a selector.
func (r *Reference) bracket(s string) int {
	end := strings.IndexByte(s, ']')
	if end < 2 || r.Selector != Plain {
		return 0
	}
	inner := s[1:end]
	if q := inner[0]; q == '"' || q == '\'' {
		if len(inner) < 3 || inner[len(inner)-1] != q || strings.ContainsAny(inner[1:len(inner)-1], "\"'()") {
			return 0
		}
		r.Path = append(r.Path, inner[1:len(inner)-1])
		return end + 1
	}
	if inner == "*" {
		r.Selector = All
		return end + 1
	}
	i, err := strconv.ParseUint(inner, 10, 31)
	if err != nil {
		return 0
	}
	r.Selector, r.Index = At, int(i)
	return end + 1
}

func wordLen(s string) int {
	for i := range len(s) {
		c := s[i]
		if c != '_' && c != '-' && (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') {
			return i
		}
	}
	return len(s)
}
