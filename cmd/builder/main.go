// Command builder builds an image from a directory with a Dockerfile and pushes it. It is the process inside a build step
// and takes over the root file system of its container: see package build for its flags and exit codes.
package main

import (
	"context"
	"fmt"
	"os"
	"syscall"
	"time"

	"github.com/slipway-dev/slipway/pkg/build"
	"github.com/slipway-dev/slipway/pkg/build/kaniko"
)

func main() {
	// The container runtime reads the two streams apart, and an error could come before the progress that led to it: all
	// that is written here, and by the commands of the Dockerfile, goes through one.
	if err := syscall.Dup3(int(os.Stdout.Fd()), int(os.Stderr.Fd()), 0); err != nil {
		fmt.Fprintln(os.Stderr, "standard error stays apart:", err)
	}
	env := build.Env{
		Stdout:   os.Stdout,
		Stderr:   os.Stderr,
		Getenv:   os.Getenv,
		Now:      time.Now,
		StateDir: kaniko.StateDir(),
	}
	os.Exit(int(build.Main(context.Background(), os.Args[1:], env, kaniko.Engine{})))
}
