package event

import (
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/slipway-dev/slipway/api/slipway/v1alpha1"
)

const onAll = `slipway.dev/on-event: "[push, incoming, schedule, image]", slipway.dev/on-target-branch: "[main, next, refs/tags/*]"`

// An event that names a branch at most runs on its head.
func TestEventWithoutACommit(t *testing.T) {
	for name, tc := range map[string]struct {
		origin v1alpha1.Origin
		spec   v1alpha1.RepositorySpec
		event  v1alpha1.Event
		state  v1alpha1.EventState
		commit string
		says   string
		calls  []string
	}{
		"a call for a branch": {event: v1alpha1.Event{Type: v1alpha1.EventIncoming, Ref: "refs/heads/next"},
			state: v1alpha1.EventDone, commit: "n1", calls: []string{"tip refs/heads/next", "files n1"}},
		"a branch by its short name": {event: v1alpha1.Event{Type: v1alpha1.EventIncoming, Ref: "next"},
			state: v1alpha1.EventDone, commit: "n1", calls: []string{"tip refs/heads/next", "files n1"}},
		"a tag": {event: v1alpha1.Event{Type: v1alpha1.EventIncoming, Ref: "refs/tags/v1"},
			state: v1alpha1.EventDone, commit: "t1", calls: []string{"tip refs/tags/v1", "files t1"}},
		"a call for nothing in particular": {event: v1alpha1.Event{Type: v1alpha1.EventIncoming},
			state: v1alpha1.EventDone, commit: "m1", calls: []string{"repository", "tip refs/heads/main", "files m1"}},
		"an image": {event: v1alpha1.Event{Type: v1alpha1.EventImage, Ref: "main", Image: &v1alpha1.Image{Name: "r.example/base"}},
			state: v1alpha1.EventDone, commit: "m1", calls: []string{"tip refs/heads/main", "files m1"}},
		"a push that somebody asks for, whatever the message says": {origin: v1alpha1.OriginManual, event: v1alpha1.Event{Type: v1alpha1.EventPush, Ref: "refs/heads/main"},
			state: v1alpha1.EventDone, commit: "m1", calls: []string{"tip refs/heads/main", "files m1"}},
		"one pipeline by its name, whatever it waits for": {origin: v1alpha1.OriginManual, event: v1alpha1.Event{Type: v1alpha1.EventPush, Ref: "refs/heads/main", Pipeline: "other"},
			state: v1alpha1.EventDone, commit: "m1", calls: []string{"tip refs/heads/main", "files m1"}},
		"a pipeline that is not there": {origin: v1alpha1.OriginManual, event: v1alpha1.Event{Type: v1alpha1.EventPush, Ref: "refs/heads/main", Pipeline: "nobody"},
			state: v1alpha1.EventIgnored, says: "there is no pipeline nobody under", commit: "m1", calls: []string{"tip refs/heads/main", "files m1"}},
		"a branch that is not there": {event: v1alpha1.Event{Type: v1alpha1.EventIncoming, Ref: "nowhere"},
			state: v1alpha1.EventFailed, says: "the forge has no refs/heads/nowhere", calls: []string{"tip refs/heads/nowhere"}},
		"a default branch that is not wanted": {spec: v1alpha1.RepositorySpec{Branches: []string{"release-*"}}, event: v1alpha1.Event{Type: v1alpha1.EventIncoming},
			state: v1alpha1.EventIgnored, says: "spec.branches", calls: []string{"repository"}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, tc.spec, map[string]string{".tekton/a.yaml": pipeline("build", onAll), ".tekton/b.yaml": pipeline("other", `slipway.dev/on-event: "[pull_request]"`)})
			w.tips = map[string]string{"refs/heads/main": "m1", "refs/heads/next": "n1", "refs/tags/v1": "t1"}
			if tc.origin == "" {
				tc.origin = v1alpha1.OriginWebhook
			}
			runs := 0
			if tc.state == v1alpha1.EventDone {
				runs = 1
			}
			e := w.happensBy(tc.origin, tc.event)
			w.wantState(e, tc.state, runs, tc.says)
			if e.Status.Commit != tc.commit {
				t.Errorf("the commit is %q, want %q", e.Status.Commit, tc.commit)
			}
			w.wantCalls(tc.calls...)
			for _, run := range w.runs() {
				if run.Labels[v1alpha1.LabelCommit] != tc.commit {
					t.Errorf("the run is of %q", run.Labels[v1alpha1.LabelCommit])
				}
			}
		})
	}
}

