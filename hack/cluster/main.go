// Command cluster runs a real one-node Kubernetes on this machine, from Debian's
// packages and Go modules alone.
package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/slipway-dev/slipway/hack/cluster/cache"
	"github.com/slipway-dev/slipway/hack/cluster/host"
	"github.com/slipway-dev/slipway/hack/cluster/layout"
	"github.com/slipway-dev/slipway/hack/cluster/node"
)

const usage = `usage: go run ./hack/cluster COMMAND

  up [--upstream]   start the cluster, or make it whole; --upstream lets it pull public images
  down              stop it and remove all that it left on the machine
  env               print shell exports: eval "$(go run ./hack/cluster env)"
  status            each component, its process and its log
  kubectl ARGS…     kubectl with the cluster's credentials
  tool NAME         build a tool (cosign, kwok) once and print its path

SLIPWAY_CLUSTER_STATE  folder of this cluster (default /var/lib/slipway/cluster);
                       another folder is another cluster beside the first
XDG_CACHE_HOME         what is built goes to slipway/cluster below it (default ~/.cache)
`

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "cluster:", err)
		os.Exit(1)
	}
}

// commands take the state folder and what follows the command's name.
var commands = map[string]func(state string, args []string) error{
	"up":      func(state string, args []string) error { return up(state, len(args) > 0 && args[0] == "--upstream") },
	"down":    func(state string, _ []string) error { return down(state) },
	"env":     func(state string, _ []string) error { return env(state) },
	"status":  func(state string, _ []string) error { return status(state) },
	"kubectl": kubectl,
	"tool":    func(_ string, args []string) error { return tool(args) },
	// Started by up.
	"node": func(state string, _ []string) error { return node.Run(state, os.NewFile(3, "ready")) },
	"help": func(string, []string) error {
		fmt.Print(usage)
		return nil
	},
}

func run(args []string) error {
	if len(args) == 0 {
		return fmt.Errorf("no command\n%s", usage)
	}
	state := os.Getenv("SLIPWAY_CLUSTER_STATE")
	if state == "" {
		state = "/var/lib/slipway/cluster"
	}
	if !filepath.IsAbs(state) {
		return fmt.Errorf("SLIPWAY_CLUSTER_STATE=%s: want an absolute path", state)
	}
	command := commands[strings.TrimLeft(args[0], "-")]
	if command == nil {
		return fmt.Errorf("no command %q\n%s", args[0], usage)
	}
	return command(state, args[1:])
}

// running loads the cluster and insists that it is up.
func running(state string) (*layout.Layout, error) {
	l, ok, err := layout.Load(state)
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, fmt.Errorf("no cluster in %s: run `go run ./hack/cluster up`", state)
	}
	if _, ok := host.RunningNode(l); !ok {
		return nil, fmt.Errorf("the cluster in %s is down: run `go run ./hack/cluster up`", state)
	}
	return l, nil
}

func env(state string) error {
	l, err := running(state)
	if err != nil {
		return err
	}
	fmt.Printf("export KUBECONFIG=%s\n", l.Kubeconfig())
	fmt.Printf("export SLIPWAY_REGISTRY=%s\n", l.Registry())
	fmt.Printf("export SLIPWAY_AUDIT_LOG=%s\n", l.AuditLog())
	fmt.Printf("export PATH=%s:$PATH\n", l.Path("bin"))
	return nil
}

func kubectl(state string, args []string) error {
	l, err := running(state)
	if err != nil {
		return err
	}
	environ := append(os.Environ(), "KUBECONFIG="+l.Kubeconfig())
	return syscall.Exec(l.Path("bin/kubectl"), append([]string{"kubectl"}, args...), environ)
}

func tool(args []string) error {
	for _, source := range cache.Tools {
		if len(args) != 1 || source.Name != args[0] {
			continue
		}
		c, err := cache.Open()
		if err != nil {
			return err
		}
		key, err := c.Key(source)
		if err != nil {
			return err
		}
		if !c.Has(key) {
			fmt.Fprintf(os.Stderr, "building %s %s (about %s on 2 cores, once)\n", source.Name, source.Version, source.Takes)
		}
		dir, err := c.Build(source)
		if err != nil {
			return err
		}
		fmt.Println(filepath.Join(dir, source.Name))
		return nil
	}
	names := make([]string, 0, len(cache.Tools))
	for _, source := range cache.Tools {
		names = append(names, source.Name)
	}
	return fmt.Errorf("tool: want one of %s", strings.Join(names, ", "))
}
