package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/slipway-dev/slipway/hack/cluster/cache"
	"github.com/slipway-dev/slipway/hack/images/base"
)

// program is one of Slipway's and the image it goes into.
type program struct {
	name string
	// file is where the image has it.
	file string
	// fill adds what else the image needs.
	fill   func(base.Tree) error
	config v1.Config
}

// programs lists every image. A program whose folder is not there has no image.
func programs() []program {
	service := func(name string) program {
		return program{name: name, file: name, config: v1.Config{Entrypoint: []string{"/" + name}, User: fmt.Sprintf("%d:%d", base.Nonroot, base.Nonroot)},
			fill: func(t base.Tree) error {
				base.Users(t)
				return base.Certificates(t, "etc/ssl/certs/ca-certificates.crt")
			}}
	}
	// A step runs it as whichever user its Pod says.
	tool := service("cache")
	tool.config.User = ""
	return []program{
		service("controller"), service("gateway"), service("signer"), tool,
		// Mounted into steps as an image volume: nothing but the binary.
		{name: "entrypoint", file: "entrypoint", fill: func(base.Tree) error { return nil }, config: v1.Config{Entrypoint: []string{"/entrypoint"}}},
		{name: "builder", file: "kaniko/builder", fill: fillBuilder, config: v1.Config{Entrypoint: []string{"/kaniko/builder"}, Env: []string{
			"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/kaniko", "HOME=/root", "USER=root", "SSL_CERT_DIR=/kaniko/ssl/certs", "DOCKER_CONFIG=/kaniko/.docker"}}},
	}
}

// fillBuilder makes /kaniko hold all that a build needs of its own: the rest of
// the file system becomes that of the image being built.
func fillBuilder(t base.Tree) error {
	t.Folder("kaniko/.docker", 0o777)
	t.Folder("workspace", 0o777)
	t.Folder("root", 0o700)
	t.Folder("tmp", 0o1777)
	t.File("etc/nsswitch.conf", 0o644, []byte("hosts: files dns\n"))
	t.File("etc/passwd", 0o644, []byte("root:x:0:0:root:/root:/sbin/nologin\n"))
	t.File("etc/group", 0o644, []byte("root:x:0:\n"))
	return base.Certificates(t, "kaniko/ssl/certs/ca-certificates.crt")
}

// pushSlipway builds every program and pushes its image as REGISTRY/slipway/NAME:TAG. The
// programs stay in bin/images, where the next build finds those that have not changed.
func pushSlipway(checkout, registry, tag string) error {
	for _, p := range programs() {
		source := "./cmd/" + p.name
		if _, err := os.Stat(filepath.Join(checkout, source, "main.go")); err != nil {
			continue
		}
		binary := filepath.Join(checkout, "bin", "images", p.name)
		build := exec.Command("go", "build", "-C", checkout, "-trimpath", "-buildvcs=false", "-ldflags=-s -w", "-o", binary, source)
		build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOGC="+cache.CompilerGC)
		build.Stderr = os.Stderr
		if err := build.Run(); err != nil {
			return fmt.Errorf("go build %s: %w", source, err)
		}
		img, err := p.image(binary)
		if err != nil {
			return fmt.Errorf("image %s: %w", p.name, err)
		}
		pinned, err := base.PushImage(fmt.Sprintf("%s/slipway/%s:%s", registry, p.name, tag), img)
		if err != nil {
			return fmt.Errorf("image %s: %w", p.name, err)
		}
		fmt.Println(pinned)
	}
	return nil
}

func (p program) image(binary string) (v1.Image, error) {
	tree := base.Tree{}
	if err := tree.Copy(p.file, 0o755, binary); err != nil {
		return nil, err
	}
	if err := p.fill(tree); err != nil {
		return nil, err
	}
	layer, err := tree.Layer()
	if err != nil {
		return nil, err
	}
	return base.Image(p.config, layer)
}
