//go:build e2e

package e2e

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
	"github.com/slipway-dev/slipway/test/env"
)

const runTimeout = 3 * time.Minute

// pipelineRun makes a run called ci from the YAML of its spec, in which IMAGE is
// an image with a shell.
func pipelineRun(e *env.Env, spec string) *v1.PipelineRun {
	e.Helper()
	spec = strings.ReplaceAll(strings.TrimSpace(spec), "IMAGE", e.Registry+"/busybox")
	return env.CreateYAML[v1.PipelineRun](e, "metadata: {name: ci}\nspec:\n  "+strings.ReplaceAll(spec, "\n", "\n  "))
}

func wantOutcome(e *env.Env, run *v1.PipelineRun, reason, message string) {
	e.Helper()
	c := run.Status.GetCondition(v1.ConditionSucceeded)
	if c.Reason != reason || c.Message != message {
		e.Errorf("the run ended with %s %s: %s\nwant %s: %s", c.Status, c.Reason, c.Message, reason, message)
	}
}

func skipReasons(run *v1.PipelineRun) map[string]v1.SkippingReason {
	out := map[string]v1.SkippingReason{}
	for _, s := range run.Status.SkippedTasks {
		out[s.Name] = s.Reason
	}
	return out
}

func childTaskRun(e *env.Env, name string) *v1.TaskRun {
	e.Helper()
	tr := &v1.TaskRun{}
	if err := e.Client.Get(e.Context(), client.ObjectKey{Namespace: e.Namespace, Name: name}, tr); err != nil {
		e.Fatal(err)
	}
	return tr
}

// setStatus asks a run to end in one of the three ways.
func setStatus(e *env.Env, run *v1.PipelineRun, status v1.PipelineRunSpecStatus) {
	e.Helper()
	patch := client.MergeFrom(run.DeepCopy())
	run.Spec.Status = status
	if err := e.Client.Patch(e.Context(), run, patch); err != nil {
		e.Fatal(err)
	}
}

// firstTaskRuns waits until the first task's steps run.
func firstTaskRuns(e *env.Env) *v1.PipelineRun {
	e.Helper()
	e.TaskRunWhen("ci-a", runTimeout, "to run its step", func(tr *v1.TaskRun) bool {
		return len(tr.Status.Steps) > 0 && tr.Status.Steps[0].Running != nil || tr.Status.GetCondition(v1.ConditionSucceeded) != nil &&
			tr.Status.GetCondition(v1.ConditionSucceeded).Reason == v1.TaskRunReasonRunning.String()
	})
	return e.PipelineRunWhen("ci", runTimeout, "to list its child", func(run *v1.PipelineRun) bool { return len(run.Status.ChildReferences) > 0 })
}

// Three tasks hand each other results, files on a volume made for the run, and
// params, and finally reads how it went.
func TestPipelineHandsOnResultsAndFiles(t *testing.T) {
	t.Parallel()
	e := env.New(t)
	pipelineRun(e, `
params: [{name: greeting, value: hello}]
workspaces:
- name: src
  volumeClaimTemplate: {spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 16Mi}}}}
pipelineSpec:
  workspaces: [{name: src}]
  results: [{name: said, value: $(tasks.c.results.said)}, {name: outcome, value: $(finally.f.results.outcome)}]
  tasks:
  - name: c
    params: [{name: words, value: "$(tasks.a.results.words[*])"}]
    workspaces: [{name: in, workspace: src, subPath: deep}]
    runAfter: [b]
    taskSpec:
      params: [{name: words, type: array}]
      workspaces: [{name: in}]
      results: [{name: said}]
      steps:
      - {name: s, image: IMAGE, command: [sh, -c, 'printf "%s %s %s" "$(cat $(workspaces.in.path)/file)" "$1" "$2" > $(results.said.path)', sh], args: ["$(params.words[*])"]}
  - name: a
    taskSpec:
      results: [{name: words, type: array}]
      steps: [{name: s, image: IMAGE, script: "printf '[\"big\", \"world\"]' > $(results.words.path)"}]
  - name: b
    runAfter: [a]
    workspaces: [{name: out, workspace: src, subPath: deep}]
    taskSpec:
      workspaces: [{name: out}]
      steps: [{name: s, image: IMAGE, script: "printf '$(params.greeting)' > $(workspaces.out.path)/file"}]
  finally:
  - name: f
    params: [{name: outcome, value: "$(tasks.c.status) $(tasks.status)"}]
    taskSpec:
      params: [{name: outcome}]
      results: [{name: outcome}]
      steps: [{name: s, image: IMAGE, script: "printf '$(params.outcome)' > $(results.outcome.path)"}]
`)
	run := e.PipelineRunDone("ci", runTimeout)
	wantOutcome(e, run, "Succeeded", "Tasks Completed: 4 (Failed: 0, Cancelled 0), Skipped: 0")
	got := map[string]string{}
	for _, r := range run.Status.Results {
		got[r.Name] = r.Value.StringVal
	}
	if got["said"] != "hello big world" || got["outcome"] != "Succeeded Succeeded" {
		t.Errorf("results: %v", got)
	}
	for _, pair := range [][2]string{{"ci-a", "ci-b"}, {"ci-b", "ci-c"}, {"ci-c", "ci-f"}} {
		before, after := childTaskRun(e, pair[0]), childTaskRun(e, pair[1])
		if after.Status.StartTime.Before(before.Status.CompletionTime) {
			t.Errorf("%s began before %s ended", pair[1], pair[0])
		}
	}
	var claims corev1.PersistentVolumeClaimList
	if err := e.Client.List(t.Context(), &claims, client.InNamespace(e.Namespace)); err != nil || len(claims.Items) != 1 {
		t.Errorf("claims: %d, %v", len(claims.Items), err)
	} else if !metav1.IsControlledBy(&claims.Items[0], run) {
		t.Error("the claim is not the run's: it would stay when the run goes")
	}
}

