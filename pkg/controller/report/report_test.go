package report

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/slipway-dev/slipway/api/slipway/v1alpha1"
	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
	"github.com/slipway-dev/slipway/pkg/forge"
	"github.com/slipway-dev/slipway/pkg/kube"
)

var epoch = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// world is a cluster with runs of one repository, and a forge that writes down what it
// is told.
type world struct {
	*testing.T
	cluster client.Client
	*Reconciler
	failure error
	calls   []string
	text    string
	url     string
	log     string
	forge.Client
}

func (w *world) SetStatus(_ context.Context, commit string, s forge.Status) error {
	w.calls = append(w.calls, fmt.Sprintf("%s %s %s: %s", commit, s.Name, s.State, s.Description))
	w.text, w.url = s.Text, s.URL
	return w.failure
}

func (w *world) Comment(_ context.Context, number int64, _, _ string) error {
	w.calls = append(w.calls, fmt.Sprintf("comment %d", number))
	return nil
}

func newWorld(t *testing.T) *world {
	t.Helper()
	scheme, err := kube.Scheme()
	if err != nil {
		t.Fatal(err)
	}
	w := &world{T: t, log: "boom\n"}
	w.cluster = fake.NewClientBuilder().WithScheme(scheme).WithStatusSubresource(&v1.PipelineRun{}).WithIndex(&v1.PipelineRun{}, kube.RepositoryField, kube.RepositoryOf).
		WithObjects(owner()).Build()
	w.Reconciler = New(Deps{Client: w.cluster, Now: func() time.Time { return epoch }, Forge: func(context.Context, *v1alpha1.Repository) (forge.Client, error) { return w, nil },
		Log: func(context.Context, *corev1.Pod, string, int64) (string, error) { return w.log, nil }})
	return w
}

func owner() *v1alpha1.Repository {
	return &v1alpha1.Repository{ObjectMeta: metav1.ObjectMeta{Namespace: "ci", Name: "engine", UID: "u"}}
}

// run makes one of the n-th event, of a pull request if it has a number.
func (w *world) run(n int, commit, number string) *v1.PipelineRun {
	w.Helper()
	run := &v1.PipelineRun{ObjectMeta: metav1.ObjectMeta{Namespace: "ci", Name: fmt.Sprintf("build-%d", n), UID: types.UID(fmt.Sprint(n)),
		OwnerReferences: []metav1.OwnerReference{*v1alpha1.OwnerReference(owner())}, Labels: map[string]string{v1alpha1.LabelCommit: commit},
		Annotations: map[string]string{v1alpha1.AnnotationPipeline: "build", v1alpha1.AnnotationReceived: fmt.Sprint(1000 + n)}}}
	if number != "" {
		run.Labels[v1alpha1.LabelPullRequest] = number
	}
	if err := w.cluster.Create(w.Context(), run); err != nil {
		w.Fatal(err)
	}
	return run
}

func (w *world) look(run *v1.PipelineRun) error {
	_, err := w.Reconcile(w.Context(), reconcile.Request{NamespacedName: client.ObjectKeyFromObject(run)})
	return err
}

// ends finishes a run with a task, and has it looked at.
func (w *world) ends(run *v1.PipelineRun, status corev1.ConditionStatus, reason string) {
	w.Helper()
	child := &v1.TaskRun{ObjectMeta: metav1.ObjectMeta{Namespace: "ci", Name: run.Name + "-unit", Labels: map[string]string{v1.LabelPipelineRun: run.Name}}}
	child.Status.Conditions = v1.Conditions{{Type: v1.ConditionSucceeded, Status: status, Reason: reason, Message: `step "test" exited with code 1; see: slipway logs`}}
	child.Status.Steps = []v1.StepState{
		{Name: "tolerated", Container: "step-tolerated", TerminationReason: v1.TerminationReasonContinued, ContainerState: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: 1}}},
		{Name: "test", Container: "step-test", ContainerState: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: 1}}}}
	if err := w.cluster.Create(w.Context(), child); err != nil {
		w.Fatal(err)
	}
	if err := w.cluster.Get(w.Context(), client.ObjectKeyFromObject(run), run); err != nil {
		w.Fatal(err)
	}
	run.Status.StartTime, run.Status.CompletionTime = &metav1.Time{Time: epoch}, &metav1.Time{Time: epoch.Add(63 * time.Second)}
	run.Status.ChildReferences = []v1.ChildStatusReference{{Name: child.Name, PipelineTaskName: "unit"}}
	run.Status.Conditions = v1.Conditions{{Type: v1.ConditionSucceeded, Status: status, Reason: reason, Message: "Tasks Completed"}}
	if err := w.cluster.Status().Update(w.Context(), run); err != nil {
		w.Fatal(err)
	}
	if err := w.look(run); err != nil {
		w.Fatal(err)
	}
}

func (w *world) want(calls ...string) {
	w.Helper()
	if diff := cmp.Diff(calls, w.calls); diff != "" {
		w.Errorf("the forge was told (-want +got):\n%s", diff)
	}
	w.calls = nil
}

