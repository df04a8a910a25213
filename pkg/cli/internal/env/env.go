// Package env is what every command of the CLI is given: streams, the way to the cluster, the clock and the terminal.
package env

import (
	"time"

	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/slipway-dev/slipway/pkg/cli/internal/cluster"
	"github.com/slipway-dev/slipway/pkg/cli/internal/style"
)

// Env is the world of one invocation.
type Env struct {
	genericiooptions.IOStreams
	// Config holds the usual flags --kubeconfig, --context, --namespace, …
	Config *genericclioptions.ConfigFlags
	// Now is the clock.
	Now func() time.Time
	// Style says how to draw on Out.
	Style style.Style
	// ErrStyle says how to draw on ErrOut.
	ErrStyle style.Style
	// Version is the version of this binary.
	Version string
}

// Cluster connects to the cluster of the flags. It does not ask it anything yet.
func (e *Env) Cluster() (*cluster.Cluster, error) {
	return cluster.Connect(e.Config, e.ErrOut)
}
