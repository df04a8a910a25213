package observe

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
	"github.com/slipway-dev/slipway/entrypoint/contract"
)

var t0 = time.Date(2026, 11, 20, 14, 0, 0, 0, time.UTC)

// said is how a container ends whose entrypoint left that message.
func said(m contract.Message) corev1.ContainerState {
	if m.FinishedAt.IsZero() {
		m.StartedAt, m.FinishedAt = t0, t0.Add(42*time.Second)
	}
	code, reason := int32(m.ExitCode), "Error"
	if m.Reason == contract.ReasonContinued || m.ExitCode == 0 {
		code, reason = 0, "Completed"
	}
	text, _ := m.Encode(0)
	return killed(code, reason, string(text))
}

func killed(code int32, reason, message string) corev1.ContainerState {
	return corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: code, Reason: reason, Message: message,
		StartedAt: metav1.NewTime(t0.Add(-time.Second)), FinishedAt: metav1.NewTime(t0.Add(time.Minute))}}
}

func waiting(reason, message string) corev1.ContainerState {
	return corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: reason, Message: message}}
}

var (
	running   = corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: metav1.NewTime(t0)}}
	completed = said(contract.Message{Reason: contract.ReasonCompleted})
	skipped   = said(contract.Message{Reason: contract.ReasonSkipped, Cause: contract.CausePriorFailed, ExitCode: 1})
)

// pod has a step "build" and a step "test", in the states given.
func pod(states ...corev1.ContainerState) *corev1.Pod {
	p := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "ci-pod"}, Spec: corev1.PodSpec{NodeName: "n1"}, Status: corev1.PodStatus{Phase: corev1.PodRunning}}
	for i, name := range []string{"step-build", "step-test"} {
		p.Spec.Containers = append(p.Spec.Containers, corev1.Container{Name: name, Image: "example.com/" + name})
		if i < len(states) {
			p.Status.ContainerStatuses = append(p.Status.ContainerStatuses, corev1.ContainerStatus{Name: name, State: states[i], ImageID: "sha256:" + name})
		}
	}
	return p
}

func with(p *corev1.Pod, change func(*corev1.Pod)) *corev1.Pod {
	change(p)
	return p
}

func phase(reason, message string) func(*corev1.Pod) {
	return func(p *corev1.Pod) {
		p.Status.Phase, p.Status.Reason, p.Status.Message = corev1.PodFailed, reason, message
	}
}

func initState(name string, state corev1.ContainerState) func(*corev1.Pod) {
	return func(p *corev1.Pod) {
		p.Spec.InitContainers = append(p.Spec.InitContainers, corev1.Container{Name: name, Image: "example.com/" + name,
			Resources: corev1.ResourceRequirements{Limits: corev1.ResourceList{corev1.ResourceMemory: resource.MustParse("64Mi")}}})
		p.Status.InitContainerStatuses = append(p.Status.InitContainerStatuses, corev1.ContainerStatus{Name: name, State: state})
	}
}

func condition(c corev1.PodCondition) func(*corev1.Pod) {
	return func(p *corev1.Pod) { p.Status.Conditions = append(p.Status.Conditions, c) }
}

// ready has the container a probe, as compile gives it to steps that may halt.
func ready(container string, is bool) func(*corev1.Pod) {
	return func(p *corev1.Pod) {
		p.Namespace = "ns"
		for i := range p.Spec.Containers {
			// Those without a probe are always ready.
			p.Status.ContainerStatuses[i].Ready = true
			if p.Spec.Containers[i].Name == container {
				p.Spec.Containers[i].ReadinessProbe, p.Status.ContainerStatuses[i].Ready = &corev1.Probe{}, is
			}
		}
	}
}

var spec = &v1.TaskSpec{Steps: []v1.Step{{Name: "build"}, {Name: "test", Timeout: &metav1.Duration{Duration: 5 * time.Second}}}}

