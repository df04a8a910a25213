package repository

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/slipway-dev/slipway/api/slipway/v1alpha1"
	"github.com/slipway-dev/slipway/pkg/kube"
)

// scheduled is a repository with schedules. The epoch is 03:04:05.
func scheduled(schedules ...v1alpha1.Schedule) *v1alpha1.Repository {
	r := repository()
	r.Spec.Schedules = schedules
	return r
}

// ticks are the times that became events.
func (w *world) ticks() (found []string) {
	w.Helper()
	events, err := kube.Happened(w.Context(), w.cluster, repository())
	if err != nil {
		w.Fatal(err)
	}
	for _, e := range events {
		if e.Spec.Origin != v1alpha1.OriginSchedule || e.Spec.Event.Type != v1alpha1.EventSchedule {
			w.Errorf("the event is %+v", e.Spec)
			continue
		}
		found = append(found, e.Spec.Event.Schedule.Name+" "+e.Spec.Event.Schedule.Time.UTC().Format("15:04")+" "+e.Spec.Event.Ref+" "+e.Spec.Event.Pipeline)
	}
	return found
}

func (w *world) wantTicks(want ...string) {
	w.Helper()
	if diff := cmp.Diff(want, w.ticks()); diff != "" {
		w.Errorf("(-want +got):\n%s", diff)
	}
}

// at sets the clock to a time of the epoch's day.
func (w *world) at(text string) {
	w.Helper()
	hour, err := time.Parse(time.TimeOnly, text)
	if err != nil {
		w.Fatal(err)
	}
	w.now = epoch.Truncate(24 * time.Hour).Add(hour.Sub(hour.Truncate(24 * time.Hour)))
}

func TestSchedules(t *testing.T) {
	w := newWorld(t, scheduled(v1alpha1.Schedule{Name: "hourly", Cron: "0 * * * *", Pipeline: "audit"}, v1alpha1.Schedule{Name: "nightly", Cron: "30 5 * * *", TimeZone: "Europe/Berlin", Branch: "next"}))
	r := w.looks()
	w.wantTicks()
	if next := r.Status.Schedules[1].NextScheduleTime.UTC().Format(time.TimeOnly); next != "04:30:00" || r.Status.Schedules[1].Expression != "Europe/Berlin 30 5 * * *" {
		t.Errorf("the status is %+v", r.Status.Schedules[1])
	}
	w.at("04:00:00")
	w.looks()
	w.looks()
	w.wantTicks("hourly 04:00  audit")
	w.at("04:59:59")
	r = w.looks()
	w.wantTicks("hourly 04:00  audit", "nightly 04:30 refs/heads/next ")
	if last := r.Status.Schedules[1].LastScheduleTime.UTC().Format(time.TimeOnly); last != "04:30:00" {
		t.Errorf("the status is %+v", r.Status.Schedules[1])
	}
	if c := meta.FindStatusCondition(r.Status.Conditions, v1alpha1.ConditionScheduled); c == nil || c.Status != metav1.ConditionTrue {
		t.Errorf("the condition is %+v", c)
	}
}

// A controller that ends after it stored a time, and before it noted it, stores it once.
func TestScheduleAfterARestart(t *testing.T) {
	w := newWorld(t, scheduled(v1alpha1.Schedule{Name: "hourly", Cron: "0 * * * *"}))
	before := w.looks()
	w.at("04:00:00")
	after := w.looks()
	w.wantTicks("hourly 04:00  ")
	after.Status.Schedules = before.Status.Schedules
	if err := w.cluster.Status().Update(w.Context(), after); err != nil {
		t.Fatal(err)
	}
	w.Reconciler = New(w.Deps)
	w.looks()
	w.wantTicks("hourly 04:00  ")

	// Of what came while it was away, the last is made up for.
	w.Reconciler = New(w.Deps)
	w.at("09:10:00")
	w.looks()
	w.wantTicks("hourly 04:00  ", "hourly 09:00  ")
}

