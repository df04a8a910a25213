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
	"github.com/slipway-dev/slipway/entrypoint/contract"
	"github.com/slipway-dev/slipway/test/env"
)

// soon is more than any run here takes on a loaded machine.
const soon = 2 * time.Minute

// create makes a TaskRun from the YAML of its spec, where IMAGE stands for busybox.
func create(e *env.Env, name, spec string) *v1.TaskRun {
	e.Helper()
	return env.CreateYAML[v1.TaskRun](e, "metadata: {name: "+name+"}\nspec:\n"+taskRunSpec(e, spec))
}

func taskRunSpec(e *env.Env, spec string) string {
	spec = strings.ReplaceAll(spec, "IMAGE", e.Registry+"/busybox")
	return "  " + strings.ReplaceAll(strings.TrimSpace(spec), "\n", "\n  ") + "\n"
}

func succeeds(e *env.Env, name, spec string) *v1.TaskRun {
	e.Helper()
	create(e, name, spec)
	tr := e.TaskRunDone(name, soon)
	if !tr.IsSuccessful() {
		e.Fatalf("%s: %+v", name, tr.Status.GetCondition(v1.ConditionSucceeded))
	}
	return tr
}

const isTrue = `taskSpec: {steps: [{name: ok, image: IMAGE, command: ["true"]}]}`

// A run of one step has nothing in its Pod that it does not need, and costs the
// API server five requests.
func TestOneStep(t *testing.T) {
	e := env.New(t)
	pod := e.PodOf(succeeds(e, "warm", isTrue))
	if len(pod.Spec.InitContainers) != 0 || len(pod.Spec.Containers) != 1 {
		t.Errorf("%d init containers, %d containers", len(pod.Spec.InitContainers), len(pod.Spec.Containers))
	}
	if pod.Spec.HostUsers == nil || *pod.Spec.HostUsers {
		t.Error("the pod shares the node's users")
	}
	if pod.Spec.AutomountServiceAccountToken == nil || *pod.Spec.AutomountServiceAccountToken {
		t.Error("the pod has a token that nobody asked for")
	}
	// A run costs one more, to tell that its Pod is on its way, where that takes
	// longer than three seconds: another run tells what it costs where it does not.
	var requests []env.Request
	for range 3 {
		if requests = requestsOfOneRun(env.New(t)); len(requests) <= 5 {
			return
		}
	}
	t.Errorf("%d requests for one run: %+v", len(requests), requests)
}

// requestsOfOneRun are those of the controller about a run of one step, which is
// the only one in its namespace.
func requestsOfOneRun(e *env.Env) (requests []env.Request) {
	e.Helper()
	succeeds(e, "counted", isTrue)
	// Events are sent after the status is written.
	env.Wait(e, soon, "the event of the end", func() (bool, string) {
		requests = slices.DeleteFunc(e.Requests(), func(r env.Request) bool { return !strings.HasSuffix(r.User, ":controller") })
		events := slices.Collect(filter(requests, func(r env.Request) bool { return r.Resource == "events" }))
		return len(events) >= 2, fmt.Sprintf("%d events", len(events))
	})
	return requests
}

func filter(in []env.Request, keep func(env.Request) bool) func(func(env.Request) bool) {
	return func(yield func(env.Request) bool) {
		for _, r := range in {
			if keep(r) && !yield(r) {
				return
			}
		}
	}
}

// The kubelet starts one container after the other, a tenth of a second each: the
// first step is held until the others are up, and then they follow at once. On a
// machine so busy that a container takes more than a second it is not held on, and
// another run tells.
func TestTenStepsHandOverAtOnce(t *testing.T) {
	e := env.New(t)
	var spec strings.Builder
	spec.WriteString("taskSpec:\n  stepTemplate: {image: IMAGE}\n  steps:\n")
	for i := range 10 {
		fmt.Fprintf(&spec, "  - {name: s%d, command: [\"true\"]}\n", i)
	}
	var gaps []time.Duration
	for try := range 5 {
		gaps = gapsBetweenSteps(e, e.PodOf(succeeds(e, fmt.Sprint("ten-", try), spec.String())))
		if gaps[0] < 0 {
			t.Fatalf("a step started before the one before it had ended: %v", gaps)
		}
		if gaps[len(gaps)/2] <= 50*time.Millisecond {
			return
		}
	}
	t.Errorf("gaps between steps: %v", gaps)
}

