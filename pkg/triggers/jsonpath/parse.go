// Package jsonpath reads values from decoded JSON by the part of JSONPath that bindings of
// Tekton Triggers use, in the dialect of kubectl (https://kubernetes.io/docs/reference/kubectl/jsonpath):
// fields, also in brackets and quotes, a backslash before what is no end of a name,
// indexes, slices, * and filters that compare one field. A path is what a user writes,
// the JSON is a stranger's: the work is linear in it.
package jsonpath

import (
	"fmt"
	"strconv"
	"strings"
)

// Path is a parsed path. The zero Path is the whole document.
type Path struct{ steps []step }

// step goes from a value to those below it.
type step interface {
	from(value any) ([]any, error)
}

// Parse reads a path such as body.commits[0].id; a dot before it and braces around it
// change nothing.
func Parse(text string) (Path, error) {
	inner := text
	if strings.HasPrefix(text, "{") != strings.HasSuffix(text, "}") {
		return Path{}, fmt.Errorf("the braces do not pair")
	} else if strings.HasPrefix(text, "{") {
		inner = text[1 : len(text)-1]
	}
	if inner == "" || strings.ContainsAny(inner, "{}") {
		return Path{}, fmt.Errorf("a path is needed, such as body.x")
	}
	p := parser{rest: strings.TrimPrefix(inner, "."), atStart: true}
	var steps []step
	for p.rest != "" {
		s, err := p.next()
		if err != nil {
			return Path{}, err
		}
		steps = append(steps, s)
	}
	return Path{steps}, nil
}

type parser struct {
	rest    string
	atStart bool
}

// next reads one step.
func (p *parser) next() (step, error) {
	dotted := p.atStart
	if !dotted && strings.HasPrefix(p.rest, ".") {
		dotted, p.rest = true, p.rest[1:]
	}
	p.atStart = false
	switch {
	case strings.HasPrefix(p.rest, "["):
		return p.brackets()
	case strings.HasPrefix(p.rest, "."):
		return nil, fmt.Errorf("the path has ..: name each field")
	case p.rest == "" || !dotted:
		return nil, fmt.Errorf("a field is missing at %q", p.rest)
	}
	name := p.name()
	if name == "*" {
		return all{}, nil
	}
	if name == "" {
		return nil, fmt.Errorf("a field is missing at %q", p.rest)
	}
	return field(unescape(name)), nil
}

// name reads up to the next dot or bracket that has no backslash before it.
func (p *parser) name() string {
	end := len(p.rest)
	for i := 0; i < len(p.rest); i++ {
		if p.rest[i] == '\\' {
			i++
		} else if p.rest[i] == '.' || p.rest[i] == '[' {
			end = i
			break
		}
	}
	name := p.rest[:end]
	p.rest = p.rest[end:]
	return name
}

func unescape(name string) string {
	var b strings.Builder
	for i := 0; i < len(name); i++ {
		if name[i] == '\\' && i+1 < len(name) {
			i++
		}
		b.WriteByte(name[i])
	}
	return b.String()
}

// brackets reads what stands in a pair of them.
func (p *parser) brackets() (step, error) {
	inside, rest, ok := cutBrackets(p.rest)
	if !ok {
		return nil, fmt.Errorf("a ] is missing for %q", p.rest)
	}
	p.rest = rest
	switch {
	case inside == "*":
		return all{}, nil
	case strings.HasPrefix(inside, "?("):
		return parseFilter(inside)
	case strings.Contains(inside, ":"):
		return parseSlice(inside)
	}
	if name, ok := quoted(inside); ok {
		return field(name), nil
	}
	i, err := strconv.Atoi(inside)
	if err != nil {
		return nil, fmt.Errorf("[%s] is neither an index, a slice, a quoted name, * nor a filter", inside)
	}
	return index(i), nil
}

// cutBrackets returns what is between the first bracket and the one that closes it;
// brackets in quotes do not count.
func cutBrackets(text string) (inside, rest string, ok bool) {
	depth, quote := 0, byte(0)
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '\'' || c == '"':
			quote = c
		case c == '[':
			depth++
		case c == ']':
			if depth--; depth == 0 {
				return text[1:i], text[i+1:], true
			}
		}
	}
	return "", "", false
}

func quoted(text string) (string, bool) {
	if n := len(text); n >= 2 && text[0] == text[n-1] && (text[0] == '\'' || text[0] == '"') {
		return unescape(text[1 : n-1]), true
	}
	return "", false
}

func parseSlice(inside string) (step, error) {
	parts := strings.Split(inside, ":")
	s := slice{stride: 1}
	if len(parts) > 3 {
		return nil, fmt.Errorf("[%s] has more than a start, an end and a step", inside)
	}
	for i, part := range parts {
		if part == "" {
			continue
		}
		n, err := strconv.Atoi(part)
		if err != nil {
			return nil, fmt.Errorf("[%s]: %q is no whole number", inside, part)
		}
		switch i {
		case 0:
			s.start = &n
		case 1:
			s.end = &n
		case 2:
			s.stride = n
		}
	}
	if s.stride < 1 {
		return nil, fmt.Errorf("[%s]: the step must be at least 1", inside)
	}
	return s, nil
}

// operators in the order in which they are looked for: the longer first.
var operators = []string{"==", "!=", ">=", "<=", ">", "<"}

// parseFilter reads ?(@.path OPERATOR literal) or ?(@.path).
func parseFilter(inside string) (step, error) {
	text, ok := strings.CutSuffix(strings.TrimPrefix(inside, "?("), ")")
	text, at := strings.CutPrefix(strings.TrimSpace(text), "@")
	if !ok || !at {
		return nil, fmt.Errorf("[%s] is no filter such as [?(@.name == 'x')]", inside)
	}
	f := filter{}
	left := text
	for _, op := range operators {
		if before, after, found := strings.Cut(text, op); found {
			literal, err := parseLiteral(strings.TrimSpace(after))
			if err != nil {
				return nil, fmt.Errorf("[%s]: %w", inside, err)
			}
			left, f.operator, f.literal = before, op, literal
			break
		}
	}
	var err error
	if left = strings.TrimSpace(left); left != "" {
		f.path, err = Parse(left)
	}
	if err != nil {
		return nil, fmt.Errorf("[%s]: %w", inside, err)
	}
	return f, nil
}

func parseLiteral(text string) (any, error) {
	if s, ok := quoted(text); ok {
		return s, nil
	}
	switch text {
	case "true", "false":
		return text == "true", nil
	}
	n, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return nil, fmt.Errorf("%q is no text in quotes, number, true or false", text)
	}
	return n, nil
}
