// Command entrypoint is PID 1 of every step.
package main

import (
	"os"

	"github.com/slipway-dev/slipway/entrypoint"
)

func main() {
	os.Exit(entrypoint.Main(os.Args[1:], os.Environ(), os.Stdout, os.Stderr))
}
