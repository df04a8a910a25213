package describe

import (
	"flag"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
	"github.com/slipway-dev/slipway/pkg/cli/internal/runs"
	"github.com/slipway-dev/slipway/pkg/cli/internal/style"
)

var update = flag.Bool("update", false, "write the golden files")

func at(second int) *metav1.Time {
	t := metav1.NewTime(time.Date(2026, 11, 20, 14, 0, second, 0, time.UTC))
	return &t
}

func status(s corev1.ConditionStatus, reason, message string) v1.Status {
	return v1.Status{Conditions: v1.Conditions{{Type: v1.ConditionSucceeded, Status: s, Reason: reason, Message: message}}}
}

func step(name string, from, to int, code int32, why string) v1.StepState {
	return v1.StepState{Name: name, TerminationReason: why, ContainerState: corev1.ContainerState{
		Terminated: &corev1.ContainerStateTerminated{ExitCode: code, StartedAt: *at(from), FinishedAt: *at(to)},
	}}
}

func child(task string, from, to int, s v1.Status, steps ...v1.StepState) v1.TaskRun {
	tr := v1.TaskRun{ObjectMeta: metav1.ObjectMeta{Name: "ci-1-" + task, CreationTimestamp: *at(from), Labels: map[string]string{v1.LabelPipelineTask: task}}}
	tr.Status = v1.TaskRunStatus{Status: s, TaskRunStatusFields: v1.TaskRunStatusFields{StartTime: at(from), Steps: steps}}
	if to > 0 {
		tr.Status.CompletionTime = at(to)
	}
	return tr
}

// failed has a task in every state that a reader must tell apart.
func failed() (*v1.PipelineRun, []v1.TaskRun) {
	pr := &v1.PipelineRun{ObjectMeta: metav1.ObjectMeta{Name: "ci-1", Namespace: "team"}}
	pr.Spec = v1.PipelineRunSpec{
		PipelineRef: &v1.PipelineRef{Name: "ci"},
		Params:      v1.Params{{Name: "revision", Value: *v1.NewString("main")}, {Name: "flags", Value: *v1.NewArray("-v", "-x")}},
		Workspaces:  []v1.WorkspaceBinding{{Name: "source", SubPath: "src", PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: "c"}}},
	}
	pr.Status.Status = status("False", "Failed", "Tasks Completed: 2 (Failed: 1)")
	pr.Status.StartTime, pr.Status.CompletionTime = at(0), at(50)
	pr.Status.PipelineSpec = &v1.PipelineSpec{
		Tasks:   []v1.PipelineTask{{Name: "clone"}, {Name: "test"}, {Name: "deploy"}, {Name: "late"}},
		Finally: []v1.PipelineTask{{Name: "report"}},
	}
	pr.Status.SkippedTasks = []v1.SkippedTask{{Name: "deploy", Reason: v1.WhenExpressionsSkip, WhenExpressions: v1.WhenExpressions{{Input: "main", Operator: "in", Values: []string{"release"}}}}}
	pr.Status.Results = []v1.PipelineRunResult{{Name: "commit", Value: *v1.NewString("abc123")}}
	retried := child("test", 10, 45, status("False", "StepFailed", `step "unit" exited with code 1`),
		step("unit", 11, 44, 1, v1.TerminationReasonError), step("upload", 44, 44, 1, v1.TerminationReasonSkipped))
	retried.Status.RetriesStatus = v1.RetriesStatus{{}}
	return pr, []v1.TaskRun{
		retried,
		child("clone", 1, 9, status("True", "Succeeded", ""), step("clone", 2, 8, 0, v1.TerminationReasonCompleted), step("lint", 8, 9, 2, v1.TerminationReasonContinued)),
		child("report", 46, 0, status("Unknown", "Running", "")),
	}
}

func TestGolden(t *testing.T) {
	tests := []struct {
		file  string
		style style.Style
	}{
		{"failed-terminal.txt", style.Style{Color: true, Unicode: true}},
		{"failed-pipe.txt", style.Style{}},
	}
	for _, test := range tests {
		pr, children := failed()
		p := &page{style: test.style, now: at(55).Time}
		p.pipelineRun(runs.Run{PipelineRun: pr}, children)
		path := filepath.Join("testdata", test.file)
		if *update {
			if err := os.WriteFile(path, []byte(p.text.String()), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), p.text.String()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.file, diff)
		}
	}
}
