package repository

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/slipway-dev/slipway/api/slipway/v1alpha1"
	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
	"github.com/slipway-dev/slipway/pkg/forge"
	"github.com/slipway-dev/slipway/pkg/kube"
)

var epoch = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

const every = 5 * time.Minute

// world is a cluster with one repository, and a forge where things happened.
type world struct {
	*testing.T
	cluster client.Client
	*Reconciler
	now      time.Time
	happened []v1alpha1.Event
	since    []time.Time
	failure  error
	connect  error
	// stale says that the cache is behind.
	stale bool
}

func newWorld(t *testing.T, objects ...client.Object) *world {
	t.Helper()
	scheme, err := kube.Scheme()
	if err != nil {
		t.Fatal(err)
	}
	w := &world{T: t, now: epoch}
	stale := interceptor.Funcs{SubResourcePatch: func(ctx context.Context, c client.Client, sub string, o client.Object, p client.Patch, opts ...client.SubResourcePatchOption) error {
		if w.stale {
			return apierrors.NewConflict(v1alpha1.SchemeGroupVersion.WithResource("repositories").GroupResource(), o.GetName(), errors.New("it was changed"))
		}
		return c.SubResource(sub).Patch(ctx, o, p, opts...)
	}}
	w.cluster = fake.NewClientBuilder().WithInterceptorFuncs(stale).WithScheme(scheme).WithStatusSubresource(&v1alpha1.Repository{}, &v1alpha1.RepositoryEvent{}, &v1.PipelineRun{}).
		WithIndex(&v1.PipelineRun{}, kube.RepositoryField, kube.RepositoryOf).WithIndex(&v1alpha1.RepositoryEvent{}, kube.RepositoryField, kube.RepositoryOf).
		WithObjects(objects...).Build()
	w.Reconciler = New(Deps{Client: w.cluster, Live: w.cluster, Every: every, Now: func() time.Time { return w.now },
		Forge: func(context.Context, *v1alpha1.Repository) (forge.Client, error) { return &server{world: w}, w.connect }})
	return w
}

// server is the forge.
type server struct {
	forge.Client
	*world
}

func (s *server) Repository(context.Context) (forge.Info, error) {
	return forge.Info{DefaultBranch: "trunk"}, s.failure
}

func (s *server) Happened(_ context.Context, since time.Time) ([]v1alpha1.Event, error) {
	s.since = append(s.since, since)
	return s.happened, nil
}

func repository() *v1alpha1.Repository {
	return &v1alpha1.Repository{ObjectMeta: metav1.ObjectMeta{Namespace: "ci", Name: "engine", UID: "u", Generation: 1, CreationTimestamp: metav1.NewTime(epoch)},
		Spec: v1alpha1.RepositorySpec{URL: "https://forge.example/ada/engine", Provider: v1alpha1.ProviderGitea}}
}

// looks has the repository looked at, and returns it.
func (w *world) looks() *v1alpha1.Repository {
	w.Helper()
	key := client.ObjectKey{Namespace: "ci", Name: "engine"}
	res, err := w.Reconcile(w.Context(), reconcile.Request{NamespacedName: key})
	if err != nil || res.RequeueAfter <= 0 {
		w.Fatalf("%+v, %v", res, err)
	}
	var r v1alpha1.Repository
	if err := w.cluster.Get(w.Context(), key, &r); err != nil {
		w.Fatal(err)
	}
	return &r
}

func (w *world) events() (found []string) {
	w.Helper()
	events, err := kube.Happened(w.Context(), w.cluster, repository())
	if err != nil {
		w.Fatal(err)
	}
	for _, e := range events {
		found = append(found, fmt.Sprintf("%s %s %s", e.Spec.Origin, e.Spec.Event.Ref, e.Spec.Event.Commit))
	}
	return found
}

func push(commit string) v1alpha1.Event {
	return v1alpha1.Event{Type: v1alpha1.EventPush, Ref: "refs/heads/main", Commit: commit}
}

// What the forge said to a repository that was changed meanwhile is not lost for the
// minutes until it is asked again.
func TestAnswerForAnOldVersion(t *testing.T) {
	w := newWorld(t, repository())
	w.stale = true
	if r := w.looks(); meta.FindStatusCondition(r.Status.Conditions, v1alpha1.ConditionReady) != nil {
		t.Fatalf("written all the same: %+v", r.Status)
	}
	w.stale = false
	if r := w.looks(); !meta.IsStatusConditionTrue(r.Status.Conditions, v1alpha1.ConditionReady) {
		t.Errorf("not asked again: %+v", r.Status)
	}
}

