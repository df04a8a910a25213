//go:build e2e

package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
	"github.com/slipway-dev/slipway/test/env"
)

// An object of v1beta1 as a client without its types has it; the image is one
// that has a shell.
func older(e *env.Env, kind, text string) *unstructured.Unstructured {
	e.Helper()
	u := &unstructured.Unstructured{}
	if err := yaml.Unmarshal([]byte(strings.ReplaceAll(text, "IMAGE", e.Registry+"/busybox")), &u.Object); err != nil {
		e.Fatal(err)
	}
	u.SetAPIVersion("tekton.dev/v1beta1")
	u.SetKind(kind)
	u.SetNamespace(e.Namespace)
	return u
}

// asOlder reads an object in v1beta1.
func asOlder(e *env.Env, kind, name string) *unstructured.Unstructured {
	e.Helper()
	u := older(e, kind, "{}")
	if err := e.Client.Get(e.Context(), client.ObjectKey{Namespace: e.Namespace, Name: name}, u); err != nil {
		e.Fatal(err)
	}
	return u
}

// missing lists what got lacks of want; it may have more.
func missing(want, got any, at string) (lacks []string) {
	switch want := want.(type) {
	case map[string]any:
		object, _ := got.(map[string]any)
		for k, v := range want {
			lacks = append(lacks, missing(v, object[k], at+"."+k)...)
		}
	case []any:
		list, _ := got.([]any)
		for i, v := range want {
			if i >= len(list) {
				return append(lacks, fmt.Sprintf("%s has %d entries, not %d", at, len(list), len(want)))
			}
			lacks = append(lacks, missing(v, list[i], fmt.Sprintf("%s[%d]", at, i))...)
		}
	default:
		if fmt.Sprint(want) != fmt.Sprint(got) {
			lacks = append(lacks, fmt.Sprintf("%s is %v, not %v", at, got, want))
		}
	}
	return lacks
}

// What is written in v1beta1 is stored as v1, runs, and is read again as it was
// written.
func TestV1beta1(t *testing.T) {
	t.Parallel()
	e := env.New(t)
	env.CreateYAML[v1.Task](e, `{metadata: {name: newer}, spec: {results: [{name: said}], steps: [{name: say, image: `+e.Registry+`/busybox, script: "printf hi > $(results.said.path)"}]}}`)
	objects := []*unstructured.Unstructured{
		older(e, "Task", `
metadata: {name: say}
spec:
  params: [{name: what}]
  results: [{name: said}]
  stepTemplate: {name: any, resources: {requests: {cpu: 1m}}, tty: false}
  steps:
  - {name: say, image: IMAGE, resources: {requests: {memory: 1Mi}}, ports: [{containerPort: 8080}], script: "printf '%s' $(params.what) > $(results.said.path)"}
  sidecars:
  - {name: idle, image: IMAGE, resources: {requests: {cpu: 2m}}, script: "trap exit TERM; while :; do sleep 1; done"}`),
		older(e, "Pipeline", `
metadata: {name: talk}
spec:
  params: [{name: what, default: hello}]
  tasks:
  - {name: first, taskRef: {name: say}, params: [{name: what, value: $(params.what)}]}
  - {name: second, taskRef: {name: newer}, runAfter: [first]}
  results:
  - {name: all, value: $(tasks.first.results.said) $(tasks.second.results.said)}`),
		older(e, "TaskRun", `
metadata: {name: one}
spec:
  taskRef: {name: say}
  params: [{name: what, value: alone}]
  timeout: 5m
  stepOverrides: [{name: say, resources: {requests: {cpu: 3m}}}]
  sidecarOverrides: [{name: idle, resources: {requests: {cpu: 4m}}}]`),
		older(e, "PipelineRun", `
metadata: {name: two}
spec:
  pipelineRef: {name: talk}
  timeout: 10m
  serviceAccountName: default
  podTemplate: {enableServiceLinks: false}
  taskRunSpecs:
  - pipelineTaskName: first
    taskServiceAccountName: default
    taskPodTemplate: {hostNetwork: false, enableServiceLinks: false}
    stepOverrides: [{name: say, resources: {requests: {cpu: 5m}}}]
    sidecarOverrides: [{name: idle, resources: {requests: {cpu: 6m}}}]`),
	}
	var written []map[string]any
	for _, o := range objects {
		written = append(written, o.DeepCopy().Object)
		e.Create(o)
	}
	one, two := e.TaskRunDone("one", 3*time.Minute), e.PipelineRunDone("two", 3*time.Minute)
	wantOutcome(e, two, "Succeeded", "Tasks Completed: 2 (Failed: 0, Cancelled 0), Skipped: 0")
	if !one.IsSuccessful() || len(one.Status.Results) != 1 || one.Status.Results[0].Value.StringVal != "alone" {
		t.Errorf("status %+v", one.Status)
	}
	resources := e.PodOf(one).Spec.Containers[0].Resources.Requests
	if resources.Cpu().String() != "3m" || resources.Memory().Value() != 0 {
		t.Errorf("the step asks for %v", resources)
	}
	if two.Spec.TaskRunTemplate.ServiceAccountName != "default" || two.Spec.Timeouts.Pipeline.Minutes() != 10 || len(two.Spec.TaskRunSpecs[0].StepSpecs) != 1 {
		t.Errorf("in v1 it is %+v", two.Spec)
	}
	for i, o := range objects {
		for _, lack := range missing(written[i], asOlder(e, o.GetKind(), o.GetName()).Object, o.GetKind()) {
			t.Error(lack)
		}
	}
	results := map[string]any{"status": map[string]any{"taskResults": []any{map[string]any{"name": "said", "value": "alone"}}}}
	for _, lack := range missing(results, asOlder(e, "TaskRun", "one").Object, "TaskRun") {
		t.Error(lack)
	}
	results = map[string]any{"status": map[string]any{"pipelineResults": []any{map[string]any{"name": "all", "value": "hello hi"}}}}
	for _, lack := range missing(results, asOlder(e, "PipelineRun", "two").Object, "PipelineRun") {
		t.Error(lack)
	}
	updated(e)
}

