package pipelinerun

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	config "github.com/slipway-dev/slipway/api/config/v1alpha1"
	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
	"github.com/slipway-dev/slipway/api/tekton/v1beta1"
	"github.com/slipway-dev/slipway/pkg/kube"
	"github.com/slipway-dev/slipway/pkg/kube/settings"
	"github.com/slipway-dev/slipway/pkg/plan"
	"github.com/slipway-dev/slipway/pkg/plan/names"
	"github.com/slipway-dev/slipway/pkg/resolve"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/tools/events"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
	"sigs.k8s.io/yaml"
)

// bench is a reconciler on a cluster in memory that counts its writes.
type bench struct {
	*testing.T
	*Reconciler
	events *events.FakeRecorder
	writes []string
	// refuse, when set, answers creations and status writes.
	refuse func(what string) error
}

func newBench(t *testing.T, objects ...client.Object) *bench {
	t.Helper()
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{clientgoscheme.AddToScheme, v1.AddToScheme, v1beta1.AddToScheme} {
		if err := add(scheme); err != nil {
			t.Fatal(err)
		}
	}
	b := &bench{T: t, events: events.NewFakeRecorder(20)}
	note := func(what string) error {
		if b.refuse != nil {
			if err := b.refuse(what); err != nil {
				return err
			}
		}
		b.writes = append(b.writes, what)
		return nil
	}
	builder := fake.NewClientBuilder().WithScheme(scheme).WithObjects(objects...).WithStatusSubresource(&v1.PipelineRun{}, &v1.TaskRun{})
	for _, o := range children() {
		builder = builder.WithIndex(o, ownerField, ownerIndex)
	}
	builder = builder.WithIndex(&v1.PipelineRun{}, groupField, groupIndex)
	c := builder.WithInterceptorFuncs(interceptor.Funcs{
		Create: func(ctx context.Context, c client.WithWatch, o client.Object, opts ...client.CreateOption) error {
			if err := note("create " + o.GetName()); err != nil {
				return err
			}
			return c.Create(ctx, o, opts...)
		},
		Patch: func(ctx context.Context, c client.WithWatch, o client.Object, p client.Patch, opts ...client.PatchOption) error {
			if err := note("patch " + o.GetName()); err != nil {
				return err
			}
			return c.Patch(ctx, o, p, opts...)
		},
		SubResourcePatch: func(ctx context.Context, c client.Client, sub string, o client.Object, p client.Patch, opts ...client.SubResourcePatchOption) error {
			if err := note(sub + " " + o.GetName()); err != nil {
				return err
			}
			return c.SubResource(sub).Patch(ctx, o, p, opts...)
		},
	}).Build()
	b.Reconciler = New(Deps{
		Client: c, Live: c, References: &resolve.Finder{Cluster: kube.NewReader(c, c, scheme, resolve.ErrNotFound), Desk: resolve.NewDesk(resolve.DeskOptions{Now: time.Now})}, Events: b.events,
		Settings: settings.NewStore(config.RunDefaults{Timeout: &metav1.Duration{Duration: time.Hour}}, slog.New(slog.DiscardHandler)), Now: func() time.Time { return time.Unix(1_700_000_000, 0) },
	})
	return b
}

func (b *bench) reconcile() error {
	b.Helper()
	_, err := b.Reconcile(b.Context(), ctrl.Request{NamespacedName: client.ObjectKey{Namespace: "ns", Name: "ci"}})
	return err
}

func (b *bench) must(times int) {
	b.Helper()
	for range times {
		if err := b.reconcile(); err != nil {
			b.Fatal(err)
		}
	}
}

func (b *bench) run() *v1.PipelineRun {
	b.Helper()
	run := &v1.PipelineRun{}
	if err := b.Client.Get(b.Context(), client.ObjectKey{Namespace: "ns", Name: "ci"}, run); err != nil {
		b.Fatal(err)
	}
	return run
}

