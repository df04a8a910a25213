package plan

import (
	"testing"
	"time"

	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
	"github.com/slipway-dev/slipway/api/tekton/v1beta1"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"
)

const customTasks = `
taskRunTemplate: {serviceAccountName: builder}
workspaces: [{name: data, emptyDir: {}}]
pipelineSpec:
  workspaces: [{name: data}]
  tasks:
  - name: wait
    taskRef: {apiVersion: example.dev/v1, kind: Wait, name: short}
    retries: 2
    timeout: 5m
    params: [{name: for, value: 1s}]
    workspaces: [{name: data}]
  - name: ask
    taskSpec:
      apiVersion: example.dev/v1
      kind: Ask
      metadata: {labels: {team: a}, annotations: {note: x}}
      spec: {question: "go on?"}
  - name: use
    params: [{name: seconds, value: $(tasks.wait.results.seconds)}, {name: list, value: "$(tasks.ask.results.list[*])"}]
    ` + steps + `
`

// What another controller runs is handed to it whole.
func TestCustomRunsAreMade(t *testing.T) {
	d, _ := startCustom(t)
	var want map[string]v1beta1.CustomRunSpec
	if err := yaml.UnmarshalStrict([]byte(`
ci-wait:
  customRef: {apiVersion: example.dev/v1, kind: Wait, name: short}
  retries: 2
  timeout: 5m
  serviceAccountName: builder
  params: [{name: for, value: 1s}]
  workspaces: [{name: data, emptyDir: {}}]
ci-ask:
  customSpec: {apiVersion: example.dev/v1, kind: Ask, metadata: {labels: {team: a}, annotations: {note: x}}, spec: {question: "go on?"}}
  serviceAccountName: builder
`), &want); err != nil {
		t.Fatal(err)
	}
	got := map[string]v1beta1.CustomRunSpec{}
	for _, cr := range d.CustomRuns {
		got[cr.Name] = cr.Spec
		if cr.Labels[v1.LabelPipelineRun] != "ci" || cr.Labels[v1.LabelMemberOf] != v1.MemberOfTasks || cr.OwnerReferences[0].UID != "u-1" {
			t.Errorf("%s: labels %v, owners %v", cr.Name, cr.Labels, cr.OwnerReferences)
		}
	}
	if d := diff(want, got); d != "" {
		t.Error(d)
	}
}

// startCustom takes the two decisions that start the run.
func startCustom(t *testing.T) (Decision, Input) {
	t.Helper()
	p := newPlay(t, customTasks, nil)
	p.step()
	d := p.step()
	if len(d.CustomRuns) != 2 || len(d.TaskRuns) != 0 {
		t.Fatalf("%d CustomRuns and %d TaskRuns", len(d.CustomRuns), len(d.TaskRuns))
	}
	in := p.input()
	in.CustomRuns = d.CustomRuns
	return d, in
}

// The results of a CustomRun are strings, and one that holds the JSON of an array
// is an array.
func TestResultsOfCustomRuns(t *testing.T) {
	_, in := startCustom(t)
	in.CustomRuns[0].Status.Results = []v1beta1.CustomRunResult{{Name: "seconds", Value: "1"}}
	in.CustomRuns[1].Status.Results = []v1beta1.CustomRunResult{{Name: "list", Value: `["x","y"]`}}
	for _, cr := range in.CustomRuns {
		cr.Status.SetCondition(v1.Condition{Type: v1.ConditionSucceeded, Status: corev1.ConditionTrue, Reason: v1beta1.CustomRunReasonSuccessful.String()})
	}
	d := Next(in)
	if len(d.TaskRuns) != 1 {
		t.Fatalf("%d TaskRuns: %+v", len(d.TaskRuns), d.Status.GetCondition(v1.ConditionSucceeded))
	}
	want := v1.Params{{Name: "seconds", Value: *v1.NewString("1")}, {Name: "list", Value: *v1.NewArray("x", "y")}}
	if d := diff(want, d.TaskRuns[0].Spec.Params); d != "" {
		t.Error(d)
	}
}

// A CustomRun is asked to end with the reason, and counts when it has.
func TestCustomRunsAreCancelled(t *testing.T) {
	for name, tc := range map[string]struct {
		change  func(*Input)
		message v1beta1.CustomRunSpecStatusMessage
	}{
		"by the user": {func(in *Input) { in.Run.Spec.Status = v1.PipelineRunSpecStatusCancelled }, v1beta1.CustomRunCancelledByPipelineMsg},
		"by the time": {func(in *Input) { in.Now = in.Now.Add(2 * time.Hour) }, v1beta1.CustomRunCancelledByPipelineTimeoutMsg},
	} {
		t.Run(name, func(t *testing.T) {
			_, in := startCustom(t)
			in.Run = in.Run.DeepCopy()
			tc.change(&in)
			want := []Cancel{{Kind: "CustomRun", Name: "ci-wait", Status: "RunCancelled", Message: string(tc.message)},
				{Kind: "CustomRun", Name: "ci-ask", Status: "RunCancelled", Message: string(tc.message)}}
			if d := diff(want, Next(in).Cancel); d != "" {
				t.Error(d)
			}
			for _, cr := range in.CustomRuns {
				cr.Spec.Status, cr.Spec.StatusMessage = v1beta1.CustomRunSpecStatusCancelled, tc.message
			}
			if again := Next(in).Cancel; len(again) > 0 {
				t.Errorf("asked a second time: %+v", again)
			}
		})
	}
}

// Labels and annotations for the runs of one task: those of taskRunSpecs come
// before the run's, and the run's before those of the taskSpec.
func TestMetadataOfATask(t *testing.T) {
	p := newPlay(t, `
taskRunSpecs: [{pipelineTaskName: a, metadata: {labels: {a: spec}, annotations: {note: spec}}}]
pipelineSpec:
  tasks:
  - name: a
    taskSpec: {metadata: {labels: {a: task, b: task, c: task}, annotations: {note: task, m: task}}, steps: [{name: s, image: i}]}
`, nil)
	p.run.Labels = map[string]string{"a": "run", "b": "run"}
	p.run.Generation = 3
	p.step()
	p.step()
	tr := p.taskRun("a")
	want := map[string]string{"a": "spec", "b": "run", "c": "task"}
	for key, value := range want {
		if tr.Labels[key] != value {
			t.Errorf("label %s is %q, want %q", key, tr.Labels[key], value)
		}
	}
	if d := diff(map[string]string{"note": "spec", "m": "task"}, tr.Annotations); d != "" {
		t.Error(d)
	}
	if n := p.run.Status.ObservedGeneration; n != 3 {
		t.Errorf("the status is of generation %d", n)
	}
}
