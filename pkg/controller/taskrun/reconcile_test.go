package taskrun

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/tools/events"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	config "github.com/slipway-dev/slipway/api/config/v1alpha1"
	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
	"github.com/slipway-dev/slipway/entrypoint/contract"
	"github.com/slipway-dev/slipway/pkg/kube"
	"github.com/slipway-dev/slipway/pkg/kube/settings"
	"github.com/slipway-dev/slipway/pkg/resolve"
)

var key = client.ObjectKey{Namespace: "ns", Name: "ci"}

// house is a reconciler in a cluster of paper, with a clock that a test turns.
type house struct {
	*testing.T
	*Reconciler
	clock  time.Time
	writes []string
	// refuse, when set, is what creating a Pod is answered with.
	refuse error
	told   *events.FakeRecorder
}

func build(t *testing.T, objects ...client.Object) *house {
	t.Helper()
	scheme, err := kube.Scheme()
	if err != nil {
		t.Fatal(err)
	}
	h := &house{T: t, clock: time.Date(2026, 11, 20, 14, 0, 0, 0, time.UTC), told: events.NewFakeRecorder(100)}
	wrote := func(verb string, o client.Object) { h.writes = append(h.writes, verb+" "+o.GetName()) }
	c := fake.NewClientBuilder().WithScheme(scheme).WithObjects(objects...).WithStatusSubresource(&v1.TaskRun{}, &corev1.Pod{}).
		WithIndex(&corev1.Event{}, kube.EventsOf, func(o client.Object) []string { return []string{string(o.(*corev1.Event).InvolvedObject.UID)} }).
		WithInterceptorFuncs(interceptor.Funcs{
			Create: func(ctx context.Context, c client.WithWatch, o client.Object, opts ...client.CreateOption) error {
				wrote("create", o)
				if _, isPod := o.(*corev1.Pod); isPod && h.refuse != nil {
					return h.refuse
				}
				o.SetCreationTimestamp(metav1.NewTime(h.clock))
				return c.Create(ctx, o, opts...)
			},
			Patch: func(ctx context.Context, c client.WithWatch, o client.Object, p client.Patch, opts ...client.PatchOption) error {
				wrote("patch", o)
				return c.Patch(ctx, o, p, opts...)
			},
			Delete: func(ctx context.Context, c client.WithWatch, o client.Object, opts ...client.DeleteOption) error {
				wrote("delete", o)
				return c.Delete(ctx, o, opts...)
			},
			SubResourcePatch: func(ctx context.Context, c client.Client, sub string, o client.Object, p client.Patch, opts ...client.SubResourcePatchOption) error {
				wrote("patch status of", o)
				return c.SubResource(sub).Patch(ctx, o, p, opts...)
			},
		}).Build()
	h.Reconciler = &Reconciler{
		Client: c, Live: c, References: &resolve.Finder{Cluster: kube.NewReader(c, c, scheme, resolve.ErrNotFound), Desk: resolve.NewDesk(resolve.DeskOptions{Now: time.Now})}, Logs: noLogs{}, Events: h.told,
		Config: &config.ControllerConfig{EntrypointImage: "entrypoint"},
		Settings: settings.NewStore(config.RunDefaults{
			Timeout: &metav1.Duration{Duration: time.Hour}, ServiceAccountName: "default"}, slog.New(slog.DiscardHandler)),
		Now: func() time.Time { return h.clock },
	}
	return h
}

type noLogs struct{}

func (noLogs) Log(context.Context, *corev1.Pod, string, int64) (io.ReadCloser, error) {
	return nil, errors.New("no log was expected to be read")
}

func (h *house) reconcile() ctrl.Result {
	h.Helper()
	result, err := h.Reconcile(h.Context(), ctrl.Request{NamespacedName: key})
	if err != nil {
		h.Fatal(err)
	}
	return result
}

func (h *house) run() *v1.TaskRun {
	h.Helper()
	var run v1.TaskRun
	if err := h.Client.Get(h.Context(), key, &run); err != nil {
		h.Fatal(err)
	}
	return &run
}

