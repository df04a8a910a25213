package base

import (
	"archive/tar"
	"bytes"
	"io"
	"slices"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

func TestTreeHasEveryFolderAndOneOrder(t *testing.T) {
	tree := Tree{}
	tree.File("usr/bin/tool", 0o755, []byte("x"))
	tree.Link("bin/tool", "../usr/bin/tool")
	tree.Folder("tmp", 0o1777)
	var out bytes.Buffer
	if err := tree.Tar(&out); err != nil {
		t.Fatal(err)
	}
	var names []string
	for r := tar.NewReader(&out); ; {
		h, err := r.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if !h.ModTime.Equal(epoch) {
			t.Errorf("%s is from %s: digests would change with the day", h.Name, h.ModTime)
		}
		names = append(names, h.Name)
	}
	if want := []string{"bin/", "bin/tool", "tmp/", "usr/", "usr/bin/", "usr/bin/tool"}; !slices.Equal(names, want) {
		t.Errorf("order %v, want %v: a folder comes before what is in it", names, want)
	}
}

func TestImageDigestIsStable(t *testing.T) {
	digest := func() string {
		tree := Tree{}
		Users(tree)
		layer, err := tree.Layer()
		if err != nil {
			t.Fatal(err)
		}
		img, err := Image(v1.Config{Cmd: []string{"sh"}}, layer)
		if err != nil {
			t.Fatal(err)
		}
		d, err := img.Digest()
		if err != nil {
			t.Fatal(err)
		}
		return d.String()
	}
	if a, b := digest(), digest(); a != b {
		t.Errorf("the same image has two digests: %s and %s", a, b)
	}
}

func TestMerged(t *testing.T) {
	for in, want := range map[string]string{"./bin/sh": "usr/bin/sh", "./usr/bin/git": "usr/bin/git", "./lib64/": "usr/lib64", "./library/x": "library/x", "./": "."} {
		if got := merged(in); got != want {
			t.Errorf("merged(%q) = %q, want %q", in, got, want)
		}
	}
}
