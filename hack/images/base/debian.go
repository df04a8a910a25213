package base

import (
	"archive/tar"
	"compress/gzip"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/tarball"

	"github.com/slipway-dev/slipway/hack/cluster/cache"
)

// bulk is what no image needs of a Debian package.
var bulk = []string{
	"usr/share/doc", "usr/share/man", "usr/share/info", "usr/share/locale", "usr/share/lintian",
	"usr/share/bash-completion", "usr/share/bug", "usr/share/i18n", "usr/share/zoneinfo", "var/lib/dpkg",
}

// mergedFolders are links into usr in today's Debian, though packages still
// have files in them.
var mergedFolders = []string{"bin", "sbin", "lib", "lib32", "lib64", "libx32"}

// debian is a tree with Debian packages and all they depend on. Their scripts do
// not run.
func debian(c *cache.Cache, packages ...string) (Tree, error) {
	key := fmt.Sprintf("debs-%x", sha256.Sum256([]byte(strings.Join(packages, " "))))[:17]
	dir, err := c.Make(key, func(dir string) error { return cache.Fetch(dir, packages) })
	if err != nil {
		return nil, err
	}
	debs, err := filepath.Glob(filepath.Join(dir, "*.deb"))
	if err != nil || len(debs) == 0 {
		return nil, fmt.Errorf("%s: no packages in it: %w", dir, errors.Join(err, os.RemoveAll(dir)))
	}
	tree := Tree{}
	for _, name := range mergedFolders {
		tree.Link(name, "usr/"+name)
		tree.Folder("usr/"+name, 0o755)
	}
	Users(tree)
	for _, deb := range debs {
		if err := tree.unpack(deb); err != nil {
			return nil, fmt.Errorf("%s: %w", deb, err)
		}
	}
	return tree, Certificates(tree, "etc/ssl/certs/ca-certificates.crt")
}

func (t Tree) unpack(deb string) error {
	cmd := exec.Command("dpkg-deb", "--fsys-tarfile", deb)
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	err = t.add(out)
	_, drainErr := io.Copy(io.Discard, out)
	return errors.Join(err, drainErr, cmd.Wait())
}

// add takes what a package's archive has, without its bulk.
func (t Tree) add(archive io.Reader) error {
	for r := tar.NewReader(archive); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		name := merged(h.Name)
		if name == "." || isBulk(name) {
			continue
		}
		kept := tar.Header{Typeflag: h.Typeflag, Mode: h.Mode, Uid: h.Uid, Gid: h.Gid, Size: h.Size, Linkname: h.Linkname}
		if h.Typeflag == tar.TypeLink {
			kept.Linkname = merged(h.Linkname)
		}
		data, err := io.ReadAll(r)
		if err != nil {
			return err
		}
		t.put(name, entry{header: kept, data: data})
	}
}

// merged is the path in the image of a path in a package.
func merged(name string) string {
	name = path.Clean(strings.TrimPrefix(name, "./"))
	if first, _, _ := strings.Cut(name, "/"); slices.Contains(mergedFolders, first) {
		return "usr/" + name
	}
	return name
}

func isBulk(name string) bool {
	return slices.ContainsFunc(bulk, func(dir string) bool { return name == dir || strings.HasPrefix(name, dir+"/") }) ||
		strings.Contains(name, "/gconv/")
}

// largeLayer makes a tree a layer that is packed once and kept in the cache.
// The key must change whenever the tree does.
func largeLayer(c *cache.Cache, key string, tree func() (Tree, error)) (v1.Layer, error) {
	name := "layer-" + key
	var t Tree
	if !c.Has(name) {
		var err error
		// Not within Make: the tree itself may need something made.
		if t, err = tree(); err != nil {
			return nil, err
		}
	}
	dir, err := c.Make(name, func(dir string) error {
		file, err := os.Create(filepath.Join(dir, "layer.tar.gz"))
		if err != nil {
			return err
		}
		defer file.Close()
		packed, err := gzip.NewWriterLevel(file, gzip.BestSpeed)
		if err != nil {
			return err
		}
		return errors.Join(t.Tar(packed), packed.Close(), file.Close())
	})
	if err != nil {
		return nil, err
	}
	return tarball.LayerFromFile(filepath.Join(dir, "layer.tar.gz"))
}