// Guards skip what they guard, and what needs its results, and no more; a task
// that fails is tried again as often as it may.
func TestGuardsAndRetries(t *testing.T) {
	t.Parallel()
	e := env.New(t)
	pipelineRun(e, `
pipelineSpec:
  tasks:
  - {name: guarded, when: [{input: a, operator: in, values: [b]}], taskSpec: {results: [{name: r}], steps: [{name: s, image: IMAGE, script: "exit 1"}]}}
  - {name: ordered, runAfter: [guarded], taskSpec: {steps: [{name: s, image: IMAGE, script: "true"}]}}
  - {name: needs, params: [{name: p, value: $(tasks.guarded.results.r)}], taskSpec: {params: [{name: p}], steps: [{name: s, image: IMAGE, script: "true"}]}}
  - name: flaky
    retries: 2
    taskSpec: {steps: [{name: s, image: IMAGE, script: "test $(context.task.retry-count) = 2"}]}
`)
	run := e.PipelineRunDone("ci", runTimeout)
	wantOutcome(e, run, "Completed", "Tasks Completed: 2 (Failed: 0, Cancelled 0), Skipped: 2")
	if got := skipReasons(run); got["guarded"] != v1.WhenExpressionsSkip || got["needs"] != v1.MissingResultsSkip || len(got) != 2 {
		t.Errorf("skipped: %v", got)
	}
	if n := len(childTaskRun(e, "ci-flaky").Status.RetriesStatus); n != 2 {
		t.Errorf("flaky was tried again %d times, want 2", n)
	}
}

const endless = `
pipelineSpec:
  tasks:
  - {name: a, taskSpec: {steps: [{name: s, image: IMAGE, script: "while [ ! -e /tmp/go ]; do sleep 1; done"}]}}
  - {name: b, runAfter: [a], taskSpec: {steps: [{name: s, image: IMAGE, script: "true"}]}}
  finally:
  - {name: f, taskSpec: {steps: [{name: s, image: IMAGE, script: "true"}]}}
`

