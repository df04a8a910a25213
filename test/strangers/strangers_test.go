// Package strangers tests the whole way of what strangers write, from a webhook's body to the shell.
package strangers

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	"github.com/slipway-dev/slipway/api/slipway/v1alpha1"
	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
	triggersv1 "github.com/slipway-dev/slipway/api/triggers/v1beta1"
	"github.com/slipway-dev/slipway/pkg/compile"
	"github.com/slipway-dev/slipway/pkg/expr"
	"github.com/slipway-dev/slipway/pkg/plan"
	"github.com/slipway-dev/slipway/pkg/trigger"
	"github.com/slipway-dev/slipway/pkg/triggers"
	"github.com/slipway-dev/slipway/pkg/untrusted"
)

// pipeline has the ways by which a title comes into a script.
const pipeline = `
apiVersion: tekton.dev/v1
kind: PipelineRun
metadata:
  name: ci
  annotations: {slipway.dev/on-event: pull_request, slipway.dev/on-target-branch: main}
spec:
  params:
  - {name: title, value: "{{ body.pull_request.title }}"}
  - {name: branch, value: "{{ source_branch }}"}
  pipelineSpec:
    tasks:
    - name: template
      taskSpec:
        steps: [{image: x, script: "printf %s \"{{ body.pull_request.title }}\""}]
    - name: inherited
      taskSpec:
        steps: [{image: x, script: "printf %s $(params.title)"}]
    - name: given
      params: [{name: text, value: "$(params.branch)"}]
      taskSpec:
        params: [{name: text}]
        steps: [{image: x, script: "printf %s '$(params.text)'"}]
    - name: command
      taskSpec:
        steps: [{image: x, command: [sh, -c], args: ["printf %s \"{{ source_branch }}\""]}]
    - name: shared
      params: [{name: text, value: "{{ body.pull_request.title }}"}]
      taskRef: {name: say}
    - name: cluster
      params: [{name: text, value: "$(params.title)"}]
      taskRef: {name: elsewhere}
---
apiVersion: tekton.dev/v1
kind: Task
metadata: {name: say}
spec:
  params: [{name: text}]
  steps: [{image: x, script: "cat <<END\n$(params.text)\nEND\n"}]
`

var elsewhere = v1.TaskSpec{Params: v1.ParamSpecs{{Name: "text", Type: v1.ParamTypeString}},
	Steps: []v1.Step{{Image: "x", Script: "#!/bin/bash\nv=$(params.text)\nprintf %s \"$v\""}}}

// template has the ways by which a title comes from a request to an EventListener into a script.
const template = `
params: [{name: title}]
resourcetemplates:
- apiVersion: tekton.dev/v1
  kind: PipelineRun
  metadata: {generateName: ci-}
  spec:
    params:
    - {name: title, value: $(tt.params.title)}
    pipelineSpec:
      tasks:
      - name: template
        taskSpec:
          steps: [{image: x, script: 'printf %s "$(tt.params.title)"'}]
      - name: inherited
        taskSpec:
          steps: [{image: x, script: printf %s $(params.title)}]
      - name: command
        taskSpec:
          steps: [{image: x, command: [sh, -c], args: ["printf %s '$(tt.params.title)'"]}]
      - name: given
        params: [{name: text, value: $(tt.params.title)}]
        taskSpec:
          params: [{name: text}]
          steps: [{image: x, script: "cat <<END\n$(params.text)\nEND\n"}]
- apiVersion: tekton.dev/v1
  kind: TaskRun
  metadata: {name: alone}
  spec:
    taskSpec:
      steps: [{image: x, script: "#!/bin/bash\nv=$(tt.params.title)\nprintf %s \"$v\""}]
`