// updated has a client of v1beta1 change a Task, and one of v1 read it.
func updated(e *env.Env) {
	e.Helper()
	patch := `[{"op": "replace", "path": "/spec/steps/0/resources/requests/memory", "value": "2Mi"}, {"op": "add", "path": "/metadata/labels", "value": {"a": "b"}}]`
	if err := e.Client.Patch(e.Context(), older(e, "Task", "{metadata: {name: say}}"), client.RawPatch("application/json-patch+json", []byte(patch))); err != nil {
		e.Fatal(err)
	}
	var task v1.Task
	if err := e.Client.Get(e.Context(), client.ObjectKey{Namespace: e.Namespace, Name: "say"}, &task); err != nil {
		e.Fatal(err)
	}
	if got := task.Spec.Steps[0].ComputeResources.Requests.Memory().String(); got != "2Mi" || task.Labels["a"] != "b" {
		e.Errorf("in v1 the memory is %s, the labels %v", got, task.Labels)
	}
	if _, ok, _ := unstructured.NestedSlice(asOlder(e, "Task", "say").Object["spec"].(map[string]any)["steps"].([]any)[0].(map[string]any), "ports"); !ok {
		e.Error("the ports went with the update")
	}
}

// What cannot be served is refused with the way out.
func TestV1beta1Refuses(t *testing.T) {
	t.Parallel()
	e := env.New(t)
	for name, tc := range map[string]struct{ kind, text, want string }{
		"PipelineResources": {"Task", "{metadata: {name: a}, spec: {resources: {inputs: [{name: src, type: git}]}, steps: [{image: a}]}}",
			"PipelineResources are not served: pass values by params, files by workspaces, and give back results"},
		"a ClusterTask": {"TaskRun", "{metadata: {name: a}, spec: {taskRef: {name: a, kind: ClusterTask}}}",
			"ClusterTasks are not served: make it a Task, and refer to it by resolver: cluster with the params kind, name and namespace"},
		"PipelineResources in a Pipeline in place": {"PipelineRun", "{metadata: {name: a}, spec: {pipelineSpec: {resources: [{name: src, type: git}], tasks: [{name: a, taskRef: {name: a}}]}}}",
			"spec.pipelineSpec.resources: PipelineResources are not served"},
		"a slip in one": {"PipelineRun", "{metadata: {name: a}, spec: {pipelineSpec: {tasks: [{name: a, taskSpec: {steps: [{image: a, resources: {limit: {cpu: 1}}}]}}]}}}",
			`spec.pipelineSpec.tasks[0].taskSpec.steps[0].resources.limit: unknown field; did you mean "limits"?`},
		"what v1 calls otherwise": {"TaskRun", "{metadata: {name: a}, spec: {taskRef: {name: a}, stepOverrides: [{name: s, resources: {limits: {cpu: 1 x}}}]}}",
			`spec.stepOverrides[0].resources.limits[cpu]: "1 x" is not a quantity`},
		"two timeouts": {"PipelineRun", "{metadata: {name: a}, spec: {pipelineRef: {name: a}, timeout: 1h, timeouts: {pipeline: 1h}}}",
			"give only one of timeout and timeouts"},
		"no step":        {"Task", "{metadata: {name: a}, spec: {steps: []}}", "needs at least one step"},
		"a bad duration": {"PipelineRun", "{metadata: {name: a}, spec: {pipelineRef: {name: a}, timeout: soon}}", "spec.timeout"},
	} {
		t.Run(name, func(t *testing.T) {
			err := e.Client.Create(t.Context(), older(e, tc.kind, tc.text))
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want %q", err, tc.want)
			}
		})
	}
}
