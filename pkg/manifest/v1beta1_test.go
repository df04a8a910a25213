package manifest

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
)

func TestV1beta1BecomesV1(t *testing.T) {
	objects, err := Decode([]byte(`apiVersion: tekton.dev/v1beta1
kind: PipelineRun
metadata: {generateName: old-}
spec:
  timeout: 10m
  serviceAccountName: builder
  podTemplate: {nodeSelector: {disk: ssd}}
  taskRunSpecs:
  - pipelineTaskName: build
    taskServiceAccountName: pusher
    taskPodTemplate: {hostNetwork: true}
    stepOverrides:
    - {name: compile, resources: {requests: {cpu: 1}}}
    sidecarOverrides:
    - {name: db, resources: {requests: {cpu: 2}}}
  pipelineSpec:
    tasks:
    - name: fetched
      taskRef: {name: git-clone, bundle: registry.example.com/catalog:1}
    - name: build
      taskSpec:
        stepTemplate: {name: none, resources: {limits: {cpu: 3}}}
        steps:
        - &step {name: compile, image: a, resources: {limits: {memory: 1Gi}}, ports: [{containerPort: 80}], tty: true}
        - {<<: *step, name: again}
        sidecars:
        - {name: db, image: b, resources: {limits: {memory: 2Gi}}}
`), "run.yaml")
	if err != nil {
		t.Fatal(err)
	}
	spec := objects[0].(*v1.PipelineRun).Spec
	ref, build, own := spec.PipelineSpec.Tasks[0].TaskRef, spec.PipelineSpec.Tasks[1].TaskSpec, spec.TaskRunSpecs[0]
	got := []string{objects[0].GetObjectKind().GroupVersionKind().Version, spec.Timeouts.Pipeline.Duration.String(),
		spec.TaskRunTemplate.ServiceAccountName, spec.TaskRunTemplate.PodTemplate.NodeSelector["disk"],
		own.ServiceAccountName, own.StepSpecs[0].ComputeResources.Requests.Cpu().String(), own.SidecarSpecs[0].ComputeResources.Requests.Cpu().String(),
		string(ref.Resolver), ref.Name, ref.Params[0].Name, ref.Params[0].Value.StringVal, ref.Params[1].Name, ref.Params[1].Value.StringVal,
		ref.Params[2].Name, ref.Params[2].Value.StringVal,
		build.StepTemplate.ComputeResources.Limits.Cpu().String(), build.Steps[1].ComputeResources.Limits.Memory().String(),
		build.Sidecars[0].ComputeResources.Limits.Memory().String()}
	want := []string{"v1", "10m0s", "builder", "ssd", "pusher", "1", "2",
		"bundles", "", "bundle", "registry.example.com/catalog:1", "name", "git-clone", "kind", "task", "3", "1Gi", "2Gi"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if own.PodTemplate == nil || !own.PodTemplate.HostNetwork {
		t.Error("taskPodTemplate is lost")
	}
}

// Messages speak of the file: of its lines, and by its names.
func TestV1beta1Errors(t *testing.T) {
	const head = "apiVersion: tekton.dev/v1beta1\n"
	for _, c := range []struct{ name, yaml, want string }{
		{"a slip", head + "kind: Task\nmetadata: {name: t}\nspec:\n  steps:\n  - image: a\n    resources:\n      limit: {cpu: 1}\n",
			`f.yaml:8: spec.steps[0].resources.limit: unknown field; did you mean "limits"?`},
		{"a value in a field with another name", head + "kind: PipelineRun\nmetadata: {name: r}\nspec:\n  pipelineRef: {name: p}\n  timeout: soon\n",
			`f.yaml:6: spec.timeout: "soon" is not a duration, such as 90s or 1h30m`},
		{"what validation finds", head + "kind: TaskRun\nmetadata: {name: r}\nspec:\n  taskRef: {name: t}\n  stepOverrides:\n  - {name: x, resources: {}}\n  - {name: x, resources: {}}\n",
			`f.yaml:8: spec.stepOverrides[1].name: two steps are named "x": rename this one or spec.stepSpecs[0]`},
		{"a field of v1", head + "kind: TaskRun\nmetadata: {name: r}\nspec:\n  taskRef: {name: t}\n  stepSpecs: []\n",
			"f.yaml:6: spec.stepSpecs: unknown field: it is of v1, and v1beta1 has stepOverrides"},
		{"two of them", head + "kind: PipelineRun\nmetadata: {name: r}\nspec:\n  pipelineRef: {name: t}\n  taskRunTemplate:\n    serviceAccountName: a\n",
			"f.yaml:6: spec.taskRunTemplate: unknown field: it is of v1, and v1beta1 has podTemplate and serviceAccountName"},
		{"said twice", head + "kind: PipelineRun\nmetadata: {name: r}\nspec:\n  pipelineRef: {name: t}\n  timeout: 1h\n  timeouts: {tasks: 1h}\n",
			"f.yaml:6: spec.timeout: give only one of timeout and timeouts"},
		{"PipelineResources", head + "kind: Pipeline\nmetadata: {name: p}\nspec:\n  tasks:\n  - name: a\n    taskRef: {name: t}\n    resources:\n      inputs: []\n",
			"f.yaml:8: spec.tasks[0].resources: PipelineResources are not served: pass values by params, files by workspaces, and give back results"},
		{"a ClusterTask", head + "kind: TaskRun\nmetadata: {name: r}\nspec:\n  taskRef:\n    name: t\n    kind: ClusterTask\n",
			"f.yaml:7: spec.taskRef.kind: ClusterTasks are not served: make it a Task, and refer to it by resolver: cluster with the params kind, name and namespace"},
		{"the kind itself", head + "kind: ClusterTask\nmetadata: {name: t}\nspec: {}\n",
			"f.yaml:2: kind: ClusterTasks are not served: make it a Task, and refer to it by resolver: cluster with the params kind, name and namespace"},
		{"v1 beside it", head + "kind: TaskRun\nmetadata: {name: r}\nspec:\n  taskRef: {name: t}\n  stepOverrides: []\n---\napiVersion: tekton.dev/v1\nkind: TaskRun\nmetadata: {name: s}\nspec:\n  taskRef: {name: t}\n  stepOverrides: []\n",
			`f.yaml:13: spec.stepOverrides: unknown field`},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Decode([]byte(c.yaml), "f.yaml")
			if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("got  %v\nwant %s", err, c.want)
			}
		})
	}
}
