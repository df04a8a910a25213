package plan

import (
	"strings"
	"testing"

	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
	"github.com/slipway-dev/slipway/pkg/plan/names"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"
)

const wide = `
params: [{name: greeting, value: hello}, {name: files, value: [x, z]}]
workspaces:
- {name: src, volumeClaimTemplate: {spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}}}
- {name: conf, subPath: top, configMap: {name: "$(params.greeting)-conf"}}
taskRunTemplate: {serviceAccountName: builder, podTemplate: {nodeSelector: {disk: "$(params.greeting)-disk"}, priorityClassName: low}}
taskRunSpecs:
- pipelineTaskName: use
  podTemplate: {priorityClassName: high}
  metadata: {labels: {team: a}}
  computeResources: {limits: {memory: 1Gi}}
pipelineSpec:
  params: [{name: greeting, default: hi}, {name: who, default: "$(params.greeting) world"}, {name: files, type: array}]
  workspaces: [{name: src}, {name: conf}, {name: cache, optional: true}]
  results:
  - {name: all, value: "$(tasks.make.results.list[*])"}
  - {name: last, value: "<$(finally.f.results.done)>"}
  - {name: lost, value: $(tasks.never.results.r)}
  tasks:
  - name: make
    workspaces: [{name: out, workspace: src, subPath: a}]
    taskSpec:
      workspaces: [{name: out}]
      results: [{name: list, type: array}, {name: obj, type: object}]
      steps: [{name: s, image: i, script: 'echo "$(params.who)" $(params["greeting"]) $(workspaces.out.path)', args: ["$(params.files[*])"]}]
  - name: use
    onError: continue
    displayName: use $(tasks.make.results.obj.key)
    when: [{input: "$(tasks.make.results.list[1])", operator: in, values: ["$(tasks.make.results.list[*])"]}]
    params:
    - {name: list, value: "$(tasks.make.results.list[*])"}
    - {name: text, value: "$(tasks.make.results.obj.key) in $(context.pipelineRun.name), $(context.pipelineTask.retries) retries"}
    taskSpec:
      params: [{name: list, type: array}, {name: text}]
      metadata: {labels: {team: b, part: use}, annotations: {note: "n"}}
      steps: [{name: s, image: i, script: "$(params.text) $(workspaces.conf.path) $(workspaces.cache.bound) $(tasks.make.results.list[0]) $(date)"}]
  - {name: never, when: [{input: a, operator: notin, values: [a]}], taskSpec: {results: [{name: r}], steps: [{name: s, image: i}]}}
  finally:
  - name: f
    params: [{name: s, value: "$(tasks.make.status) $(tasks.use.status) $(tasks.use.reason) $(tasks.never.status) $(tasks.status)"}]
    taskSpec: {results: [{name: done}], params: [{name: s}], steps: [{name: s, image: i}]}
`

func playWide(t *testing.T) *play {
	p := newPlay(t, wide, map[string]outcome{
		"make": {results: map[string]any{"list": []string{"p", "q"}, "obj": map[string]string{"key": "v"}}},
		"use":  {fail: true},
		"f":    {results: map[string]any{"done": "yes"}},
	})
	p.run.Labels = map[string]string{"app": "x"}
	p.run.Annotations = map[string]string{"mine": "1", corev1.LastAppliedConfigAnnotation: "{}", "chains.tekton.dev/signed": "true",
		"slipway.dev/v1beta1": `{"spec.timeout":null}`, "tekton.dev/v1beta1Resources": "[]"}
	p.end()
	return p
}