// The ways to end a run before its time.
func TestEndingARunEarly(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		status  v1.PipelineRunSpecStatus
		spec    string
		reason  string
		message string
		// finally: it runs all the same.
		finally bool
	}{
		"cancelled": {status: v1.PipelineRunSpecStatusCancelled, reason: "Cancelled", message: `PipelineRun "ci" was cancelled`},
		"cancelled, then finally": {status: v1.PipelineRunSpecStatusCancelledRunFinally, finally: true,
			reason: "Cancelled", message: `PipelineRun "ci" was cancelled`},
		"out of time": {spec: "timeouts: {pipeline: 8s}", reason: "PipelineRunTimeout", message: `PipelineRun "ci" failed to finish within "8s"`},
		"tasks out of time, then finally": {spec: "timeouts: {tasks: 8s}", finally: true,
			reason: "PipelineRunTimeout", message: `PipelineRun "ci" failed due to tasks failed to finish within "8s"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := env.New(t)
			pipelineRun(e, tc.spec+endless)
			if tc.status != "" {
				setStatus(e, firstTaskRuns(e), tc.status)
			}
			wantOutcome(e, e.PipelineRunDone("ci", runTimeout), tc.reason, tc.message)
			if a := e.TaskRunDone("ci-a", runTimeout); a.Status.GetCondition(v1.ConditionSucceeded).Reason != v1.TaskRunReasonCancelled.String() {
				t.Errorf("ci-a ended with %+v", a.Status.GetCondition(v1.ConditionSucceeded))
			}
			if !e.Gone(&v1.TaskRun{ObjectMeta: metav1.ObjectMeta{Namespace: e.Namespace, Name: "ci-b"}}) {
				t.Error("ci-b was started")
			}
			if ran := !e.Gone(&v1.TaskRun{ObjectMeta: metav1.ObjectMeta{Namespace: e.Namespace, Name: "ci-f"}}); ran != tc.finally {
				t.Errorf("finally ran: %v, want %v", ran, tc.finally)
			}
		})
	}
}

// A stopped run lets what runs end, starts nothing else, and runs finally.
func TestStoppedRunLetsTasksEnd(t *testing.T) {
	t.Parallel()
	e := env.New(t)
	pipelineRun(e, strings.Replace(endless, "while [ ! -e /tmp/go ]; do sleep 1; done", "sleep 6", 1))
	setStatus(e, firstTaskRuns(e), v1.PipelineRunSpecStatusStoppedRunFinally)
	run := e.PipelineRunDone("ci", runTimeout)
	wantOutcome(e, run, "Cancelled", `PipelineRun "ci" was cancelled`)
	if !childTaskRun(e, "ci-a").IsSuccessful() || !childTaskRun(e, "ci-f").IsSuccessful() {
		t.Error("the running task and finally should have ended well")
	}
	if got := skipReasons(run)["b"]; got != v1.GracefullyStoppedSkip {
		t.Errorf("b was skipped because %q", got)
	}
}

func TestFailureStopsThePipeline(t *testing.T) {
	t.Parallel()
	e := env.New(t)
	pipelineRun(e, strings.Replace(endless, "while [ ! -e /tmp/go ]; do sleep 1; done", "exit 3", 1))
	run := e.PipelineRunDone("ci", runTimeout)
	wantOutcome(e, run, "Failed", "Tasks Completed: 2 (Failed: 1, Cancelled 0), Skipped: 1")
	if got := skipReasons(run)["b"]; got != v1.StoppingSkip {
		t.Errorf("b was skipped because %q", got)
	}
	var events corev1.EventList
	env.Wait(e, time.Minute, "the event of the end", func() (bool, string) {
		err := e.Client.List(t.Context(), &events, client.InNamespace(e.Namespace))
		found := slices.ContainsFunc(events.Items, func(ev corev1.Event) bool {
			return ev.InvolvedObject.Name == "ci" && ev.Reason == "Failed" && ev.Type == corev1.EventTypeWarning
		})
		return found, fmt.Sprint(len(events.Items), " events, ", err)
	})
}

// What the user got wrong ends the run at once, and says where and how to mend it; on
// its face it does not even come in, in the same words.
func TestRefusedPipelineRuns(t *testing.T) {
	t.Parallel()
	e := env.New(t)
	step := `taskSpec: {steps: [{name: s, image: IMAGE, script: "true"}]}`
	for name, tc := range map[string]struct {
		spec            string
		face            bool
		reason, message string
	}{
		"cycle": {`pipelineSpec: {tasks: [{name: a, runAfter: [b], ` + step + `}, {name: b, runAfter: [a], ` + step + `}]}`,
			true, "PipelineInvalidGraph", "spec.pipelineSpec.tasks: dependency cycle a → b → a"},
		"task": {`pipelineSpec: {tasks: [{name: build, ` + step + `}, {name: b, runAfter: [biuld], ` + step + `}]}`,
			true, "PipelineInvalidGraph", `spec.pipelineSpec.tasks[1].runAfter: no task named "biuld"; did you mean "build"?`},
		"param": {`{params: [{name: image, value: x}], pipelineSpec: {tasks: [{name: a, params: [{name: p, value: $(params.imgae)}], ` + step + `}]}}`,
			true, "PipelineValidationFailed", `spec.pipelineSpec.tasks[0].params[0].value: no parameter named "imgae"; did you mean "image"?`},
		"workspace": {`{workspaces: [{name: sorce, emptyDir: {}}], pipelineSpec: {workspaces: [{name: source}], tasks: [{name: a, ` + step + `}]}}`,
			true, "InvalidWorkspaceBindings", `spec.workspaces: the Pipeline needs workspace "source"; did you mean "sorce"?`},
		"result": {`pipelineSpec: {tasks: [{name: a, taskSpec: {results: [{name: digest}], steps: [{name: s, image: IMAGE, script: "true"}]}}, {name: b, params: [{name: p, value: $(tasks.a.results.digset)}], ` + step + `}]}`,
			true, "InvalidTaskResultReference", `spec.pipelineSpec.tasks[1].params[0].value: no result of task "a" named "digset"; did you mean "digest"?`},
		"type": {`{params: [{name: a, value: x}], pipelineSpec: {params: [{name: a, type: array}], tasks: [{name: a, ` + step + `}]}}`,
			true, "ParameterTypeMismatch", `spec.params[0].value: parameter "a" is array, but the value is string`},
		"pipeline": {`pipelineRef: {name: nowhere}`, false, "CouldntGetPipeline", `no pipeline named "nowhere"`},
		"taskref":  {`pipelineSpec: {tasks: [{name: a, taskRef: {name: nowhere}}]}`, false, "CouldntGetTask", `task "a": taskRef.name: no task named "nowhere"`},
		"retries": {`pipelineSpec: {tasks: [{name: a, retries: 1, pipelineSpec: {tasks: [{name: b, ` + step + `}]}}]}`,
			false, "PipelineValidationFailed", "spec.pipelineSpec.tasks[0].retries: is not implemented yet: remove it"},
	} {
		spec := strings.ReplaceAll(tc.spec, "IMAGE", e.Registry+"/busybox")
		text := "metadata: {name: " + name + "}\nspec:\n  " + spec
		wantAtDoor(e, name, env.TryYAML[v1.PipelineRun](e, text), tc.face, tc.message)
		env.CreateYAML[v1.PipelineRun](e.PastAdmission(), text)
		run := e.PipelineRunDone(name, time.Minute)
		e.WantFailure(run.Status.GetCondition(v1.ConditionSucceeded), tc.reason, tc.message)
		if len(run.Status.ChildReferences) > 0 {
			t.Errorf("%s: children were created all the same: %+v", name, run.Status.ChildReferences)
		}
	}
}

// The claims of a run that asks for it go when it ends, and with them the volume.
func TestClaimsGoWithTheEnd(t *testing.T) {
	t.Parallel()
	e := env.New(t)
	env.CreateYAML[v1.PipelineRun](e, strings.ReplaceAll(`
metadata: {name: ci, annotations: {tekton.dev/auto-cleanup-pvc: "true"}}
spec:
  workspaces: [{name: w, volumeClaimTemplate: {spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Mi}}}}}]
  pipelineSpec:
    workspaces: [{name: w}]
    tasks: [{name: a, workspaces: [{name: w}], taskSpec: {workspaces: [{name: w}], steps: [{name: s, image: IMAGE, script: "touch $(workspaces.w.path)/f"}]}}]
