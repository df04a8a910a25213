package convert

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	utiljson "k8s.io/apimachinery/pkg/util/json"
	"sigs.k8s.io/yaml"
)

func parse(t *testing.T, text string) map[string]any {
	t.Helper()
	data, err := yaml.YAMLToJSON([]byte(text))
	var obj map[string]any
	if err == nil {
		err = utiljson.Unmarshal(data, &obj)
	}
	if err != nil {
		t.Fatal(err)
	}
	return obj
}

func TestConvert(t *testing.T) {
	for _, c := range []struct{ name, old, newest string }{
		{"a Task", `
apiVersion: tekton.dev/v1beta1
kind: Task
metadata: {name: t, annotations: {mine: "1"}}
spec:
  resources: {inputs: [{name: src, type: git}]}
  params: [{name: resources, default: x}]
  stepTemplate: {name: old, resources: {limits: {cpu: "1"}}, tty: true}
  steps:
  - {name: a, image: i, resources: {limits: {cpu: "2"}}, ports: [{containerPort: 80}]}
  - {name: b, image: i, resources: {}}
  sidecars:
  - {name: c, image: i, resources: {limits: {cpu: "3"}}, ports: [{containerPort: 81}]}
`, `
apiVersion: tekton.dev/v1
kind: Task
metadata:
  name: t
  annotations:
    mine: "1"
    tekton.dev/v1beta1Resources: '{"inputs":[{"name":"src","type":"git"}]}'
    slipway.dev/v1beta1: '{"spec.stepTemplate.name":"old","spec.stepTemplate.tty":true,"spec.steps[0].ports":[{"containerPort":80}]}'
spec:
  params: [{name: resources, default: x}]
  stepTemplate: {computeResources: {limits: {cpu: "1"}}}
  steps:
  - {name: a, image: i, computeResources: {limits: {cpu: "2"}}}
  - {name: b, image: i, computeResources: {}}
  sidecars:
  - {name: c, image: i, computeResources: {limits: {cpu: "3"}}, ports: [{containerPort: 81}]}
`},
		{"a Pipeline", `
apiVersion: tekton.dev/v1beta1
kind: Pipeline
metadata: {name: p}
spec:
  tasks:
  - {name: a, taskRef: {name: build, kind: Task, bundle: "reg/b:1"}}
  - {name: b, taskSpec: {apiVersion: example.dev/v1, kind: Wait, spec: {resources: {cpu: 1}}}}
  - name: c
    pipelineSpec:
      finally:
      - {name: d, pipelineRef: {name: deploy, bundle: "reg/b:2"}}
      - {name: e, taskSpec: {steps: [{image: i, resources: {limits: {cpu: "2"}}}]}}
`, `
apiVersion: tekton.dev/v1
kind: Pipeline
metadata:
  name: p
  annotations:
    slipway.dev/v1beta1: '{"spec.tasks[0].taskRef.bundle":null,"spec.tasks[2].pipelineSpec.finally[0].pipelineRef.bundle":null}'
spec:
  tasks:
  - {name: a, taskRef: {kind: Task, resolver: bundles, params: [{name: bundle, value: "reg/b:1"}, {name: name, value: build}, {name: kind, value: task}]}}
  - {name: b, taskSpec: {apiVersion: example.dev/v1, kind: Wait, spec: {resources: {cpu: 1}}}}
  - name: c
    pipelineSpec:
      finally:
      - {name: d, pipelineRef: {resolver: bundles, params: [{name: bundle, value: "reg/b:2"}, {name: name, value: deploy}, {name: kind, value: pipeline}]}}
      - {name: e, taskSpec: {steps: [{image: i, computeResources: {limits: {cpu: "2"}}}]}}
`},
		{"a TaskRun", `
apiVersion: tekton.dev/v1beta1
kind: TaskRun
metadata: {name: t}
spec:
  taskRef: {name: build}
  timeout: 1h
  serviceAccountName: sa
  computeResources: {limits: {cpu: "1"}}
  stepOverrides: [{name: a, resources: {limits: {cpu: "2"}}}]
  sidecarOverrides: [{name: b, resources: {limits: {cpu: "3"}}}]
status:
  podName: p
  taskResults: [{name: r, type: string, value: v}]
  cloudEvents: [{target: t}]
  taskSpec: {steps: [{image: i, resources: {}}]}
  retriesStatus:
  - {taskResults: [{name: r, value: w}], resourcesResult: [{key: k}], taskSpec: {steps: [{image: i, resources: {}, tty: true}]}}
`, `
apiVersion: tekton.dev/v1
kind: TaskRun
metadata: {name: t}
spec:
  taskRef: {name: build}
  timeout: 1h
  serviceAccountName: sa
  computeResources: {limits: {cpu: "1"}}
  stepSpecs: [{name: a, computeResources: {limits: {cpu: "2"}}}]
  sidecarSpecs: [{name: b, computeResources: {limits: {cpu: "3"}}}]
status:
  annotations:
    tekton.dev/v1beta1CloudEvents: '[{"target":"t"}]'
    slipway.dev/v1beta1: '{"status.retriesStatus[0].resourcesResult":[{"key":"k"}],"status.retriesStatus[0].taskSpec.steps[0].tty":true}'
  podName: p
  results: [{name: r, type: string, value: v}]
  taskSpec: {steps: [{image: i, computeResources: {}}]}
  retriesStatus:
  - {results: [{name: r, value: w}], taskSpec: {steps: [{image: i, computeResources: {}}]}}
`},
		{"a PipelineRun", `
apiVersion: tekton.dev/v1beta1
kind: PipelineRun
metadata: {name: p}
spec:
  pipelineRef: {name: ci}
  timeout: 1h
  serviceAccountName: sa
  podTemplate: {hostNetwork: true}
  taskRunSpecs:
  - {pipelineTaskName: a, taskServiceAccountName: sb, taskPodTemplate: {}, stepOverrides: [{name: s, resources: {}}], timeout: 5m}
status:
  pipelineResults: [{name: r, value: [a, b]}]
  taskRuns: {p-a: {pipelineTaskName: a}}
  runs: {p-b: {pipelineTaskName: b}}
  childReferences: [{name: p-a}]
`, `
apiVersion: tekton.dev/v1
kind: PipelineRun
metadata:
  name: p
  annotations: {slipway.dev/v1beta1: '{"spec.timeout":null}'}
spec:
  pipelineRef: {name: ci}
  timeouts: {pipeline: 1h}
  taskRunTemplate: {serviceAccountName: sa, podTemplate: {hostNetwork: true}}
  taskRunSpecs:
  - {pipelineTaskName: a, serviceAccountName: sb, podTemplate: {}, stepSpecs: [{name: s, computeResources: {}}], timeout: 5m}
status:
  annotations:
    tekton.dev/v1beta1TaskRuns: '{"p-a":{"pipelineTaskName":"a"}}'
    tekton.dev/v1beta1Runs: '{"p-b":{"pipelineTaskName":"b"}}'
  results: [{name: r, value: [a, b]}]
  childReferences: [{name: p-a}]
`},
		{"nothing to say of its TaskRuns", `
apiVersion: tekton.dev/v1beta1
kind: PipelineRun
metadata: {name: p, annotations: {slipway.dev/v1: '{"spec.taskRunTemplate":{}}'}}
spec: {pipelineRef: {name: ci}}
`, `
apiVersion: tekton.dev/v1
kind: PipelineRun
metadata: {name: p}
spec: {pipelineRef: {name: ci}, taskRunTemplate: {}}
`},
	} {
		t.Run(c.name, func(t *testing.T) {
			old, newest := parse(t, c.old), parse(t, c.newest)
			if diff := cmp.Diff(newest, mustConvert(t, old, "tekton.dev/v1")); diff != "" {
				t.Errorf("v1 (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(old, mustConvert(t, newest, "tekton.dev/v1beta1")); diff != "" {
				t.Errorf("v1beta1 (-want +got):\n%s", diff)
			}
		})
	}
}

// A client of v1 may have changed what a note speaks of.
func TestNotesYieldToWhatIsThere(t *testing.T) {
	for _, c := range []struct{ name, newest, old string }{
		{"another timeout", `
apiVersion: tekton.dev/v1
kind: PipelineRun
metadata: {name: p, annotations: {slipway.dev/v1beta1: '{"spec.timeout":null}'}}
spec: {timeouts: {pipeline: 2h}}
`, `
apiVersion: tekton.dev/v1beta1
kind: PipelineRun
metadata: {name: p}
spec: {timeout: 2h}
`},
		{"more timeouts", `
apiVersion: tekton.dev/v1
kind: PipelineRun
metadata: {name: p, annotations: {slipway.dev/v1beta1: '{"spec.timeout":null}'}}
spec: {timeouts: {pipeline: 2h, tasks: 1h}}
`, `
apiVersion: tekton.dev/v1beta1
kind: PipelineRun
metadata: {name: p}
spec: {timeouts: {pipeline: 2h, tasks: 1h}}
`},
		{"another resolver, and fewer steps", `
apiVersion: tekton.dev/v1
kind: TaskRun
metadata: {name: p, annotations: {slipway.dev/v1beta1: '{"spec.taskRef.bundle":null,"spec.taskSpec.steps[1].tty":true}'}}
spec: {taskRef: {resolver: git, params: [{name: url, value: u}]}, taskSpec: {steps: [{image: i}]}}
`, `
apiVersion: tekton.dev/v1beta1
kind: TaskRun
metadata: {name: p}
spec: {taskRef: {resolver: git, params: [{name: url, value: u}]}, taskSpec: {steps: [{image: i}]}}
`},
		{"a text that is no note, and Tekton's where Tekton has it", `
apiVersion: tekton.dev/v1
kind: TaskRun
metadata: {name: p, annotations: {slipway.dev/v1beta1: "[", tekton.dev/v1beta1CloudEvents: '[{"target":"t"}]'}}
spec: {}
status: {podName: p}
`, `
apiVersion: tekton.dev/v1beta1
kind: TaskRun
metadata: {name: p, annotations: {slipway.dev/v1beta1: "["}}
spec: {}
status: {podName: p, cloudEvents: [{target: t}]}
`},
	} {
		t.Run(c.name, func(t *testing.T) {
			if diff := cmp.Diff(parse(t, c.old), mustConvert(t, parse(t, c.newest), "v1beta1")); diff != "" {
				t.Errorf("v1beta1 (-want +got):\n%s", diff)
			}
		})
	}
}

func TestConvertRefuses(t *testing.T) {
	for _, c := range []struct{ name, obj, version, want string }{
		{"another kind", "{apiVersion: tekton.dev/v1beta1, kind: CustomRun}", "v1", `no conversion of a CustomRun of "tekton.dev/v1beta1"`},
		{"another group", "{apiVersion: example.dev/v1beta1, kind: Task}", "v1", `no conversion of a Task of "example.dev/v1beta1"`},
		{"another version", "{apiVersion: tekton.dev/v1, kind: Task}", "v2", `no conversion of a Task of "tekton.dev/v1" to "tekton.dev/v2"`},
		{"two timeouts", "{apiVersion: tekton.dev/v1beta1, kind: PipelineRun, spec: {timeout: 1h, timeouts: {tasks: 1h}}}", "v1",
			"spec.timeout: give only one of timeout and timeouts"},
		{"a bundle and a resolver", "{apiVersion: tekton.dev/v1beta1, kind: TaskRun, spec: {taskRef: {bundle: b, resolver: git}}}", "v1",
			"spec.taskRef.bundle: give only one of bundle and resolver"},
		{"both names", "{apiVersion: tekton.dev/v1beta1, kind: Task, spec: {steps: [{resources: {}, computeResources: {}}]}}", "v1",
			"spec.steps[0].computeResources: is given twice, under its names in v1 and in v1beta1: give one"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Convert(parse(t, c.obj), c.version)
			if err == nil || !strings.HasPrefix(err.Error(), c.want) {
				t.Errorf("got  %v\nwant %s", err, c.want)
			}
		})
	}
}

