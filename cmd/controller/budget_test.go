package main

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/slipway-dev/slipway/api/slipway/v1alpha1"
	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
	"github.com/slipway-dev/slipway/pkg/controller/event"
	"github.com/slipway-dev/slipway/pkg/controller/report"
	"github.com/slipway-dev/slipway/pkg/forge"
	"github.com/slipway-dev/slipway/pkg/kube"
	"github.com/slipway-dev/slipway/pkg/trigger"
)

// meter is a forge that counts what its API is called, as the contract of forge.Client
// says it is.
type meter struct {
	forge.Client
	files map[string][]byte
	calls []string
	text  string
}

func (m *meter) pay(n int, what string) {
	for range n {
		m.calls = append(m.calls, what)
	}
}

func (m *meter) Files(context.Context, string, ...string) (map[string][]byte, error) {
	m.pay(2, "files")
	return m.files, nil
}

func (m *meter) Changes(context.Context, *v1alpha1.Event) (forge.Changes, error) {
	m.pay(1, "changes")
	return forge.Changes{Modified: []string{"main.go"}}, nil
}

func (m *meter) MayPush(context.Context, string) (bool, error) {
	m.pay(1, "may push")
	return true, nil
}

func (m *meter) SetStatus(_ context.Context, _ string, s forge.Status) error {
	m.pay(1, "status "+string(s.State))
	m.text = s.Text
	return nil
}

func (m *meter) Comment(context.Context, int64, string, string) error {
	m.pay(2, "comment")
	return nil
}

// maxCalls is what a pull request of ten tasks may cost at the forge's API, from the
// webhook to the last status.
const maxCalls = 8

// A pull request from a fork by somebody who may push, whose pipeline asks for the
// changed files, is the most that one costs, and one that fails costs a comment more.
func TestTenTasksCostEightCalls(t *testing.T) {
	for name, status := range map[string]corev1.ConditionStatus{"that succeed": corev1.ConditionTrue, "of which one fails": corev1.ConditionFalse} {
		t.Run(name, func(t *testing.T) {
			var tasks strings.Builder
			for i := range 10 {
				fmt.Fprintf(&tasks, "    - {name: t%d, taskSpec: {steps: [{name: s, image: i}]}}\n", i)
			}
			m := &meter{files: map[string][]byte{".tekton/a.yaml": []byte(`apiVersion: tekton.dev/v1
kind: PipelineRun
metadata:
  name: build
  annotations:
    pipelinesascode.tekton.dev/on-event: "[pull_request]"
    pipelinesascode.tekton.dev/on-target-branch: "[main]"
    pipelinesascode.tekton.dev/on-path-change: "[**.go]"
spec:
  pipelineSpec:
    tasks:
` + tasks.String())}}
			runOnePullRequest(t, m, status)
			if len(m.calls) > maxCalls {
				t.Errorf("%d calls: %q", len(m.calls), m.calls)
			}
			if !strings.Contains(m.text, "| t9 |") {
				t.Errorf("the last status says %q", m.text)
			}
		})
	}
}

func runOnePullRequest(t *testing.T, m *meter, end corev1.ConditionStatus) {
	t.Helper()
	scheme, err := kube.Scheme()
	if err != nil {
		t.Fatal(err)
	}
	repository := &v1alpha1.Repository{ObjectMeta: metav1.ObjectMeta{Namespace: "ci", Name: "engine", UID: "u"},
		Spec: v1alpha1.RepositorySpec{URL: "https://forge.example/ada/engine", Provider: v1alpha1.ProviderGitea}}
	happened := v1alpha1.NewEvent(repository, v1alpha1.OriginWebhook, nil, time.Now())
	happened.Spec.Event = v1alpha1.Event{Type: v1alpha1.EventPullRequest, Ref: "refs/heads/main", Commit: "c1", Sender: "ada",
		PullRequest: &v1alpha1.PullRequest{Number: 7, Action: v1alpha1.PullRequestOpened, Author: "ada", SourceBranch: "fix", Fork: true}}
	c := fake.NewClientBuilder().WithScheme(scheme).WithStatusSubresource(&v1alpha1.RepositoryEvent{}, &v1.PipelineRun{}, &v1.TaskRun{}).
		WithIndex(&v1.PipelineRun{}, kube.RepositoryField, kube.RepositoryOf).WithIndex(&v1alpha1.RepositoryEvent{}, kube.RepositoryField, kube.RepositoryOf).
		WithObjects(repository, happened).Build()
	connect := func(context.Context, *v1alpha1.Repository) (forge.Client, error) { return m, nil }
	events := event.New(event.Deps{Client: c, Live: c, Forge: connect, Now: time.Now,
		Fetch: func(context.Context, *v1alpha1.Repository, trigger.Reference) ([]byte, error) { return nil, nil }})
	reports := report.New(report.Deps{Client: c, Forge: connect, Now: time.Now,
		Log: func(context.Context, *corev1.Pod, string, int64) (string, error) { return "boom", nil }})
	var run v1.PipelineRun
	look := func() {
		if _, err := events.Reconcile(t.Context(), reconcile.Request{NamespacedName: client.ObjectKeyFromObject(repository)}); err != nil {
			t.Fatal(err)
		}
		var runs v1.PipelineRunList
		if err := c.List(t.Context(), &runs); err != nil || len(runs.Items) != 1 {
			t.Fatalf("%d runs, %v, and the forge was asked %q", len(runs.Items), err, m.calls)
		}
		run = runs.Items[0]
		// Each change of a run has it looked at, some of them with an old view of it.
		for range 2 {
			if _, err := reports.Reconcile(t.Context(), reconcile.Request{NamespacedName: client.ObjectKeyFromObject(&run)}); err != nil {
				t.Fatal(err)
			}
		}
	}
	look()
	for i := range 10 {
		name := fmt.Sprintf("%s-t%d", run.Name, i)
		child := &v1.TaskRun{ObjectMeta: metav1.ObjectMeta{Namespace: "ci", Name: name, Labels: map[string]string{v1.LabelPipelineRun: run.Name}}}
		child.Status.Conditions = v1.Conditions{{Type: v1.ConditionSucceeded, Status: end, Reason: "Over", Message: "step failed"}}
		child.Status.Steps = []v1.StepState{{Name: "s", Container: "step-s", ContainerState: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: 1}}}}
		if err := c.Create(t.Context(), child); err != nil {
			t.Fatal(err)
		}
		run.Status.StartTime = &metav1.Time{Time: time.Now()}
		run.Status.ChildReferences = append(run.Status.ChildReferences, v1.ChildStatusReference{Name: name, PipelineTaskName: fmt.Sprintf("t%d", i)})
		status := run.Status
		if err := c.Get(t.Context(), client.ObjectKeyFromObject(&run), &run); err != nil {
			t.Fatal(err)
		}
		run.Status = status
		if i == 9 {
			run.Status.CompletionTime = run.Status.StartTime
			run.Status.Conditions = v1.Conditions{{Type: v1.ConditionSucceeded, Status: end, Reason: v1.PipelineRunReasonFailed.String()}}
		}
		if err := c.Status().Update(t.Context(), &run); err != nil {
			t.Fatal(err)
		}
		look()
	}
}