// gapsBetweenSteps lists, shortest first, the times from one step's end to the next
// one's start, by the entrypoints' clock.
func gapsBetweenSteps(e *env.Env, pod *corev1.Pod) []time.Duration {
	e.Helper()
	said := map[string]contract.Message{}
	for _, s := range pod.Status.ContainerStatuses {
		m, err := contract.Decode([]byte(s.State.Terminated.Message))
		if err != nil {
			e.Fatal(err)
		}
		said[s.Name] = m
	}
	var gaps []time.Duration
	for i := range len(said) - 1 {
		gaps = append(gaps, said[fmt.Sprintf("step-s%d", i+1)].StartedAt.Sub(said[fmt.Sprintf("step-s%d", i)].FinishedAt))
	}
	slices.Sort(gaps)
	return gaps
}

// Each way to fail ends in a condition that names the step and the cause.
func TestFailures(t *testing.T) {
	t.Parallel()
	e := env.New(t)
	for name, tc := range map[string]struct {
		spec, reason string
		say          []string
	}{
		"exit-code": {"taskSpec: {steps: [{name: test, image: IMAGE, script: exit 3}, {name: after, image: IMAGE, script: exit 0}]}",
			"StepFailed", []string{`step "test" exited with code 3 after `, "; see: slipway logs exit-code --step test"}},
		"no-image": {"taskSpec: {steps: [{name: test, image: IMAGE/none:1, script: exit 0}]}",
			"TaskRunImagePullFailed", []string{`step "test": image `, "/none:1 cannot be pulled: ", "not found"}},
		"bad-image-name": {"taskSpec: {steps: [{name: test, image: UPPER//x, script: exit 0}]}",
			"TaskRunImagePullFailed", []string{`step "test": image UPPER//x cannot be pulled: `}},
		"no-command": {"taskSpec: {steps: [{name: test, image: IMAGE, command: [nowhere]}]}",
			"StepFailed", []string{`step "test": no "nowhere" in the image`}},
		"no-secret": {"taskSpec: {steps: [{name: test, image: IMAGE, script: exit 0, env: [{name: A, valueFrom: {secretKeyRef: {name: none, key: a}}}]}]}",
			"CreateContainerConfigError", []string{`step "test" cannot be started: secret "none" not found`}},
		"out-of-memory": {"taskSpec: {steps: [{name: push, image: IMAGE, command: [dd, if=/dev/zero, of=/dev/null, bs=200M, count=1], computeResources: {limits: {memory: 32Mi}}}]}",
			"StepOOM", []string{`step "push" was killed: out of memory (limit 32Mi)`}},
		"step-timeout": {"taskSpec: {steps: [{name: slow, image: IMAGE, timeout: 1s, script: sleep 600}]}",
			"StepFailed", []string{`step "slow" was stopped: it ran longer than its timeout of 1s`}},
		"no-room": {"timeout: 5s\ntaskSpec: {steps: [{name: big, image: IMAGE, script: exit 0, computeResources: {requests: {cpu: 1k}}}]}",
			"TaskRunTimeout", []string{`TaskRun "no-room" failed to finish within "5s"`}},
		"no-param": {"params: [{name: imgae, value: x}]\ntaskSpec: {params: [{name: image}], steps: [{image: IMAGE, script: exit 0}]}",
			"TaskRunValidationFailed", []string{`spec.params: parameter "image" has no default and must be given`, `"imgae" is given, which is not declared`}},
		"wrong-type": {"params: [{name: list, value: x}]\ntaskSpec: {params: [{name: list, type: array}], steps: [{image: IMAGE, script: exit 0}]}",
			"TaskRunValidationFailed", []string{`spec.params[0].value: parameter "list" is array, but the value is string`}},
		"no-task":      {"taskRef: {name: none}", "TaskRunResolutionFailed", []string{`taskRef.name: no task named "none"`}},
		"no-workspace": {"taskSpec: {workspaces: [{name: source}], steps: [{image: IMAGE, script: exit 0}]}", "TaskRunValidationFailed", []string{`workspace "source"`}},
		"wrong-result": {"taskSpec: {results: [{name: list, type: array}], steps: [{name: test, image: IMAGE, script: \"echo no > $(results.list.path)\"}]}",
			"TaskRunValidationFailed", []string{`step "test": result "list" is declared an array`}},
	} {
		create(e.PastAdmission(), name, tc.spec)
		t.Run(name, func(t *testing.T) {
			e.WantFailure(e.TaskRunDone(name, soon).Status.GetCondition(v1.ConditionSucceeded), tc.reason, tc.say...)
		})
	}
}

