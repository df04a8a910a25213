package base

import (
	"embed"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/slipway-dev/slipway/hack/cluster/cache"
)

//go:embed files
var files embed.FS

const systemPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// busybox is static, so that its binary also runs where the image is mounted as
// a volume.
func busybox(c *cache.Cache) (v1.Image, error) {
	dir, err := c.Unpack("busybox-static")
	if err != nil {
		return nil, err
	}
	binary := filepath.Join(dir, "bin/busybox")
	applets, err := exec.Command(binary, "--list").Output()
	if err != nil {
		return nil, fmt.Errorf("%s --list: %w", binary, err)
	}
	tree := Tree{}
	Users(tree)
	if err := tree.Copy("bin/busybox", 0o755, binary); err != nil {
		return nil, err
	}
	for applet := range strings.FieldsSeq(string(applets)) {
		if applet != "busybox" {
			tree.Link("bin/"+applet, "busybox")
		}
	}
	if err := Certificates(tree, "etc/ssl/certs/ca-certificates.crt"); err != nil {
		return nil, err
	}
	layer, err := tree.Layer()
	if err != nil {
		return nil, err
	}
	return Image(v1.Config{Cmd: []string{"sh"}, Env: []string{"PATH=/bin:/sbin:/usr/bin:/usr/sbin"}}, layer)
}

// gitPackages make an image in which scripts feel at home.
var gitPackages = []string{
	"bash", "ca-certificates", "coreutils", "diffutils", "findutils", "git", "grep", "gzip", "mawk", "openssh-client", "sed", "tar",
}

func gitTree(c *cache.Cache, more ...string) (Tree, error) {
	tree, err := debian(c, append(gitPackages, more...)...)
	if err != nil {
		return nil, err
	}
	tree.Link("usr/bin/sh", "bash")
	tree.Link("usr/bin/awk", "mawk")
	return tree, nil
}

func gitLayer(c *cache.Cache) (v1.Layer, error) {
	return largeLayer(c, "git-1", func() (Tree, error) { return gitTree(c) })
}

func git(c *cache.Cache) (v1.Image, error) {
	layer, err := gitLayer(c)
	if err != nil {
		return nil, err
	}
	return Image(v1.Config{Cmd: []string{"bash"}, Env: []string{"PATH=" + systemPath}}, layer)
}

// golang is the git image with the toolchain that builds Slipway.
func golang(c *cache.Cache) (v1.Image, error) {
	bottom, err := gitLayer(c)
	if err != nil {
		return nil, err
	}
	top, err := largeLayer(c, "golang-1-"+runtime.Version(), toolchain)
	if err != nil {
		return nil, err
	}
	return Image(v1.Config{Cmd: []string{"bash"}, WorkingDir: "/go", Env: []string{
		"PATH=/go/bin:/usr/local/go/bin:" + systemPath, "GOPATH=/go", "GOTOOLCHAIN=local", "CGO_ENABLED=0"}}, bottom, top)
}

// unneeded are parts of the toolchain's folder that no build reads.
var unneeded = []string{"api", "doc", "misc", "test"}

func toolchain() (Tree, error) {
	out, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		return nil, err
	}
	root := strings.TrimSpace(string(out))
	tree := Tree{}
	tree.Folder("go", 0o777)
	for _, name := range []string{"go/bin", "go/pkg", "go/src"} {
		tree.Folder(name, 0o777)
	}
	return tree, filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		inside, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		if d.IsDir() && (slices.Contains(unneeded, inside) || d.Name() == "testdata") {
			return fs.SkipDir
		}
		return addToolchain(tree, filepath.Join("usr/local/go", inside), path, d)
	})
}

func addToolchain(tree Tree, name, path string, d fs.DirEntry) error {
	switch {
	case d.IsDir():
		tree.Folder(name, 0o755)
	case d.Type()&fs.ModeSymlink != 0:
		target, err := os.Readlink(path)
		tree.Link(name, target)
		return err
	case strings.HasSuffix(name, "_test.go"):
	case d.Type().IsRegular():
		info, err := d.Info()
		if err != nil {
			return err
		}
		return tree.Copy(name, int64(info.Mode().Perm()), path)
	}
	return nil
}

// gitServer is Git's own HTTP server: /git/NAME.git for everyone, and
// /private/NAME.git for user "ci" with password "ci-password". A push to a
// repository that is not there makes it.
func gitServer(c *cache.Cache) (v1.Image, error) {
	bottom, err := gitLayer(c)
	if err != nil {
		return nil, err
	}
	top, err := largeLayer(c, "git-server-1", func() (Tree, error) {
		tree, err := debian(c, "lighttpd")
		if err != nil {
			return nil, err
		}
		for name, mode := range map[string]int64{"etc/git-server.conf": 0o644, "etc/git-users": 0o644, "etc/gitconfig": 0o644, "usr/local/bin/git-cgi": 0o755} {
			data, err := files.ReadFile("files/git-server/" + filepath.Base(name))
			if err != nil {
				return nil, err
			}
			tree.File(name, mode, data)
		}
		tree.Folder("srv/git", 0o1777)
		tree.Folder("srv/private", 0o1777)
		return tree, nil
	})
	if err != nil {
		return nil, err
	}
	return Image(v1.Config{Cmd: []string{"lighttpd", "-D", "-f", "/etc/git-server.conf"}, User: "65532:65532",
		ExposedPorts: map[string]struct{}{"8080/tcp": {}}, Env: []string{"PATH=" + systemPath}}, bottom, top)
}
