package event

import (
	"context"
	"errors"
	"fmt"
	"slices"
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
	"github.com/slipway-dev/slipway/pkg/trigger"
)

var epoch = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// world is a cluster with one repository, and a forge that writes down what it is asked.
type world struct {
	*testing.T
	client client.Client
	*Reconciler
	now        time.Time
	repository *v1alpha1.Repository
	// files are the YAML of every commit.
	files map[string][]byte
	// pushers may push.
	pushers []string
	pull    *v1alpha1.Event
	// tips are where branches are, by their full names.
	tips map[string]string
	// root are the files at the root of every commit.
	root    map[string]string
	failure error
	calls   []string
	forge.Client
}

func newWorld(t *testing.T, spec v1alpha1.RepositorySpec, files map[string]string) *world {
	t.Helper()
	scheme, err := kube.Scheme()
	if err != nil {
		t.Fatal(err)
	}
	spec.URL, spec.Provider = "https://forge.example/ada/engine", v1alpha1.ProviderGitea
	w := &world{T: t, now: epoch, files: map[string][]byte{}, pushers: []string{"ada"},
		repository: &v1alpha1.Repository{ObjectMeta: metav1.ObjectMeta{Namespace: "ci", Name: "engine", UID: "u"}, Spec: spec}}
	for name, text := range files {
		w.files[name] = []byte(text)
	}
	w.client = fake.NewClientBuilder().WithScheme(scheme).WithStatusSubresource(&v1alpha1.Repository{}, &v1alpha1.RepositoryEvent{}, &v1.PipelineRun{}).
		WithIndex(&v1.PipelineRun{}, kube.RepositoryField, kube.RepositoryOf).WithIndex(&v1alpha1.RepositoryEvent{}, kube.RepositoryField, kube.RepositoryOf).
		WithObjects(w.repository, &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "ci", Name: "s"}, Data: map[string][]byte{"k": []byte("hunter2")}}).Build()
	w.Reconciler = New(Deps{Client: w.client, Live: w.client, Now: func() time.Time { return w.now },
		Forge: func(context.Context, *v1alpha1.Repository) (forge.Client, error) { return w, nil },
		Fetch: func(context.Context, *v1alpha1.Repository, trigger.Reference) ([]byte, error) {
			return nil, errors.New("not asked for")
		}})
	return w
}

func (w *world) say(format string, args ...any) {
	w.calls = append(w.calls, fmt.Sprintf(format, args...))
}

func (w *world) Files(_ context.Context, commit string, _ ...string) (map[string][]byte, error) {
	w.say("files %s", commit)
	return w.files, w.failure
}

func (w *world) Repository(context.Context) (forge.Info, error) {
	w.say("repository")
	return forge.Info{DefaultBranch: "main"}, nil
}

func (w *world) Tip(_ context.Context, ref string) (forge.Tip, error) {
	w.say("tip %s", ref)
	if w.tips[ref] == "" {
		return forge.Tip{}, forge.ErrNotFound
	}
	return forge.Tip{Commit: w.tips[ref], Message: "Count faster\n\n[skip ci]"}, nil
}

func (w *world) File(_ context.Context, commit, path string) ([]byte, error) {
	w.say("file %s %s", commit, path)
	if text, ok := w.root[path]; ok {
		return []byte(text), nil
	}
	return nil, forge.ErrNotFound
}

func (w *world) Changes(context.Context, *v1alpha1.Event) (forge.Changes, error) {
	w.say("changes")
	return forge.Changes{Modified: []string{"main.go"}}, nil
}

func (w *world) MayPush(_ context.Context, user string) (bool, error) {
	w.say("may push %s", user)
	return slices.Contains(w.pushers, user), nil
}

func (w *world) InTeam(_ context.Context, team, user string) (bool, error) {
	w.say("team %s %s", team, user)
	return user == "grace", nil
}

func (w *world) PullRequest(_ context.Context, number int64) (*v1alpha1.Event, error) {
	w.say("pull request %d", number)
	return w.pull.DeepCopy(), nil
}

