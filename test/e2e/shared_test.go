//go:build e2e

package e2e

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
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

// when, onError, missing results and finally mean in a shared Pod what they mean elsewhere,
// and a workspace that nothing else uses needs no volume claim.
func TestTurnsInASharedPod(t *testing.T) {
	t.Parallel()
	e := env.New(t)
	sharedRun(e, `
workspaces: [{name: src, volumeClaimTemplate: {spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Mi}}}}}]
pipelineSpec:
  workspaces: [{name: src}]
  tasks:
  - name: check
    workspaces: [{name: src}]
    taskSpec:
      workspaces: [{name: src}]
      results: [{name: changed}]
      steps: [{name: s, image: IMAGE, script: "echo of check > $(workspaces.src.path)/file; echo -n yes > $(results.changed.path)"}]
  - name: wanted
    when: [{input: $(tasks.check.results.changed), operator: in, values: ["yes"]}]
    workspaces: [{name: src}]
    taskSpec: {workspaces: [{name: src}], steps: [{name: s, image: IMAGE, script: "cat $(workspaces.src.path)/file"}]}
  - name: unwanted
    when: [{cel: "'$(tasks.check.results.changed)' == 'no'"}]
    taskSpec: {results: [{name: r}], steps: [{name: s, image: IMAGE, script: "exit 1"}, {name: more, image: IMAGE, script: "exit 1"}]}
  - {name: after, runAfter: [unwanted], taskSpec: {steps: [{name: s, image: IMAGE, script: "true"}]}}
  - name: lacking
    params: [{name: r, value: $(tasks.unwanted.results.r)}]
    taskSpec: {params: [{name: r}], steps: [{name: s, image: IMAGE, script: "echo $(params.r)"}]}
  - {name: behind, runAfter: [lacking], taskSpec: {steps: [{name: s, image: IMAGE, script: "exit 1"}]}}
  - {name: breaks, onError: continue, taskSpec: {steps: [{name: s, image: IMAGE, script: "exit 4"}, {name: more, image: IMAGE, script: "true"}]}}
  - {name: goes-on, runAfter: [breaks], taskSpec: {steps: [{name: s, image: IMAGE, script: "true"}]}}
  finally:
  - name: tell
    params: [{name: all, value: $(tasks.status) $(tasks.breaks.status) $(tasks.unwanted.status)}]
    taskSpec: {params: [{name: all}], steps: [{name: s, image: IMAGE, script: "echo $(params.all)"}]}
  - {name: not-told, when: [{input: $(tasks.status), operator: in, values: [Failed-in-all]}], taskSpec: {steps: [{name: s, image: IMAGE, script: "exit 1"}]}}
  - {name: clean, taskSpec: {steps: [{name: s, image: IMAGE, script: "true"}]}}
`)
	run := e.PipelineRunDone("ci", runTimeout)
	wantOutcome(e, run, "Completed", "Tasks Completed: 7 (Failed: 1 (Ignored: 1), Cancelled 0), Skipped: 4")
	if diff := cmp.Diff(map[string]v1.SkippingReason{"unwanted": v1.WhenExpressionsSkip, "lacking": v1.MissingResultsSkip,
		"behind": v1.ParentTasksSkip, "not-told": v1.WhenExpressionsSkip}, skipReasons(run)); diff != "" {
		t.Errorf("skipped: (-want +got)\n%s", diff)
	}
	if all := pods(e); len(all) != 2 {
		t.Errorf("%d Pods", len(all))
	}
	var claims corev1.PersistentVolumeClaimList
	if err := e.Client.List(e.Context(), &claims, client.InNamespace(e.Namespace)); err != nil || len(claims.Items) > 0 {
		t.Errorf("%d volume claims, %v", len(claims.Items), err)
	}
	log, _ := slipway(e)("logs", "ci", "-n", e.Namespace)
	for _, line := range []string{"[wanted : s] of check", "[tell : s] Failed Failed None"} {
		if !strings.Contains(log, line+"\n") {
			t.Errorf("no %q in the log\n%s", line, log)
		}
	}
}