// All that a TaskRun takes from its run, its pipeline and the tasks before it.
func TestTaskRunsOfAWidePipeline(t *testing.T) {
	p := playWide(t)
	for task, want := range map[string]string{
		"make": `
metadata:
  annotations: {mine: "1"}
  labels: {app: x, tekton.dev/memberOf: tasks, tekton.dev/pipelineRun: ci, tekton.dev/pipelineRunUID: u-1, tekton.dev/pipelineTask: make}
  name: ci-make
  namespace: ns
  ownerReferences: [{apiVersion: tekton.dev/v1, blockOwnerDeletion: true, controller: true, kind: PipelineRun, name: ci, uid: u-1}]
spec:
  podTemplate: {nodeSelector: {disk: hello-disk}, priorityClassName: low}
  serviceAccountName: builder
  taskSpec:
    results: [{name: list, type: array}, {name: obj, type: object}]
    steps: [{args: [x, z], image: i, name: s, script: 'echo "hello world" hello $(workspaces.out.path)'}]
    workspaces: [{name: out}]
  workspaces: [{name: out, persistentVolumeClaim: {claimName: CLAIM}, subPath: a}]
`,
		"use": `
metadata:
  annotations: {mine: "1", note: "n", pipeline.tekton.dev/pipeline-task-on-error: continue}
  labels: {app: x, part: use, team: a, tekton.dev/memberOf: tasks, tekton.dev/pipelineRun: ci, tekton.dev/pipelineRunUID: u-1, tekton.dev/pipelineTask: use}
  name: ci-use
  namespace: ns
  ownerReferences: [{apiVersion: tekton.dev/v1, blockOwnerDeletion: true, controller: true, kind: PipelineRun, name: ci, uid: u-1}]
spec:
  computeResources: {limits: {memory: 1Gi}}
  params: [{name: list, value: [p, q]}, {name: text, value: "v in ci, 0 retries"}]
  podTemplate: {nodeSelector: {disk: hello-disk}, priorityClassName: high}
  serviceAccountName: builder
  taskSpec:
    params: [{name: list, type: array}, {name: text, type: string}]
    steps: [{image: i, name: s, script: "$(params.text) $(workspaces.conf.path) false p $(date)"}]
  workspaces: [{configMap: {name: hello-conf}, name: conf, subPath: top}]
`,
	} {
		t.Run(task, func(t *testing.T) {
			claim := names.Claim(p.run, p.run.Spec.Workspaces[0])
			var expected v1.TaskRun
			if err := yaml.UnmarshalStrict([]byte(strings.ReplaceAll(want, "CLAIM", claim)), &expected); err != nil {
				t.Fatal(err)
			}
			got := p.taskRun(task).DeepCopy()
			got.Status = v1.TaskRunStatus{}
			got.TypeMeta = expected.TypeMeta
			if d := diff(&expected, got); d != "" {
				t.Error(d)
			}
		})
	}
	if got, want := p.taskRun("f").Spec.Params[0].Value.StringVal, "Succeeded Failed StepFailed None Failed"; got != want {
		t.Errorf("finally reads %q, want %q", got, want)
	}
	if got := p.taskRun("f").Labels[v1.LabelMemberOf]; got != v1.MemberOfFinally {
		t.Errorf("f is a member of %s", got)
	}
}

// Dashboards and command lines find the runs of a Task by this label.
func TestTaskRunsBearTheNameOfTheirTask(t *testing.T) {
	p := newPlay(t, `{pipelineSpec: {tasks: [{name: a, taskRef: {name: build}}, {name: b, `+steps+`}]}}`, nil)
	p.step()
	p.step()
	if got := p.taskRun("a").Labels[v1.LabelTask]; got != "build" {
		t.Errorf("of a Task: %q", got)
	}
	if got, ok := p.taskRun("b").Labels[v1.LabelTask]; ok {
		t.Errorf("of no Task: %q", got)
	}
}