// Every way a Pod can stand, and what the run says of it.
func TestCondition(t *testing.T) {
	deleted := metav1.NewTime(t0)
	for name, tc := range map[string]struct {
		why    string
		pod    *corev1.Pod
		status string // of the condition; Stuck when the Pod cannot go on
		reason string
		say    string
	}{
		"no status yet": {"a new Pod is on its way", with(pod(), func(p *corev1.Pod) { p.Status.Phase = corev1.PodPending }),
			"Unknown", "Pending", "the pod is being started"},
		"no node with room": {"the scheduler's words are shown", with(pod(), condition(corev1.PodCondition{Type: corev1.PodScheduled,
			Status: corev1.ConditionFalse, Reason: "Unschedulable", Message: "0/1 nodes are available: 1 Insufficient cpu."})),
			"Unknown", "ExceededNodeResources", "the pod waits for a node: 0/1 nodes are available: 1 Insufficient cpu."},
		"no node that fits": {"not a matter of room", with(pod(), condition(corev1.PodCondition{Type: corev1.PodScheduled,
			Status: corev1.ConditionFalse, Message: "0/1 nodes are available: 1 node(s) didn't match."})),
			"Unknown", "Pending", "the pod waits for a node: 0/1 nodes are available: 1 node(s) didn't match."},
		"sidecar starts": {"steps wait for it", with(pod(waiting("PodInitializing", ""), waiting("PodInitializing", "")), initState("sidecar-db", running)),
			"Unknown", "Pending", `the steps wait until sidecar "db" is ready`},
		"first step runs": {"", pod(running, running), "Unknown", "Running", "Not all Steps in the Task have finished executing"},
		"halts at a breakpoint": {"nobody but a person helps", with(pod(running, running), ready("step-build", true)), "Unknown", "Running",
			`step "build" waits at a breakpoint: let it go on by kubectl exec -n ns ci-pod -c step-build -- /tekton/debug/scripts/debug-continue, or end it by debug-fail-continue`},
		"may halt and does not": {"", with(pod(running, running), ready("step-build", false)), "Unknown", "Running", "Not all Steps in the Task have finished executing"},
		"one step done":         {"", pod(completed, running), "Unknown", "Running", "Not all Steps in the Task have finished executing"},
		"all done":              {"the phase comes later", pod(completed, completed), "True", "Succeeded", "All Steps have completed executing"},
		"failure passed over": {"onError: continue", pod(said(contract.Message{Reason: contract.ReasonContinued, ExitCode: 3}), completed),
			"True", "Succeeded", "All Steps have completed executing"},
		"when does not hold": {"a skipped step is no failure", pod(completed, said(contract.Message{Reason: contract.ReasonSkipped, Cause: contract.CauseWhen})),
			"True", "Succeeded", "All Steps have completed executing"},
		"exit code": {"the step that failed, not those that were skipped", pod(said(contract.Message{Reason: contract.ReasonError, ExitCode: 3}), skipped),
			"False", "StepFailed", `step "build" exited with code 3 after 42s; see: slipway logs ci --step build`},
		"command not found": {"the entrypoint knows best", pod(said(contract.Message{Reason: contract.ReasonError, Cause: contract.CauseNotFound, ExitCode: 127,
			Detail: `no "gcc" in the image`}), skipped), "False", "StepFailed", `step "build": no "gcc" in the image`},
		"step timeout": {"", pod(completed, said(contract.Message{Reason: contract.ReasonTimeout, ExitCode: 143})),
			"False", "StepFailed", `step "test" was stopped: it ran longer than its timeout of 5s; see: slipway logs ci --step test`},
		"out of memory, limited": {"the limit is named", with(pod(completed, killed(137, "OOMKilled", "")), func(p *corev1.Pod) {
			p.Spec.Containers[1].Resources.Limits = corev1.ResourceList{corev1.ResourceMemory: resource.MustParse("512Mi")}
		}), "False", "StepOOM", `step "test" was killed: out of memory (limit 512Mi)`},
		"out of memory, child": {"the kernel took the process, the entrypoint lived to tell", pod(func() corev1.ContainerState {
			s := said(contract.Message{Reason: contract.ReasonError, ExitCode: 137})
			s.Terminated.Reason = "OOMKilled"
			return s
		}(), skipped), "False", "StepOOM", `step "build" was killed: out of memory (no limit of its own; the node had none left)`},
		"killed without a word": {"", pod(killed(137, "Error", ""), said(contract.Message{Reason: contract.ReasonSkipped, Cause: contract.CausePriorLost, ExitCode: 1})),
			"False", "StepFailed", `step "build" was killed with code 137 before it could say why (Error); see: slipway logs ci --step build`},
		"no such image": {"ends in what the registry said", pod(waiting("ImagePullBackOff",
			`Back-off pulling image "example.com/step-build": ErrImagePull: not found`), running),
			"Stuck", "TaskRunImagePullFailed", `step "build": image example.com/step-build cannot be pulled: not found`},
		"first failed pull": {"the kubelet tries again by itself", pod(waiting("ErrImagePull", "not found"), waiting("PodInitializing", "")),
			"Unknown", "Pending", "the pod is being started"},
		"many pulls": {"the node holds itself back", pod(waiting("ImagePullBackOff", `Back-off pulling image "a": ErrImagePull: pull QPS exceeded`), waiting("PodInitializing", "")),
			"Unknown", "Pending", "the pod is being started"},
		"bad image name": {"", pod(waiting("InvalidImageName", `couldn't parse image name "A"`), running),
			"Stuck", "TaskRunImagePullFailed", `step "build": image example.com/step-build cannot be pulled: couldn't parse image name "A"`},
		"sidecar's image": {"", with(pod(), initState("sidecar-db", waiting("ImagePullBackOff", "denied"))),
			"Stuck", "TaskRunImagePullFailed", `sidecar "db": image example.com/sidecar-db cannot be pulled: denied`},
		"missing secret": {"", pod(running, waiting("CreateContainerConfigError", `secret "s" not found`)),
			"Stuck", "CreateContainerConfigError", `step "test" cannot be started: secret "s" not found`},
		"evicted": {"", with(pod(killed(137, "Error", "")), phase("Evicted", "The node was low on resource: memory.")),
			"False", "PodEvicted", "the pod was evicted from its node: The node was low on resource: memory."},
		"deleted": {"", with(pod(said(contract.Message{Reason: contract.ReasonCancelled, ExitCode: 143}), skipped), func(p *corev1.Pod) { p.DeletionTimestamp = &deleted }),
			"False", "PodDeleted", "pod ci-pod was deleted while the run was going on"},
		"drained": {"who did it is told", with(with(pod(said(contract.Message{Reason: contract.ReasonCancelled, ExitCode: 143}), skipped), func(p *corev1.Pod) { p.DeletionTimestamp = &deleted }),
			condition(corev1.PodCondition{Type: corev1.DisruptionTarget, Status: corev1.ConditionTrue, Reason: "EvictionByEvictionAPI", Message: "Eviction API: evicting"})),
			"False", "PodDeleted", "pod ci-pod was deleted while the run was going on (EvictionByEvictionAPI: Eviction API: evicting)"},
		"deleted when all was done": {"what was done counts", with(pod(completed, completed), func(p *corev1.Pod) { p.DeletionTimestamp = &deleted }),
			"True", "Succeeded", "All Steps have completed executing"},
		"not admitted": {"", with(pod(), phase("OutOfcpu", "Node didn't have enough resource: cpu")),
			"False", "PodAdmissionFailed", "node n1 did not take the pod (OutOfcpu): Node didn't have enough resource: cpu"},
		"node lost": {"", with(pod(killed(137, "ContainerStatusUnknown", ""), killed(137, "ContainerStatusUnknown", "")), phase("NodeLost", "Node n1 is unreachable")),
			"False", "Failed", `step "build" was lost with node n1: NodeLost Node n1 is unreachable`},
		"entrypoint not copied": {"", with(pod(waiting("PodInitializing", "")), func(p *corev1.Pod) {
			phase("", "")(p)
			initState("prepare", killed(1, "Error", ""))(p)
		}), "False", "InitContainerFailed", `init container "prepare" exited with code 1 (Error)`},
		"sidecar out of memory": {"", with(pod(), func(p *corev1.Pod) {
			phase("", "")(p)
			initState("sidecar-db", killed(137, "OOMKilled", ""))(p)
		}), "False", "SidecarOOM", `sidecar "db" was killed: out of memory (limit 64Mi)`},
		"wrong result": {"a Task keeps its word", pod(completed, said(contract.Message{Reason: contract.ReasonCompleted,
			Results: []contract.Result{{Name: "list", Type: "array", Value: "no"}}})),
			"False", "TaskRunValidationFailed", `step "test": result "list" is declared an array, but its file holds "no", which is not a JSON array of strings`},
	} {
		t.Run(name, func(t *testing.T) {
			p := Pod(Input{Run: "ci", Spec: spec, Pod: tc.pod})
			status := string(p.Status)
			if p.Stuck {
				status = "Stuck"
			}
			got := strings.Join([]string{status, p.Reason, p.Message}, " | ")
			want := strings.Join([]string{tc.status, tc.reason, tc.say}, " | ")
			if got != want {
				t.Errorf("%s\n got %s\nwant %s", tc.why, got, want)
			}
			if done := tc.status == "True" || tc.status == "False"; p.Done() != done {
				t.Errorf("done is %v", p.Done())
			}
			slim := *tc.pod
			slim.Spec = Slim(slim.Spec)
			if diff := cmp.Diff(p, Pod(Input{Run: "ci", Spec: spec, Pod: &slim})); diff != "" {
				t.Errorf("what is left of the Pod in memory tells something else (-all +slim):\n%s", diff)
			}
		})
	}
}

