package base

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"

	"github.com/slipway-dev/slipway/hack/cluster/cache"
)

// epoch is the time of every file and image: it must not change between builds.
var epoch = time.Unix(1700000000, 0).UTC()

const architecture = runtime.GOARCH

// Nonroot is the user of images that need no rights, by its usual number.
const Nonroot = 65532

// builder makes one base image.
type builder struct {
	name string
	// repositories it is pushed to. Those that Docker Hub has too are found by
	// nodes that read their short names, such as "busybox".
	repositories, tags []string
	// recipe changes whenever the image would; a registry that has the image
	// under this tag needs no other.
	recipe string
	takes  string
	build  func(*cache.Cache) (v1.Image, error)
}

// builders lists the base images, the most urgent first: no Pod starts without
// pause, and no volume is provisioned without busybox.
func builders() []builder {
	toolchain := strings.TrimPrefix(runtime.Version(), "go")
	release := toolchain[:strings.LastIndex(toolchain, ".")]
	return []builder{
		{name: "pause", repositories: []string{"pause"}, tags: []string{"1"}, recipe: "recipe-1", takes: "1 s", build: pause},
		{name: "busybox", repositories: []string{"busybox", "library/busybox"}, tags: []string{"latest"}, recipe: "recipe-3", takes: "1 s", build: busybox},
		{name: "git", repositories: []string{"alpine/git"}, tags: []string{"latest"}, recipe: "recipe-1", takes: "20 s", build: git},
		{name: "golang", repositories: []string{"golang", "library/golang"}, tags: []string{"latest", release, toolchain}, recipe: "recipe-2-" + toolchain, takes: "40 s", build: golang},
		{name: "git-server", repositories: []string{"git-server"}, tags: []string{"latest"}, recipe: "recipe-1", takes: "10 s", build: gitServer},
	}
}

// Push makes sure that every base image is in the registry.
func Push(registry string, c *cache.Cache, note func(string)) error {
	for _, b := range builders() {
		if err := b.push(registry, c, note); err != nil {
			return fmt.Errorf("image %s: %w", b.name, err)
		}
	}
	return nil
}

func (b builder) push(registry string, c *cache.Cache, note func(string)) error {
	done := registry + "/" + b.repositories[0] + ":" + b.recipe
	if ok, err := present(done); ok || err != nil {
		return err
	}
	note(b.name + " (about " + b.takes + ")")
	img, err := b.build(c)
	if err != nil {
		return err
	}
	for _, tag := range b.tags {
		for _, repository := range b.repositories {
			if _, err := PushImage(registry+"/"+repository+":"+tag, img); err != nil {
				return err
			}
		}
	}
	_, err = PushImage(done, img)
	return err
}

func present(tag string) (bool, error) {
	ref, err := name.ParseReference(tag)
	if err != nil {
		return false, err
	}
	_, err = remote.Head(ref)
	var refused *transport.Error
	if errors.As(err, &refused) && refused.StatusCode == http.StatusNotFound {
		return false, nil
	}
	return err == nil, err
}

// PushImage pushes an image unless the tag is that image already, and returns
// its reference by digest.
func PushImage(tag string, img v1.Image) (string, error) {
	ref, err := name.ParseReference(tag)
	if err != nil {
		return "", err
	}
	digest, err := img.Digest()
	if err != nil {
		return "", err
	}
	pinned := ref.Context().Digest(digest.String()).String()
	if there, err := remote.Head(ref); err == nil && there.Digest == digest {
		return pinned, nil
	}
	return pinned, remote.Write(ref, img)
}

// pauseSource holds a Pod's namespaces and reaps what its containers orphan.
const pauseSource = `
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>
static void end(int sig) { _exit(0); }
static void reap(int sig) { while (waitpid(-1, 0, WNOHANG) > 0) {} }
int main(void) {
	signal(SIGTERM, end);
	signal(SIGINT, end);
	signal(SIGCHLD, reap);
	for (;;) pause();
}
`

func pause(c *cache.Cache) (v1.Image, error) {
	dir, err := c.Make("pause-1", func(dir string) error {
		cc := exec.Command("gcc", "-Os", "-static", "-s", "-x", "c", "-", "-o", filepath.Join(dir, "pause"))
		cc.Stdin = strings.NewReader(pauseSource)
		if out, err := cc.CombinedOutput(); err != nil {
			return fmt.Errorf("gcc: %w: %s", err, out)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	tree := Tree{}
	if err := tree.Copy("pause", 0o755, filepath.Join(dir, "pause")); err != nil {
		return nil, err
	}
	layer, err := tree.Layer()
	if err != nil {
		return nil, err
	}
	return Image(v1.Config{Entrypoint: []string{"/pause"}, User: fmt.Sprintf("%d:%d", Nonroot, Nonroot)}, layer)
}

// Users adds what programs expect of a small Unix: root, nobody, nonroot, their
// homes and a /tmp.
func Users(t Tree) {
	passwd := "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/nonexistent:/bin/false\nnonroot:x:65532:65532:nonroot:/home/nonroot:/bin/sh\n"
	group := "root:x:0:\nnobody:x:65534:\nnonroot:x:65532:\n"
	t.File("etc/passwd", 0o644, []byte(passwd))
	t.File("etc/group", 0o644, []byte(group))
	t.File("etc/nsswitch.conf", 0o644, []byte("hosts: files dns\n"))
	t.Folder("root", 0o700)
	t.Folder("tmp", 0o1777)
	t.put("home/nonroot", entry{header: tarFolder(0o755, Nonroot)})
}

// Certificates adds the machine's trusted roots as one file.
func Certificates(t Tree, path string) error {
	const bundle = "/etc/ssl/certs/ca-certificates.crt"
	data, err := os.ReadFile(bundle)
	if err != nil {
		return fmt.Errorf("%w: install ca-certificates", err)
	}
	t.File(path, 0o644, data)
	return nil
}