// What keeps a Pod's volumes from being mounted stands in no Pod's status; the run says it while it waits for it.
func TestMissingVolumeIsNamed(t *testing.T) {
	t.Parallel()
	e := env.New(t)
	create(e, "waits", `taskSpec: {volumes: [{name: v, configMap: {name: none}}], steps: [{image: IMAGE, script: exit 0, volumeMounts: [{name: v, mountPath: /v}]}]}`)
	e.TaskRunWhen("waits", soon, "to say what it waits for", func(tr *v1.TaskRun) bool {
		c := tr.Status.GetCondition(v1.ConditionSucceeded)
		return c.IsUnknown() && c != nil && strings.Contains(c.Message, `configmap "none" not found`)
	})
	e.Create(&corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "none"}})
	if tr := e.TaskRunDone("waits", runTimeout); !tr.IsSuccessful() {
		t.Errorf("the volume is there, and the run ended with %+v", tr.Status.GetCondition(v1.ConditionSucceeded))
	}
}

// While there is no room, the run says so; when there is, it runs.
func TestQuota(t *testing.T) {
	t.Parallel()
	e := env.New(t)
	quota := env.CreateYAML[corev1.ResourceQuota](e, "metadata: {name: full}\nspec: {hard: {pods: \"0\"}}")
	env.Wait(t, soon, "the quota to hold", func() (bool, string) {
		err := e.Client.Get(t.Context(), client.ObjectKeyFromObject(quota), quota)
		return err == nil && quota.Status.Hard != nil, fmt.Sprint(err)
	})
	create(e, "waits", isTrue)
	e.TaskRunWhen("waits", soon, "to wait for room", func(tr *v1.TaskRun) bool {
		c := tr.Status.GetCondition(v1.ConditionSucceeded)
		return c != nil && c.Reason == v1.TaskRunReasonExceededResourceQuota.String() && strings.Contains(c.Message, "full")
	})
	if err := e.Client.Delete(t.Context(), quota); err != nil {
		t.Fatal(err)
	}
	if tr := e.TaskRunDone("waits", soon); !tr.IsSuccessful() {
		t.Errorf("%+v", tr.Status.GetCondition(v1.ConditionSucceeded))
	}
}

// A run that is stopped keeps its log and what it had written by then.
func TestStopKeepsLogAndResults(t *testing.T) {
	t.Parallel()
	e := env.New(t)
	const spec = `
taskSpec:
  results: [{name: r}]
  steps:
  - {name: slow, image: IMAGE, script: "echo was here; echo -n kept > $(results.r.path); touch /workspace/said; sleep 600"}
`
	create(e, "cancelled", spec)
	create(e, "late", "timeout: 1m\n"+spec)
	tr := e.TaskRunWhen("cancelled", soon, "to run", func(tr *v1.TaskRun) bool { return len(tr.Status.Steps) > 0 && tr.Status.Steps[0].Running != nil })
	env.Wait(t, soon, "the step to speak", func() (bool, string) {
		log := e.ContainerLog(tr.Status.PodName, "step-slow")
		return strings.Contains(log, "was here"), log
	})
	if err := e.Client.Patch(t.Context(), tr, client.RawPatch("application/merge-patch+json", []byte(`{"spec":{"status":"TaskRunCancelled","statusMessage":"enough"}}`))); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]struct{ reason, say string }{
		"cancelled": {"TaskRunCancelled", `TaskRun "cancelled" was cancelled. enough`},
		"late":      {"TaskRunTimeout", `TaskRun "late" failed to finish within "1m0s"`},
	} {
		tr := e.TaskRunDone(name, soon)
		e.WantFailure(tr.Status.GetCondition(v1.ConditionSucceeded), want.reason, want.say)
		if log := e.ContainerLog(tr.Status.PodName, "step-slow"); !strings.Contains(log, "was here") {
			t.Errorf("%s: log is %q", name, log)
		}
		if len(tr.Status.Results) != 1 || tr.Status.Results[0].Value.StringVal != "kept" {
			t.Errorf("%s: results are %+v", name, tr.Status.Results)
		}
	}
}