func (w *world) SetStatus(_ context.Context, commit string, s forge.Status) error {
	w.say("status %s %s %s: %s", commit, s.Name, s.State, s.Description)
	return nil
}

func (w *world) Comment(_ context.Context, number int64, _, body string) error {
	w.say("comment %d: %s", number, body)
	return nil
}

// happens stores an event a second after the last, and works off all there is.
func (w *world) happens(what v1alpha1.Event) *v1alpha1.RepositoryEvent {
	w.Helper()
	return w.happensBy(v1alpha1.OriginWebhook, what)
}

func (w *world) happensBy(origin v1alpha1.Origin, what v1alpha1.Event) *v1alpha1.RepositoryEvent {
	w.Helper()
	w.now = w.now.Add(time.Second)
	e := v1alpha1.NewEvent(w.repository, origin, []byte(w.now.String()), w.now)
	e.Spec.Event, e.UID = what, types.UID(w.now.String())
	if err := w.client.Create(w.Context(), e); err != nil {
		w.Fatal(err)
	}
	w.settle()
	return w.event(e.Name)
}

func (w *world) event(name string) *v1alpha1.RepositoryEvent {
	w.Helper()
	var e v1alpha1.RepositoryEvent
	if err := w.client.Get(w.Context(), client.ObjectKey{Namespace: "ci", Name: name}, &e); err != nil {
		w.Fatal(err)
	}
	return &e
}

// settle does what the watches would have done.
func (w *world) settle() {
	w.Helper()
	for range 10 {
		if _, err := w.Reconcile(w.Context(), reconcile.Request{NamespacedName: client.ObjectKeyFromObject(w.repository)}); err != nil {
			w.Fatal(err)
		}
	}
}

func (w *world) runs() []v1.PipelineRun {
	w.Helper()
	runs, err := kube.RunsOf(w.Context(), w.client, w.repository)
	if err != nil {
		w.Fatal(err)
	}
	return runs
}

// ends finishes a run.
func (w *world) ends(run v1.PipelineRun, status corev1.ConditionStatus) {
	w.Helper()
	run.Status.Conditions = v1.Conditions{{Type: v1.ConditionSucceeded, Status: status, Reason: "Over"}}
	if err := w.client.Status().Update(w.Context(), &run); err != nil {
		w.Fatal(err)
	}
	w.settle()
}

func (w *world) wantState(e *v1alpha1.RepositoryEvent, state v1alpha1.EventState, runs int, message string) {
	w.Helper()
	if e.Status.State != state || len(e.Status.Runs) != runs || !strings.Contains(e.Status.Message, message) {
		w.Errorf("the event is %+v, want %s with %d runs and %q", e.Status, state, runs, message)
	}
}

func (w *world) wantCalls(want ...string) {
	w.Helper()
	if diff := cmp.Diff(want, w.calls); diff != "" {
		w.Errorf("the forge was asked (-want +got):\n%s", diff)
	}
	w.calls = nil
}

// pipeline is a file with one run of that name.
func pipeline(name, annotations string) string {
	return fmt.Sprintf(`apiVersion: tekton.dev/v1
kind: PipelineRun
metadata:
  name: %s
  annotations: {%s}
spec:
  params: [{name: secret, value: "{{ secret }}"}]
  pipelineSpec: {tasks: [{name: a, taskSpec: {steps: [{name: s, image: i}]}}]}
`, name, annotations)
}

const onBoth = `pipelinesascode.tekton.dev/on-event: "[push, pull_request]", pipelinesascode.tekton.dev/on-target-branch: "[main]"`

func push(commit string) v1alpha1.Event {
	return v1alpha1.Event{Type: v1alpha1.EventPush, Ref: "refs/heads/main", Commit: commit, Sender: "ada"}
}

