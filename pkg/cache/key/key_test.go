package key

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"
)

func files(list ...string) fstest.MapFS {
	fsys := fstest.MapFS{}
	for i := 0; i < len(list); i += 2 {
		fsys[list[i]] = &fstest.MapFile{Data: []byte(list[i+1])}
	}
	return fsys
}

func hashOf(t *testing.T, fsys fstest.MapFS, patterns ...string) (string, []string) {
	t.Helper()
	sum, found, err := Hash(fsys, patterns, []string{"web/node_modules"})
	if err != nil {
		t.Fatal(err)
	}
	return sum, found
}

func TestHashFindsFiles(t *testing.T) {
	fsys := files("go.sum", "a", "sub/go.sum", "b", "sub/deep/go.sum", "c", "go.sums", "d", ".git/go.sum", "e",
		"web/node_modules/x/go.sum", "f", "web/package-lock.json", "g")
	for name, c := range map[string]struct{ patterns, want []string }{
		"at any depth":      {[]string{"**/go.sum"}, []string{"go.sum", "sub/deep/go.sum", "sub/go.sum"}},
		"one file":          {[]string{"go.sum"}, []string{"go.sum"}},
		"one folder":        {[]string{"sub/*.sum"}, []string{"sub/go.sum"}},
		"taken out again":   {[]string{"**/go.sum", "!sub/deep"}, []string{"go.sum", "sub/go.sum"}},
		"of several kinds":  {[]string{"go.sum", "**/package-lock.json"}, []string{"go.sum", "web/package-lock.json"}},
		"nothing like that": {[]string{"**/Cargo.lock"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			if _, got := hashOf(t, fsys, c.patterns...); !cmp.Equal(got, c.want) {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
	if _, _, err := Hash(fsys, []string{"a[b"}, nil); err == nil {
		t.Error("a pattern that is none is taken")
	}
}

// TestHashTellsApart: what could be written one after the other as the same bytes is not the same.
func TestHashTellsApart(t *testing.T) {
	seen := map[string]string{}
	for name, fsys := range map[string]fstest.MapFS{
		"one":                       files("a.lock", "1", "b.lock", "2"),
		"another content":           files("a.lock", "1", "b.lock", "3"),
		"contents that changed":     files("a.lock", "2", "b.lock", "1"),
		"another name":              files("a.lock", "1", "c.lock", "2"),
		"another folder":            files("a.lock", "1", "x/b.lock", "2"),
		"one less":                  files("a.lock", "1"),
		"joined":                    files("a.lock", "12"),
		"the name in the content":   files("a.lock", "1b.lock2"),
		"a line's end, and nothing": files("a.lock", "1\n", "b.lock", "2"),
	} {
		sum, _ := hashOf(t, fsys, "**/*.lock")
		if other, ok := seen[sum]; ok {
			t.Errorf("%s and %s have the same hash", name, other)
		}
		seen[sum] = name
		if again, _ := hashOf(t, fsys, "**/*.lock"); again != sum || len(sum) != hashLength {
			t.Errorf("%s: %q and then %q", name, sum, again)
		}
	}
	fsys := files("a.lock", "1", "main.go", "x")
	before, _ := hashOf(t, fsys, "**/*.lock")
	fsys["main.go"].Data = []byte("y")
	if after, _ := hashOf(t, fsys, "**/*.lock"); after != before {
		t.Error("a file that no pattern names changes the hash")
	}
}

func TestTag(t *testing.T) {
	at, space := time.UnixMilli(1763769600123).UTC(), Space("", []string{"node_modules"})
	form := regexp.MustCompile(`^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}$`) // of the OCI distribution specification
	for _, key := range []string{"go", "go-1.26-" + strings.Repeat("a", hashLength), "feature/x_y", "a.b..c", "ключ", "-", "_", "%2f", "a b\n"} {
		tag, err := Tag(space, key, at)
		if err != nil || !form.MatchString(tag) {
			t.Errorf("%q: %q, %v", key, tag, err)
		}
		got, ok := Parse(space, tag)
		if !ok || got.Key != key || !got.At.Equal(at) || got.Tag != tag {
			t.Errorf("%q became %q and then %+v", key, tag, got)
		}
	}
	if _, err := Tag(space, strings.Repeat("/", 40), at); err == nil || !strings.Contains(err.Error(), "takes 120 characters in a tag of a registry, and there is room for 107") {
		t.Errorf("a long key: %v", err)
	}
	if _, err := Tag(space, "", at); err == nil {
		t.Error("no key is a key")
	}
	for _, tag := range []string{"latest", space, space + ".", space + ".a", space + ".a.", space + ".a.!", space + "._0.1", space + "._zz.1", space + ".a.-5", Space("", []string{"vendor"}) + ".a.1"} {
		if got, ok := Parse(space, tag); ok {
			t.Errorf("%q is taken for %+v", tag, got)
		}
	}
}

func TestSpacesAreApart(t *testing.T) {
	seen := map[string]bool{}
	for _, s := range []string{Space("", []string{"a", "b"}), Space("", []string{"b", "a"}), Space("", []string{"ab"}), Space("a", []string{"b"}),
		Space("pull-7", []string{"a", "b"}), Space("pull-8", []string{"a", "b"})} {
		if seen[s] || len(s) != spaceLength {
			t.Errorf("%q twice, or of the wrong length", s)
		}
		seen[s] = true
	}
}

func TestChoose(t *testing.T) {
	saved := func(key string, hour, place int) Saved {
		return Saved{Key: key, At: time.Date(2026, 11, 1, hour, 0, 0, 0, time.UTC), Place: place, Tag: fmt.Sprintf("%s@%d/%d", key, hour, place)}
	}
	all := []Saved{saved("go-a", 1, 1), saved("go-a", 3, 1), saved("go-b", 5, 1), saved("go-c", 2, 0), saved("npm-a", 9, 0), saved("g", 8, 1), saved("go-", 4, 1)}
	for name, c := range map[string]struct {
		key      string
		prefixes []string
		want     []string
	}{
		"the key itself, the newest first": {"go-a", nil, []string{"go-a@3/1", "go-a@1/1"}},
		"one's own before the newer":       {"go-x", []string{"go-"}, []string{"go-c@2/0", "go-b@5/1", "go-@4/1", "go-a@3/1", "go-a@1/1"}},
		"the key before any prefix":        {"go-b", []string{"go-"}, []string{"go-b@5/1", "go-c@2/0", "go-@4/1", "go-a@3/1", "go-a@1/1"}},
		"prefixes in their order":          {"x", []string{"npm-", "go-c"}, []string{"npm-a@9/0", "go-c@2/0"}},
		"the key is no prefix":             {"go", nil, nil},
		"nothing fits":                     {"x", []string{"pip-"}, nil},
		"an empty prefix fits all, once":   {"go-a", []string{"go-", ""}, []string{"go-a@3/1", "go-a@1/1", "go-c@2/0", "go-b@5/1", "go-@4/1", "npm-a@9/0", "g@8/1"}},
	} {
		t.Run(name, func(t *testing.T) {
			var got []string
			for _, s := range Choose(all, c.key, c.prefixes) {
				got = append(got, s.Tag)
			}
			if !cmp.Equal(got, c.want) {
				t.Errorf("got  %q\nwant %q", got, c.want)
			}
		})
	}
}

func TestPrefix(t *testing.T) {
	for base, want := range map[string]string{"go": "go-", "go-": "go-", "": ""} {
		if got := Prefix(base); got != want {
			t.Errorf("Prefix(%q) = %q, want %q", base, got, want)
		}
	}
}
