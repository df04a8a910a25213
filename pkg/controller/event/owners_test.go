package event

import (
	"testing"

	"github.com/slipway-dev/slipway/api/slipway/v1alpha1"
)

// Who is in OWNERS at the head of the default branch may start runs; what a fork says there
// is not asked.
func TestOwners(t *testing.T) {
	const aliases = "aliases:\n  core: [Grace]\n"
	for name, tc := range map[string]struct {
		root  map[string]string
		may   bool
		calls []string
	}{
		"an approver":         {root: map[string]string{"OWNERS": "approvers: [grace]"}, may: true, calls: []string{"file m1 OWNERS", "file m1 OWNERS_ALIASES"}},
		"by an alias":         {root: map[string]string{"OWNERS": "reviewers: [core]", "OWNERS_ALIASES": aliases}, may: true, calls: []string{"file m1 OWNERS", "file m1 OWNERS_ALIASES"}},
		"somebody else":       {root: map[string]string{"OWNERS": "approvers: [ada]", "OWNERS_ALIASES": aliases}, calls: []string{"file m1 OWNERS", "file m1 OWNERS_ALIASES"}},
		"no file":             {calls: []string{"file m1 OWNERS"}},
		"a file that is none": {root: map[string]string{"OWNERS": "approvers: grace"}, calls: []string{"file m1 OWNERS"}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, v1alpha1.RepositorySpec{}, map[string]string{".tekton/a.yaml": pipeline("build", onBoth)})
			w.tips, w.root = map[string]string{"refs/heads/main": "m1"}, tc.root
			fork := pull("f1", "eve")
			w.pull = &fork
			e := w.happens(comment(1, "grace", "/ok-to-test"))
			want := append([]string{"may push grace", "repository", "tip refs/heads/main"}, tc.calls...)
			if tc.may {
				w.wantState(e, v1alpha1.EventDone, 1, "")
				want = append(want, "pull request 7", "files f1", "status f1 slipway success: approved by grace")
			} else {
				w.wantState(e, v1alpha1.EventIgnored, 0, "grace may not start runs")
			}
			w.wantCalls(want...)
		})
	}
}