// What another expression would have done before it was there is not made up for.
func TestScheduleThatIsChanged(t *testing.T) {
	w := newWorld(t, scheduled(v1alpha1.Schedule{Name: "daily", Cron: "0 4 * * *"}))
	w.looks()
	w.at("09:00:00")
	r := w.looks()
	w.wantTicks("daily 04:00  ")
	for _, s := range []v1alpha1.Schedule{{Name: "daily", Cron: "0 7 * * *"}, {Name: "daily", Cron: "0 7 * * *", TimeZone: "Asia/Tokyo"}, {Name: "other", Cron: "0 7 * * *"}} {
		r.Spec.Schedules = []v1alpha1.Schedule{s}
		if err := w.cluster.Update(w.Context(), r); err != nil {
			t.Fatal(err)
		}
		r = w.looks()
		w.wantTicks("daily 04:00  ")
		if len(r.Status.Schedules) != 1 || r.Status.Schedules[0].Name != s.Name {
			t.Errorf("the status is %+v", r.Status.Schedules)
		}
	}
	r.Spec.Schedules = nil
	if err := w.cluster.Update(w.Context(), r); err != nil {
		t.Fatal(err)
	}
	if r = w.looks(); len(r.Status.Schedules) > 0 || meta.FindStatusCondition(r.Status.Conditions, v1alpha1.ConditionScheduled) != nil {
		t.Errorf("the status is %+v", r.Status)
	}
}

func TestScheduleWhilePaused(t *testing.T) {
	r := scheduled(v1alpha1.Schedule{Name: "hourly", Cron: "0 * * * *"}, v1alpha1.Schedule{Name: "strict", Cron: "0 * * * *", StartingDeadline: &metav1.Duration{Duration: time.Minute}})
	r.Spec.Paused = true
	w := newWorld(t, r)
	w.looks()
	w.at("04:00:30")
	w.looks()
	w.at("06:05:00")
	r = w.looks()
	w.wantTicks()
	r.Spec.Paused = false
	if err := w.cluster.Update(w.Context(), r); err != nil {
		t.Fatal(err)
	}
	w.looks()
	w.wantTicks("hourly 06:00  ")
}

// One that cannot be read is told of, and holds up no other.
func TestScheduleThatIsWrong(t *testing.T) {
	w := newWorld(t, scheduled(v1alpha1.Schedule{Name: "odd", Cron: "61 * * * *"}, v1alpha1.Schedule{Name: "hourly", Cron: "0 * * * *"}, v1alpha1.Schedule{Name: "lost", Cron: "@daily", TimeZone: "Europe/Atlantis"}))
	w.looks()
	w.at("04:00:00")
	r := w.looks()
	w.wantTicks("hourly 04:00  ")
	c := meta.FindStatusCondition(r.Status.Conditions, v1alpha1.ConditionScheduled)
	if c == nil || c.Status != metav1.ConditionFalse || c.Reason != v1alpha1.ReasonInvalidSchedule ||
		!strings.HasPrefix(c.Message, `spec.schedules[0] (odd): cron: "61 * * * *"`) || !strings.Contains(c.Message, `; spec.schedules[2] (lost): timeZone: there is no zone "Europe/Atlantis"; name one`) {
		t.Errorf("the condition is %+v", c)
	}
	if ready := meta.FindStatusCondition(r.Status.Conditions, v1alpha1.ConditionReady); ready == nil || ready.Status != metav1.ConditionTrue {
		t.Errorf("the connection is %+v", ready)
	}
}

// The repository is looked at when the next time comes, though the forge needs no asking.
func TestScheduleWakesUp(t *testing.T) {
	w := newWorld(t, scheduled(v1alpha1.Schedule{Name: "minutely", Cron: "* * * * *"}))
	w.looks()
	res, err := w.Reconcile(w.Context(), reconcile.Request{NamespacedName: client.ObjectKeyFromObject(repository())})
	if want := 55 * time.Second; err != nil || res.RequeueAfter != want {
		t.Errorf("after %s, %v, want %s", res.RequeueAfter, err, want)
	}
}
