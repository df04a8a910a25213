package resolve

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
	"github.com/slipway-dev/slipway/pkg/expr"
	"github.com/slipway-dev/slipway/pkg/resolve/fetch"
)

// given are the params of a resolver, as name and value in turn.
func given(pairs ...string) v1.Params {
	var out v1.Params
	for i := 0; i < len(pairs); i += 2 {
		out = append(out, v1.Param{Name: pairs[i], Value: v1.ParamValue{Type: v1.ParamTypeString, StringVal: pairs[i+1]}})
	}
	return out
}

// remote is a finder of which the resolver stub answers with the text.
func remote(text string) *Finder {
	return &Finder{Cluster: shelf{}, Desk: NewDesk(DeskOptions{
		Resolvers: map[string]fetch.Resolver{"stub": &stub{do: func(context.Context, int) (*fetch.Document, error) {
			return &fetch.Document{Content: []byte(text), Source: &v1.RefSource{URI: "here"}}, nil
		}}},
		Timeout: time.Minute, Pause: time.Second, Parallel: 1, PerOrigin: 1, Now: time.Now, Ready: func(Asker) {}})}
}

func (f *Finder) waited(t *testing.T, find func() error) error {
	t.Helper()
	if err := find(); !errors.Is(err, ErrPending) {
		t.Fatalf("the first answer is %v, want it to be pending", err)
	}
	synctest.Wait()
	return find()
}

func TestRemoteTask(t *testing.T) {
	for name, tc := range map[string]struct{ text, want string }{
		"task":         {aTask, ""},
		"comments":     {"# license\n---\n# more\n---\n" + aTask + "---\nkind: Other\n", ""},
		"json":         {`{"apiVersion":"tekton.dev/v1","kind":"Task","metadata":{"name":"build"},"spec":{"description":"d","steps":[{"image":"a"}]}}`, ""},
		"newer field":  {aTask + "status: {}\n", ""},
		"v1beta1":      {strings.Replace(aTask, "v1\n", "v1beta1\n", 1), ""},
		"html":         {"<html><body>login</body></html>", "taskRef: resolver stub: http://x: what is there is not YAML: "},
		"binary":       {"\x00\x01\x02", "is not YAML"},
		"empty":        {"# nothing\n", "what is there is empty"},
		"other kind":   {strings.Replace(aTask, "Task", "Pipeline", 1), "is a Pipeline, and a Task is needed"},
		"other group":  {strings.Replace(aTask, "tekton.dev", "example.dev", 1), `is of apiVersion "example.dev/v1", and a Task of tekton.dev is needed`},
		"no kind":      {"a: b\n", "has neither apiVersion nor kind"},
		"wrong fields": {strings.Replace(aTask, "[{image: a}]", "3", 1), "is no Task: "},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := remote(tc.text)
				var task *Task
				err := f.waited(t, func() (err error) {
					task, err = f.Task(t.Context(), by, &v1.TaskRef{ResolverRef: v1.ResolverRef{Resolver: "stub", Params: given("url", "http://x")}})
					return err
				})
				if tc.want != "" {
					if nowhere := new(Error); !errors.As(err, &nowhere) || !strings.Contains(err.Error(), tc.want) || strings.Contains(err.Error(), "\n") {
						t.Errorf("error %v\nwant %s", err, tc.want)
					}
					return
				}
				if err != nil {
					t.Fatal(err)
				}
				if task.Name != "build" || task.Spec.Description != "d" || len(task.Spec.Steps) != 1 || task.Source.URI != "here" {
					t.Errorf("%+v", task)
				}
			})
		})
	}
}

// v1beta1 calls the computing resources of containers by another name.
func TestOlderTaskKeepsItsResources(t *testing.T) {
	var task v1.Task
	err := decode([]byte(`{apiVersion: tekton.dev/v1beta1, kind: Task, spec: {stepTemplate: {resources: {limits: {cpu: 1}}},
  steps: [{image: a, resources: {limits: {cpu: 2}}}], sidecars: [{image: a, resources: {limits: {cpu: 3}}}]}}`), v1.KindTask, &task)
	if err != nil {
		t.Fatal(err)
	}
	got := []string{task.Spec.StepTemplate.ComputeResources.Limits.Cpu().String(), task.Spec.Steps[0].ComputeResources.Limits.Cpu().String(),
		task.Spec.Sidecars[0].ComputeResources.Limits.Cpu().String()}
	if strings.Join(got, " ") != "1 2 3" {
		t.Errorf("limits %v", got)
	}
}

func TestOlderPipeline(t *testing.T) {
	var pipeline v1.Pipeline
	err := decode([]byte(`{apiVersion: tekton.dev/v1beta1, kind: Pipeline, spec: {tasks: [{name: a, retries: 2, taskRef: {name: build, bundle: reg/b}},
  {name: b, taskSpec: {steps: [{image: a, resources: {limits: {cpu: 2}}, ports: [{containerPort: 80}]}]}}]}}`), v1.KindPipeline, &pipeline)
	if err != nil {
		t.Fatal(err)
	}
	ref, step := pipeline.Spec.Tasks[0].TaskRef, pipeline.Spec.Tasks[1].TaskSpec.Steps[0]
	if ref.Resolver != "bundles" || ref.Name != "" || len(ref.Params) != 3 || step.ComputeResources.Limits.Cpu().String() != "2" {
		t.Errorf("%+v\n%+v", ref, step)
	}
	err = decode([]byte(`{apiVersion: tekton.dev/v1beta1, kind: Pipeline, spec: {resources: [{name: src, type: git}]}}`), v1.KindPipeline, &pipeline)
	const want = "cannot be run: spec.resources: PipelineResources are not served: pass values by params, files by workspaces, and give back results"
	if err == nil || err.Error() != want {
		t.Errorf("error %v\n want %s", err, want)
	}
}

