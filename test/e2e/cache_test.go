//go:build e2e

package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"sigs.k8s.io/yaml"

	"github.com/slipway-dev/slipway/api/slipway/v1alpha1"
	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
	"github.com/slipway-dev/slipway/api/tekton/v1beta1"
	"github.com/slipway-dev/slipway/pipelines"
	"github.com/slipway-dev/slipway/test/env"
)

// TestCache: what one run saved, later ones restore by the beginning of its key. A run of a pull request does so too, and what it
// saves is where no branch's run looks.
func TestCache(t *testing.T) {
	t.Parallel()
	e := env.New(t)
	for _, action := range []string{"cache-restore", "cache-save"} {
		text, err := pipelines.Files.ReadFile("stepactions/" + action + "/" + action + ".yaml")
		if err != nil {
			t.Fatal(err)
		}
		obj := &v1beta1.StepAction{}
		if err := yaml.UnmarshalStrict(text, obj); err != nil {
			t.Fatal(err)
		}
		obj.Spec.Image = pinned(e, e.Registry+"/slipway/cache:dev")
		e.Create(obj)
	}
	repository := e.Registry + "/e2e/" + e.Namespace + "/cache"

	first := cacheRunDone(e, startCacheRun(e, repository, "v1", ""))
	wantLog(e, first, "restore", "miss: ")
	wantLog(e, first, "use", "found nothing")
	wantLog(e, first, "save", "saved go-")
	if hit := result(e, first, "hit"); hit != "false" {
		t.Errorf("the first run has the cache-hit %s", hit)
	}

	branch, pull := startCacheRun(e, repository, "v2", ""), startCacheRun(e, repository, "v3", "pull-7")
	for _, started := range []*v1.TaskRun{branch, pull} {
		tr := cacheRunDone(e, started)
		wantLog(e, tr, "restore", "restored "+result(e, first, "key")+", saved ")
		wantLog(e, tr, "use", "found v1")
		if hit, matched := result(e, tr, "hit"), result(e, tr, "matched"); hit != "false" || matched != result(e, first, "key") {
			t.Errorf("run %s has the cache-hit %s and the key %s of %s", tr.Name, hit, matched, result(e, first, "key"))
		}
	}
	wantTags(e, repository, 2)
	wantTags(e, repository+"/pull-requests", 1)
}

// startCacheRun starts a run whose lock file is of a version, and which keeps a module of that version.
func startCacheRun(e *env.Env, repository, version, scope string) *v1.TaskRun {
	e.Helper()
	return env.CreateYAML[v1.TaskRun](e, fmt.Sprintf(`
metadata:
  generateName: cache-
  annotations: {%s: %q}
spec:
  workspaces: [{name: source, emptyDir: {}}]
  taskSpec:
    workspaces: [{name: source}]
    results:
    - {name: hit, value: $(steps.restore.results.cache-hit)}
    - {name: matched, value: $(steps.restore.results.matched-key)}
    - {name: key, value: $(steps.restore.results.key)}
    steps:
    - name: lock
      image: busybox
      script: echo %[3]s > $(workspaces.source.path)/go.sum
    - name: restore
      ref: {name: cache-restore}
      params:
      - {name: repository, value: %[4]s}
      - {name: directory, value: $(workspaces.source.path)}
      - {name: paths, value: [deps]}
      - {name: key, value: go}
      - {name: hash-files, value: ["**/go.sum"]}
    - name: use
      image: busybox
      script: |
        cd $(workspaces.source.path)
        echo found $(cat deps/module || echo nothing)
        mkdir -p deps
        echo %[3]s > deps/module
    - name: save
      ref: {name: cache-save}
      params:
      - {name: repository, value: %[4]s}
      - {name: directory, value: $(workspaces.source.path)}
      - {name: paths, value: [deps]}
      - {name: key, value: $(steps.restore.results.key)}
`, v1alpha1.AnnotationCacheScope, scope, version, repository))
}

func cacheRunDone(e *env.Env, tr *v1.TaskRun) *v1.TaskRun {
	e.Helper()
	done := e.TaskRunDone(tr.Name, 2*time.Minute)
	if !done.IsSuccessful() {
		e.Fatalf("taskrun %s: %+v", done.Name, done.Status.GetCondition(v1.ConditionSucceeded))
	}
	return done
}

func wantLog(e *env.Env, tr *v1.TaskRun, step, want string) {
	e.Helper()
	if log := e.ContainerLog(tr.Status.PodName, "step-"+step); !strings.Contains(log, want) {
		e.Errorf("step %s of %s does not say %q:\n%s", step, tr.Name, want, log)
	}
}

func wantTags(e *env.Env, repository string, want int) {
	e.Helper()
	repo, err := name.NewRepository(repository)
	if err != nil {
		e.Fatal(err)
	}
	if tags, err := remote.List(repo); err != nil || len(tags) != want {
		e.Errorf("%s has the tags %q, %v; want %d", repository, tags, err, want)
	}
}
