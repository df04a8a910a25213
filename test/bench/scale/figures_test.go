package main

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
	"github.com/slipway-dev/slipway/test/bench/lab"
)

func TestLatencies(t *testing.T) {
	at := func(second int) time.Time { return time.Unix(int64(second), 0) }
	r := Row{}
	r.latencies(
		marks{"run-0-task-0": {lab.Made: at(0), lab.Done: at(9)}, "run-0-last": {lab.Made: at(10), lab.Done: at(14)}},
		marks{"run-0-task-0-pod": {lab.Made: at(2), lab.Ended: at(8)}, "run-0-last-pod": {lab.Made: at(11), lab.Ended: at(11)}},
		marks{"run-0": {lab.Done: at(19)}})
	want := Row{PodAfter: Spread{1, 1, 2}, DoneAfter: Spread{1, 1, 3}, PipelineAfter: Spread{5, 5, 5}}
	if diff := cmp.Diff(want, r); diff != "" {
		t.Error(diff)
	}
}

func TestBusy(t *testing.T) {
	from := reading{at: time.Unix(0, 0), workers: 4, worked: 1, waited: 2, looked: 10}
	to := reading{at: time.Unix(10, 0), workers: 4, worked: 21, waited: 4, looked: 50}
	if got, want := busy(from, to), (Busy{Share: 0.5, Wait: 0.05}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
}

// One PipelineRun of ten TaskRuns, as it should be.
func good() *whole {
	var w whole
	succeeded := func() v1.Status {
		return v1.Status{Conditions: v1.Conditions{{Type: v1.ConditionSucceeded, Status: corev1.ConditionTrue}}}
	}
	owned := func(name, by string) metav1.ObjectMeta {
		return metav1.ObjectMeta{Name: name, UID: types.UID(name), OwnerReferences: []metav1.OwnerReference{{UID: types.UID(by), Controller: new(true)}}}
	}
	for i := range tasks {
		name := string(rune('a' + i))
		run := v1.TaskRun{ObjectMeta: owned(name, "p")}
		run.Status.Status = succeeded()
		w.taskRuns.Items = append(w.taskRuns.Items, run)
		w.pods.Items = append(w.pods.Items, corev1.Pod{ObjectMeta: owned(name+"-pod", name)})
	}
	run := v1.PipelineRun{ObjectMeta: metav1.ObjectMeta{Name: "p", UID: "p"}}
	run.Status.Status = succeeded()
	w.pipelineRuns.Items = append(w.pipelineRuns.Items, run)
	return &w
}

func TestWhole(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(*whole)
		want   string
	}{
		"all there":          {func(*whole) {}, ""},
		"lost":               {func(w *whole) { w.taskRuns.Items = w.taskRuns.Items[1:] }, "there are 9 TaskRuns"},
		"doubled":            {func(w *whole) { w.taskRuns.Items = append(w.taskRuns.Items, v1.TaskRun{}) }, "there are 11 TaskRuns"},
		"pod doubled":        {func(w *whole) { w.pods.Items = append(w.pods.Items, w.pods.Items[0]) }, "TaskRun a has 2 Pods"},
		"pod lost":           {func(w *whole) { w.pods.Items = w.pods.Items[1:] }, "TaskRun a has 0 Pods"},
		"stuck":              {func(w *whole) { w.taskRuns.Items[3].Status.Conditions = nil }, "TaskRun d has 1 Pods"},
		"retried":            {func(w *whole) { w.taskRuns.Items[3].Status.RetriesStatus = make([]v1.TaskRunStatus, 1) }, "TaskRun d"},
		"pipeline run stuck": {func(w *whole) { w.pipelineRuns.Items[0].Status.Conditions[0].Status = "Unknown" }, "PipelineRun p"},
		"of another":         {func(w *whole) { w.taskRuns.Items[3].OwnerReferences = nil }, "PipelineRun p has 9 TaskRuns"},
	} {
		t.Run(name, func(t *testing.T) {
			w := good()
			tc.change(w)
			err := w.check(tasks, 1)
			if (err == nil) != (tc.want == "") || err != nil && !strings.Contains(err.Error(), tc.want) {
				t.Errorf("%v, want %q", err, tc.want)
			}
		})
	}
}
