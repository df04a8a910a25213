package owners

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestRead(t *testing.T) {
	for name, tc := range map[string]struct {
		text    string
		want    []string
		wantErr string
	}{
		"both lists":             {text: "approvers: [ada]\nreviewers:\n- grace\nlabels: [sig/x]\n", want: []string{"ada", "grace"}},
		"filters of all":         {text: "filters:\n  '.*':\n    approvers: [ada]\n    reviewers: [core]\n", want: []string{"ada", "core"}},
		"filters of a part":      {text: "filters:\n  '\\.go$':\n    approvers: [ada]\n"},
		"those who were":         {text: "emeritus_approvers: [ada]\n"},
		"nothing":                {},
		"what is no list":        {text: "approvers: ada\n", wantErr: "OWNERS: "},
		"what is no YAML at all": {text: "approvers: [ada\n", wantErr: "OWNERS: "},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := Read([]byte(tc.text))
			if tc.wantErr != "" {
				if err == nil || !strings.HasPrefix(err.Error(), tc.wantErr) {
					t.Errorf("%v, want %q", err, tc.wantErr)
				}
				return
			}
			if diff := cmp.Diff(tc.want, got); err != nil || diff != "" {
				t.Errorf("%v (-want +got):\n%s", err, diff)
			}
		})
	}
}

func TestAliases(t *testing.T) {
	aliases, err := Aliases([]byte("aliases:\n  core: [ada, Grace]\n  all: [core]\n"))
	if err != nil {
		t.Fatal(err)
	}
	users := Expand([]string{"bob", "core", "all"}, aliases)
	for user, want := range map[string]bool{"bob": true, "ada": true, "grace": true, "GRACE": true, "eve": false, "": false} {
		if Has(users, user) != want {
			t.Errorf("%q is among %q: %t", user, users, !want)
		}
	}
	// Whoever is called as an alias is nobody by that.
	if Has(Expand([]string{"core"}, aliases), "core") {
		t.Error("the alias is a user")
	}
	if _, err := Aliases([]byte("aliases: [core]")); err == nil || !strings.HasPrefix(err.Error(), "OWNERS_ALIASES: ") {
		t.Errorf("%v", err)
	}
}
