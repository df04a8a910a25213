//go:build conformance

// Package conformance runs YAML on the cluster and holds what each run ended in
// against what Tekton ends in. Its own cases, in the folder cases, carry that
// with them; those of the folder CONFORMANCE_DIR, which are Tekton's examples,
// have what real Tekton reported beside them.
package conformance

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"text/tabwriter"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/slipway-dev/slipway/test/env"
)

func TestConformance(t *testing.T) {
	h := hostsFromEnv(t)
	cases := ownCases(t)
	if dir := os.Getenv("CONFORMANCE_DIR"); dir != "" {
		cases = append(cases, tektonCases(t, dir)...)
	}
	table := &table{}
	t.Cleanup(func() {
		table.print()
		if len(table.rows) == 0 {
			t.Error("no case was run")
		}
	})
	// A phase ends before the next begins: what one configures, no other sees.
	for _, p := range []phase{{"default", nil}, {"configured", configured(h)}} {
		t.Run(p.name, func(t *testing.T) {
			configure(t, p.configMaps)
			for _, c := range cases {
				if c.configured == (p.configMaps != nil) {
					t.Run(c.name, func(t *testing.T) {
						t.Parallel()
						c.run(t, h, table)
					})
				}
			}
		})
	}
}

// phase is a set of cases that run with the same configuration.
type phase struct {
	name string
	// configMaps are those of Slipway's namespace, by name.
	configMaps map[string]map[string]string
}

// configured is what the cases that ask for a configuration get.
func configured(h hosts) map[string]map[string]string {
	return map[string]map[string]string{
		"config-defaults":    {"default-task-run-workspace-binding": "emptyDir: {}"},
		"hubresolver-config": {"artifact-hub-urls": "- http://" + h.git + "/static/hub/"},
	}
}

// configure sets keys of ConfigMaps for as long as the test runs.
func configure(t *testing.T, configMaps map[string]map[string]string) {
	t.Helper()
	if len(configMaps) == 0 {
		return
	}
	api := env.New(t).Kube.CoreV1().ConfigMaps(env.SystemNamespace)
	for name, data := range configMaps {
		before, err := api.Get(t.Context(), name, metav1.GetOptions{})
		if apierrors.IsNotFound(err) {
			before, err = api.Create(t.Context(), &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: name}}, metav1.CreateOptions{})
		}
		if err != nil {
			t.Fatal(err)
		}
		changed := before.DeepCopy()
		if changed.Data == nil {
			changed.Data = map[string]string{}
		}
		for key, value := range data {
			changed.Data[key] = value
		}
		if changed, err = api.Update(t.Context(), changed, metav1.UpdateOptions{}); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			changed.Data = before.Data
			// The test's own context has ended by now.
			if _, err := api.Update(background, changed, metav1.UpdateOptions{}); err != nil {
				t.Errorf("restoring ConfigMap %s: %v", name, err)
			}
		})
	}
}

// table is what is shown at the end: a row for each case, whatever became of it.
type table struct {
	mu   sync.Mutex
	rows []row
}

type row struct {
	name, expected, got string
	took                time.Duration
	failed              bool
}

func (t *table) add(r row) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.rows = append(t.rows, r)
}

func (t *table) print() {
	slices.SortFunc(t.rows, func(a, b row) int { return strings.Compare(a.name, b.name) })
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "CASE\tEXPECTED\tGOT\tTIME\t")
	passed := 0
	for _, r := range t.rows {
		mark := "FAILED"
		if !r.failed {
			mark = ""
			passed++
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%.1fs\t%s\n", r.name, r.expected, r.got, r.took.Seconds(), mark)
	}
	w.Flush()
	fmt.Printf("%d of %d cases passed\n", passed, len(t.rows))
}