func TestStatusOfAWidePipeline(t *testing.T) {
	p := playWide(t)
	if got, want := outcomeOf(p.run), "True Completed: Tasks Completed: 3 (Failed: 1 (Ignored: 1), Cancelled 0), Skipped: 1"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	results := []v1.PipelineRunResult{{Name: "all", Value: *v1.NewArray("p", "q")}, {Name: "last", Value: *v1.NewString("<yes>")}}
	if d := diff(results, p.run.Status.Results); d != "" {
		t.Error(d)
	}
	var refs []string
	for _, r := range p.run.Status.ChildReferences {
		refs = append(refs, strings.Join([]string{r.APIVersion, r.Kind, r.Name, r.PipelineTaskName, r.DisplayName}, " "))
		for _, w := range r.WhenExpressions {
			refs = append(refs, w.Input+" "+string(w.Operator)+" "+strings.Join(w.Values, ","))
		}
	}
	want := []string{"tekton.dev/v1 TaskRun ci-make make ", "tekton.dev/v1 TaskRun ci-use use use v", "q in p,q", "tekton.dev/v1 TaskRun ci-f f "}
	if d := diff(want, refs); d != "" {
		t.Error(d)
	}
	s := p.run.Status
	if s.StartTime == nil || s.CompletionTime == nil || s.FinallyStartTime == nil || !s.FinallyStartTime.After(s.StartTime.Time) {
		t.Errorf("times: %v %v %v", s.StartTime, s.FinallyStartTime, s.CompletionTime)
	}
	if len(p.claims) != 1 || p.claims[0].Name != names.Claim(p.run, p.run.Spec.Workspaces[0]) || p.claims[0].OwnerReferences[0].UID != "u-1" {
		t.Errorf("claims: %+v", p.claims)
	}
}

func TestMatrix(t *testing.T) {
	p := newPlay(t, `
pipelineSpec:
  tasks:
  - name: build
    displayName: on $(params.os)
    params: [{name: tag, value: v1}]
    matrix:
      params: [{name: os, value: [linux, mac]}, {name: go, value: ["1", "2"]}]
      include: [{name: "old $(params.go)", params: [{name: go, value: "1"}, {name: flag, value: x}]}, {params: [{name: os, value: plan9}]}]
    taskSpec: {results: [{name: img}], params: [{name: os}], steps: [{name: s, image: i}]}
  - name: push
    params: [{name: all, value: "$(tasks.build.results.img[*])"}, {name: n, value: "$(tasks.build.matrix.length) $(tasks.build.matrix.img.length)"}]
    `+steps+`
`, map[string]outcome{"build": {results: map[string]any{"img": "i"}}})
	run := p.end()
	if got, want := outcomeOf(run), "True Succeeded: Tasks Completed: 2 (Failed: 0, Cancelled 0), Skipped: 0"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	var cells []string
	for i, tr := range p.taskRuns[:5] {
		var cell []string
		for _, param := range tr.Spec.Params {
			cell = append(cell, param.Name+"="+param.Value.StringVal)
		}
		cells = append(cells, tr.Name+" "+strings.Join(cell, " ")+": "+run.Status.ChildReferences[i].DisplayName)
	}
	want := []string{
		"ci-build-0 flag=x go=1 os=linux tag=v1: old 1", "ci-build-1 flag=x go=1 os=mac tag=v1: old 1",
		"ci-build-2 go=2 os=linux tag=v1: on linux", "ci-build-3 go=2 os=mac tag=v1: on mac", "ci-build-4 os=plan9 tag=v1: on plan9",
	}
	if d := diff(want, cells); d != "" {
		t.Error(d)
	}
	push := p.taskRun("push").Spec.Params
	if len(push[0].Value.ArrayVal) != 5 || push[1].Value.StringVal != "5 5" {
		t.Errorf("push gets %+v", push)
	}
}

