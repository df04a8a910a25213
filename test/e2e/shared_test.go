//go:build e2e

package e2e

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
	"github.com/slipway-dev/slipway/test/env"
)

// sharedRun makes a run called ci whose tasks share a Pod where they can.
func sharedRun(e *env.Env, spec string) *v1.PipelineRun {
	e.Helper()
	spec = strings.ReplaceAll(strings.TrimSpace(spec), "IMAGE", e.Registry+"/busybox")
	return env.CreateYAML[v1.PipelineRun](e, "metadata: {name: ci, annotations: {slipway.dev/execution: pod}}\nspec:\n  "+strings.ReplaceAll(spec, "\n", "\n  "))
}

// pods are those of the run.
func pods(e *env.Env) []corev1.Pod {
	e.Helper()
	var list corev1.PodList
	if err := e.Client.List(e.Context(), &list, client.InNamespace(e.Namespace), client.MatchingLabels{v1.LabelPipelineRun: "ci"}); err != nil {
		e.Fatal(err)
	}
	return list.Items
}

// Tasks that share a Pod hand on results and files, each in folders of its own, and look
// from outside like tasks that do not: each has its TaskRun, its steps and its log.
func TestTasksShareAPod(t *testing.T) {
	t.Parallel()
	e := env.New(t)
	sharedRun(e, `
pipelineSpec:
  results: [{name: said, value: $(tasks.use.results.said)}]
  tasks:
  - name: make
    taskSpec:
      results: [{name: digest}]
      steps:
      - {name: first, image: IMAGE, script: "echo of make > /workspace/mine; echo -n sha256:ab > $(results.digest.path)"}
      - {name: second, image: IMAGE, script: "cat /workspace/mine"}
  - name: beside
    taskSpec: {steps: [{name: first, image: IMAGE, script: "test ! -e /workspace/mine; echo alone"}]}
  - name: use
    runAfter: [beside]
    params: [{name: digest, value: $(tasks.make.results.digest)}]
    taskSpec:
      params: [{name: digest}]
      results: [{name: said}]
      steps:
      - name: first
        image: IMAGE
        env: [{name: DIGEST, value: $(params.digest)}]
        args: [$(params.digest)]
        script: |
          test ! -e /workspace/mine
          echo "$(params.digest) $DIGEST $1"
          echo -n "used $(params.digest)" > $(results.said.path)
`)
	run := e.PipelineRunDone("ci", runTimeout)
	wantOutcome(e, run, "Succeeded", "Tasks Completed: 3 (Failed: 0, Cancelled 0), Skipped: 0")
	if got := run.Status.Results; len(got) != 1 || got[0].Value.StringVal != "used sha256:ab" {
		t.Errorf("results are %+v", got)
	}
	all := pods(e)
	if len(all) != 1 {
		t.Fatalf("%d Pods", len(all))
	}
	use := childTaskRun(e, "ci-use")
	if diff := cmp.Diff(v1.Params{{Name: "digest", Value: *v1.NewString("sha256:ab")}}, use.Spec.Params); diff != "" {
		t.Errorf("params of use: (-want +got)\n%s", diff)
	}
	for name, steps := range map[string][]string{"ci-make": {"step-make-first", "step-make-second"}, "ci-beside": {"step-beside-first"}, "ci-use": {"step-use-first"}} {
		tr := childTaskRun(e, name)
		var containers []string
		for _, s := range tr.Status.Steps {
			containers = append(containers, s.Container)
		}
		if diff := cmp.Diff(steps, containers); diff != "" || !tr.IsSuccessful() || tr.Status.PodName != all[0].Name {
			t.Errorf("%s: Pod %s, %+v, containers (-want +got)\n%s", name, tr.Status.PodName, tr.Status.GetCondition(v1.ConditionSucceeded), diff)
		}
	}
	if made := childTaskRun(e, "ci-make"); use.Status.Steps[0].Terminated.StartedAt.Before(&made.Status.Steps[1].Terminated.FinishedAt) {
		t.Error("use began before make had ended")
	}
	log, code := slipway(e)("logs", "ci", "-n", e.Namespace)
	if code != 0 {
		t.Errorf("logs ended with %d", code)
	}
	for _, line := range []string{"[make : second] of make", "[beside : first] alone", "[use : first] sha256:ab sha256:ab sha256:ab"} {
		if !strings.Contains(log, line+"\n") {
			t.Errorf("no %q in the log\n%s", line, log)
		}
	}
}

// A failure in a shared Pod skips what has not begun, and lets end what has.
func TestFailureInASharedPod(t *testing.T) {
	t.Parallel()
	e := env.New(t)
	sharedRun(e, `
pipelineSpec:
  tasks:
  - {name: fails, taskSpec: {steps: [{name: s, image: IMAGE, script: "exit 3"}, {name: never, image: IMAGE, script: "true"}]}}
  - {name: after, runAfter: [fails], taskSpec: {steps: [{name: s, image: IMAGE, script: "true"}]}}
  - {name: slow, taskSpec: {steps: [{name: s, image: IMAGE, script: "sleep 4"}]}}
  - {name: later, runAfter: [slow], taskSpec: {steps: [{name: s, image: IMAGE, script: "echo ran"}]}}
  finally:
  - {name: last, params: [{name: p, value: $(tasks.fails.status) $(tasks.slow.status) $(tasks.later.status)}],
     taskSpec: {params: [{name: p}], results: [{name: r}], steps: [{name: s, image: IMAGE, script: "echo -n $(params.p) > $(results.r.path)"}]}}
`)
	run := e.PipelineRunDone("ci", runTimeout)
	wantOutcome(e, run, "Failed", "Tasks Completed: 3 (Failed: 1, Cancelled 0), Skipped: 2")
	if diff := cmp.Diff(map[string]v1.SkippingReason{"after": v1.StoppingSkip, "later": v1.StoppingSkip}, skipReasons(run)); diff != "" {
		t.Errorf("skipped: (-want +got)\n%s", diff)
	}
	e.WantFailure(childTaskRun(e, "ci-fails").Status.GetCondition(v1.ConditionSucceeded), "StepFailed", `step "s" exited with code 3`)
	if tr := childTaskRun(e, "ci-slow"); !tr.IsSuccessful() {
		t.Errorf("slow ended with %+v", tr.Status.GetCondition(v1.ConditionSucceeded))
	}
	if tr := childTaskRun(e, "ci-last"); len(tr.Status.Results) != 1 || tr.Status.Results[0].Value.StringVal != "Failed Succeeded None" {
		t.Errorf("finally read %+v", tr.Status.Results)
	}
	if n := len(taskRunsOf(e, "ci")); n != 3 {
		t.Errorf("%d TaskRuns", n)
	}
}