func (h *house) pod(name string) *corev1.Pod {
	h.Helper()
	var pod corev1.Pod
	if err := h.Client.Get(h.Context(), client.ObjectKey{Namespace: "ns", Name: name}, &pod); err != nil {
		h.Fatal(err)
	}
	return &pod
}

// kubelet sets the state of the one step's container.
func (h *house) kubelet(name string, state corev1.ContainerState) {
	h.Helper()
	pod := h.pod(name)
	pod.Status.ContainerStatuses = []corev1.ContainerStatus{{Name: "step-ok", State: state}}
	if err := h.Client.Status().Update(h.Context(), pod); err != nil {
		h.Fatal(err)
	}
}

func (h *house) remove(name string) {
	h.Helper()
	if err := h.Client.Delete(h.Context(), h.pod(name)); err != nil {
		h.Fatal(err)
	}
	h.writes = nil
}

func (h *house) want(status, reason string) {
	h.Helper()
	c := h.run().Status.GetCondition(v1.ConditionSucceeded)
	if c == nil {
		h.Fatalf("no condition, want %s %s", status, reason)
	}
	if string(c.Status) != status || c.Reason != reason {
		h.Errorf("condition is %s %s (%s), want %s %s", c.Status, c.Reason, c.Message, status, reason)
	}
}

func (h *house) wantWrites(want ...string) {
	h.Helper()
	if diff := cmp.Diff(want, h.writes); diff != "" {
		h.Errorf("writes (-want +got):\n%s", diff)
	}
}

func taskRun(change ...func(*v1.TaskRun)) *v1.TaskRun {
	run := &v1.TaskRun{ObjectMeta: metav1.ObjectMeta{Namespace: key.Namespace, Name: key.Name, UID: "u1"}}
	run.Spec.TaskSpec = &v1.TaskSpec{Steps: []v1.Step{{Name: "ok", Image: "busybox", Command: []string{"true"}}}}
	for _, c := range change {
		c(run)
	}
	return run
}

func running() corev1.ContainerState {
	return corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}
}

func (h *house) ended(reason contract.Reason, code int) corev1.ContainerState {
	text, _ := contract.Message{Reason: reason, ExitCode: code, StartedAt: h.clock, FinishedAt: h.clock}.Encode(0)
	return corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: int32(code), Message: string(text)}}
}

// The whole of a run is one Pod, one patch when it starts and one when it ends.
func TestThreeWrites(t *testing.T) {
	h := build(t, taskRun())
	h.reconcile()
	h.reconcile()
	h.kubelet("ci-pod", running())
	h.reconcile()
	h.want("Unknown", "Running")
	h.reconcile()
	h.kubelet("ci-pod", h.ended(contract.ReasonCompleted, 0))
	h.reconcile()
	h.want("True", "Succeeded")
	h.reconcile()
	h.wantWrites("create ci-pod", "patch status of ci", "patch status of ci")
	if n := len(h.told.Events); n != 2 {
		t.Errorf("%d events, want Started and Succeeded", n)
	}
	if run := h.run(); run.Status.PodName != "ci-pod" || run.Status.TaskSpec == nil || run.Status.StartTime == nil || run.Status.CompletionTime == nil {
		t.Errorf("status is not complete: %+v", run.Status)
	}
}

// A run that is over before anyone looked costs one patch.
func TestOnePatchForAQuickRun(t *testing.T) {
	h := build(t, taskRun())
	h.reconcile()
	h.kubelet("ci-pod", h.ended(contract.ReasonCompleted, 0))
	h.reconcile()
	h.want("True", "Succeeded")
	h.wantWrites("create ci-pod", "patch status of ci")
}

// A controller that takes over finds the Pod that the last one made.
func TestTakeOver(t *testing.T) {
	h := build(t, taskRun())
	h.reconcile()
	old := h.Reconciler
	h.Reconciler = &Reconciler{Client: old.Client, Live: old.Live, References: old.References, Events: old.Events, Config: old.Config, Settings: old.Settings, Now: old.Now}
	h.writes = nil
	h.kubelet("ci-pod", h.ended(contract.ReasonCompleted, 0))
	h.reconcile()
	h.want("True", "Succeeded")
	h.wantWrites("patch status of ci")
}

