//go:build e2e

package scripts

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/slipway-dev/slipway/test/env"
)

// TestCluster gives each script a namespace of its own, which its kubeconfig makes the default, in $NS.
func TestCluster(t *testing.T) {
	files, err := filepath.Glob("testdata/cluster/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			e := env.New(t)
			testscript.Run(t, testscript.Params{
				Files:               []string{file},
				RequireExplicitExec: true,
				Setup: func(s *testscript.Env) error {
					s.Setenv("KUBECONFIG", os.Getenv("KUBECONFIG"))
					s.Setenv("NS", e.Namespace)
					return nil
				},
			})
		})
	}
}
