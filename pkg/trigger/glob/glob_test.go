package glob

import (
	"strings"
	"testing"
)

func TestGlob(t *testing.T) {
	for _, c := range []struct {
		pattern, text string
		want          bool
	}{
		{"main", "main", true}, {"main", "main2", false}, {"main", "xmain", false}, {"a.b", "axb", false},
		{"release-*", "release-1/x", true}, {"*", "", true}, {"docs/**.md", "docs/a/b.md", true}, {"docs/***", "docs/a", true},
		{"docs/*.md", "docs/a/b.md", true}, {"v?", "v1", true}, {"v?", "v12", false}, {"v?", "vé", true},
		{"v[0-9]", "v5", true}, {"v[!0-9]", "v5", false}, {"v[!0-9]", "vx", true}, {"[^a]", "^", true}, {`[\d]`, "5", false}, {`[\d]`, `\`, true},
		{"*.{go,mod}", "go.mod", true}, {"*.{go,mod}", "go.sum", false}, {"{a,b{c,d}}", "bd", true}, {"a,b", "a,b", true}, {"a}", "a}", true},
		{`\*`, "*", true}, {`\*`, "x", false}, {`a\`, `a\`, true}, {"(a|b)+$", "(a|b)+$", true}, {"a\nb*", "a\nbc\nd", true},
	} {
		g, err := Compile(c.pattern)
		if err != nil {
			t.Errorf("%q: %v", c.pattern, err)
			continue
		}
		if got := g.MatchString(c.text); got != c.want {
			t.Errorf("%q fits %q: %v", c.pattern, c.text, got)
		}
	}
	for _, wrong := range []string{"{a", "[a", "[]", "[!]", "[z-a]", strings.Repeat("a", maxPattern+1)} {
		if _, err := Compile(wrong); err == nil {
			t.Errorf("%q is a pattern", wrong)
		}
	}
}