func pull(commit, author string) v1alpha1.Event {
	return v1alpha1.Event{Type: v1alpha1.EventPullRequest, Ref: "refs/heads/main", Commit: commit, Sender: author, PullRequest: &v1alpha1.PullRequest{
		Number: 7, Action: v1alpha1.PullRequestUpdated, Author: author, SourceBranch: "fix", Fork: author != "ada"}}
}

func comment(id int64, sender, body string) v1alpha1.Event {
	return v1alpha1.Event{Type: v1alpha1.EventComment, Sender: sender, PullRequest: &v1alpha1.PullRequest{Number: 7}, Comment: &v1alpha1.Comment{ID: id, Body: body}}
}

func TestPushStartsItsRunOnce(t *testing.T) {
	w := newWorld(t, v1alpha1.RepositorySpec{}, map[string]string{".tekton/a.yaml": pipeline("build", onBoth)})
	w.wantState(w.happens(push("c1")), v1alpha1.EventDone, 1, "")
	w.wantState(w.happens(push("c1")), v1alpha1.EventDone, 1, "")
	runs := w.runs()
	if len(runs) != 1 {
		t.Fatalf("%d runs", len(runs))
	}
	run := &runs[0]
	if run.Namespace != "ci" || run.OwnerReferences[0].UID != "u" || run.Labels[v1alpha1.LabelCommit] != "c1" ||
		run.Annotations[v1alpha1.AnnotationPipeline] != "build" || run.Annotations[v1alpha1.AnnotationReceived] != "2026-01-02T03:04:06.000000Z" || run.Spec.Status != "" {
		t.Errorf("the run is %+v", run.ObjectMeta)
	}
	w.wantCalls("files c1", "files c1")
}

// What starts nothing costs as little as it can.
func TestIgnored(t *testing.T) {
	gone := push("")
	quiet := push("c1")
	quiet.Message = "a change\n\n[skip ci]"
	for name, tc := range map[string]struct {
		spec    v1alpha1.RepositorySpec
		event   v1alpha1.Event
		message string
		calls   []string
	}{
		"another branch":          {event: v1alpha1.Event{Type: v1alpha1.EventPush, Ref: "refs/heads/next", Commit: "c1"}, message: "matches", calls: []string{"files c1"}},
		"a branch that is gone":   {event: gone, message: "is gone"},
		"a commit that asks":      {event: quiet, message: "asks for no run"},
		"not among the events":    {spec: v1alpha1.RepositorySpec{Events: []v1alpha1.EventType{v1alpha1.EventComment}}, event: push("c1"), message: "spec.events"},
		"not among the branches":  {spec: v1alpha1.RepositorySpec{Branches: []string{"release-*"}}, event: push("c1"), message: "spec.branches"},
		"talk":                    {event: comment(1, "ada", "nice"), message: "no command"},
		"a command of a stranger": {event: comment(1, "eve", "/test"), message: "eve may not", calls: []string{"may push eve", "repository", "tip refs/heads/main"}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, tc.spec, map[string]string{".tekton/a.yaml": pipeline("build", onBoth)})
			w.wantState(w.happens(tc.event), v1alpha1.EventIgnored, 0, tc.message)
			w.wantCalls(tc.calls...)
			if runs := w.runs(); len(runs) > 0 {
				t.Errorf("%d runs", len(runs))
			}
		})
	}
}

// A forge that is away holds up all events, in their order, and is asked less and less.
func TestForgeIsAway(t *testing.T) {
	w := newWorld(t, v1alpha1.RepositorySpec{}, map[string]string{".tekton/a.yaml": pipeline("build", onBoth)})
	w.failure = errors.New("connection refused")
	first := w.happens(push("c1"))
	w.wantState(first, v1alpha1.EventWaiting, 0, "connection refused")
	second := w.happens(push("c2"))
	if second.Status.State != "" {
		t.Errorf("the second event was not to be tried: %+v", second.Status)
	}
	w.wantCalls("files c1", "files c1")
	w.failure = nil
	w.now = w.now.Add(maxPause)
	w.settle()
	w.wantState(w.event(first.Name), v1alpha1.EventDone, 1, "")
	w.wantState(w.event(second.Name), v1alpha1.EventDone, 1, "")
	w.wantCalls("files c1", "files c2")
}

