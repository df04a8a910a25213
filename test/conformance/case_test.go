//go:build conformance

package conformance

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/slipway-dev/slipway/test/env"
)

// caseDeadline bounds one run on a machine that does much else; the slowest of
// them waits 60 s by itself.
const caseDeadline = 8 * time.Minute

var background = context.Background()

// conformanceCase is one file of objects, and what its runs must end in.
type conformanceCase struct {
	name, text string
	want       []expected
	// own says that only what want states is compared; else all of it is, as it
	// is a record of all there was.
	own bool
	// configured asks for the configuration of that phase.
	configured bool
}

// ownCases are the files of the folder cases. Among the objects of each is one
// document that states what is expected:
//
//	expected:
//	- {kind: TaskRun, name: build, status: "True", reason: Succeeded}
//
// A run that must be refused by the API server has refused, part of the message.
// NAMESPACE stands for the namespace of the case.
func ownCases(t *testing.T) []conformanceCase {
	t.Helper()
	var cases []conformanceCase
	for _, file := range filesIn(t, "cases") {
		text, err := os.ReadFile(filepath.Join("cases", file))
		if err != nil {
			t.Fatal(err)
		}
		c := conformanceCase{name: "own/" + strings.TrimSuffix(file, ".yaml"), own: true, configured: strings.HasPrefix(file, "configured/")}
		var objects []string
		for _, doc := range documents(string(text)) {
			if !strings.HasPrefix(doc, "expected:") {
				objects = append(objects, doc)
				continue
			}
			var d struct{ Expected []expected }
			if err := yaml.UnmarshalStrict([]byte(doc), &d); err != nil {
				t.Fatalf("%s: %v", file, err)
			}
			c.want = append(c.want, d.Expected...)
		}
		if len(c.want) == 0 {
			t.Fatalf("%s: nothing is expected of it: add a document with the list expected", file)
		}
		c.text = strings.Join(objects, "\n---\n")
		cases = append(cases, c)
	}
	return cases
}

// tektonCases are the files of dir/cases with what Tekton reported in dir/expected.
func tektonCases(t *testing.T, dir string) []conformanceCase {
	t.Helper()
	profiles := profilesOf(t, filepath.Join(dir, "profiles.tsv"))
	var cases []conformanceCase
	for _, file := range filesIn(t, filepath.Join(dir, "cases")) {
		text, err := os.ReadFile(filepath.Join(dir, "cases", file))
		if err != nil {
			t.Fatal(err)
		}
		name := strings.TrimSuffix(file, ".yaml")
		c := conformanceCase{name: name, text: string(text), configured: profiles[file] == "beta-cfg"}
		record, err := os.ReadFile(filepath.Join(dir, "expected", name+".json"))
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(record, &c.want); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		cases = append(cases, c)
	}
	return cases
}

// profilesOf reads lines of a file's name and its profile.
func profilesOf(t *testing.T, path string) map[string]string {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	profiles := map[string]string{}
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		if name, profile, ok := strings.Cut(lines.Text(), "\t"); ok {
			profiles[name] = strings.TrimSpace(profile)
		}
	}
	if err := lines.Err(); err != nil || len(profiles) == 0 {
		t.Fatalf("%s: no profiles: %v", path, err)
	}
	return profiles
}

func filesIn(t *testing.T, dir string) []string {
	t.Helper()
	var files []string
	err := fs.WalkDir(os.DirFS(dir), ".", func(path string, d fs.DirEntry, err error) error {
		if err == nil && strings.HasSuffix(path, ".yaml") {
			files = append(files, path)
		}
		return err
	})
	if err != nil || len(files) == 0 {
		t.Fatalf("no cases in %s: %v", dir, err)
	}
	return files
}

// documents are those of a YAML stream, without leading comments.
func documents(text string) []string {
	var docs []string
	for doc := range strings.SplitSeq("\n"+text, "\n---") {
		for strings.HasPrefix(strings.TrimSpace(doc), "#") {
			_, doc, _ = strings.Cut(strings.TrimSpace(doc), "\n")
		}
		if strings.TrimSpace(doc) != "" {
			docs = append(docs, strings.TrimLeft(doc, "\n"))
		}
	}
	return docs
}

// run creates the objects of the case in a namespace of its own, waits for its
// runs to end, and compares them.
func (c conformanceCase) run(t *testing.T, h hosts, table *table) {
	start, got := time.Now(), []string{}
	defer func() {
		table.add(row{c.name, summary(c.want), strings.Join(got, ","), time.Since(start), t.Failed()})
	}()
	e := env.New(t)
	text := h.replace(t, c.text)
	if c.own {
		text = strings.ReplaceAll(text, "NAMESPACE", e.Namespace)
	}
	var runs []*unstructured.Unstructured
	for _, doc := range documents(text) {
		obj := &unstructured.Unstructured{}
		if err := yaml.Unmarshal([]byte(doc), &obj.Object); err != nil {
			t.Fatal(err)
		}
		if obj.GetKind() == "" {
			continue
		}
		obj.SetNamespace(e.Namespace)
		execute(obj)
		err := e.Client.Create(e.Context(), obj)
		want := c.expectation(obj)
		switch {
		case want != nil && want.Refused != "":
			got = append(got, want.compareRefusal(e, err))
		case err != nil:
			got = append(got, "refused")
			t.Fatalf("creating %s %s%s: %v", obj.GetKind(), obj.GetName(), obj.GetGenerateName(), err)
		case want != nil:
			runs = append(runs, obj)
		case obj.GetKind() == "TaskRun" || obj.GetKind() == "PipelineRun":
			t.Errorf("nothing is expected of %s %s", obj.GetKind(), obj.GetName())
		}
	}
	if len(runs)+len(got) != len(c.want) {
		t.Errorf("%d runs are expected, and the file has %d", len(c.want), len(runs)+len(got))
	}
	for _, run := range runs {
		await(e, run)
		got = append(got, c.expectation(run).compare(e, run, c.own))
	}
}

// execute has the tasks of a PipelineRun run as EXECUTION says: pod, tasks or auto.
func execute(obj *unstructured.Unstructured) {
	mode := os.Getenv("EXECUTION")
	if mode == "" || obj.GetKind() != "PipelineRun" {
		return
	}
	annotations := obj.GetAnnotations()
	if annotations == nil {
		annotations = map[string]string{}
	}
	annotations["slipway.dev/execution"] = mode
	obj.SetAnnotations(annotations)
}

// expectation is what is expected of a run, or nil.
func (c conformanceCase) expectation(run *unstructured.Unstructured) *expected {
	i := slices.IndexFunc(c.want, func(x expected) bool { return x.matches(run) })
	if i < 0 {
		return nil
	}
	return &c.want[i]
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
