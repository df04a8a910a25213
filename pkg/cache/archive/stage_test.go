package archive

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestStage(t *testing.T) {
	base := t.TempDir()
	paths := []string{base + "/deep/a", base + "/b"}
	if err := os.Mkdir(paths[1], 0o755); err != nil {
		t.Fatal(err)
	}
	s, err := NewStage(paths)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range s.Folders() {
		put(t, f+"/file", "x", 0o644)
	}
	if _, err := os.Stat(paths[0]); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a folder is there before its time: %v", err)
	}
	if err := s.Commit(); err != nil {
		t.Fatal(err)
	}
	s.Discard()
	for _, p := range paths {
		if _, err := os.Stat(p + "/file"); err != nil {
			t.Error(err)
		}
	}
	wantNothingElse(t, base, "b", "deep")
	wantNothingElse(t, base+"/deep", "a")
}

// TestStageComesWhole: when one folder cannot come to its place, none is there.
func TestStageComesWhole(t *testing.T) {
	base := t.TempDir()
	s, err := NewStage([]string{base + "/a", base + "/b"})
	if err != nil {
		t.Fatal(err)
	}
	put(t, s.Folders()[0]+"/closed/file", "x", 0o400)
	put(t, base+"/b/file", "somebody else's", 0o644)
	if err := s.Commit(); err == nil {
		t.Error("a folder took the place of another")
	}
	wantNothingElse(t, base, "b")
	wantNothingElse(t, base+"/b", "file")
}

func wantNothingElse(t *testing.T, folder string, names ...string) {
	t.Helper()
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range entries {
		got = append(got, e.Name())
	}
	if strings.Join(got, " ") != strings.Join(names, " ") {
		t.Errorf("%s holds %q, want %q", folder, got, names)
	}
}

func TestCheck(t *testing.T) {
	base := t.TempDir()
	put(t, base+"/full/file", "x", 0o644)
	if err := os.Mkdir(base+"/empty", 0o755); err != nil {
		t.Fatal(err)
	}
	link(t, "empty", base+"/link")
	for path, want := range map[string]error{base + "/empty": nil, base + "/not/there": nil, base + "/full": ErrOccupied, base + "/full/file": ErrPlace,
		base + "/link": ErrPlace, "/proc": ErrPlace, "/": ErrPlace} {
		if err := Check(path); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", path, err, want)
		}
	}
	if !SameFileSystem(filepath.Join(base, "not/there/yet"), base) || SameFileSystem("/proc/self", base) {
		t.Error("file systems are not told apart")
	}
}