// Where somebody said where runs can be seen, the forge links there.
func TestStatusLinksToTheRun(t *testing.T) {
	w := newWorld(t)
	w.ends(w.run(1, "c1", ""), corev1.ConditionTrue, "Succeeded")
	if w.url != "" || !strings.HasSuffix(w.text, "shows all.\n") {
		t.Errorf("nobody said where: %q, %s", w.url, w.text)
	}
	w.RunURL = "https://ci.example.com/#/namespaces/{namespace}/pipelineruns/{name}"
	w.ends(w.run(2, "c2", ""), corev1.ConditionTrue, "Succeeded")
	const want = "https://ci.example.com/#/namespaces/ci/pipelineruns/build-2"
	if w.url != want || !strings.Contains(w.text, "[this page]("+want+")") {
		t.Errorf("the status links to %q and says %s", w.url, w.text)
	}
}

// Each change is told once, whatever the cache shows and whoever is restarted.
func TestEachChangeIsToldOnce(t *testing.T) {
	w := newWorld(t)
	run := w.run(1, "c1", "")
	for range 3 {
		if err := w.look(run); err != nil {
			t.Fatal(err)
		}
	}
	w.Reconciler = New(w.Deps)
	if err := w.look(run); err != nil {
		t.Fatal(err)
	}
	w.want("c1 slipway/build running: runs as build-1")
	w.ends(run, corev1.ConditionTrue, "Succeeded")
	w.Reconciler = New(w.Deps)
	if err := w.look(run); err != nil {
		t.Fatal(err)
	}
	w.want("c1 slipway/build success: succeeded after 1m3s")
}

func TestStates(t *testing.T) {
	for name, tc := range map[string]struct {
		status corev1.ConditionStatus
		reason string
		want   string
	}{
		"failed":    {corev1.ConditionFalse, "Failed", `c1 slipway/build failure: failed after 1m3s: unit: step "test" exited with code 1`},
		"cancelled": {corev1.ConditionFalse, "Cancelled", "c1 slipway/build cancelled: cancelled after 1m3s"},
		"succeeded": {corev1.ConditionTrue, "Completed", "c1 slipway/build success: succeeded after 1m3s"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.ends(w.run(1, "c1", ""), tc.status, tc.reason)
			w.want(tc.want)
		})
	}
}

// A comment says what failed, and is mended by what succeeds next, once.
func TestComments(t *testing.T) {
	w := newWorld(t)
	for i, tc := range []struct {
		status corev1.ConditionStatus
		calls  int
	}{{corev1.ConditionTrue, 1}, {corev1.ConditionFalse, 2}, {corev1.ConditionTrue, 2}, {corev1.ConditionTrue, 1}} {
		w.ends(w.run(i, fmt.Sprintf("c%d", i), "7"), tc.status, "Failed")
		if len(w.calls) != tc.calls {
			t.Errorf("run %d: the forge was told %q", i, w.calls)
		}
		w.calls = nil
	}
}

// What was run again has the status; the older run says nothing over it.
func TestOlderRunIsSilent(t *testing.T) {
	w := newWorld(t)
	old := w.run(1, "c1", "7")
	w.run(2, "c1", "7")
	w.ends(old, corev1.ConditionFalse, "Failed")
	w.want()
}

// A forge that is away is told later; one that has no such commit, never.
func TestForgeIsAway(t *testing.T) {
	w := newWorld(t)
	run := w.run(1, "c1", "")
	w.failure = errors.New("connection refused")
	if err := w.look(run); err == nil {
		t.Error("it is not tried again")
	}
	w.failure = fmt.Errorf("%w: the commit", forge.ErrNotFound)
	if err := w.look(run); err != nil {
		t.Error(err)
	}
	w.failure, w.calls = nil, nil
	if err := w.look(run); err != nil {
		t.Error(err)
	}
	w.want()
}

// A log is shown as it is, whatever it holds.
func TestLogStaysInItsFence(t *testing.T) {
	w := newWorld(t)
	w.log = "````\n@everybody <img src=x>\n"
	w.ends(w.run(1, "c1", ""), corev1.ConditionFalse, "Failed")
	if !strings.Contains(w.text, "\n`````\n````\n@everybody <img src=x>\n`````\n") {
		t.Errorf("the text is\n%s", w.text)
	}
	w = newWorld(t)
	w.log = strings.Repeat("x", tailBytes) + "end\n"
	w.ends(w.run(1, "c1", ""), corev1.ConditionFalse, "Failed")
	if len(w.text) > tailBytes+1000 || !strings.Contains(w.text, "end\n```") {
		t.Errorf("the text has %d bytes", len(w.text))
	}
}

func TestPlain(t *testing.T) {
	if got, want := plain("a*b_c`d`<e> @f [g](h) #1\n|"), "a\\*b\\_c\\`d\\`&lt;e&gt; &#64;f \\[g\\](h) \\#1 \\|"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
