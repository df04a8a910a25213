// Command builder builds an image from a directory with a Dockerfile and pushes it. It is the process inside a build step
// and takes over the root file system of its container: see package build for its flags and exit codes.
package main

import (
	"context"
	"os"
	"time"

	"github.com/slipway-dev/slipway/pkg/build"
	"github.com/slipway-dev/slipway/pkg/build/kaniko"
)

func main() {
	env := build.Env{
		Stdout:   os.Stdout,
		Stderr:   os.Stderr,
		Getenv:   os.Getenv,
		Now:      time.Now,
		StateDir: kaniko.StateDir(),
	}
	os.Exit(int(build.Main(context.Background(), os.Args[1:], env, kaniko.Engine{})))
}
