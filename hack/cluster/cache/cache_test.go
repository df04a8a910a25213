package cache

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func TestMake(t *testing.T) {
	c := &Cache{Dir: filepath.Join(t.TempDir(), "cache")}
	broken := errors.New("broken")
	if _, err := c.Make("thing", func(string) error { return broken }); !errors.Is(err, broken) || c.Has("thing") {
		t.Fatalf("a build that fails must leave nothing: %v, %v", err, c.Has("thing"))
	}
	// What a killed build leaves behind.
	if err := os.MkdirAll(c.Path(".making-thing/half"), 0o755); err != nil {
		t.Fatal(err)
	}
	builds := 0
	build := func(dir string) error {
		builds++
		if entries, err := os.ReadDir(dir); err != nil || len(entries) > 0 {
			t.Errorf("a build starts in an empty folder: %v, %v", entries, err)
		}
		return os.WriteFile(filepath.Join(dir, "file"), nil, 0o644)
	}
	for range 2 {
		dir, err := c.Make("thing", build)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(filepath.Join(dir, "file")); err != nil {
			t.Error(err)
		}
	}
	if builds != 1 {
		t.Errorf("built %d times, want once", builds)
	}
}

func TestMakeWithinMake(t *testing.T) {
	c := &Cache{Dir: t.TempDir()}
	_, err := c.Make("outer", func(string) error {
		_, err := c.Make("inner", func(string) error { return nil })
		return err
	})
	if err != nil || !c.Has("outer") || !c.Has("inner") {
		t.Errorf("one thing may need another: %v", err)
	}
}

func TestKeyChangesWithWhatIsBuilt(t *testing.T) {
	checkout := t.TempDir()
	for _, name := range []string{"go.mod", "main.go"} {
		if err := os.WriteFile(filepath.Join(checkout, name), []byte(name), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	c := &Cache{Checkout: checkout}
	s := Source{Name: "n", Version: "v1", Folder: ".", Tags: "a"}
	key := func(s Source) string {
		k, err := c.Key(s)
		if err != nil {
			t.Fatal(err)
		}
		return k
	}
	first := key(s)
	if key(s) != first {
		t.Error("the same source has two keys")
	}
	tagged := s
	tagged.Tags = "b"
	if key(tagged) == first {
		t.Error("other tags make another build")
	}
	if err := os.WriteFile(filepath.Join(checkout, "go.mod"), []byte("other"), 0o644); err != nil {
		t.Fatal(err)
	}
	if key(s) == first {
		t.Error("other dependencies make another build")
	}
}

func TestMissing(t *testing.T) {
	installed := "installed gcc\nconfig-files git\ninstalled iptables\n"
	if got, want := missing(installed, []string{"gcc", "git", "conntrack"}), []string{"git", "conntrack"}; !slices.Equal(got, want) {
		t.Errorf("missing = %v, want %v: a removed package leaves its configuration", got, want)
	}
}