func (b *bench) finish(name string, how corev1.ConditionStatus) {
	b.Helper()
	tr := &v1.TaskRun{}
	if err := b.Client.Get(b.Context(), client.ObjectKey{Namespace: "ns", Name: name}, tr); err != nil {
		b.Fatal(err)
	}
	tr.Status.SetCondition(v1.Condition{Type: v1.ConditionSucceeded, Status: how, Reason: "Ended"})
	if err := b.Client.Status().Update(b.Context(), tr); err != nil {
		b.Fatal(err)
	}
}

func (b *bench) told() []string {
	var out []string
	for {
		select {
		case e := <-b.events.Events:
			out = append(out, e)
		default:
			return out
		}
	}
}

func parse[T any](t *testing.T, text string) *T {
	t.Helper()
	o := new(T)
	if err := yaml.UnmarshalStrict([]byte(text), o); err != nil {
		t.Fatal(err)
	}
	return o
}

const (
	pipeline = `
metadata: {name: p, namespace: ns, labels: {team: a}}
spec: {tasks: [{name: a, taskRef: {name: t}}, {name: b, runAfter: [a], taskRef: {name: t}}]}
`
	task = `{metadata: {name: t, namespace: ns}, spec: {steps: [{name: s, image: i}]}}`
	ci   = `{metadata: {name: ci, namespace: ns, uid: u-1}, spec: {pipelineRef: {name: p}}}`
)

// The writes of a run of two tasks, and nothing beside them: what is looked at
// again without news is not written.
func TestWritesOfARun(t *testing.T) {
	b := newBench(t, parse[v1.Pipeline](t, pipeline), parse[v1.Task](t, task), parse[v1.PipelineRun](t, ci))
	b.must(5)
	b.finish("ci-a", corev1.ConditionTrue)
	b.must(3)
	b.finish("ci-b", corev1.ConditionTrue)
	b.must(3)
	want := []string{"patch ci", "status ci", "create ci-a", "status ci", "create ci-b", "status ci", "status ci"}
	if !slices.Equal(b.writes, want) {
		t.Errorf("wrote %q\nwant  %q", b.writes, want)
	}
	run := b.run()
	if !run.IsSuccessful() || len(run.Status.ChildReferences) != 2 || run.Status.Provenance.RefSource == nil {
		t.Errorf("status: %+v", run.Status)
	}
	if run.Labels["team"] != "a" || run.Labels[v1.LabelPipeline] != "p" {
		t.Errorf("labels: %v", run.Labels)
	}
	told := []string{"Normal Started the run has started",
		"Normal Running Tasks Completed: 0 (Failed: 0, Cancelled 0), Incomplete: 2, Skipped: 0",
		"Normal Succeeded Tasks Completed: 2 (Failed: 0, Cancelled 0), Skipped: 0"}
	if got := b.told(); !slices.Equal(got, told) {
		t.Errorf("told %q\nwant %q", got, told)
	}
}