// Nobody's Pod but the run's own is taken for its Pod.
func TestForeignPod(t *testing.T) {
	h := build(t, taskRun(), &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: "ci-pod"}})
	h.reconcile()
	h.want("False", "PodCreationFailed")
}

// A Pod that somebody deletes is not made again, recorded or not: its steps may
// have run.
func TestDeletedPod(t *testing.T) {
	t.Run("recorded", func(t *testing.T) {
		h := build(t, taskRun())
		h.reconcile()
		h.kubelet("ci-pod", running())
		h.reconcile()
		h.remove("ci-pod")
		h.reconcile()
		h.want("False", "PodDeleted")
		h.wantWrites("patch status of ci")
	})
	t.Run("seen", func(t *testing.T) {
		h := build(t, taskRun())
		h.reconcile()
		h.reconcile()
		h.remove("ci-pod")
		h.reconcile()
		h.want("False", "PodDeleted")
		h.wantWrites("patch status of ci")
	})
	t.Run("by a successor", func(t *testing.T) {
		h := build(t, taskRun(func(r *v1.TaskRun) { r.Status.PodName = "ci-pod" }))
		h.reconcile()
		h.want("False", "PodDeleted")
	})
}

// Each attempt has its own Pod and keeps its own status.
func TestRetries(t *testing.T) {
	h := build(t, taskRun(func(r *v1.TaskRun) { r.Spec.Retries = 1 }))
	h.reconcile()
	h.kubelet("ci-pod", h.ended(contract.ReasonError, 3))
	h.reconcile()
	h.want("Unknown", "ToBeRetried")
	h.reconcile()
	h.kubelet("ci-pod-retry1", h.ended(contract.ReasonError, 4))
	h.reconcile()
	h.want("False", "StepFailed")
	run := h.run()
	if len(run.Status.RetriesStatus) != 1 || run.Status.RetriesStatus[0].PodName != "ci-pod" ||
		run.Status.RetriesStatus[0].Steps[0].Terminated.ExitCode != 3 || run.Status.PodName != "ci-pod-retry1" {
		t.Errorf("retriesStatus %+v, podName %s", run.Status.RetriesStatus, run.Status.PodName)
	}
}

func cancelRun(h *house) {
	h.Helper()
	run := h.run()
	run.Spec.Status = v1.TaskRunSpecStatusCancelled
	if err := h.Client.Update(h.Context(), run); err != nil {
		h.Fatal(err)
	}
	h.writes = nil
}

// A Pod that runs is told to end and kept for its logs; one that does not is deleted.
func TestCancel(t *testing.T) {
	t.Run("running", func(t *testing.T) {
		h := build(t, taskRun(func(r *v1.TaskRun) { r.Spec.Retries = 3 }))
		h.reconcile()
		h.kubelet("ci-pod", running())
		h.reconcile()
		cancelRun(h)
		h.reconcile()
		h.reconcile()
		if d := h.pod("ci-pod").Spec.ActiveDeadlineSeconds; d == nil || *d != 1 {
			t.Errorf("activeDeadlineSeconds is %v", d)
		}
		h.want("Unknown", "Running")
		h.kubelet("ci-pod", h.ended(contract.ReasonCancelled, 143))
		h.reconcile()
		h.want("False", "TaskRunCancelled")
		h.wantWrites("patch ci-pod", "patch status of ci")
	})
	t.Run("failed before its step is said to have ended", func(t *testing.T) {
		h := build(t, taskRun())
		h.reconcile()
		h.kubelet("ci-pod", running())
		h.reconcile()
		cancelRun(h)
		h.reconcile()
		pod := h.pod("ci-pod")
		pod.Status.Phase, pod.Status.Reason = corev1.PodFailed, "DeadlineExceeded"
		if err := h.Client.Status().Update(h.Context(), pod); err != nil {
			t.Fatal(err)
		}
		h.reconcile()
		h.want("Unknown", "Running")
		h.kubelet("ci-pod", h.ended(contract.ReasonCancelled, 143))
		h.reconcile()
		h.want("False", "TaskRunCancelled")
	})
	t.Run("node lost", func(t *testing.T) {
		h := build(t, taskRun())
		h.reconcile()
		h.kubelet("ci-pod", running())
		h.reconcile()
		cancelRun(h)
		wait := h.reconcile().RequeueAfter
		h.clock = h.clock.Add(wait)
		h.reconcile()
		h.want("False", "TaskRunCancelled")
		if s := h.run().Status.Steps[0]; s.TerminationReason != v1.TerminationReasonCancelled {
			t.Errorf("step is %+v", s)
		}
	})
	t.Run("waiting", func(t *testing.T) {
		h := build(t, taskRun())
		h.reconcile()
		cancelRun(h)
		h.reconcile()
		h.want("False", "TaskRunCancelled")
		h.wantWrites("delete ci-pod", "patch status of ci")
	})
	t.Run("no pod yet", func(t *testing.T) {
		h := build(t, taskRun(func(r *v1.TaskRun) { r.Spec.Status = v1.TaskRunSpecStatusCancelled }))
		h.reconcile()
		h.want("False", "TaskRunCancelled")
		h.wantWrites("patch status of ci")
	})
}

