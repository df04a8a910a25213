package trigger

import (
	"fmt"
	"strings"
	"testing"
)

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