// What is wrong with one event alone stops the others for some attempts only, and
// that one for a day.
func TestPoison(t *testing.T) {
	w := newWorld(t, v1alpha1.RepositorySpec{}, map[string]string{".tekton/a.yaml": pipeline("build", onBoth)})
	w.failure = errors.New("500")
	bad := w.happens(push("bad"))
	for range 2 * inOrder {
		w.now = w.now.Add(maxPause)
		w.settle()
	}
	w.failure = nil
	w.notBefore.Store(bad.UID, w.now.Add(time.Hour))
	w.wantState(w.happens(push("good")), v1alpha1.EventDone, 1, "")
	w.failure = errors.New("500")
	w.now = w.now.Add(maxAge)
	w.settle()
	w.wantState(w.event(bad.Name), v1alpha1.EventFailed, 0, "given up after a day: 500")
}

func TestForkWaitsForApproval(t *testing.T) {
	files := map[string]string{".tekton/a.yaml": pipeline("build", onBoth)}
	params := v1alpha1.RepositorySpec{Params: []v1alpha1.RepositoryParam{{Name: "secret", SecretRef: &v1alpha1.SecretKey{Name: "s", Key: "k"}}},
		Access: v1alpha1.Access{Teams: []string{"crew/core"}}}
	const head = "cccccccccccccccccccccccccccccccccccccccc"
	waits := []string{"may push eve", "team crew/core eve", "repository", "tip refs/heads/main", "files " + head,
		"status " + head + " slipway pending: eve may not start runs: somebody who may says /ok-to-test cccccccccc"}

	w := newWorld(t, params, files)
	fork := pull(head, "eve")
	w.pull = &fork
	w.wantState(w.happens(fork), v1alpha1.EventIgnored, 0, "/ok-to-test")
	w.wantCalls(waits...)

	// A label by somebody who may push changes nothing on whose code it is.
	labeled := *fork.DeepCopy()
	labeled.Sender, labeled.PullRequest.Action = "ada", v1alpha1.PullRequestLabeled
	w.wantState(w.happens(labeled), v1alpha1.EventIgnored, 0, "")
	w.calls = nil

	w.wantState(w.happens(comment(1, "mallory", "/ok-to-test")), v1alpha1.EventIgnored, 0, "mallory may not")
	w.calls = nil
	w.wantState(w.happens(comment(2, "grace", "/ok-to-test")), v1alpha1.EventDone, 1, "")
	w.wantCalls("may push grace", "team crew/core grace", "pull request 7", "files "+head, "status "+head+" slipway success: approved by grace")
	runs := w.runs()
	if len(runs) != 1 {
		t.Fatalf("%d runs", len(runs))
	}
	if got := runs[0].Spec.Params[0].Value.StringVal; strings.Contains(got, "hunter2") {
		t.Errorf("the run of a fork got a secret: %q", got)
	}

	// The same by somebody who may push has it.
	w.wantState(w.happens(push("c1")), v1alpha1.EventDone, 1, "")
	for _, run := range w.runs() {
		if got := run.Spec.Params[0].Value.StringVal; run.Labels[v1alpha1.LabelCommit] == "c1" && got != "hunter2" {
			t.Errorf("the run of a push got %q", got)
		}
	}
}

// GitLab's webhooks do not say whose a merge request is, and Bitbucket Cloud's say half of
// its commit.
func TestWhatTheWebhookDoesNotSayIsRead(t *testing.T) {
	w := newWorld(t, v1alpha1.RepositorySpec{}, map[string]string{".tekton/a.yaml": pipeline("build", onBoth)})
	w.pushers = []string{"ada"}
	whole := pull("c1", "ada")
	whole.PullRequest.Fork = true
	w.pull = &whole
	vague := pull("", "")
	vague.Sender = "ada"
	w.wantState(w.happens(vague), v1alpha1.EventDone, 1, "")
	w.wantCalls("pull request 7", "may push ada", "files c1")
}

