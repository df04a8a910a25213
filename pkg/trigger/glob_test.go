package trigger

import (
	"fmt"
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
		g, err := compileGlob(c.pattern)
		if err != nil {
			t.Errorf("%q: %v", c.pattern, err)
			continue
		}
		if got := g.MatchString(c.text); got != c.want {
			t.Errorf("%q fits %q: %v", c.pattern, c.text, got)
		}
	}
	for _, wrong := range []string{"{a", "[a", "[]", "[!]", "[z-a]", strings.Repeat("a", maxPattern+1)} {
		if _, err := compileGlob(wrong); err == nil {
			t.Errorf("%q is a pattern", wrong)
		}
	}
}

// Strangers write patterns and expressions too: what they take is counted, for each and
// for all of a commit.
func TestWorkIsBounded(t *testing.T) {
	changes := &Changes{}
	for i := range 3000 {
		changes.Added = append(changes.Added, fmt.Sprintf("%d/%s", i, strings.Repeat("a", 100)))
	}
	stars := strings.Repeat("*a", 200) + "b*x"
	for name, annotations := range map[string][]string{
		"a pattern":             {"on-event: push", "on-target-branch: main", `on-path-change: "[` + strings.Repeat(stars+", ", 500) + `x]"`},
		"a pattern, many times": {`on-cel-expression: '[` + strings.Repeat("1,", 999) + `1].all(x, !"` + stars + `".pathChanged())'`},
		"a loop in a loop":      {`on-cel-expression: files.all.all(a, files.all.all(b, a + b != "x"))`},
	} {
		in := push("refs/heads/main")
		in.Changes = changes
		runs, problems := read(t, ".tekton/a.yaml", run("one", annotations...)).Match(in, nil)
		if len(runs) > 0 || len(problems) == 0 || !strings.Contains(problems[0].Message, "too much work") {
			t.Errorf("%s: %v, %v", name, names(runs), problems)
		}
	}
	var many strings.Builder
	for i := range 100 {
		many.WriteString(run(fmt.Sprintf("run-%d", i), `on-cel-expression: files.all.all(a, !a.matches(".*a.*a.*a.*a.*a.*b"))`) + "---\n")
	}
	in := push("refs/heads/main")
	in.Changes = changes
	set := read(t, ".tekton/a.yaml", many.String())
	if _, problems := set.Match(in, nil); len(problems) == 0 || !strings.Contains(problems[0].Message, "too much work") {
		t.Errorf("many expressions: %v", problems)
	}
}