// An object that makes no sense is converted as far as it goes, without a panic.
func FuzzConvert(f *testing.F) {
	f.Add(`{"apiVersion":"tekton.dev/v1beta1","kind":"Task","spec":{"steps":[null,3,{"resources":null,"ports":1}],"stepTemplate":[]}}`)
	f.Add(`{"apiVersion":"tekton.dev/v1beta1","kind":"PipelineRun","spec":{"timeout":1,"timeouts":null,"podTemplate":2,"pipelineRef":{"bundle":1,"name":2,"params":3}},"status":[]}`)
	f.Add(`{"apiVersion":"tekton.dev/v1","kind":"TaskRun","metadata":{"annotations":{"slipway.dev/v1beta1":"{\"spec[0]\":1,\"\":2,\"a.b\":3,\"spec.timeout\":null}"}},"spec":"x","status":{"annotations":7}}`)
	f.Fuzz(func(_ *testing.T, text string) {
		var obj map[string]any
		if utiljson.Unmarshal([]byte(text), &obj) != nil {
			return
		}
		for _, version := range []string{"v1", "v1beta1"} {
			if out, err := Convert(obj, version); err == nil {
				_, _ = Convert(out, "v1")
				_, _ = Convert(out, "v1beta1")
			}
			_ = Refused(obj)
		}
	})
}