func TestTimeout(t *testing.T) {
	h := build(t, taskRun(func(r *v1.TaskRun) { r.Spec.Timeout = &metav1.Duration{Duration: time.Minute} }))
	h.reconcile()
	h.kubelet("ci-pod", running())
	if wait := h.reconcile().RequeueAfter; wait != time.Minute {
		t.Errorf("looks again after %s", wait)
	}
	h.clock = h.clock.Add(time.Minute)
	h.reconcile()
	h.kubelet("ci-pod", h.ended(contract.ReasonCancelled, 143))
	h.reconcile()
	h.want("False", "TaskRunTimeout")
	if m := h.run().Status.GetCondition(v1.ConditionSucceeded).Message; m != `TaskRun "ci" failed to finish within "1m0s": step "ok" was running` {
		t.Error(m)
	}
}

// A run whose time is up before its steps started says what they waited for.
func TestTimeoutWhileWaiting(t *testing.T) {
	h := build(t, taskRun(func(r *v1.TaskRun) { r.Spec.Timeout = &metav1.Duration{Duration: time.Minute} }))
	h.reconcile()
	pod := h.pod("ci-pod")
	pod.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodScheduled, Status: corev1.ConditionFalse, Message: "no node is large enough"}}
	if err := h.Client.Status().Update(t.Context(), pod); err != nil {
		t.Fatal(err)
	}
	h.reconcile()
	h.clock = h.clock.Add(time.Minute)
	h.reconcile()
	h.want("False", "TaskRunTimeout")
	if m := h.run().Status.GetCondition(v1.ConditionSucceeded).Message; !strings.HasSuffix(m, `: the pod waits for a node: no node is large enough`) {
		t.Error(m)
	}
}

// The image of a later step is missing while the first one runs: the Pod is ended,
// and then says nothing of images any more. Nor does a controller that takes over know.
func TestImageOfALaterStep(t *testing.T) {
	h := build(t, taskRun(func(r *v1.TaskRun) {
		r.Spec.TaskSpec.Steps = append(r.Spec.TaskSpec.Steps, v1.Step{Name: "later", Image: "nowhere", Command: []string{"true"}})
	}))
	statuses := func(states ...corev1.ContainerState) {
		pod := h.pod("ci-pod")
		pod.Status.ContainerStatuses = nil
		for i, name := range []string{"step-ok", "step-later"} {
			pod.Status.ContainerStatuses = append(pod.Status.ContainerStatuses, corev1.ContainerStatus{Name: name, State: states[i]})
		}
		if err := h.Client.Status().Update(t.Context(), pod); err != nil {
			t.Fatal(err)
		}
	}
	h.reconcile()
	statuses(running(), corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "ImagePullBackOff", Message: "no such image"}})
	h.reconcile()
	statuses(running(), corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "ErrImagePull"}})
	h.reconcile()
	h.wantWrites("create ci-pod", "patch status of ci", "patch ci-pod")
	old := h.Reconciler
	h.Reconciler = &Reconciler{Client: old.Client, Live: old.Live, References: old.References, Events: old.Events, Config: old.Config, Settings: old.Settings, Now: old.Now}
	statuses(h.ended(contract.ReasonCancelled, 143), corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{Reason: "ContainerStatusUnknown", ExitCode: 137}})
	h.reconcile()
	h.want("False", "TaskRunImagePullFailed")
	if m := h.run().Status.GetCondition(v1.ConditionSucceeded).Message; m != `step "later": image nowhere cannot be pulled: no such image` {
		t.Error(m)
	}
}