// What only the user can mend ends the run; what may mend itself is tried again.
func TestErrorsByKind(t *testing.T) {
	invalid := apierrors.NewInvalid(v1.SchemeGroupVersion.WithKind("TaskRun").GroupKind(), "ci-a", nil)
	quota := apierrors.NewForbidden(v1.SchemeGroupVersion.WithResource("taskruns").GroupResource(), "ci-a", errors.New("exceeded quota: q"))
	for name, tc := range map[string]struct {
		objects []client.Object
		refuse  error
		want    string
		retried bool
	}{
		"no such pipeline": {want: `CouldntGetPipeline: [User error] spec.pipelineRef.name: no pipeline named "p" in namespace "ns"`},
		"no such task": {objects: []client.Object{parse[v1.Pipeline](t, pipeline)},
			want: `CouldntGetTask: [User error] task "a": taskRef.name: no task named "t" in namespace "ns"`},
		"a child that is refused": {objects: []client.Object{parse[v1.Pipeline](t, pipeline), parse[v1.Task](t, task)}, refuse: invalid,
			want: `CreateRunFailed: [User error] create TaskRun "ci-a": TaskRun.tekton.dev "ci-a" is invalid`},
		"no room now": {objects: []client.Object{parse[v1.Pipeline](t, pipeline), parse[v1.Task](t, task)}, refuse: quota, retried: true},
		"a child of another": {objects: []client.Object{parse[v1.Pipeline](t, pipeline), parse[v1.Task](t, task),
			&v1.TaskRun{ObjectMeta: metav1.ObjectMeta{Name: "ci-a", Namespace: "ns"}}},
			want: `CreateRunFailed: [User error] TaskRun "ci-a" exists and is not of this run: delete it, or give the run another name`},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, append(tc.objects, parse[v1.PipelineRun](t, ci))...)
			b.refuse = func(what string) error {
				if strings.HasPrefix(what, "create") {
					return tc.refuse
				}
				return nil
			}
			var err error
			for range 4 {
				err = errors.Join(err, b.reconcile())
			}
			c := b.run().Status.GetCondition(v1.ConditionSucceeded)
			if tc.retried {
				if err == nil || !c.IsUnknown() {
					t.Errorf("not tried again: %v, %+v", err, c)
				}
				return
			}
			if got := c.Reason + ": " + c.Message; err != nil || !c.IsFalse() || got != tc.want {
				t.Errorf("got  %s, %v\nwant %s", got, err, tc.want)
			}
		})
	}
}

// A claim that an earlier try has made is taken, and needs no right to read claims.
func TestClaimIsMadeOnce(t *testing.T) {
	run := parse[v1.PipelineRun](t, ci)
	run.Spec.Workspaces = []v1.WorkspaceBinding{{Name: "w", VolumeClaimTemplate: &corev1.PersistentVolumeClaim{}}}
	claim := &corev1.PersistentVolumeClaim{ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: names.Claim(run, run.Spec.Workspaces[0])}}
	b := newBench(t, parse[v1.Pipeline](t, pipeline), parse[v1.Task](t, task), run, claim)
	b.Live = nil
	b.must(3)
	if refs := b.run().Status.ChildReferences; len(refs) != 1 {
		t.Errorf("children: %+v", refs)
	}
}

// Claims go with the end of a run that asks for it, with the run itself of any other.
func TestClaimsGoWhenTheRunEnds(t *testing.T) {
	for name, asked := range map[string]string{"asked for": "true", "not asked for": ""} {
		t.Run(name, func(t *testing.T) {
			run := parse[v1.PipelineRun](t, ci)
			run.Annotations = map[string]string{v1.AnnotationAutoCleanupPVC: asked}
			// Kubernetes protects every claim, and Pods that have ended use theirs still.
			protected := &corev1.PersistentVolumeClaim{ObjectMeta: metav1.ObjectMeta{Finalizers: []string{"kubernetes.io/pvc-protection"}}}
			run.Spec.Workspaces = []v1.WorkspaceBinding{{Name: "w", VolumeClaimTemplate: protected}}
			b := newBench(t, parse[v1.Pipeline](t, pipeline), parse[v1.Task](t, task), run)
			claims := func() int {
				var list corev1.PersistentVolumeClaimList
				if err := b.Client.List(t.Context(), &list); err != nil {
					t.Fatal(err)
				}
				return len(list.Items)
			}
			b.must(4)
			b.finish("ci-a", corev1.ConditionTrue)
			b.must(3)
			if n := claims(); n != 1 {
				t.Fatalf("%d claims while the run goes on", n)
			}
			b.finish("ci-b", corev1.ConditionTrue)
			b.must(2)
			if left, want := claims() > 0, asked == ""; !b.run().IsDone() || left != want {
				t.Errorf("done: %v; the claim is left: %v, want %v", b.run().IsDone(), left, want)
			}
		})
	}
}

