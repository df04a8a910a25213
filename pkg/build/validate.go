package build

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
)

// Validate finds what is wrong with the options before anything is read from a disk or a registry.
func (o Options) Validate() error {
	if len(o.Destinations) == 0 {
		return Usagef("no destination: say where the image goes with --destination REGISTRY/REPOSITORY:TAG")
	}
	for _, d := range o.Destinations {
		if _, err := name.NewTag(d, name.WeakValidation); err != nil {
			return Usagef("destination %q is not REGISTRY/REPOSITORY:TAG: %v", d, err)
		}
	}
	if o.Cache.Repository != "" {
		if _, err := name.NewRepository(o.Cache.Repository, name.WeakValidation); err != nil {
			return Usagef("cache repository %q is not REGISTRY/REPOSITORY: %v", o.Cache.Repository, err)
		}
	}
	if !filepath.IsAbs(o.Context) || filepath.Clean(o.Context) == "/" {
		return Usagef("context %q has to be an absolute path below /, because / is where the image is built", o.Context)
	}
	if err := pairs("--build-arg", o.BuildArgs); err != nil {
		return err
	}
	return pairs("--label", o.Labels)
}

func pairs(flag string, values []string) error {
	for _, v := range values {
		if key, _, ok := strings.Cut(v, "="); !ok || key == "" {
			return Usagef("%s %q is not NAME=VALUE", flag, v)
		}
	}
	return nil
}

// FindDockerfile returns the Dockerfile's absolute path, or an *Error that names the paths looked at and, where the context
// has files that look like Dockerfiles, these.
func (o Options) FindDockerfile() (string, error) {
	if info, err := os.Stat(o.Context); err != nil || !info.IsDir() {
		return "", Usagef("context %s: no such directory", o.Context)
	}
	candidates, err := o.candidates()
	if err != nil {
		return "", err
	}
	for _, path := range candidates {
		info, err := os.Stat(path)
		switch {
		case err == nil && info.IsDir():
			return "", Usagef("%s is a directory, not a Dockerfile", path)
		case err == nil:
			return path, nil
		case !os.IsNotExist(err):
			return "", Usagef("%s: %v", path, err)
		}
	}
	return "", Usagef("no Dockerfile at %s%s", strings.Join(candidates, " or "), others(o.Context))
}

// candidates are the paths that may be meant, the first existing one being it.
func (o Options) candidates() ([]string, error) {
	path := cmp.Or(o.Dockerfile, "Dockerfile")
	if filepath.IsAbs(path) {
		return []string{filepath.Clean(path)}, nil
	}
	here, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("working directory: %w", err)
	}
	return slices.Compact([]string{here, filepath.Join(o.Context, path)}), nil
}

// others lists what may have been meant instead.
func others(context string) string {
	var found []string
	for _, pattern := range []string{"*ockerfile*", "*ontainerfile*", "*/*ockerfile*"} {
		matches, _ := filepath.Glob(filepath.Join(context, pattern))
		for _, m := range matches {
			if rel, err := filepath.Rel(context, m); err == nil && !strings.HasSuffix(rel, ".dockerignore") {
				found = append(found, rel)
			}
		}
	}
	if len(found) == 0 {
		return ""
	}
	return "; the context has " + strings.Join(found, ", ")
}
