// Package scripts runs slipway as a user does: one script a habit. Those in testdata/offline need nothing, those in
// testdata/cluster (build tag e2e) a cluster with Slipway on it.
package scripts

import (
	"os"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/slipway-dev/slipway/pkg/cli"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"slipway": func() {
			streams := genericiooptions.IOStreams{In: os.Stdin, Out: os.Stdout, ErrOut: os.Stderr}
			os.Exit(cli.Main(os.Args[1:], streams, os.Getenv, "v1.2.3-test"))
		},
	})
}

func TestOffline(t *testing.T) {
	testscript.Run(t, testscript.Params{Dir: "testdata/offline", RequireExplicitExec: true})
}
