package trigger

import (
	"fmt"
	"regexp"
	"strings"
)

// maxPattern bounds globs, in bytes.
const maxPattern = 512

// compileGlob reads a pattern as Pipelines-as-Code does: a star goes beyond slashes. It
// becomes a regular expression, whose work grows with the length of the text alone: a
// stranger may have written the pattern.
func compileGlob(pattern string) (*regexp.Regexp, error) {
	if len(pattern) > maxPattern {
		return nil, fmt.Errorf("a pattern has at most %d characters", maxPattern)
	}
	g := globReader{rest: pattern}
	if err := g.read(); err != nil {
		return nil, fmt.Errorf("%q: %w", pattern, err)
	}
	re, err := regexp.Compile(`(?s)\A` + g.out.String() + `\z`)
	if err != nil {
		return nil, fmt.Errorf("%q is no pattern: %w", pattern, err)
	}
	return re, nil
}

type globReader struct {
	rest string
	out  strings.Builder
	// depth counts the braces that are open.
	depth int
}

func (g *globReader) read() error {
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
		case r == "{":
			g.depth++
			g.out.WriteString(`(?:`)
		case r == "}" && g.depth > 0:
			g.depth--
			g.out.WriteString(`)`)
		case r == "," && g.depth > 0:
			g.out.WriteString(`|`)
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

// next takes one character.
func (g *globReader) next() string {
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
func (g *globReader) class() error {
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
