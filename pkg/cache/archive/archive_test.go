package archive

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// put makes a file with the folders above it.
func put(t *testing.T, path, content string, mode fs.FileMode) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(path, time.Time{}, time.Date(2020, 1, 2, 3, 4, 5, 678, time.UTC)); err != nil {
		t.Fatal(err)
	}
}

func link(t *testing.T, target, path string) {
	t.Helper()
	if err := os.Symlink(target, path); err != nil {
		t.Fatal(err)
	}
}

// tree says all of a folder that a restored one must have too.
func tree(t *testing.T, folder string) []string {
	t.Helper()
	var out []string
	err := filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(folder, path)
		line := fmt.Sprintf("%s %v", rel, info.Mode())
		switch {
		case err != nil:
			return err
		case info.Mode().IsRegular():
			content, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			line += fmt.Sprintf(" %d %x %s", info.Size(), sha256.Sum256(content), info.ModTime().UTC().Format(time.RFC3339Nano))
		case info.Mode().Type() == fs.ModeSymlink:
			target, err := os.Readlink(path)
			if err != nil {
				return err
			}
			line += " -> " + target
		}
		out = append(out, line)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// pack returns the archives of the folders.
func pack(t *testing.T, folders ...string) ([][]byte, Stats) {
	t.Helper()
	var packs [][]byte
	stats, err := Scan(t.Context(), folders, func(p Pack) error {
		var b bytes.Buffer
		err := p.Write(&b)
		packs = append(packs, b.Bytes())
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return packs, stats
}

// unpack unpacks archives into empty folders, the last first.
func unpack(t *testing.T, number int, packs ...[]byte) ([]string, error) {
	t.Helper()
	folders := make([]string, number)
	for i := range folders {
		folders[i] = filepath.Join(t.TempDir(), "folder")
		if err := os.Mkdir(folders[i], 0o700); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { remove(folders[i]) })
	}
	u, err := NewUnpacker(folders)
	if err != nil {
		t.Fatal(err)
	}
	defer u.Close()
	for i := range packs {
		if err := u.Unpack(bytes.NewReader(packs[len(packs)-1-i])); err != nil {
			return folders, err
		}
	}
	_, err = u.Finish()
	return folders, err
}

func TestThereAndBack(t *testing.T) {
	one, two := filepath.Join(t.TempDir(), "one"), filepath.Join(t.TempDir(), "two")
	put(t, one+"/plain", "text", 0o644)
	put(t, one+"/bin/tool", "#!/bin/sh\n", 0o755)
	put(t, one+"/closed/secret", "x", 0o400)
	put(t, one+"/nobody's", "", 0o000)
	put(t, one+"/deep/"+strings.Repeat("long-name/", 30)+"file\nof two lines", "y", 0o666)
	put(t, two+"/empty/.keep", "", 0o644)
	link(t, "../bin/tool", one+"/closed/tool")
	link(t, "bin", one+"/folder")
	link(t, "not-there", one+"/dangling")
	for path, mode := range map[string]fs.FileMode{one + "/closed": 0o555, one + "/deep": 0o700, two: 0o750, two + "/empty": 0o777} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() { remove(one) })
	packs, stats := pack(t, one, two)
	if want := (Stats{Files: 6, Folders: 36, Links: 3, Bytes: 16}); !cmp.Equal(stats, want) {
		t.Errorf("%+v, want %+v", stats, want)
	}
	got, err := unpack(t, 2, packs...)
	if err != nil {
		t.Fatal(err)
	}
	for i, folder := range []string{one, two} {
		if diff := cmp.Diff(tree(t, folder), tree(t, got[i])); diff != "" {
			t.Errorf("folder %d (-want +got):\n%s", i, diff)
		}
	}
}

// TestLargeFile: a file goes over as many packs as it takes, which may be unpacked in any order.
func TestLargeFile(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "folder")
	content := make([]byte, 2*PackMax+12345)
	for i := 0; i < len(content); i += 4099 {
		content[i] = byte(i / 4099)
	}
	put(t, folder+"/a", "before", 0o644)
	put(t, folder+"/large", string(content), 0o750)
	put(t, folder+"/z", "after", 0o644)
	packs, _ := pack(t, folder)
	if len(packs) < 3 {
		t.Fatalf("%d packs", len(packs))
	}
	got, err := unpack(t, 1, packs...)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(tree(t, folder), tree(t, got[0])); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if _, err := unpack(t, 1, packs[:len(packs)-1]...); !errors.Is(err, ErrBad) {
		t.Errorf("without a piece: %v", err)
	}
}