// A Pod that somebody deletes ends its attempt, and the next one runs.
func TestDeletedPod(t *testing.T) {
	t.Parallel()
	e := env.New(t)
	const spec = `taskSpec: {steps: [{name: wait, image: IMAGE, script: "test $(context.task.retry-count) = 1 || sleep 600"}]}`
	create(e, "ends", spec)
	create(e, "again", "retries: 1\n"+spec)
	for _, name := range []string{"ends", "again"} {
		tr := e.TaskRunWhen(name, soon, "to run", func(tr *v1.TaskRun) bool { return len(tr.Status.Steps) > 0 && tr.Status.Steps[0].Running != nil })
		if err := e.Kube.CoreV1().Pods(e.Namespace).Delete(t.Context(), tr.Status.PodName, metav1.DeleteOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	e.WantFailure(e.TaskRunDone("ends", soon).Status.GetCondition(v1.ConditionSucceeded), "PodDeleted", "pod ends-pod was deleted")
	tr := e.TaskRunDone("again", soon)
	if !tr.IsSuccessful() || tr.Status.PodName != "again-pod-retry1" || len(tr.Status.RetriesStatus) != 1 ||
		tr.Status.RetriesStatus[0].GetCondition(v1.ConditionSucceeded).Reason != "PodDeleted" {
		t.Errorf("status is %+v", tr.Status)
	}
}

func TestWhatStepsShare(t *testing.T) {
	t.Parallel()
	e := env.New(t)
	env.CreateYAML[corev1.ConfigMap](e, "metadata: {name: settings}\ndata: {a: \"1\"}")
	env.CreateYAML[corev1.Secret](e, "metadata: {name: login}\nstringData: {password: pw}")
	tr := succeeds(e, "shares", `
params: [{name: list, value: [a, "b c"]}]
workspaces:
- {name: claim, volumeClaimTemplate: {spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Mi}}}}}
- {name: tmp, emptyDir: {}, subPath: deep/down}
- {name: settings, configMap: {name: settings}}
- {name: login, secret: {secretName: login}}
- {name: both, projected: {sources: [{configMap: {name: settings}}, {secret: {name: login}}]}}
taskSpec:
  params: [{name: list, type: array}]
  results: [{name: count}, {name: all, type: array}]
  workspaces: [{name: claim}, {name: tmp}, {name: settings, readOnly: true}, {name: login}, {name: both}, {name: none, optional: true}]
  stepTemplate: {image: IMAGE}
  sidecars:
  - {name: beside, image: IMAGE, script: "touch /workspace/ready; sleep 600", readinessProbe: {exec: {command: [test, -e, /workspace/ready]}, periodSeconds: 1}}
  steps:
  - name: write
    args: ["$(params.list[*])"]
    script: |
      test -e /workspace/ready
      echo -n $# > $(results.count.path)
      echo '["$$","x"]' > $(results.all.path)
      echo there > $(workspaces.claim.path)/f
      echo there > $(workspaces.tmp.path)/f
  - name: fails
    onError: continue
    script: exit 7
  - name: read
    script: |
      set -x
      grep there $(workspaces.claim.path)/f $(workspaces.tmp.path)/f
      test $(cat $(workspaces.settings.path)/a)$(cat $(workspaces.login.path)/password) = 1pw
      test $(cat $(workspaces.both.path)/a)$(cat $(workspaces.both.path)/password) = 1pw
      test $(workspaces.none.bound) = false
      test $(cat $(steps.step-fails.exitCode.path)) = 7
      if echo x > /tekton/steps/step-write/exitCode; then exit 1; fi
`)
	got := map[string]v1.ResultValue{}
	for _, r := range tr.Status.Results {
		got[r.Name] = r.Value
	}
	if got["count"].StringVal != "2" || !slices.Equal(got["all"].ArrayVal, []string{"$$", "x"}) {
		t.Errorf("results are %+v", tr.Status.Results)
	}
	if s := tr.Status.Steps[1]; s.Terminated.ExitCode != 7 || s.TerminationReason != v1.TerminationReasonContinued {
		t.Errorf("the step that fails: %+v", s)
	}
	if len(tr.Status.Sidecars) != 1 || tr.Status.Sidecars[0].Name != "beside" {
		t.Errorf("sidecars are %+v", tr.Status.Sidecars)
	}
}

// A megabyte of results arrives, though a termination message holds 4 KiB.
func TestLargeResult(t *testing.T) {
	t.Parallel()
	e := env.New(t)
	tr := succeeds(e, "large", `
taskSpec:
  results: [{name: big}]
  steps:
  - {name: make, image: IMAGE, script: "head -c 786432 /dev/urandom | base64 | tr -d '\\n' > $(results.big.path)"}
`)
	if len(tr.Status.Results) != 1 || len(tr.Status.Results[0].Value.StringVal) != 1<<20 {
		t.Fatalf("%d results", len(tr.Status.Results))
	}
}
