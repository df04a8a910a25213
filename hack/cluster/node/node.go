// Package node is the cluster's one node: the first process of its own mount,
// PID, network and UTS namespaces. Whatever Kubernetes mounts, starts or adds to
// the network stays in them, so ending this one process ends and removes it all.
package node

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/slipway-dev/slipway/hack/cluster/layout"
)

// Program is a component with its binary found.
type Program struct {
	layout.Component
	// Path of the binary, absolute.
	Path string `json:"path"`
}

// Spec tells the node's first process what to do.
type Spec struct {
	Layout *layout.Layout `json:"layout"`
	State  string         `json:"state"`
	Path   string         `json:"path"`
	// Cache is the folder that holds the programs.
	Cache    string    `json:"cache"`
	Programs []Program `json:"programs"`
}

// SpecFile is where Run expects the Spec, below the state folder.
func SpecFile(state string) string { return filepath.Join(state, "node.json") }

// Run is the node's whole life. It returns only if the node cannot start. ready
// delivers a byte when the wire from the host is in place; if it closes without
// one, whoever started the node is gone and the node ends.
func Run(state string, ready io.Reader) error {
	data, err := os.ReadFile(SpecFile(state))
	if err != nil {
		return err
	}
	spec := Spec{Layout: &layout.Layout{}}
	if err := json.Unmarshal(data, &spec); err != nil {
		return fmt.Errorf("%s: %w", SpecFile(state), err)
	}
	spec.Layout.State = state
	if _, err := io.ReadFull(ready, make([]byte, 1)); err != nil {
		return errors.New("the program that started the node ended before the node had a network: run `up` again")
	}
	if err := enterRoot(&spec); err != nil {
		return fmt.Errorf("node's file system: %w", err)
	}
	if err := connect(spec.Layout); err != nil {
		return fmt.Errorf("node's network: %w", err)
	}
	if err := syscall.Sethostname([]byte(layout.NodeName)); err != nil {
		return err
	}
	raiseFileLimit()
	return supervise(&spec)
}

// connect builds the Pods' bridge with the host's wire as its first port.
func connect(l *layout.Layout) error {
	bridge := "pods"
	mtu := fmt.Sprint(l.MTU)
	for _, command := range [][]string{
		{"link", "set", "lo", "up"},
		{"link", "add", bridge, "mtu", mtu, "address", "02:51:1b:00:00:01", "type", "bridge"},
		{"addr", "add", l.Node().String() + "/24", "dev", bridge},
		{"link", "set", bridge, "up"},
		{"link", "set", WireInside, "mtu", mtu, "master", bridge, "up"},
		{"route", "add", "default", "via", l.Host().String()},
	} {
		if out, err := exec.Command("ip", command...).CombinedOutput(); err != nil {
			return fmt.Errorf("ip %s: %w: %s", strings.Join(command, " "), err, out)
		}
	}
	return os.WriteFile("/proc/sys/net/ipv4/ip_forward", []byte("1"), 0o644)
}

// WireInside is the name of the wire's end in the node.
const WireInside = "uplink"

func raiseFileLimit() {
	var limit syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit) == nil {
		limit.Cur = limit.Max
		_ = syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit) // a low limit is no reason not to start
	}
}
