// Package glob compares branches and paths with patterns, as Pipelines-as-Code does.
package glob

import (
	"fmt"
	"regexp"
	"strings"
)

// maxPattern bounds globs, in bytes.
const maxPattern = 512

// Compile reads a pattern, in which a star goes beyond slashes. It
// becomes a regular expression, whose work grows with the length of the text alone: a
// stranger may have written the pattern.
func Compile(pattern string) (*regexp.Regexp, error) {
	if len(pattern) > maxPattern {
		return nil, fmt.Errorf("a pattern has at most %d characters", maxPattern)
	}
	g := reader{rest: pattern}
	if err := g.read(); err != nil {
		return nil, fmt.Errorf("%q: %w", pattern, err)
	}
	re, err := regexp.Compile(`(?s)\A` + g.out.String() + `\z`)
	if err != nil {
		return nil, fmt.Errorf("%q is no pattern: %w", pattern, err)
	}
	return re, nil
}

type reader struct {
	rest string
	out  strings.Builder
	// depth counts the braces that are open.
	depth int
}

func (g *reader) read() error {
	for g.rest != "" {
		r := g.next()
		switch {
		case r == "*":
			g.rest = strings.TrimLeft(g.rest, "*")
			g.out.WriteString(`.*`)
		case r == "?":
			g.out.WriteString(`.`)
		case r == "[":
			if err := g.class(); err != nil {
				return err
			}
		case g.brace(r):
		case r == `\` && g.rest != "":
			g.out.WriteString(regexp.QuoteMeta(g.next()))
		default:
			g.out.WriteString(regexp.QuoteMeta(r))
		}
	}
	if g.depth > 0 {
		return fmt.Errorf("a { lacks its }")
	}
	return nil
}

// brace takes what belongs to {a,b}.
func (g *reader) brace(r string) bool {
	switch {
	case r == "{":
		g.depth++
		g.out.WriteString(`(?:`)
	case g.depth == 0:
		return false
	case r == "}":
		g.depth--
		g.out.WriteString(`)`)
	case r == ",":
		g.out.WriteString(`|`)
	default:
		return false
	}
	return true
}

// next takes one character.
func (g *reader) next() string {
	for i := range g.rest {
		if i > 0 {
			r := g.rest[:i]
			g.rest = g.rest[i:]
			return r
		}
	}
	r := g.rest
	g.rest = ""
	return r
}

// class reads [a-z], or [!a-z] for all but these.
func (g *reader) class() error {
	inner, rest, ok := strings.Cut(g.rest, "]")
	if !ok || inner == "" || inner == "!" {
		return fmt.Errorf("a [ lacks its ]")
	}
	g.rest = rest
	g.out.WriteString("[")
	if without, ok := strings.CutPrefix(inner, "!"); ok {
		inner = without
		g.out.WriteString("^")
	}
	g.out.WriteString(strings.NewReplacer(`\`, `\\`, `[`, `\[`, `^`, `\^`, `&`, `\&`, `~`, `\~`).Replace(inner))
	g.out.WriteString("]")
	return nil
}
