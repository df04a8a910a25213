// Package cache keeps folders that builds fill, such as downloaded modules, between runs: as OCI artifacts in a registry,
// under keys that change with lock files. Its Main is the program inside the StepActions cache-restore and cache-save.
//
// Nothing here fails a run because of a cache: what a registry does not give or take is a warning, and the run goes on
// without. What is asked wrongly is an error.
package cache

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

// Options say which caches of which folders.
type Options struct {
	// Repository is where caches are kept, REGISTRY/REPOSITORY.
	Repository string
	// Scope is "" or the name under which a pull request keeps caches of its own, beside the repository: it reads both, and
	// writes its own.
	Scope string
	// Folders are those that are kept.
	Folders []Folder
	// Insecure lets the registry be spoken to in plain HTTP; private addresses need not say so.
	Insecure bool

	Transport http.RoundTripper
	Now       func() time.Time
	// Log takes what the user is told, line by line.
	Log io.Writer

	// pause is that after a first request that failed.
	pause time.Duration
}

// Folder is one that is kept.
type Folder struct {
	// Name is what it is called in each run; a cache of one name is never restored under another.
	Name string
	// Path is where it is, absolute.
	Path string
}

// errUsage is wrapped by the error of a request that is wrong.
var errUsage = errors.New("usage")

type usageError struct{ message string }

func (e usageError) Error() string        { return e.message }
func (e usageError) Is(target error) bool { return target == errUsage }

// IsUsage reports whether an error is about the request, which whoever made it can mend.
func IsUsage(err error) bool { return errors.Is(err, errUsage) }

func usagef(format string, args ...any) error { return usageError{fmt.Sprintf(format, args...)} }

// FoldersBelow names the folders of paths: absolute ones, and those below directory, which are called by their path from
// there, so that the directory itself may be another in each run. One inside another is an error.
func FoldersBelow(directory string, paths []string) ([]Folder, error) {
	if len(paths) == 0 {
		return nil, usagef("no path: name the folders to keep")
	}
	var folders []Folder
	for _, p := range paths {
		full := filepath.Clean(p)
		if !filepath.IsAbs(full) {
			full = filepath.Join(directory, p)
		}
		name := full
		if rel, err := filepath.Rel(directory, full); err == nil && filepath.IsLocal(rel) {
			name = rel
		}
		if p == "" || name == "." || full == "/" {
			return nil, usagef("path %q: name a folder below %s, or another one", p, directory)
		}
		for _, other := range folders {
			if within(full, other.Path) || within(other.Path, full) {
				return nil, usagef("path %q: it is in %s, or has it in it", p, other.Path)
			}
		}
		folders = append(folders, Folder{Name: name, Path: full})
	}
	return folders, nil
}

func within(path, folder string) bool { return path == folder || strings.HasPrefix(path, folder+"/") }

func folderNames(folders []Folder) []string {
	names := make([]string, len(folders))
	for i, f := range folders {
		names[i] = f.Name
	}
	return names
}

func folderPaths(folders []Folder) []string {
	paths := make([]string, len(folders))
	for i, f := range folders {
		paths[i] = f.Path
	}
	return paths
}

// workers is how many packs are on their way at once. Each takes up to 60 MiB of memory.
func workers() int { return min(max(runtime.GOMAXPROCS(0), 2), 4) }

func (o Options) note(format string, args ...any) { fmt.Fprintf(o.Log, format+"\n", args...) }

func (o Options) warn(err error) { o.note("warning: %v", err) }

// Bytes writes a size as people read it.
func Bytes(n int64) string {
	size, unit := float64(n), "B"
	for _, next := range []string{"kB", "MB", "GB", "TB"} {
		if size < 1000 {
			break
		}
		size, unit = size/1000, next
	}
	if unit == "B" {
		return fmt.Sprintf("%d B", n)
	}
	return fmt.Sprintf("%.1f %s", size, unit)
}
