package compat

import (
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"sigs.k8s.io/yaml"

	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
)

const root = "../.."

// tested are the packages whose tests use the API.
var tested = []string{"./api/tekton/...", "./pkg/...", "./test/...", "./pipelines/..."}

func page(t *testing.T) *Page {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, "docs", "compatibility.md"))
	if err != nil {
		t.Fatal(err)
	}
	p, err := ReadPage(string(text))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// Every feature has its row, and every row that says yes a test that is there.
func TestPage(t *testing.T) {
	p := page(t)
	groups := map[byte]bool{}
	for _, id := range p.Promised {
		groups[id[0]] = true
	}
	for _, g := range []byte("ABCDEFGHIJKLMNOX") {
		if !groups[g] {
			t.Errorf("no group %c", g)
		}
	}
	for _, wrong := range p.Check(root) {
		t.Error(wrong)
	}
}

// No field of the API is without a test and without a reason.
func TestEveryFieldIsTested(t *testing.T) {
	roots, err := Roots()
	if err != nil {
		t.Fatal(err)
	}
	fields, uses := Fields(roots), Uses{}
	if len(fields) < 300 {
		t.Fatalf("only %d fields were found", len(fields))
	}
	r := newReader(roots)
	if err := r.files(root, uses); err != nil {
		t.Fatal(err)
	}
	if err := r.source(root, uses, tested...); err != nil {
		t.Fatal(err)
	}
	for _, wrong := range page(t).Untested(fields, uses) {
		t.Error(wrong)
	}
}

// A rule that no longer bites is worse than none, so each is shown a breach.
func TestUntestedFieldsAreFound(t *testing.T) {
	fields := []Field{"v1.A.used", "v1.A.not", "v1.A.excused", "v1.A.both"}
	p := &Page{Excused: map[Field]string{"v1.A.excused": "why", "v1.A.both": "why", "v1.A.gone": "why"}}
	got := p.Untested(fields, Uses{"v1.A.used": true, "v1.A.both": true})
	want := []string{"v1.A.not: no test uses it, and no row says why", "v1.A.both is used by a test: remove its row", "v1.A.gone: there is no such field"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestWrongRowsAreFound(t *testing.T) {
	const head = "## A. Kinds (A1 to A2)\n| A1 | x | yes | `test/compat TestPage` |\n"
	for name, tc := range map[string]struct{ text, want string }{
		"good":           {head + "| A2 | x | no: why | |", ""},
		"missing":        {head, "A2 has no row"},
		"twice":          {head + "| A1 | x | yes | `test/compat TestPage` |", "A1 is not the row that follows"},
		"no such test":   {head + "| A2 | x | yes | `test/compat TestNothing` |", "has no test TestNothing"},
		"no such case":   {head + "| A2 | x | yes | `test/compat TestPage/none " + "such` |", "has no case"},
		"no such file":   {head + "| A2 | x | yes | `test/none` |", "does not exist"},
		"no test":        {head + "| A2 | x | yes | |", "yes needs a test"},
		"no reason":      {head + "| A2 | x | partly | `test/compat TestPage` |", "partly needs a reason"},
		"another answer": {head + "| A2 | x | perhaps: why | |", "none of yes"},
	} {
		t.Run(name, func(t *testing.T) {
			p, err := ReadPage(tc.text)
			if err != nil {
				t.Fatal(err)
			}
			got := strings.Join(p.Check(root), "\n")
			if tc.want == "" && got != "" || !strings.Contains(got, tc.want) {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
}

// What counts as a use is what the API server would take as that field.
func TestReader(t *testing.T) {
	roots, err := Roots()
	if err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		text string
		want []Field
	}{
		"a spec":              {"{taskSpec: {steps: [{image: IMAGE, onError: continue}]}, debug: {}}", []Field{"v1.Step.image", "v1.Step.onError", "v1.TaskRunSpec.debug", "v1.TaskRunSpec.taskSpec", "v1.TaskSpec.steps"}},
		"inside something":    {"why: x\nrun: {spec: {taskRef: {name: t}, retries: 1}}", []Field{"v1.TaskRef.name", "v1.TaskRun.spec", "v1.TaskRunSpec.retries", "v1.TaskRunSpec.taskRef"}},
		"in an archive":       {"exec slipway lint\n-- a.yaml --\napiVersion: tekton.dev/v1\nkind: Task\nspec: {steps: [{script: x}]}\n", []Field{"v1.Step.script", "v1.Task.spec", "v1.TaskSpec.steps"}},
		"a verb in it":        {"steps: [{image: %s}]", []Field{"v1.Step.image", "v1.TaskSpec.steps"}},
		"a slip":              {"taskSpec: {steps: [{imaeg: x}]}", nil},
		"of another type":     {"taskSpec: {steps: [{image: x, volumeMounts: {}}]}", nil},
		"could be many":       {"params: []", nil},
		"of Kubernetes alone": {"spec: {containers: [{image: x}]}", nil},
	} {
		t.Run(name, func(t *testing.T) {
			uses := Uses{}
			newReader(roots).text(tc.text, uses)
			if got := slices.Sorted(maps.Keys(uses)); !slices.Equal(got, tc.want) {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
	if !slices.Contains(Fields(roots), fieldOf(reflect.TypeFor[v1.Step]().PkgPath(), "Step", "onError")) {
		t.Error("the walk does not find a step's onError")
	}
}

// What clients and users are given besides the kinds.
func TestInstallation(t *testing.T) {
	roles, names := map[string]string{}, map[string]string{}
	for _, doc := range documents(t, "config/rbac/users.yaml") {
		var role rbacv1.ClusterRole
		if err := yaml.Unmarshal([]byte(doc), &role); err != nil {
			t.Fatal(err)
		}
		for label, value := range role.Labels {
			if value == "true" {
				roles[strings.TrimPrefix(label, "rbac.authorization.k8s.io/aggregate-to-")] = strings.Join(role.Rules[0].Verbs, " ")
			}
		}
	}
	if roles["view"] != "get list watch" || !strings.Contains(roles["edit"], "create") || roles["edit"] != roles["admin"] {
		t.Errorf("roles: %v", roles)
	}
	for _, doc := range documents(t, "config/controller/info.yaml") {
		var info corev1.ConfigMap
		if err := yaml.Unmarshal([]byte(doc), &info); err != nil {
			t.Fatal(err)
		}
		names[info.Kind] = info.Name
		if info.Kind == "ConfigMap" && info.Data["version"] == "" {
			t.Error("pipelines-info has no version")
		}
	}
	if names["ConfigMap"] != "pipelines-info" || names["Role"] != "pipelines-info" || names["RoleBinding"] != "pipelines-info" {
		t.Errorf("info.yaml holds %v", names)
	}
	var deployment struct {
		Metadata struct{ Labels map[string]string }
	}
	if err := yaml.Unmarshal([]byte(documents(t, "config/controller/deployment.yaml")[0]), &deployment); err != nil {
		t.Fatal(err)
	}
	if l := deployment.Metadata.Labels; l["app.kubernetes.io/name"] != "controller" || l["app.kubernetes.io/part-of"] != "slipway" {
		t.Errorf("labels of the controller: %v", l)
	}
}

func documents(t *testing.T, file string) []string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, file))
	if err != nil {
		t.Fatal(err)
	}
	return document.Split(string(text), -1)
}
