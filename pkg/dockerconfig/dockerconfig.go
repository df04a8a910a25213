// Package dockerconfig merges the Docker configurations that a step was given into one, where programs look for it.
package dockerconfig

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
)

// ErrInvalid is wrapped by the error of a file that is no Docker configuration.
var ErrInvalid = errors.New("is not a Docker configuration")

// Export merges the configurations in the folders, writes the outcome as into/config.json and points DOCKER_CONFIG at it;
// where there are none it does nothing. For one registry the first folder wins. A Secret of type
// kubernetes.io/dockerconfigjson that is mounted as it is counts, too.
func Export(folders []string, into string) error {
	all, err := merge(folders)
	if err != nil || len(all) == 0 {
		return err
	}
	data, err := json.Marshal(all)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(into, 0o700); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(into, "config.json"), data, 0o600); err != nil {
		return err
	}
	return os.Setenv("DOCKER_CONFIG", into)
}

// OfStep lists where a step finds configurations: in DOCKER_CONFIG, in HOME/.docker, where those of its service account are
// put, and where those are put if it has no home.
func OfStep(getenv func(string) string) []string {
	var folders []string
	if dir := getenv("DOCKER_CONFIG"); dir != "" {
		folders = append(folders, dir)
	}
	if home := getenv("HOME"); home != "" {
		folders = append(folders, filepath.Join(home, ".docker"))
	}
	return append(folders, "/tekton/creds/.docker")
}

func merge(folders []string) (config, error) {
	all := config{}
	for _, dir := range folders {
		for _, name := range []string{"config.json", ".dockerconfigjson"} {
			path := filepath.Join(dir, name)
			data, err := os.ReadFile(path)
			if errors.Is(err, os.ErrNotExist) {
				continue
			} else if err != nil {
				return nil, err
			}
			if err := all.add(data); err != nil {
				return nil, fmt.Errorf("%s %w: %w", path, ErrInvalid, err)
			}
		}
	}
	return all, nil
}

// config is the top level of a Docker configuration; its maps (auths, credHelpers) are merged by key.
type config map[string]any

// add merges what data says and c does not say yet.
func (c config) add(data []byte) error {
	var next map[string]any
	if err := json.Unmarshal(data, &next); err != nil {
		return err
	}
	for key, value := range next {
		old, known := c[key]
		if !known {
			c[key] = value
			continue
		}
		oldMap, isMap := old.(map[string]any)
		newMap, both := value.(map[string]any)
		if isMap && both {
			union := maps.Clone(newMap)
			maps.Copy(union, oldMap)
			c[key] = union
		}
	}
	return nil
}