// attack tries from one task of a shared Pod what must not reach another: it stands as near
// as a task can, for it sees the marks and takes a result.
const attack = `
try() { name=$1; shift; if "$@" >/dev/null 2>&1; then echo "BREACH: $name"; fi; }
until test -e /tekton/run/victim/0/alive; do sleep 0.1; done
for dir in /tekton/run/victim/0 /tekton/run/victim /tekton/pod/results/early /tekton/run; do
  try "a mark or result in $dir" sh -c "echo '{\"v\":1,\"outcome\":\"ok\"}' > $dir/out"
  try "a file less in $dir" sh -c "rm -rf $dir/* && test -z \"\$(ls $dir)\""
  try "$dir writable" mount -o remount,rw $dir
done
grep -q /victim /proc/self/mountinfo && echo "BREACH: a folder of the victim is mounted"
try "another folder by way of a link" sh -c "ln -s /proc/1/root/tekton/pod/results/victim /tekton/results/link && echo forged > /tekton/results/link/word"
grep -l "victim-pro""cess" /proc/[0-9]*/cmdline && echo "BREACH: a process of the victim is seen"
kill -9 1; kill -0 1 || echo "BREACH: process 1 was killed"
for p in /proc/[0-9]*; do tr '\0' '\n' < $p/environ 2>/dev/null | grep -q s3cr3t-of-victim && echo "BREACH: its secret is seen"; done
try "a token" cat /var/run/secrets/kubernetes.io/serviceaccount/token
report='{"v":1,"reason":"Completed","exitCode":0,"finishedAt":"2001-01-01T00:00:00Z","results":[{"name":"word","value":"forged"}]}'
echo "$report" > /tekton/termination
echo "$report"
echo attacked
`

// A hostile step reaches nothing of the other tasks of its Pod.
func TestHostileStepInASharedPod(t *testing.T) {
	t.Parallel()
	e := env.New(t)
	e.Create(&corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "own", Namespace: e.Namespace}, StringData: map[string]string{"key": "s3cr3t-of-victim"}})
	sharedRun(e, `
pipelineSpec:
  results: [{name: word, value: $(tasks.victim.results.word)}]
  tasks:
  - {name: early, taskSpec: {results: [{name: r}], steps: [{name: s, image: IMAGE, script: "echo -n r > $(results.r.path)"}]}}
  - name: hostile
    params: [{name: r, value: $(tasks.early.results.r)}]
    taskSpec:
      params: [{name: r}]
      steps:
      - name: s
        image: IMAGE
        env: [{name: R, value: $(params.r)}]
        script: |`+strings.ReplaceAll(attack, "\n", "\n          ")+`
  - name: victim
    runAfter: [early]
    taskSpec:
      results: [{name: word}]
      steps:
      - name: s
        image: IMAGE
        env: [{name: SECRET, valueFrom: {secretKeyRef: {name: own, key: key}}}]
        script: "sh -c 'sleep 5; : victim-process'; echo -n honest > $(results.word.path)"
  - name: late
    params: [{name: word, value: $(tasks.victim.results.word)}]
    taskSpec: {params: [{name: word}], steps: [{name: s, image: IMAGE, script: "test $(params.word) = honest"}]}
`)
	run := e.PipelineRunDone("ci", runTimeout)
	wantOutcome(e, run, "Succeeded", "Tasks Completed: 4 (Failed: 0, Cancelled 0), Skipped: 0")
	if all := pods(e); len(all) != 1 {
		t.Fatalf("%d Pods", len(all))
	}
	hostile, victim, late := childTaskRun(e, "ci-hostile"), childTaskRun(e, "ci-victim"), childTaskRun(e, "ci-late")
	log := e.ContainerLog(hostile.Status.PodName, "step-hostile-s")
	if strings.Contains(log, "BREACH") || !strings.Contains(log, "attacked\n") {
		t.Errorf("the hostile step says\n%s", log)
	}
	if got := run.Status.Results; len(got) != 1 || got[0].Value.StringVal != "honest" || len(hostile.Status.Results) != 0 {
		t.Errorf("results are %+v, those of the hostile task %+v", got, hostile.Status.Results)
	}
	if late.Status.Steps[0].Terminated.StartedAt.Before(&victim.Status.Steps[0].Terminated.FinishedAt) {
		t.Error("late began before the victim had ended")
	}
}