// TestPacksStayTheSame: what comes or goes changes the packs around it, and a copy with other times of folders none.
func TestPacksStayTheSame(t *testing.T) {
	folder := t.TempDir()
	random := rand.New(rand.NewPCG(1, 2))
	for i := range 300 {
		put(t, fmt.Sprintf("%s/m%03d/file", folder, i), strings.Repeat("x", 100_000+random.IntN(200_000)), 0o644)
	}
	sums := func() map[[32]byte]bool {
		packs, _ := pack(t, folder)
		out := map[[32]byte]bool{}
		for _, p := range packs {
			out[sha256.Sum256(p)] = true
		}
		return out
	}
	differ := func(a, b map[[32]byte]bool) (n int) {
		for sum := range b {
			if !a[sum] {
				n++
			}
		}
		return n
	}
	before := sums()
	if len(before) < 4 {
		t.Fatalf("%d packs of 60 MB", len(before))
	}
	put(t, folder+"/m050/new", "n", 0o644)
	if n := differ(before, sums()); n != 1 {
		t.Errorf("a new file changed %d packs of %d", n, len(before))
	}
	if err := os.RemoveAll(folder + "/m250"); err != nil {
		t.Fatal(err)
	}
	if n := differ(before, sums()); n > 4 {
		t.Errorf("a new file and a folder less changed %d packs of %d", n, len(before))
	}
}

func TestLeftOut(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "folder")
	put(t, folder+"/d/e/file", "x", 0o644)
	link(t, "/etc/passwd", folder+"/absolute")
	link(t, "../other", folder+"/above")
	link(t, "../..", folder+"/d/e/to-the-top")     // leads to the folder itself
	link(t, "d/e/to-the-top/..", folder+"/around") // looks as if it led to d/e
	link(t, "above", folder+"/by-another")
	link(t, "self", folder+"/self")
	if err := syscall.Mkfifo(folder+"/pipe", 0o644); err != nil {
		t.Fatal(err)
	}
	packs, stats := pack(t, folder)
	var names []string
	for _, name := range stats.LeftOut {
		names = append(names, filepath.Base(name))
	}
	if want := []string{"above", "absolute", "around", "by-another", "pipe", "self"}; !cmp.Equal(names, want) {
		t.Errorf("left out %q, want %q", names, want)
	}
	got, err := unpack(t, 1, packs...)
	if err != nil {
		t.Fatal(err)
	}
	if lines := tree(t, got[0]); len(lines) != 5 || !strings.HasSuffix(lines[4], "to-the-top Lrwxrwxrwx -> ../..") {
		t.Errorf("got %q", lines)
	}
}

func TestFileThatChanges(t *testing.T) {
	folder := t.TempDir()
	put(t, folder+"/log", "x", 0o644)
	_, err := Scan(t.Context(), []string{folder}, func(p Pack) error {
		put(t, folder+"/log", "xx", 0o644)
		return p.Write(&bytes.Buffer{})
	})
	if !errors.Is(err, ErrChanged) {
		t.Errorf("got %v", err)
	}
}

