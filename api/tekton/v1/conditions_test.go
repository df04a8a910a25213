package v1

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// LastTransitionTime tells when the status changed, not when it was last written.
func TestSetCondition(t *testing.T) {
	at := func(minute int) metav1.Time {
		return metav1.NewTime(time.Date(2026, 1, 1, 0, minute, 0, 0, time.UTC))
	}
	var s Status
	for i, c := range []struct {
		status corev1.ConditionStatus
		reason TaskRunReason
		since  int
	}{
		{corev1.ConditionUnknown, TaskRunReasonStarted, 0},
		{corev1.ConditionUnknown, TaskRunReasonRunning, 0},
		{corev1.ConditionTrue, TaskRunReasonSuccessful, 2},
		{corev1.ConditionTrue, TaskRunReasonSuccessful, 2},
	} {
		s.SetCondition(Condition{Type: ConditionSucceeded, Status: c.status, Reason: c.reason.String(), LastTransitionTime: at(i)})
		want := Conditions{{Type: ConditionSucceeded, Status: c.status, Reason: c.reason.String(), LastTransitionTime: at(c.since)}}
		if diff := cmp.Diff(want, s.Conditions); diff != "" {
			t.Errorf("after step %d: %s", i, diff)
		}
	}
}

func TestOutcome(t *testing.T) {
	for status, want := range map[corev1.ConditionStatus][3]bool{
		"":                      {false, false, false},
		corev1.ConditionUnknown: {false, false, false},
		corev1.ConditionTrue:    {true, true, false},
		corev1.ConditionFalse:   {true, false, true},
	} {
		var tr TaskRun
		var pr PipelineRun
		if status != "" {
			c := Condition{Type: ConditionSucceeded, Status: status}
			tr.Status.SetCondition(c)
			pr.Status.SetCondition(c)
		}
		if got := [3]bool{tr.IsDone(), tr.IsSuccessful(), tr.IsFailure()}; got != want {
			t.Errorf("TaskRun %q: done, successful, failed = %v, want %v", status, got, want)
		}
		if got := [3]bool{pr.IsDone(), pr.IsSuccessful(), pr.IsFailure()}; got != want {
			t.Errorf("PipelineRun %q: done, successful, failed = %v, want %v", status, got, want)
		}
	}
}

// The type of a parameter is that of what it may hold, as validation and
// substitution go by it.
func TestDefaults(t *testing.T) {
	task := Task{Spec: TaskSpec{
		Params: ParamSpecs{
			{Name: "plain"},
			{Name: "list", Default: NewArray("a")},
			{Name: "map", Properties: map[string]PropertySpec{"k": {}}},
			{Name: "said", Type: ParamTypeArray, Default: NewString("$(params.list[*])")},
		},
		Results: []TaskResult{{Name: "r"}, {Name: "o", Properties: map[string]PropertySpec{"k": {}}}},
	}}
	task.SetDefaults()
	var got []ParamType
	for _, p := range task.Spec.Params {
		got = append(got, p.Type)
	}
	for _, r := range task.Spec.Results {
		got = append(got, r.Type)
	}
	if diff := cmp.Diff([]ParamType{"string", "array", "object", "array", "string", "object"}, got); diff != "" {
		t.Error(diff)
	}
	if p := task.Spec.Params[2].Properties["k"].Type; p != ParamTypeString {
		t.Errorf("a key has type %q", p)
	}
}

func TestIsCustomTask(t *testing.T) {
	for name, tc := range map[string]struct {
		ref  *TaskRef
		want bool
	}{
		"nothing":              {nil, false},
		"by name":              {&TaskRef{Name: "a"}, false},
		"a Task, spelled out":  {&TaskRef{Name: "a", APIVersion: "tekton.dev/v1", Kind: "Task"}, false},
		"another group's kind": {&TaskRef{Name: "a", APIVersion: "example.dev/v1", Kind: "Wait"}, true},
	} {
		if got := tc.ref.IsCustomTask(); got != tc.want {
			t.Errorf("%s: %v, want %v", name, got, tc.want)
		}
	}
}
