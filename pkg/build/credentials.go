package build

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
)

// gatherCredentials merges every Docker configuration the step was given into one file below StateDir and points
// DOCKER_CONFIG there, because the build replaces the root file system and with it the home directory. For one registry
// the first file in this order wins: StateDir/.docker (where a Task mounts its dockerconfig workspace), DOCKER_CONFIG,
// HOME/.docker (where a step's service account credentials are put), /tekton/creds.
func gatherCredentials(env Env) error {
	merged := dockerConfig{}
	for _, path := range credentialFiles(env) {
		data, err := os.ReadFile(path)
		if os.IsNotExist(err) {
			continue
		}
		if err != nil {
			return fmt.Errorf("registry credentials: %w", err)
		}
		if err := merged.add(data); err != nil {
			return Usagef("registry credentials: %s is not a Docker configuration: %v", path, err)
		}
	}
	if len(merged) == 0 {
		return nil
	}
	data, err := json.Marshal(merged)
	if err != nil {
		return fmt.Errorf("registry credentials: %w", err)
	}
	dir := filepath.Join(env.StateDir, "credentials")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("registry credentials: %w", err)
	}
	if err := os.WriteFile(filepath.Join(dir, "config.json"), data, 0o600); err != nil {
		return fmt.Errorf("registry credentials: %w", err)
	}
	return os.Setenv("DOCKER_CONFIG", dir)
}

func credentialFiles(env Env) []string {
	dirs := []string{filepath.Join(env.StateDir, ".docker")}
	if dir := env.Getenv("DOCKER_CONFIG"); dir != "" {
		dirs = append(dirs, dir)
	}
	if home := env.Getenv("HOME"); home != "" {
		dirs = append(dirs, filepath.Join(home, ".docker"))
	}
	dirs = append(dirs, "/tekton/creds/.docker")
	var files []string
	for _, dir := range dirs {
		// A Secret of type kubernetes.io/dockerconfigjson mounted as it is has the second name.
		files = append(files, filepath.Join(dir, "config.json"), filepath.Join(dir, ".dockerconfigjson"))
	}
	return files
}

// dockerConfig is the top level of a Docker configuration; its maps (auths, credHelpers) are merged by key.
type dockerConfig map[string]any

// add merges what data says and c does not say yet.
func (c dockerConfig) add(data []byte) error {
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
