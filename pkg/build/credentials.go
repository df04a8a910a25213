package build

import (
	"errors"
	"fmt"
	"path/filepath"

	"github.com/slipway-dev/slipway/pkg/dockerconfig"
)

// gatherCredentials merges every Docker configuration the step was given into one file below StateDir and points
// DOCKER_CONFIG there, because the build replaces the root file system and with it the home directory. For one registry
// StateDir/.docker wins, where a Task mounts its dockerconfig workspace.
func gatherCredentials(env Env) error {
	folders := append([]string{filepath.Join(env.StateDir, ".docker")}, dockerconfig.OfStep(env.Getenv)...)
	err := dockerconfig.Export(folders, filepath.Join(env.StateDir, "credentials"))
	switch {
	case errors.Is(err, dockerconfig.ErrInvalid):
		return Usagef("registry credentials: %v", err)
	case err != nil:
		return fmt.Errorf("registry credentials: %w", err)
	}
	return nil
}