// Where there is no room now, the run waits and says so, until its time is up.
func TestQuota(t *testing.T) {
	h := build(t, taskRun(func(r *v1.TaskRun) { r.Spec.Timeout = &metav1.Duration{Duration: time.Minute} }))
	h.refuse = apierrors.NewForbidden(schema.GroupResource{Resource: "pods"}, "ci-pod", errors.New("exceeded quota: q"))
	if wait := h.reconcile().RequeueAfter; wait != quotaRetry {
		t.Errorf("tries again after %s", wait)
	}
	h.want("Unknown", "ExceededResourceQuota")
	h.writes = nil
	h.reconcile()
	h.wantWrites("create ci-pod")
	h.clock = h.clock.Add(time.Minute)
	h.reconcile()
	h.want("False", "TaskRunTimeout")
	if m := h.run().Status.GetCondition(v1.ConditionSucceeded).Message; !strings.Contains(m, "exceeded quota: q") {
		t.Error(m)
	}
}

// The user's mistakes end the run at once, and another attempt would not help.
func TestRefusals(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(*v1.TaskRun)
		refuse error
		reason string
		say    string
	}{
		"no such task": {func(r *v1.TaskRun) { r.Spec.TaskSpec, r.Spec.TaskRef = nil, &v1.TaskRef{Name: "biuld"} }, nil,
			"TaskRunResolutionFailed", `taskRef.name: no task named "biuld" in namespace "ns"; did you mean "build"?`},
		"no param": {func(r *v1.TaskRun) { r.Spec.TaskSpec.Params = v1.ParamSpecs{{Name: "p"}} }, nil,
			"TaskRunValidationFailed", `spec.params: parameter "p" has no default and must be given`},
		"enum": {func(r *v1.TaskRun) {
			r.Spec.TaskSpec.Params = v1.ParamSpecs{{Name: "p", Enum: []string{"a"}}}
			r.Spec.Params = v1.Params{{Name: "p", Value: *v1.NewString("b")}}
		}, nil, "InvalidParamValue", `spec.params[0].value: parameter "p" cannot be "b": it is one of a`},
		"breakpoint at no step": {func(r *v1.TaskRun) {
			r.Spec.Debug = &v1.TaskRunDebug{Breakpoints: &v1.TaskBreakpoints{BeforeSteps: []string{"nowhere"}}}
		}, nil, "TaskRunValidationFailed", `spec.debug.breakpoints.beforeSteps[0]: no step named "nowhere"`},
		"what nothing acts on": {func(r *v1.TaskRun) {
			r.Spec.TaskSpec.Sidecars = []v1.Sidecar{{Image: "busybox", RestartPolicy: new(corev1.ContainerRestartPolicyNever)}}
		}, nil, "TaskRunValidationFailed", "spec.taskSpec.sidecars[0].restartPolicy: is not implemented yet: remove it"},
		"policy": {func(*v1.TaskRun) {}, apierrors.NewForbidden(schema.GroupResource{Resource: "pods"}, "ci-pod", errors.New("violates PodSecurity")),
			"PodCreationFailed", "the pod was refused: "},
		"task with a mistake": {func(r *v1.TaskRun) { r.Spec.TaskSpec, r.Spec.TaskRef = nil, &v1.TaskRef{Name: "build"} }, nil,
			"TaskValidationFailed", `task "build": spec.steps: a Task needs at least one step`},
	} {
		t.Run(name, func(t *testing.T) {
			h := build(t, taskRun(tc.change, func(r *v1.TaskRun) { r.Spec.Retries = 2 }),
				&v1.Task{ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: "build"}})
			h.refuse = tc.refuse
			h.reconcile()
			h.want("False", tc.reason)
			if m := h.run().Status.GetCondition(v1.ConditionSucceeded).Message; !strings.HasPrefix(m, tc.say) {
				t.Errorf("message %s\nwant    %s", m, tc.say)
			}
		})
	}
}