// The entrypoint's clock and exit code count, not those of its container.
func TestSteps(t *testing.T) {
	p := Pod(Input{Run: "ci", Spec: spec, Pod: pod(said(contract.Message{Reason: contract.ReasonContinued, ExitCode: 3}), running)})
	want := []v1.StepState{
		{Name: "build", Container: "step-build", ImageID: "sha256:step-build", TerminationReason: "Continued",
			ContainerState: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: 3, Reason: "Completed",
				StartedAt: metav1.NewTime(t0), FinishedAt: metav1.NewTime(t0.Add(42 * time.Second))}}},
		{Name: "test", Container: "step-test", ImageID: "sha256:step-test", ContainerState: running},
	}
	if diff := cmp.Diff(want, p.Steps); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if !p.FinishedAt.IsZero() {
		t.Error("an attempt that goes on has no end")
	}
}

func TestResults(t *testing.T) {
	spec := &v1.TaskSpec{
		Steps: []v1.Step{{Name: "build"}, {Name: "test"}},
		Results: []v1.TaskResult{{Name: "b"}, {Name: "a", Type: "array"}, {Name: "both"},
			{Name: "taken", Value: v1.NewString("<$(steps.test.results.own)>")},
			{Name: "whole", Value: v1.NewString("$(steps.test.results.obj[*])")},
			{Name: "never", Value: v1.NewString("$(steps.test.results.unwritten)")}},
	}
	p := Pod(Input{Run: "ci", Spec: spec, Pod: pod(
		said(contract.Message{Reason: contract.ReasonCompleted, Results: []contract.Result{
			{Name: "both", Value: "first"}, {Name: "b", Value: "[not looked into]"}, {Name: "a", Type: "array", Value: `["x"]`}}}),
		said(contract.Message{Reason: contract.ReasonCompleted, Results: []contract.Result{{Name: "both", Value: "last"}},
			StepResults: []contract.Result{{Name: "own", Value: "v"}, {Name: "obj", Type: "object", Value: `{"k":"v"}`}},
			Artifacts:   []byte(`{"outputs":[{"name":"image","values":[{"uri":"u","digest":{"sha256":"d"}}]}]}`)}),
	)})
	obj := *v1.NewObject(map[string]string{"k": "v"})
	want := []v1.TaskRunResult{
		{Name: "a", Type: "array", Value: *v1.NewArray("x")},
		{Name: "b", Type: "string", Value: *v1.NewString("[not looked into]")},
		{Name: "both", Type: "string", Value: *v1.NewString("last")},
		{Name: "taken", Type: "string", Value: *v1.NewString("<v>")},
		{Name: "whole", Type: "object", Value: obj},
	}
	if diff := cmp.Diff(want, p.Results); diff != "" {
		t.Errorf("results (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(&v1.Artifacts{Outputs: []v1.Artifact{{Name: "image", Values: []v1.ArtifactValue{{Uri: "u", Digest: map[v1.Algorithm]string{"sha256": "d"}}}}}}, p.Artifacts); diff != "" {
		t.Errorf("artifacts (-want +got):\n%s", diff)
	}
}

// Results too large for a termination message are asked for, and then taken
// from what was collected.
// What a Task declares of its results holds for what they are made from, too.
func TestResultsKeepTheirDeclaration(t *testing.T) {
	ended := pod(said(contract.Message{Reason: contract.ReasonCompleted, StepResults: []contract.Result{
		{Name: "text", Value: "v"}, {Name: "obj", Type: "object", Value: `{"k":"v"}`}}}), completed)
	for name, tc := range map[string]struct {
		declared v1.TaskResult
		say      string
	}{
		"of its type":    {v1.TaskResult{Name: "r", Type: "object", Properties: map[string]v1.PropertySpec{"k": {}}, Value: v1.NewString("$(steps.build.results.obj[*])")}, ""},
		"of no type":     {v1.TaskResult{Name: "r", Value: v1.NewString("$(steps.build.results.obj[*])")}, ""},
		"not written":    {v1.TaskResult{Name: "r", Type: "array", Value: v1.NewString("$(steps.build.results.none[*])")}, ""},
		"another type":   {v1.TaskResult{Name: "r", Type: "array", Value: v1.NewString("$(steps.build.results.text)")}, `result "r" is declared of type array, and its value is of type string`},
		"a key is short": {v1.TaskResult{Name: "r", Properties: map[string]v1.PropertySpec{"k": {}, "l": {}}, Value: v1.NewString("$(steps.build.results.obj[*])")}, `result "r" lacks the key "l" that its properties declare`},
	} {
		t.Run(name, func(t *testing.T) {
			p := Pod(Input{Run: "ci", Spec: &v1.TaskSpec{Steps: spec.Steps, Results: []v1.TaskResult{tc.declared}}, Pod: ended})
			reason, say := "TaskRunValidationFailed", tc.say
			if say == "" {
				reason, say = "Succeeded", messageSucceeded
			}
			if p.Reason != reason || p.Message != say {
				t.Errorf("got  %s: %s\nwant %s: %s", p.Reason, p.Message, reason, say)
			}
		})
	}
}

func TestResultsInTheLog(t *testing.T) {
	whole := contract.Message{Reason: contract.ReasonCompleted, StartedAt: t0, FinishedAt: t0, Results: []contract.Result{{Name: "big", Value: incompressible(9000)}}}
	text, log := whole.Encode(200)
	if log == nil {
		t.Fatal("the message fits: the test shows nothing")
	}
	in := Input{Run: "ci", Spec: &v1.TaskSpec{Steps: []v1.Step{{Name: "build"}}, Results: []v1.TaskResult{{Name: "big"}}},
		Pod: pod(killed(0, "Completed", string(text)))}
	if p := Pod(in); len(p.Logs) != 1 || p.Logs[0] != "step-build" {
		t.Fatalf("asks for the logs of %v", p.Logs)
	}
	referring, err := contract.Decode(text)
	if err != nil {
		t.Fatal(err)
	}
	collected, err := contract.Collect(strings.NewReader(string(log)), referring)
	if err != nil {
		t.Fatal(err)
	}
	in.Collected = map[string]contract.Message{"step-build": collected}
	p := Pod(in)
	if len(p.Logs) != 0 || len(p.Results) != 1 || len(p.Results[0].Value.StringVal) != 9000 {
		t.Errorf("logs %v, %d results", p.Logs, len(p.Results))
	}
}

func incompressible(n int) string {
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+/"
	b, x := make([]byte, n), uint32(7)
	for i := range b {
		x = x*1664525 + 1013904223
		b[i] = letters[x>>26]
	}
	return string(b)
}

// Observing is a pure reading: nothing in the Pod changes.
func TestPodIsNotChanged(t *testing.T) {
	p := pod(said(contract.Message{Reason: contract.ReasonContinued, ExitCode: 3}), completed)
	before := p.DeepCopy()
	Pod(Input{Run: "ci", Spec: spec, Pod: p})
	if diff := cmp.Diff(before, p); diff != "" {
		t.Errorf("(-before +after):\n%s", diff)
	}
}
