//go:build conformance

// Package conformance runs YAML that real Tekton runs, and holds what each run
// ended in against what Tekton reported for it.
package conformance

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"text/tabwriter"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/slipway-dev/slipway/test/env"
)

// caseDeadline bounds one case; the slowest of them waits 60 s by itself.
const caseDeadline = 4 * time.Minute

type row struct {
	name, expected, got string
	took                time.Duration
}

func TestConformance(t *testing.T) {
	dir := os.Getenv("CONFORMANCE_DIR")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "shared", "conformance")
	}
	files := casesIn(t, dir)
	hosts := hostsFromEnv(t)
	var mu sync.Mutex
	var rows []row
	t.Cleanup(func() { printTable(rows) })
	for _, file := range files {
		name := strings.TrimSuffix(file, ".yaml")
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			start := time.Now()
			want := readExpected(t, filepath.Join(dir, "expected", name+".json"))
			got := runCase(t, hosts, filepath.Join(dir, "cases", file), want)
			mu.Lock()
			defer mu.Unlock()
			rows = append(rows, row{name, summary(want), got, time.Since(start)})
		})
	}
}

func casesIn(t *testing.T, dir string) []string {
	t.Helper()
	var files []string
	for _, pattern := range []string{"*/*.yaml", "*/*/*.yaml"} {
		found, err := filepath.Glob(filepath.Join(dir, "cases", pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range found {
			rel, err := filepath.Rel(filepath.Join(dir, "cases"), f)
			if err != nil {
				t.Fatal(err)
			}
			files = append(files, rel)
		}
	}
	if len(files) == 0 {
		t.Fatalf("no cases in %s: set CONFORMANCE_DIR to the folder that holds cases/ and expected/", dir)
	}
	return files
}

func printTable(rows []row) {
	slices.SortFunc(rows, func(a, b row) int { return strings.Compare(a.name, b.name) })
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "CASE\tEXPECTED\tGOT\tTIME")
	for _, r := range rows {
		fmt.Fprintf(w, "%s\t%s\t%s\t%.1fs\n", r.name, r.expected, r.got, r.took.Seconds())
	}
	w.Flush()
}

// runCase creates the objects of a case in a namespace of its own, waits for
// its runs to end and compares them. It returns what they ended in.
func runCase(t *testing.T, hosts hosts, path string, want []expected) string {
	e := env.New(t)
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var runs []*unstructured.Unstructured
	for _, doc := range strings.Split(hosts.replace(t, string(text)), "\n---") {
		obj := &unstructured.Unstructured{}
		if err := yaml.Unmarshal([]byte(doc), &obj.Object); err != nil {
			t.Fatal(err)
		}
		if obj.GetKind() == "" {
			continue
		}
		obj.SetNamespace(e.Namespace)
		if err := e.Client.Create(e.Context(), obj); err != nil {
			t.Errorf("creating %s %s%s: %v", obj.GetKind(), obj.GetName(), obj.GetGenerateName(), err)
			return "refused"
		}
		if k := obj.GetKind(); k == "TaskRun" || k == "PipelineRun" {
			runs = append(runs, obj)
		}
	}
	var got []string
	for _, run := range runs {
		await(e, run)
		i := slices.IndexFunc(want, func(x expected) bool { return x.matches(run) })
		if i < 0 {
			t.Errorf("no expectation for %s %s", run.GetKind(), run.GetName())
			continue
		}
		reason := want[i].compare(e, run)
		got = append(got, reason)
	}
	return strings.Join(got, ",")
}

func await(e *env.Env, run *unstructured.Unstructured) {
	e.Helper()
	env.Wait(e, caseDeadline, run.GetKind()+" "+run.GetName()+" to end", func() (bool, string) {
		if err := e.Client.Get(e.Context(), client.ObjectKeyFromObject(run), run); err != nil {
			return false, err.Error()
		}
		c := succeeded(run)
		return c["status"] == "True" || c["status"] == "False", fmt.Sprint(c)
	})
}

func succeeded(run *unstructured.Unstructured) map[string]any {
	conditions, _, _ := unstructured.NestedSlice(run.Object, "status", "conditions")
	for _, c := range conditions {
		if c, ok := c.(map[string]any); ok && c["type"] == "Succeeded" {
			return c
		}
	}
	return nil
}
