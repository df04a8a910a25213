// Command images assembles container images without a container engine and
// pushes them to a registry.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"

	"github.com/slipway-dev/slipway/hack/cluster/cache"
	"github.com/slipway-dev/slipway/hack/images/base"
)

const usage = `usage: go run ./hack/images COMMAND [--registry HOST:PORT/PATH] [--tag TAG]

  base      pause, busybox, git, golang and git-server, for clusters without a public registry
  gitea     Gitea, the forge of the tests; prints its reference (8 minutes the first time)
  slipway   Slipway's own programs, one image each; prints their references by digest

--registry  default $SLIPWAY_REGISTRY
--tag       of Slipway's images (default dev)
`

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "images:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) == 0 {
		return fmt.Errorf("no command\n%s", usage)
	}
	flags := flag.NewFlagSet("images", flag.ContinueOnError)
	flags.Usage = func() { fmt.Fprint(os.Stderr, usage) }
	registry := flags.String("registry", os.Getenv("SLIPWAY_REGISTRY"), "")
	tag := flags.String("tag", "dev", "")
	if err := flags.Parse(args[1:]); err != nil {
		return err
	}
	if *registry == "" {
		return errors.New("no registry: give --registry, or run eval \"$(go run ./hack/cluster env)\"")
	}
	c, err := cache.Open()
	if err != nil {
		return err
	}
	note := func(text string) { fmt.Fprintln(os.Stderr, text) }
	switch args[0] {
	case "base":
		return base.Push(*registry, c, note)
	case "gitea":
		image, err := base.PushGitea(*registry, c, note)
		fmt.Println(image)
		return err
	case "slipway":
		return pushSlipway(c.Checkout, *registry, *tag)
	default:
		return fmt.Errorf("no command %q\n%s", args[0], usage)
	}
}