// A pipeline that runs as a task takes the settings for that task that make sense
// for it.
func TestChildPipelineTakesItsSettings(t *testing.T) {
	p := newPlay(t, `
taskRunTemplate: {serviceAccountName: builder, podTemplate: {nodeSelector: {disk: ssd}}}
taskRunSpecs: [{pipelineTaskName: own, serviceAccountName: pusher, podTemplate: {priorityClassName: high}, timeout: 5m}]
pipelineSpec:
  tasks:
  - {name: plain, pipelineSpec: {tasks: [{name: a, `+steps+`}]}}
  - {name: own, timeout: 10m, pipelineSpec: {tasks: [{name: a, `+steps+`}]}}
  - {name: late, timeout: 10m, pipelineSpec: {tasks: [{name: a, `+steps+`}]}}
`, nil)
	got := map[string]v1.PipelineRunSpec{}
	for range 3 {
		for _, pr := range p.step().PipelineRuns {
			pr.Spec.PipelineSpec = nil
			got[pr.Name] = pr.Spec
		}
	}
	var want map[string]v1.PipelineRunSpec
	if err := yaml.UnmarshalStrict([]byte(`
ci-plain: {taskRunTemplate: {serviceAccountName: builder, podTemplate: {nodeSelector: {disk: ssd}}}}
ci-own: {taskRunTemplate: {serviceAccountName: pusher, podTemplate: {nodeSelector: {disk: ssd}, priorityClassName: high}}, timeouts: {pipeline: 5m}}
ci-late: {taskRunTemplate: {serviceAccountName: builder, podTemplate: {nodeSelector: {disk: ssd}}}, timeouts: {pipeline: 10m}}
`), &want); err != nil {
		t.Fatal(err)
	}
	if d := diff(want, got); d != "" {
		t.Error(d)
	}
}

// What nothing here acts on ends the run before a child is made, also when the
// Pipeline stands elsewhere.
func TestUnsupportedFieldsEndTheRun(t *testing.T) {
	for name, tc := range map[string]struct{ spec, pipeline, want string }{
		"in the run": {spec: `pipelineSpec: {tasks: [{name: a, retries: 1, pipelineSpec: {tasks: [{name: b, ` + steps + `}]}}]}`,
			want: "spec.pipelineSpec.tasks[0].retries: is not implemented yet: remove it"},
		"in its Pipeline": {spec: `pipelineRef: {name: p}`, pipeline: `{tasks: [{name: a, retries: 1, pipelineSpec: {tasks: [{name: b, ` + steps + `}]}}]}`,
			want: "spec.tasks[0].retries: is not implemented yet: remove it"},
		"of a task": {spec: `{pipelineRef: {name: p}, taskRunSpecs: [{pipelineTaskName: a, podTemplate: {}}]}`,
			pipeline: `{tasks: [{name: a, taskRef: {apiVersion: example.dev/v1, kind: Wait}}]}`,
			want:     "spec.taskRunSpecs[0].podTemplate: is not implemented yet: remove it"},
	} {
		t.Run(name, func(t *testing.T) {
			in := newPlay(t, tc.spec, nil).input()
			if tc.pipeline != "" {
				in.Pipeline = &v1.Pipeline{}
				if err := yaml.UnmarshalStrict([]byte(tc.pipeline), &in.Pipeline.Spec); err != nil {
					t.Fatal(err)
				}
			}
			in.Run.Status = Next(in).Status
			if got, want := outcomeOf(in.Run), "False PipelineValidationFailed: [User error] "+tc.want; got != want {
				t.Errorf("got  %s\nwant %s", got, want)
			}
		})
	}
}

// What a task says it made is there for the next, and its lack is no silence.
func TestArtifactsOfOtherTasks(t *testing.T) {
	made := []v1.Artifact{{Name: "image", Values: []v1.ArtifactValue{{Uri: "pkg:oci/x", Digest: map[v1.Algorithm]string{"sha256": "d"}}}}}
	spec := `
pipelineSpec:
  tasks:
  - {name: a, ` + steps + `}
  - name: b
    runAfter: [a]
    taskSpec: {steps: [{name: s, image: i, script: "echo $(tasks.a.outputs.image)"}]}
`
	p := newPlay(t, spec, map[string]outcome{"a": {outputs: made}})
	if run := p.end(); !run.IsSuccessful() {
		t.Fatal(outcomeOf(run))
	}
	if got, want := p.taskRun("b").Spec.TaskSpec.Steps[0].Script, `echo [{"digest":{"sha256":"d"},"uri":"pkg:oci/x"}]`; got != want {
		t.Errorf("b runs %s, want %s", got, want)
	}
	without := newPlay(t, spec, nil).end()
	if got, want := outcomeOf(without), `task "b": $(tasks.a.outputs.image): the task has ended without it, or has not ended: add it to runAfter`; !strings.Contains(got, want) {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}