// What was started on a commit is found again, though the branch has moved on since.
func TestCommitIsPinned(t *testing.T) {
	w := newWorld(t, v1alpha1.RepositorySpec{}, map[string]string{".tekton/a.yaml": pipeline("build", onAll)})
	w.tips = map[string]string{"refs/heads/main": "m1"}
	e := w.happens(v1alpha1.Event{Type: v1alpha1.EventIncoming, Ref: "main"})
	w.tips["refs/heads/main"] = "m2"
	e.Status.State, e.Status.Finished = "", nil // the controller ended before it wrote them
	if err := w.client.Status().Update(w.Context(), e); err != nil {
		t.Fatal(err)
	}
	w.settle()
	if runs := w.runs(); len(runs) != 1 || runs[0].Labels[v1alpha1.LabelCommit] != "m1" {
		t.Errorf("%d runs, the first of %s", len(runs), runs[0].Labels[v1alpha1.LabelCommit])
	}
}

// Each command, and each time, starts a run of its own; a call that is replayed does not.
func TestAlikeButNotTheSame(t *testing.T) {
	w := newWorld(t, v1alpha1.RepositorySpec{}, map[string]string{".tekton/a.yaml": pipeline("build", onAll)})
	w.tips = map[string]string{"refs/heads/main": "m1"}
	for range 2 {
		w.wantState(w.happensBy(v1alpha1.OriginManual, v1alpha1.Event{Type: v1alpha1.EventPush, Ref: "main"}), v1alpha1.EventDone, 1, "")
	}
	if runs := w.runs(); len(runs) != 2 {
		t.Errorf("two commands started %d runs", len(runs))
	}
	for range 2 {
		w.wantState(w.happens(v1alpha1.Event{Type: v1alpha1.EventIncoming, Ref: "main"}), v1alpha1.EventDone, 1, "")
	}
	if runs := w.runs(); len(runs) != 3 {
		t.Errorf("a call and its replay made %d runs of 2", len(runs))
	}
}

func TestConcurrencyPolicy(t *testing.T) {
	for policy, want := range map[v1alpha1.ConcurrencyPolicy]struct {
		state             v1alpha1.EventState
		running, starting int
		says              string
	}{
		"":                         {v1alpha1.EventDone, 2, 1, ""},
		v1alpha1.AllowConcurrent:   {v1alpha1.EventDone, 2, 1, ""},
		v1alpha1.ForbidConcurrent:  {v1alpha1.EventIgnored, 1, 0, "still runs, and concurrencyPolicy of schedule nightly is Forbid"},
		v1alpha1.ReplaceConcurrent: {v1alpha1.EventDone, 1, 1, ""},
	} {
		t.Run(string(policy), func(t *testing.T) {
			w := newWorld(t, v1alpha1.RepositorySpec{Schedules: []v1alpha1.Schedule{{Name: "nightly", Cron: "@daily", ConcurrencyPolicy: policy}, {Name: "hourly", Cron: "@hourly"}}},
				map[string]string{".tekton/a.yaml": pipeline("build", onAll)})
			w.tips = map[string]string{"refs/heads/main": "m1"}
			tick := func(name string) v1alpha1.Event {
				return v1alpha1.Event{Type: v1alpha1.EventSchedule, Ref: "refs/heads/main", Schedule: &v1alpha1.Tick{Name: name, Time: metav1.NewTime(w.now)}}
			}
			w.wantState(w.happensBy(v1alpha1.OriginSchedule, tick("hourly")), v1alpha1.EventDone, 1, "")
			w.wantState(w.happensBy(v1alpha1.OriginSchedule, tick("nightly")), v1alpha1.EventDone, 1, "")
			w.wantState(w.happensBy(v1alpha1.OriginSchedule, tick("nightly")), want.state, want.starting, want.says)
			running := 0
			for _, run := range w.runs() {
				switch {
				case run.Annotations[v1alpha1.AnnotationSchedule] == "nightly" && run.Spec.Status == "":
					running++
				case run.Annotations[v1alpha1.AnnotationSchedule] == "hourly" && run.Spec.Status != "":
					t.Errorf("the run of another schedule is %s", run.Spec.Status)
				}
			}
			if running != want.running {
				t.Errorf("%d runs of the schedule go on, want %d", running, want.running)
			}
			for _, run := range w.runs() {
				w.ends(run, corev1.ConditionTrue)
			}
			w.wantState(w.happensBy(v1alpha1.OriginSchedule, tick("nightly")), v1alpha1.EventDone, 1, "")
			w.wantState(w.happensBy(v1alpha1.OriginSchedule, tick("gone")), v1alpha1.EventIgnored, 0, "there is no schedule gone any more")
		})
	}
}
