package base

import (
	"io/fs"
	"path/filepath"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/slipway-dev/slipway/hack/cluster/cache"
)

// PushGitea makes sure that Gitea is in the registry, and returns its reference.
func PushGitea(registry string, c *cache.Cache, note func(string)) (string, error) {
	version := cache.Gitea.Version
	b := builder{name: "gitea " + version, repositories: []string{"gitea"}, tags: []string{version}, recipe: "recipe-1-" + version,
		takes: cache.Gitea.Takes + " on 2 cores, once", build: gitea}
	return registry + "/gitea:" + version, b.push(registry, c, note)
}

// gitea runs as nonroot, with its configuration in /data/app.ini. Its pages lack the
// assets that a release is built with; the API, git and webhooks need none.
func gitea(c *cache.Cache) (v1.Image, error) {
	bottom, err := gitLayer(c)
	if err != nil {
		return nil, err
	}
	programs, err := c.Build(cache.Gitea)
	if err != nil {
		return nil, err
	}
	top, err := largeLayer(c, "gitea-1-"+cache.Gitea.Version, func() (Tree, error) {
		module, err := cache.Download(cache.Gitea)
		if err != nil {
			return nil, err
		}
		tree := Tree{}
		if err := tree.Copy("usr/local/bin/gitea", 0o755, filepath.Join(programs, "gitea")); err != nil {
			return nil, err
		}
		for _, folder := range []string{"options", "public", "templates"} {
			if err := copyFolder(tree, "usr/share/gitea/"+folder, filepath.Join(module, folder)); err != nil {
				return nil, err
			}
		}
		return tree, nil
	})
	if err != nil {
		return nil, err
	}
	return Image(v1.Config{Cmd: []string{"gitea", "web", "--config", "/data/app.ini"}, User: "65532:65532",
		ExposedPorts: map[string]struct{}{"3000/tcp": {}}, Env: []string{"PATH=" + systemPath, "HOME=/data", "GITEA_WORK_DIR=/data"}}, bottom, top)
}

func copyFolder(tree Tree, to, from string) error {
	return filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		inside, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		return tree.Copy(filepath.Join(to, inside), 0o644, path)
	})
}