// What a webhook told is not told again, nor is what was found before; the order stays.
func TestCatchUp(t *testing.T) {
	known := v1alpha1.NewEvent(repository(), v1alpha1.OriginWebhook, []byte("x"), epoch)
	known.Spec.Event = push("c1")
	w := newWorld(t, repository(), known)
	w.happened = []v1alpha1.Event{push("c1"), push("c2"), push("c3")}
	r := w.looks()
	want := []string{"webhook refs/heads/main c1", "catch-up refs/heads/main c2", "catch-up refs/heads/main c3"}
	if diff := cmp.Diff(want, w.events()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if r.Status.CaughtUp == nil || !r.Status.CaughtUp.Time.Equal(epoch) || r.Status.DefaultBranch != "trunk" {
		t.Errorf("the status is %+v", r.Status)
	}
	// Nobody asks again before it is time, and then a little further back.
	w.looks()
	w.now = w.now.Add(2 * every)
	w.looks()
	if diff := cmp.Diff(want, w.events()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if len(w.since) != 2 || !w.since[0].Equal(epoch) || !w.since[1].Equal(epoch.Add(-overlap)) {
		t.Errorf("the forge was asked since %v", w.since)
	}
	// Another controller has no memory, and asks at once; after a long time, of a day only.
	w.now = w.now.Add(100 * time.Hour)
	w.Reconciler = New(w.Deps)
	w.looks()
	if got := w.since[2]; !got.Equal(w.now.Add(-maxBack + overlap)) {
		t.Errorf("the forge was asked since %v at %v", got, w.now)
	}
}

func TestReady(t *testing.T) {
	secret := func(data map[string][]byte) *corev1.Secret {
		return &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "ci", Name: "hook"}, Data: data}
	}
	hooked := repository()
	hooked.Spec.WebhookSecret = &v1alpha1.SecretKey{Name: "hook"}
	for name, tc := range map[string]struct {
		objects          []client.Object
		connect, failure error
		reason           string
	}{
		"all is well":            {objects: []client.Object{repository()}, reason: v1alpha1.ReasonConnected},
		"with a secret":          {objects: []client.Object{hooked.DeepCopy(), secret(map[string][]byte{"webhook.secret": []byte("x")})}, reason: v1alpha1.ReasonConnected},
		"no webhook secret":      {objects: []client.Object{hooked.DeepCopy()}, reason: v1alpha1.ReasonNoWebhookSecret},
		"no key in it":           {objects: []client.Object{hooked.DeepCopy(), secret(nil)}, reason: v1alpha1.ReasonNoWebhookSecret},
		"no credentials":         {objects: []client.Object{repository()}, connect: errors.New("there is no secret"), reason: v1alpha1.ReasonNoCredentials},
		"a token that is wrong":  {objects: []client.Object{repository()}, failure: fmt.Errorf("%w: 401", forge.ErrDenied), reason: v1alpha1.ReasonDenied},
		"a name that is wrong":   {objects: []client.Object{repository()}, failure: fmt.Errorf("%w: 404", forge.ErrNotFound), reason: v1alpha1.ReasonNotFound},
		"a forge that is not up": {objects: []client.Object{repository()}, failure: errors.New("connection refused"), reason: v1alpha1.ReasonUnreachable},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, tc.objects...)
			w.connect, w.failure = tc.connect, tc.failure
			c := meta.FindStatusCondition(w.looks().Status.Conditions, v1alpha1.ConditionReady)
			good := tc.reason == v1alpha1.ReasonConnected
			if c == nil || c.Reason != tc.reason || good != (c.Status == metav1.ConditionTrue) || good != (c.Message == "") {
				t.Errorf("the condition is %+v, want %s", c, tc.reason)
			}
		})
	}
}

// Events go a day after they were worked off; those that wait stay.
func TestOldEventsGo(t *testing.T) {
	var objects []client.Object
	for commit, age := range map[string]time.Duration{"old": keepEvents + time.Second, "new": keepEvents - time.Second, "waits": 0} {
		e := v1alpha1.NewEvent(repository(), v1alpha1.OriginWebhook, []byte(commit), epoch.Add(-2*keepEvents))
		e.Spec.Event = push(commit)
		if age > 0 {
			e.Status = v1alpha1.RepositoryEventStatus{State: v1alpha1.EventDone, Finished: &metav1.Time{Time: epoch.Add(-age)}}
		}
		objects = append(objects, e)
	}
	w := newWorld(t, append(objects, repository())...)
	w.looks()
	got := w.events()
	slices.Sort(got)
	if diff := cmp.Diff([]string{"webhook refs/heads/main new", "webhook refs/heads/main waits"}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestLastRunsAreListed(t *testing.T) {
	objects := []client.Object{repository()}
	for i := range 12 {
		run := &v1.PipelineRun{ObjectMeta: metav1.ObjectMeta{Namespace: "ci", Name: fmt.Sprintf("r%02d", i), OwnerReferences: []metav1.OwnerReference{*v1alpha1.OwnerReference(repository())},
			Annotations: map[string]string{v1alpha1.AnnotationReceived: fmt.Sprint(100 + i), v1alpha1.AnnotationPipeline: "build"}}}
		run.Status.Conditions = v1.Conditions{{Type: v1.ConditionSucceeded, Status: corev1.ConditionTrue, Reason: "Completed"}}
		objects = append(objects, run)
	}
	w := newWorld(t, objects...)
	last := w.looks().Status.Runs
	if len(last) != keepRuns || last[0].Name != "r11" || last[9].Name != "r02" || last[0].Pipeline != "build" || last[0].Reason != "Completed" {
		t.Errorf("listed are %+v", last)
	}
}

// Who makes the Repository first and then its Secret waits for seconds; a forge that
// stays away is asked less and less.
func TestFailedConnectionIsTriedAgain(t *testing.T) {
	w := newWorld(t, repository())
	w.failure = errors.New("connection refused")
	key := reconcile.Request{NamespacedName: client.ObjectKey{Namespace: "ci", Name: "engine"}}
	var waits []time.Duration
	for range 8 {
		res, err := w.Reconcile(t.Context(), key)
		if err != nil {
			t.Fatal(err)
		}
		waits = append(waits, res.RequeueAfter)
		w.now = w.now.Add(2 * every)
	}
	if waits[0] > 2*firstRetry || waits[2] < waits[0] || waits[7] < every/5 || waits[7] > every/4 {
		t.Errorf("it is tried again after %v", waits)
	}
	w.failure = nil
	if c := w.looks().Status.Conditions[0]; c.Status != metav1.ConditionTrue {
		t.Errorf("the condition is %+v", c)
	}
}