// A child that was created by a decision whose status was lost is found, not
// made again.
func TestLostStatus(t *testing.T) {
	b := newBench(t, parse[v1.Pipeline](t, pipeline), parse[v1.Task](t, task), parse[v1.PipelineRun](t, ci))
	b.must(2)
	conflict := apierrors.NewConflict(v1.SchemeGroupVersion.WithResource("pipelineruns").GroupResource(), "ci", nil)
	b.refuse = func(what string) error {
		if what == "status ci" {
			return conflict
		}
		return nil
	}
	b.must(1)
	b.refuse = nil
	b.must(2)
	if n := len(slices.DeleteFunc(b.writes, func(w string) bool { return w != "create ci-a" })); n != 1 {
		t.Errorf("%d creations", n)
	}
	if refs := b.run().Status.ChildReferences; len(refs) != 1 || refs[0].Name != "ci-a" {
		t.Errorf("children: %+v", refs)
	}
}

func TestRunsOfOthersAreLeftAlone(t *testing.T) {
	for name, change := range map[string]func(*v1.PipelineRun){
		"managed by another": func(r *v1.PipelineRun) { r.Spec.ManagedBy = new("kueue.x-k8s.io/multikueue") },
		"being deleted": func(r *v1.PipelineRun) {
			r.DeletionTimestamp, r.Finalizers = &metav1.Time{Time: time.Unix(1, 0)}, []string{"x/y"}
		},
	} {
		t.Run(name, func(t *testing.T) {
			run := parse[v1.PipelineRun](t, ci)
			change(run)
			b := newBench(t, parse[v1.Pipeline](t, pipeline), parse[v1.Task](t, task), run)
			b.must(3)
			if len(b.writes) > 0 {
				t.Errorf("wrote %q", b.writes)
			}
		})
	}
}

func TestCancelReachesTheChildren(t *testing.T) {
	b := newBench(t, parse[v1.Pipeline](t, pipeline), parse[v1.Task](t, task), parse[v1.PipelineRun](t, ci))
	b.must(3)
	run := b.run()
	run.Spec.Status = v1.PipelineRunSpecStatusCancelled
	if err := b.Client.Update(t.Context(), run); err != nil {
		t.Fatal(err)
	}
	b.must(3)
	tr := &v1.TaskRun{}
	if err := b.Client.Get(t.Context(), client.ObjectKey{Namespace: "ns", Name: "ci-a"}, tr); err != nil {
		t.Fatal(err)
	}
	if !tr.IsCancelled() || tr.Spec.StatusMessage != v1.TaskRunCancelledByPipelineMsg {
		t.Errorf("the child has status %q, %q", tr.Spec.Status, tr.Spec.StatusMessage)
	}
	if c := b.run().Status.GetCondition(v1.ConditionSucceeded); c.Reason != "Cancelled" {
		t.Errorf("the run ends with %+v", c)
	}
}

// A pipeline that runs itself through others would never end.
func TestPipelinesThatRunEachOther(t *testing.T) {
	parent := &v1.PipelineRun{ObjectMeta: metav1.ObjectMeta{Name: "top", Namespace: "ns", UID: "u-0", Labels: map[string]string{v1.LabelPipeline: "p"}}}
	run := parse[v1.PipelineRun](t, ci)
	run.OwnerReferences = []metav1.OwnerReference{plan.OwnerRef(parent)}
	b := newBench(t, parse[v1.Pipeline](t, pipeline), parse[v1.Task](t, task), parent, run)
	b.must(1)
	want := "[User error] spec.pipelineRef: pipelines run each other: p → p"
	if c := b.run().Status.GetCondition(v1.ConditionSucceeded); c.Reason != "PipelineInvalidGraph" || c.Message != want {
		t.Errorf("got %+v", c)
	}
}