`, "IMAGE", e.Registry+"/busybox"))
	if run := e.PipelineRunDone("ci", runTimeout); !run.IsSuccessful() {
		t.Fatalf("%+v", run.Status.GetCondition(v1.ConditionSucceeded))
	}
	env.Wait(e, time.Minute, "the claim to go", func() (bool, string) {
		var claims corev1.PersistentVolumeClaimList
		err := e.Client.List(t.Context(), &claims, client.InNamespace(e.Namespace))
		return err == nil && len(claims.Items) == 0, fmt.Sprintf("%d claims, %v", len(claims.Items), err)
	})
}

// A pipeline that runs as a task ends with the task's time.
func TestChildPipelineOverrunsItsTimeout(t *testing.T) {
	t.Parallel()
	e := env.New(t)
	pipelineRun(e, `
pipelineSpec:
  tasks:
  - {name: child, timeout: 4s, pipelineSpec: {tasks: [{name: a, taskSpec: {steps: [{name: s, image: IMAGE, script: sleep 600}]}}]}}
`)
	wantOutcome(e, e.PipelineRunDone("ci", runTimeout), "Failed", "Tasks Completed: 1 (Failed: 1, Cancelled 0), Skipped: 0")
	child := e.PipelineRunDone("ci-child", runTimeout)
	wantOutcome(e, child, "PipelineRunTimeout", `PipelineRun "ci-child" failed to finish within "4s"`)
}