// Who approves means what they have seen.
func TestApprovalIsOfWhatWasSeen(t *testing.T) {
	const seen, pushed = "aaaaaaaaaaaaaaaaaaaa", "bbbbbbbbbbbbbbbbbbbb"
	for name, tc := range map[string]struct {
		body  string
		state v1alpha1.EventState
		runs  int
	}{
		"without a commit":   {"/ok-to-test", v1alpha1.EventIgnored, 0},
		"test is no way out": {"/test", v1alpha1.EventIgnored, 0},
		"with what was seen": {"/ok-to-test " + seen, v1alpha1.EventIgnored, 0},
		"with what is there": {"/ok-to-test " + pushed[:8], v1alpha1.EventDone, 1},
		"with too little":    {"/ok-to-test " + pushed[:3], v1alpha1.EventIgnored, 0},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, v1alpha1.RepositorySpec{}, map[string]string{".tekton/a.yaml": pipeline("build", onBoth)})
			w.happens(pull(seen, "eve"))
			now := pull(pushed, "eve")
			w.pull = &now
			w.wantState(w.happens(comment(1, "ada", tc.body)), tc.state, tc.runs, "")
		})
	}
}

// The limit holds whatever order things happen in, and the oldest goes first.
func TestConcurrency(t *testing.T) {
	w := newWorld(t, v1alpha1.RepositorySpec{Concurrency: &v1alpha1.Concurrency{Limit: 2}}, map[string]string{".tekton/a.yaml": pipeline("build", onBoth)})
	for i := range 5 {
		w.happens(push(fmt.Sprintf("c%d", i)))
	}
	going := func() (commits []string) {
		for _, run := range w.runs() {
			if !run.IsDone() && !run.IsPending() {
				commits = append(commits, run.Labels[v1alpha1.LabelCommit])
			}
		}
		return commits
	}
	for _, want := range [][]string{{"c0", "c1"}, {"c1", "c2"}, {"c2", "c3"}, {"c3", "c4"}, {"c4"}, nil} {
		if diff := cmp.Diff(want, going()); diff != "" {
			t.Fatalf("runs (-want +got):\n%s", diff)
		}
		for _, run := range w.runs() {
			if !run.IsDone() {
				w.ends(run, corev1.ConditionTrue)
				break
			}
		}
	}
}