// triggered are the runs of a request whose body has the title.
func triggered(t *testing.T, value string) []*v1.TaskRun {
	t.Helper()
	var spec triggersv1.TriggerTemplateSpec
	if err := yaml.UnmarshalStrict([]byte(template), &spec); err != nil {
		t.Fatal(err)
	}
	values, err := triggers.Params([]triggersv1.Param{{Name: "title", Value: "$(body.title)"}}, spec.Params, &triggers.Event{Body: map[string]any{"title": value}})
	if err != nil {
		t.Fatal(err)
	}
	objects, err := triggers.Objects(&spec, values, triggers.Origin{Listener: "l", EventID: "e", Namespace: "team"})
	if err != nil {
		t.Fatalf("%q: %v", value, err)
	}
	run, alone := &v1.PipelineRun{}, &v1.TaskRun{}
	for i, into := range []any{run, alone} {
		data, err := json.Marshal(objects[i].Content)
		if err == nil {
			err = json.Unmarshal(data, into)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return append(planned(t, run, value), alone)
}

// taskRuns are what the event leads to.
func taskRuns(t *testing.T, set *trigger.Set, value string) []*v1.TaskRun {
	t.Helper()
	runs, problems := set.Match(trigger.Input{Trusted: true,
		Repository: &v1alpha1.Repository{ObjectMeta: metav1.ObjectMeta{Name: "app", Namespace: "team"}, Spec: v1alpha1.RepositorySpec{URL: "https://forge.example/a/b"}},
		Event: v1alpha1.Event{Type: v1alpha1.EventPullRequest, Ref: "main", Commit: "cafe", Title: value,
			PullRequest: &v1alpha1.PullRequest{Number: 1, SourceBranch: value}},
		Payload: map[string]any{"pull_request": map[string]any{"title": value}}}, nil)
	if len(problems) > 0 && len(expr.References(value)) > 0 {
		return nil // a value that looks like a result of a task is refused
	}
	if len(problems) > 0 || len(runs) != 1 {
		t.Fatalf("%q: %v", value, problems)
	}
	return planned(t, runs[0].Object, value)
}

// planned are the TaskRuns that a run starts with.
func planned(t *testing.T, run *v1.PipelineRun, value string) []*v1.TaskRun {
	t.Helper()
	in := plan.Input{Run: run, Tasks: map[string]*v1.TaskSpec{"cluster": &elsewhere}, Now: time.Unix(1_700_000_000, 0)}
	var d plan.Decision
	for range 2 {
		d = plan.Next(in)
		in.Run = in.Run.DeepCopy()
		in.Run.Status = d.Status
	}
	if len(d.TaskRuns) == 0 {
		t.Logf("%q: %v", value, d.Status.Conditions)
	}
	return d.TaskRuns
}

// run returns what the one step of a TaskRun prints, and what it leaves behind.
func run(t *testing.T, tr *v1.TaskRun) (string, []os.DirEntry) {
	t.Helper()
	spec := tr.Spec.TaskSpec
	if spec == nil {
		spec = &elsewhere
	}
	spec, err := compile.Spec(spec, compile.Binding{Name: tr.Name, Namespace: tr.Namespace, Inline: tr.Spec.TaskSpec != nil,
		Params: tr.Spec.Params, Strangers: untrusted.Of(tr.Annotations)})
	if err != nil {
		t.Errorf("%s: %v", tr.Name, err)
		return "", nil
	}
	step, dir := spec.Steps[0], t.TempDir()
	cmd := exec.Command("sh", append(step.Command[min(1, len(step.Command)):], step.Args...)...)
	if step.Script != "" {
		file := filepath.Join(t.TempDir(), "script")
		if err := os.WriteFile(file, []byte(step.Script), 0o600); err != nil {
			t.Fatal(err)
		}
		shell := "sh"
		if strings.HasPrefix(step.Script, "#!/bin/bash") {
			shell = "bash"
		}
		cmd = exec.Command(shell, file)
	}
	cmd.Dir, cmd.Env = dir, append(environ(step.Env), "PATH="+os.Getenv("PATH"))
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("%s: %v: %s\n%s", tr.Name, err, out, step.Script)
	}
	left, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	return string(out), left
}

// environ is what the kubelet makes of it.
func environ(env []corev1.EnvVar) []string {
	var out []string
	for _, e := range env {
		out = append(out, e.Name+"="+strings.ReplaceAll(e.Value, "$$", "$"))
	}
	return out
}

// No title and no branch name runs in any of the ways that it comes into a script,
// and each arrives as it was written.
func TestNothingThatStrangersWriteRuns(t *testing.T) {
	data, err := os.ReadFile("../../pkg/compile/scripts/testdata/hostile.json")
	if err != nil {
		t.Fatal(err)
	}
	var corpus []string
	if err := json.Unmarshal(data, &corpus); err != nil {
		t.Fatal(err)
	}
	set, problems := trigger.Read(map[string][]byte{".tekton/ci.yaml": []byte(pipeline)})
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	for _, value := range corpus {
		// What looks like a reference in a param is one to the next who reads the param:
		// it has another value then, or none, and is no more code than before.
		isReference := len(expr.References(value)) > 0
		all := taskRuns(t, set, value)
		if len(all) != 6 && !isReference {
			t.Errorf("%q: %d tasks", value, len(all))
		}
		more := triggered(t, value)
		if len(more) != 5 && !isReference {
			t.Errorf("%q: %d tasks of a template", value, len(more))
		}
		for _, tr := range append(all, more...) {
			out, left := run(t, tr)
			if len(left) > 0 {
				t.Errorf("%q, %s: left %v", value, tr.Name, left)
			}
			if strings.TrimRight(out, "\n") != strings.TrimRight(value, "\n") && !isReference {
				t.Errorf("%q, %s: arrived as %q", value, tr.Name, out)
			}
		}
	}
}