// hostile is an archive of these entries, whose contents are zeros.
func hostile(t *testing.T, entries ...tar.Header) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, h := range entries {
		if h.Mode == 0 {
			h.Mode = 0o755
		}
		if err := w.WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(make([]byte, h.Size)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestHostileArchives: whoever made the archive reaches nothing outside of the folder.
func TestHostileArchives(t *testing.T) {
	file := func(name string) tar.Header { return tar.Header{Typeflag: tar.TypeReg, Name: name, Size: 6} }
	dir := func(name string) tar.Header { return tar.Header{Typeflag: tar.TypeDir, Name: name} }
	to := func(name, target string) tar.Header {
		return tar.Header{Typeflag: tar.TypeSymlink, Name: name, Linkname: target}
	}
	piece := func(name, offset, size string) tar.Header {
		h := file(name)
		h.Format, h.PAXRecords = tar.FormatPAX, map[string]string{paxOffset: offset, paxSize: size}
		return h
	}
	for name, entries := range map[string][]tar.Header{
		"a path above":                    {file("0/../../outside")},
		"a path that only looks like one": {file("0/a/../b")},
		"an absolute path":                {file("/outside")},
		"an absolute path in the folder":  {file("0//outside")},
		"no folder":                       {file("outside")},
		"a folder that is not there":      {file("1/outside")},
		"a folder below none":             {file("-1/outside")},
		"the folder as a file":            {file("0")},
		"the folder as a link":            {to("0", "/tmp")},
		"a link out of it":                {dir("0/"), to("0/a", "../outside")},
		"an absolute link":                {to("0/a", "/etc/passwd")},
		"a link, and a file through it":   {to("0/a", ".."), file("0/a/outside")},
		"a file where a link was":         {to("0/a", "../outside"), file("0/a")},
		"links that leave together":       {dir("0/d/e"), to("0/d/e/up", "../.."), to("0/out", "d/e/up/../outside")},
		"a link through a link":           {to("0/a", "b/.."), to("0/b", "..")},
		"a link to itself":                {to("0/a", "a")},
		"a hard link":                     {file("0/a"), {Typeflag: tar.TypeLink, Name: "0/b", Linkname: "0/a"}},
		"a hard link out of it":           {{Typeflag: tar.TypeLink, Name: "0/b", Linkname: "/etc/passwd"}},
		"a device":                        {{Typeflag: tar.TypeChar, Name: "0/null", Devmajor: 1, Devminor: 3}},
		"a pipe":                          {{Typeflag: tar.TypeFifo, Name: "0/pipe"}},
		"one name twice":                  {file("0/a"), file("0/a")},
		"one link twice":                  {to("0/a", "b"), to("0/a", "c")},
		"a piece before the file":         {piece("0/a", "-1", "100")},
		"a piece behind the file":         {piece("0/a", "100", "100")},
		"a piece of nothing":              {piece("0/a", "", "100")},
		"a piece that is all there is":    {piece("0/a", "0", "100")},
		"pieces of two files":             {piece("0/a", "0", "100"), piece("0/a", "6", "101")},
	} {
		t.Run(name, func(t *testing.T) {
			folders, err := unpack(t, 1, hostile(t, entries...))
			if !errors.Is(err, ErrBad) && !errors.Is(err, fs.ErrInvalid) {
				t.Errorf("it is taken: %v", err)
			}
			around, readErr := os.ReadDir(filepath.Dir(folders[0]))
			if readErr != nil || len(around) != 1 {
				t.Errorf("beside the folder there are %v, %v", around, readErr)
			}
		})
	}
	if _, err := unpack(t, 1, []byte("no archive at all, and longer than the five hundred and twelve bytes that a header has"+strings.Repeat("!", 512))); !errors.Is(err, ErrBad) {
		t.Errorf("what is no archive: %v", err)
	}
}

// TestOddModes: rights that a file gives beyond its own are not restored.
func TestOddModes(t *testing.T) {
	got, err := unpack(t, 1, hostile(t,
		tar.Header{Typeflag: tar.TypeDir, Name: "0/", Mode: 0o1777},
		tar.Header{Typeflag: tar.TypeReg, Name: "0/tool", Mode: 0o6755},
		tar.Header{Typeflag: tar.TypeDir, Name: "0/shared", Mode: 0o2777}))
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]fs.FileMode{"": fs.ModeDir | 0o777, "/tool": 0o755, "/shared": fs.ModeDir | 0o777} {
		info, err := os.Lstat(got[0] + path)
		if err != nil || info.Mode() != want {
			t.Errorf("%q: %v, %v; want %v", path, info, err, want)
		}
	}
}

// TestBomb: a small pack that would become a large one is refused before it fills a disk.
func TestBomb(t *testing.T) {
	h := tar.Header{Typeflag: tar.TypeReg, Name: "0/zeros", Size: rawMax}
	if _, err := unpack(t, 1, hostile(t, h)); !errors.Is(err, ErrBad) {
		t.Errorf("got %v", err)
	}
}
