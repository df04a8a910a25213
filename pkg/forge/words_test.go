package forge

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

func TestSum(t *testing.T) {
	for name, test := range map[string]struct {
		changes [][2]string
		want    Changes
	}{
		"nothing":                    {nil, Changes{}},
		"in order":                   {[][2]string{{"b", "added"}, {"a", "copied"}}, Changes{Added: []string{"a", "b"}}},
		"added and changed":          {[][2]string{{"a", "added"}, {"a", "modified"}}, Changes{Added: []string{"a"}}},
		"added and removed":          {[][2]string{{"a", "added"}, {"a", "removed"}}, Changes{}},
		"removed and added":          {[][2]string{{"a", "deleted"}, {"a", "added"}}, Changes{Modified: []string{"a"}}},
		"renamed and changed":        {[][2]string{{"a", "renamed"}, {"a", "changed"}}, Changes{Renamed: []string{"a"}}},
		"renamed and removed":        {[][2]string{{"a", "renamed"}, {"a", "removed"}}, Changes{Deleted: []string{"a"}}},
		"a mode, and what is not so": {[][2]string{{"a", "changed"}, {"b", "unchanged"}}, Changes{Modified: []string{"a"}}},
	} {
		t.Run(name, func(t *testing.T) {
			var s Sum
			for _, c := range test.changes {
				s.Add(c[0], c[1])
			}
			if diff := cmp.Diff(test.want, s.Changes()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestPick(t *testing.T) {
	for path, want := range map[string]bool{".tekton/a.yaml": true, ".tekton/below/a.yml": true, ".slipway/a.yaml": true, ".tekton/a.txt": false,
		".tektonic/a.yaml": false, "x/.tekton/a.yaml": false, ".tekton.yaml": false, "a.yaml": false} {
		if got := Pick(path, []string{".tekton", "/.slipway/"}); got != want {
			t.Errorf("%s: %t", path, got)
		}
	}
}

func TestRef(t *testing.T) {
	for ref, want := range map[string]string{"refs/heads/feature/x": "feature/x false", "refs/tags/v1": "v1 true", "main": "", "refs/heads/": "", "refs/pull/1/head": ""} {
		name, tag, err := Ref(ref)
		if got := fmt.Sprint(name, " ", tag); want != "" && (err != nil || got != want) || want == "" && !errors.Is(err, ErrNotFound) {
			t.Errorf("Ref(%q) = %s, %v", ref, got, err)
		}
	}
}

func TestCommit(t *testing.T) {
	for id, want := range map[string]string{"": "", strings.Repeat("0", 40): "", strings.Repeat("0", 64): "", "0a": "0a"} {
		if got := Commit(id); got != want {
			t.Errorf("Commit(%q) = %q", id, got)
		}
	}
}

func TestCut(t *testing.T) {
	if got := Cut("äöü", 3); got != "äöü" {
		t.Errorf("%q fits", got)
	}
	if got := Cut("äöüß", 3); got != "äö…" {
		t.Errorf("%q", got)
	}
	for most := 3; most < 12; most++ {
		if got := CutBytes("äöüßäöüß", most); len(got) > most || !utf8.ValidString(got) || !strings.HasSuffix(got, "…") {
			t.Errorf("%d: %q", most, got)
		}
	}
}

func TestFirstLine(t *testing.T) {
	if got := FirstLine("\n Count faster \r\n\nIt was slow.\n"); got != "Count faster" {
		t.Errorf("%q", got)
	}
}
