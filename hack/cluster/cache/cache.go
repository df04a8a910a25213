// Package cache builds what a cluster is made of once, and keeps it outside the
// checkout, where every clone finds it.
package cache

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
)

// Cache is a folder of finished things. Each is made in a temporary folder and
// renamed, so that what is there is complete.
type Cache struct {
	// Dir is the folder.
	Dir string
	// Checkout is the root of the project's source.
	Checkout string
}

// Open finds the cache (${XDG_CACHE_HOME:-~/.cache}/slipway/cluster) and the
// checkout around the working directory.
func Open() (*Cache, error) {
	user, err := os.UserCacheDir()
	if err != nil {
		return nil, fmt.Errorf("%w: set HOME or XDG_CACHE_HOME", err)
	}
	checkout, err := findCheckout()
	if err != nil {
		return nil, err
	}
	return &Cache{Dir: filepath.Join(user, "slipway", "cluster"), Checkout: checkout}, nil
}

func findCheckout() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for start := dir; ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "hack/cluster/kubernetes/go.mod")); err == nil {
			return dir, nil
		}
		if dir == "/" {
			return "", fmt.Errorf("%s is not in a checkout of slipway: run this from one", start)
		}
	}
}

// Path is where the finished thing called name is or will be.
func (c *Cache) Path(name string) string { return filepath.Join(c.Dir, name) }

// Has tells whether the thing called name is finished.
func (c *Cache) Has(name string) bool {
	_, err := os.Stat(c.Path(name))
	return err == nil
}

// Make returns the thing called name, and calls build to make it if it is not
// there: build fills the folder it is given. Two callers never make one thing at once.
func (c *Cache) Make(name string, build func(dir string) error) (string, error) {
	if c.Has(name) {
		return c.Path(name), nil
	}
	if err := os.MkdirAll(c.Dir, 0o755); err != nil {
		return "", err
	}
	lock, err := os.OpenFile(c.Path(".lock-"+name), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return "", err
	}
	defer lock.Close()
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		return "", err
	}
	if c.Has(name) {
		return c.Path(name), nil
	}
	tmp := c.Path(".making-" + name)
	if err := os.RemoveAll(tmp); err != nil { // left by one that was killed
		return "", err
	}
	if err := os.Mkdir(tmp, 0o755); err != nil {
		return "", err
	}
	if err := build(tmp); err != nil {
		return "", errors.Join(err, os.RemoveAll(tmp))
	}
	return c.Path(name), os.Rename(tmp, c.Path(name))
}

// Key names the finished build of a source: its version, and whatever else
// changes the result.
func (c *Cache) Key(s Source) (string, error) {
	h := sha256.New()
	fmt.Fprintln(h, runtime.Version(), s.Tags, s.LDFlags, s.Packages, s.CGO)
	if s.Folder != "" {
		for _, name := range []string{"go.mod", "main.go"} {
			data, err := os.ReadFile(filepath.Join(c.Checkout, s.Folder, name))
			if err != nil && !errors.Is(err, fs.ErrNotExist) {
				return "", err
			}
			h.Write(data)
		}
	}
	return fmt.Sprintf("%s-%s-%x", s.Name, s.Version, h.Sum(nil)[:4]), nil
}

// Build returns the folder with the programs of a source.
func (c *Cache) Build(s Source) (string, error) {
	key, err := c.Key(s)
	if err != nil {
		return "", err
	}
	return c.Make(key, func(dir string) error { return c.build(s, dir) })
}

func (c *Cache) build(s Source, dir string) error {
	folder := filepath.Join(c.Checkout, s.Folder)
	if s.Folder == "" {
		var err error
		if folder, err = Download(s); err != nil {
			return err
		}
	}
	args := []string{"build", "-C", folder, "-mod=readonly", "-buildvcs=false", "-trimpath", "-tags=" + s.Tags,
		"-ldflags=-s -w " + s.LDFlags, "-o", dir + "/"}
	cgo := "CGO_ENABLED=0"
	if s.CGO {
		cgo = "CGO_ENABLED=1"
	}
	return goCommand([]string{cgo}, slices.Concat(args, s.Packages)...)
}

// Download fetches the module of a source and returns its folder in the module cache.
func Download(s Source) (string, error) {
	var module struct{ Dir, Error string }
	cmd := exec.Command("go", "mod", "download", "-json", s.Module+"@"+s.Version)
	cmd.Dir = "/" // away from the checkout's own go.mod
	out, err := cmd.Output()
	if jsonErr := json.Unmarshal(out, &module); jsonErr != nil {
		return "", fmt.Errorf("go mod download %s@%s: %w", s.Module, s.Version, errors.Join(err, jsonErr))
	}
	if module.Error != "" {
		return "", fmt.Errorf("go mod download %s@%s: %s", s.Module, s.Version, module.Error)
	}
	return module.Dir, nil
}

// CompilerGC is the GOGC that Go programs are built with: the compiler collects less
// often, which takes a fifth off a build for some more memory.
const CompilerGC = "400"

// goCommand runs the go tool with none of the caller's settings that would
// change what is built.
func goCommand(env []string, args ...string) error {
	cmd := exec.Command("go", args...)
	cmd.Env = slices.Concat(os.Environ(), []string{"GOFLAGS=", "GOWORK=off", "GOGC=" + CompilerGC}, env)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("go %s: %w\n%s", strings.Join(args, " "), err, tail(stderr.String(), 30))
	}
	return nil
}

func tail(text string, lines int) string {
	all := strings.Split(strings.TrimRight(text, "\n"), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}