func TestRemotePipelineAndStepAction(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ref := v1.ResolverRef{Resolver: "stub", Params: given("url", "http://x")}
		f := remote("apiVersion: tekton.dev/v1\nkind: Pipeline\nmetadata: {name: ci}\n")
		err := f.waited(t, func() error {
			got, err := f.Pipeline(t.Context(), by, &v1.PipelineRef{ResolverRef: ref})
			if err == nil && got.Name != "ci" {
				t.Errorf("%+v", got)
			}
			return err
		})
		if err != nil {
			t.Error(err)
		}
		f = remote("apiVersion: tekton.dev/v1alpha1\nkind: StepAction\nspec: {image: a}\n")
		err = f.waited(t, func() error {
			got, err := f.StepAction(t.Context(), by, &v1.Ref{ResolverRef: ref})
			if err == nil && got.Spec.Image != "a" {
				t.Errorf("%+v", got)
			}
			return err
		})
		if err != nil {
			t.Error(err)
		}
	})
}

func TestReferencesThatNobodyCanFind(t *testing.T) {
	list := v1.Params{{Name: "url", Value: v1.ParamValue{Type: v1.ParamTypeArray}}}
	for name, tc := range map[string]struct {
		ref  v1.ResolverRef
		want string
	}{
		"list":      {v1.ResolverRef{Resolver: "stub", Params: list}, "taskRef: resolver stub: param url: a resolver takes strings, and this is an array"},
		"cache":     {v1.ResolverRef{Resolver: "stub", Params: given("cache", "neevr")}, `taskRef: resolver stub: param cache: "neevr": use always, never or auto; did you mean "never"?`},
		"cluster":   {v1.ResolverRef{Resolver: "cluster", Params: given("kind", "task", "name", "biuld", "namespace", "ns")}, `taskRef: resolver cluster: param name: no task named "biuld" in namespace "ns"; did you mean "build"?`},
		"kind":      {v1.ResolverRef{Resolver: "cluster", Params: given("kind", "pipeline", "name", "build")}, "taskRef: resolver cluster: param kind: a task is needed here, not a pipeline"},
		"no name":   {v1.ResolverRef{Resolver: "cluster"}, "taskRef: resolver cluster: param name is missing"},
		"forbidden": {v1.ResolverRef{Resolver: "cluster", Params: given("name", "build", "namespace", "secret")}, `taskRef: resolver cluster: param namespace: "secret" is not open to it`},
	} {
		t.Run(name, func(t *testing.T) {
			f := remote("")
			f.Settings = func(context.Context, string) (map[string]string, error) {
				return map[string]string{"blocked-namespaces": "other, secret"}, nil
			}
			_, err := f.Task(t.Context(), by, &v1.TaskRef{ResolverRef: tc.ref})
			if nowhere := new(Error); !errors.As(err, &nowhere) || !strings.HasPrefix(err.Error(), tc.want) {
				t.Errorf("error %v\nwant %s", err, tc.want)
			}
		})
	}
}

func TestClusterResolver(t *testing.T) {
	task, err := finder(shelf{}).Task(t.Context(), Asker{Namespace: "elsewhere"}, &v1.TaskRef{
		ResolverRef: v1.ResolverRef{Resolver: "cluster", Params: given("kind", "task", "name", "build", "namespace", "ns")}})
	if err != nil {
		t.Fatal(err)
	}
	if task.Spec.Description != "d" || task.Source.URI != "/apis/tekton.dev/v1/namespaces/ns/task/build@" || len(task.Source.Digest["sha256"]) != 64 {
		t.Errorf("%+v %+v", task, task.Source)
	}
}

func TestMayRead(t *testing.T) {
	for name, tc := range map[string]struct {
		allowed, blocked string
		want             bool
	}{
		"no lists":              {"", "", true},
		"allowed":               {"a, ns", "", true},
		"not among the allowed": {"a", "", false},
		"blocked":               {"", "a,ns", false},
		"not among the blocked": {"", "a", true},
		"all are blocked":       {"", "*", false},
		"all but one":           {"ns", "*", true},
	} {
		if got := mayRead("ns", map[string]string{"allowed-namespaces": tc.allowed, "blocked-namespaces": tc.blocked}); got != tc.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestFill(t *testing.T) {
	var vars expr.Vars
	vars.SetText("params.rev", "main")
	vars.Close("params")
	name, ref := "http://x/$(params.rev)", v1.ResolverRef{Resolver: "git", Params: given("revision", "$(params.rev)", "url", "http://$(params.rev)/x")}
	if err := Fill(&name, &ref, vars); err != nil {
		t.Fatal(err)
	}
	if name != "http://x/main" || ref.Params[0].Value.StringVal != "main" || ref.Params[1].Value.StringVal != "http://main/x" {
		t.Errorf("%s %v", name, ref.Params)
	}
	ref = v1.ResolverRef{Resolver: "git", Params: given("revision", "$(params.rve)")}
	if err := Fill(&name, &ref, vars); err == nil || !strings.HasPrefix(err.Error(), "params[0] (revision): ") {
		t.Errorf("error %v", err)
	}
}