// What is refused leaves nothing behind, not even a volume.
func TestRefusalMakesNoClaim(t *testing.T) {
	h := build(t, taskRun(func(r *v1.TaskRun) {
		r.Spec.Workspaces = []v1.WorkspaceBinding{{Name: "w", VolumeClaimTemplate: &corev1.PersistentVolumeClaim{}}}
		r.Spec.StepSpecs = []v1.TaskRunStepSpec{{Name: "nowhere"}}
	}))
	h.reconcile()
	h.want("False", "TaskRunValidationFailed")
	h.wantWrites("patch status of ci")
}

func TestHeldBack(t *testing.T) {
	h := build(t, taskRun(func(r *v1.TaskRun) { r.Spec.Status = v1.TaskRunSpecStatusPending }))
	h.reconcile()
	h.reconcile()
	h.want("Unknown", "TaskRunPending")
	h.wantWrites("patch status of ci")
	if h.run().Status.StartTime != nil {
		t.Error("a run that is held back has started")
	}
}

// A claim from a template is made once for all attempts, and goes with the run.
func TestVolumeClaimTemplate(t *testing.T) {
	h := build(t, taskRun(func(r *v1.TaskRun) {
		r.Spec.Retries = 1
		r.Spec.Workspaces = []v1.WorkspaceBinding{{Name: "w", VolumeClaimTemplate: &corev1.PersistentVolumeClaim{}}}
	}))
	h.reconcile()
	h.kubelet("ci-pod", h.ended(contract.ReasonError, 3))
	h.reconcile()
	h.reconcile()
	var claims corev1.PersistentVolumeClaimList
	if err := h.Client.List(t.Context(), &claims); err != nil || len(claims.Items) != 1 || claims.Items[0].OwnerReferences[0].UID != "u1" {
		t.Fatalf("claims %+v, %v", claims.Items, err)
	}
	for _, name := range []string{"ci-pod", "ci-pod-retry1"} {
		if !slices.ContainsFunc(h.pod(name).Spec.Volumes, func(v corev1.Volume) bool {
			return v.PersistentVolumeClaim != nil && v.PersistentVolumeClaim.ClaimName == claims.Items[0].Name
		}) {
			t.Errorf("%s has no volume of the claim", name)
		}
	}
}

func TestCredentials(t *testing.T) {
	secret := func(name string, kind corev1.SecretType, annotations map[string]string) *corev1.Secret {
		return &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: name, Annotations: annotations}, Type: kind}
	}
	h := build(t, taskRun(),
		&corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: "ci"}, Secrets: []corev1.ObjectReference{
			{Name: "login"}, {Name: "key"}, {Name: "plain"}, {Name: "registry"}, {Name: "gone"}}},
		secret("login", corev1.SecretTypeBasicAuth, map[string]string{"tekton.dev/git-1": "https://b", "tekton.dev/git-0": "https://a", "tekton.dev/docker-0": "https://r"}),
		secret("key", corev1.SecretTypeSSHAuth, map[string]string{"tekton.dev/git-0": "host"}),
		secret("plain", corev1.SecretTypeBasicAuth, nil),
		secret("registry", corev1.SecretTypeDockerConfigJson, nil))
	got, _, err := h.account(t.Context(), "ns", "ci")
	if err != nil {
		t.Fatal(err)
	}
	want := []contract.Credential{
		{Kind: "basic-git", Secret: "login", URLs: []string{"https://a", "https://b"}},
		{Kind: "basic-docker", Secret: "login", URLs: []string{"https://r"}},
		{Kind: "ssh-git", Secret: "key", URLs: []string{"host"}},
		{Kind: "docker-config", Secret: "registry"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