func TestNewPushEndsTheOldRun(t *testing.T) {
	w := newWorld(t, v1alpha1.RepositorySpec{}, map[string]string{
		".tekton/a.yaml": pipeline("build", onBoth+`, pipelinesascode.tekton.dev/cancel-in-progress: "true"`), ".tekton/b.yaml": pipeline("other", onBoth)})
	w.happens(push("c1"))
	w.happens(pull("c1", "ada"))
	w.happens(push("c2"))
	got := map[string]v1.PipelineRunSpecStatus{}
	for _, run := range w.runs() {
		got[run.Annotations[v1alpha1.AnnotationPipeline]+" "+run.Labels[v1alpha1.LabelCommit]+" "+run.Labels[v1alpha1.LabelPullRequest]] = run.Spec.Status
	}
	want := map[string]v1.PipelineRunSpecStatus{"build c1 ": v1.PipelineRunSpecStatusCancelledRunFinally, "build c1 7": "", "build c2 ": "",
		"other c1 ": "", "other c1 7": "", "other c2 ": ""}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestProblemsAreTold(t *testing.T) {
	w := newWorld(t, v1alpha1.RepositorySpec{}, map[string]string{".tekton/a.yaml": pipeline("build", onBoth), ".tekton/bad.yaml": "kind: [\n"})
	e := w.happens(pull("c1", "ada"))
	w.wantState(e, v1alpha1.EventDone, 1, ".tekton/bad.yaml")
	if e.Status.Problems == nil || *e.Status.Problems != 1 {
		t.Errorf("the status is %+v", e.Status)
	}
	if len(w.calls) != 3 || !strings.HasPrefix(w.calls[1], "status c1 slipway error: .tekton/bad.yaml:") || !strings.Contains(w.calls[2], "- .tekton/bad.yaml:") {
		t.Errorf("the forge was told %q", w.calls)
	}
	delete(w.files, ".tekton/bad.yaml")
	w.calls = nil
	w.wantState(w.happens(pull("c2", "ada")), v1alpha1.EventDone, 1, "")
	w.wantCalls("files c2", "comment 7: "+problemsMark+"\nThe pipelines of commit c2 are right.")
	w.happens(pull("c3", "ada"))
	w.wantCalls("files c3")
}

func TestCommands(t *testing.T) {
	w := newWorld(t, v1alpha1.RepositorySpec{}, map[string]string{".tekton/a.yaml": pipeline("build", onBoth), ".tekton/b.yaml": pipeline("test", onBoth)})
	now := pull("c1", "ada")
	w.pull = &now
	w.wantState(w.happens(now), v1alpha1.EventDone, 2, "")
	for _, run := range w.runs() {
		status := corev1.ConditionTrue
		if run.Annotations[v1alpha1.AnnotationPipeline] == "test" {
			status = corev1.ConditionFalse
		}
		w.ends(run, status)
	}
	retest := w.happens(comment(1, "ada", "/retest"))
	w.wantState(retest, v1alpha1.EventDone, 1, "")
	if !strings.HasPrefix(retest.Status.Runs[0], "test-") {
		t.Errorf("what succeeded was run again: %q", retest.Status.Runs)
	}
	w.wantState(w.happens(comment(2, "ada", "/test build")), v1alpha1.EventDone, 1, "")
	w.wantState(w.happens(comment(3, "ada", "/cancel build")), v1alpha1.EventDone, 0, "1 runs cancelled")
	w.wantState(w.happens(comment(4, "ada", "/cancel")), v1alpha1.EventDone, 0, "2 runs cancelled")
}

// What a run printed comes back as a comment by whoever the token belongs to.
func TestOwnCommentsCommandNothing(t *testing.T) {
	w := newWorld(t, v1alpha1.RepositorySpec{}, map[string]string{".tekton/a.yaml": pipeline("build", onBoth+`, pipelinesascode.tekton.dev/on-comment: "^/"`)})
	fork := pull("c1", "eve")
	w.pull = &fork
	log := "**build** failed\n\n```\n/test\n```\n"
	w.wantState(w.happens(comment(1, "ada", trigger.Mark+"pipeline:build -->\n"+log)), v1alpha1.EventIgnored, 0, "Slipway's own")
	w.wantCalls()
	w.wantState(w.happens(comment(2, "ada", log)), v1alpha1.EventDone, 1, "")
}

func TestOldRunsGo(t *testing.T) {
	w := newWorld(t, v1alpha1.RepositorySpec{}, map[string]string{".tekton/a.yaml": pipeline("build", onBoth+`, pipelinesascode.tekton.dev/max-keep-runs: "2"`)})
	for i := range 5 {
		w.happens(push(fmt.Sprintf("c%d", i)))
		runs := w.runs()
		w.ends(runs[len(runs)-1], corev1.ConditionTrue)
	}
	var got []string
	for _, run := range w.runs() {
		got = append(got, run.Labels[v1alpha1.LabelCommit])
	}
	if diff := cmp.Diff([]string{"c2", "c3", "c4"}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestPausedKeepsEvents(t *testing.T) {
	w := newWorld(t, v1alpha1.RepositorySpec{Paused: true}, map[string]string{".tekton/a.yaml": pipeline("build", onBoth)})
	e := w.happens(push("c1"))
	if e.Status.State != "" {
		t.Errorf("the event was worked off: %+v", e.Status)
	}
	w.repository.Spec.Paused = false
	if err := w.client.Update(t.Context(), w.repository); err != nil {
		t.Fatal(err)
	}
	w.settle()
	w.wantState(w.event(e.Name), v1alpha1.EventDone, 1, "")
}
