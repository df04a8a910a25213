// Package base assembles the small images a cluster without a public registry
// needs, from Debian's packages and the local Go toolchain. The same inputs give
// the same digests.
package base

import (
	"archive/tar"
	"bytes"
	"io"
	"maps"
	"os"
	"path"
	"slices"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

// entry is one file, folder or link of an image.
type entry struct {
	header tar.Header
	data   []byte
}

// Tree is a file system in memory, by path without a leading slash.
type Tree map[string]entry

// File adds a file with its folders.
func (t Tree) File(name string, mode int64, data []byte) {
	t.put(name, entry{header: tar.Header{Typeflag: tar.TypeReg, Mode: mode, Size: int64(len(data))}, data: data})
}

// Copy adds a file of the machine.
func (t Tree) Copy(name string, mode int64, from string) error {
	data, err := os.ReadFile(from)
	if err == nil {
		t.File(name, mode, data)
	}
	return err
}

// Link adds a symbolic link.
func (t Tree) Link(name, target string) {
	t.put(name, entry{header: tar.Header{Typeflag: tar.TypeSymlink, Mode: 0o777, Linkname: target}})
}

// Folder adds a folder with the folders above it.
func (t Tree) Folder(name string, mode int64) {
	t.put(name, entry{header: tar.Header{Typeflag: tar.TypeDir, Mode: mode}})
}

func (t Tree) put(name string, e entry) {
	for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) {
		if _, ok := t[dir]; ok {
			break
		}
		t[dir] = entry{header: tar.Header{Typeflag: tar.TypeDir, Mode: 0o755}}
	}
	t[name] = e
}

// Tar writes the tree in the order of its paths, with one fixed time.
func (t Tree) Tar(out io.Writer) error {
	w := tar.NewWriter(out)
	for _, name := range slices.Sorted(maps.Keys(t)) {
		e := t[name]
		h := e.header
		h.Name, h.Format, h.ModTime = name, tar.FormatPAX, epoch
		if h.Typeflag == tar.TypeDir {
			h.Name += "/"
		}
		if err := w.WriteHeader(&h); err != nil {
			return err
		}
		if _, err := w.Write(e.data); err != nil {
			return err
		}
	}
	return w.Close()
}

// Layer makes the tree a layer of an image.
func (t Tree) Layer() (v1.Layer, error) {
	var out bytes.Buffer
	if err := t.Tar(&out); err != nil {
		return nil, err
	}
	return tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(out.Bytes())), nil })
}

// Image stacks layers for linux on this machine's architecture.
func Image(config v1.Config, layers ...v1.Layer) (v1.Image, error) {
	img, err := mutate.AppendLayers(empty.Image, layers...)
	if err != nil {
		return nil, err
	}
	file, err := img.ConfigFile()
	if err != nil {
		return nil, err
	}
	file = file.DeepCopy()
	file.OS, file.Architecture, file.Config = "linux", architecture, config
	file.Created = v1.Time{Time: epoch}
	for i := range file.History {
		file.History[i].Created = v1.Time{Time: epoch}
	}
	return mutate.ConfigFile(img, file)
}

func tarFolder(mode int64, owner int) tar.Header {
	return tar.Header{Typeflag: tar.TypeDir, Mode: mode, Uid: owner, Gid: owner}
}
