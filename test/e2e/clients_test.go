//go:build e2e

package e2e

import (
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
	"github.com/slipway-dev/slipway/test/env"
)

// selected are the names of the objects in a list that a label selector finds, as
// clients of Tekton look for them.
func selected(e *env.Env, list client.ObjectList, selector string) string {
	e.Helper()
	labels, err := metav1.ParseToLabelSelector(selector)
	if err != nil {
		e.Fatal(err)
	}
	s, err := metav1.LabelSelectorAsSelector(labels)
	if err != nil {
		e.Fatal(err)
	}
	if err := e.Client.List(e.Context(), list, client.InNamespace(e.Namespace), client.MatchingLabelsSelector{Selector: s}); err != nil {
		e.Fatal(err)
	}
	var names []string
	switch list := list.(type) {
	case *v1.PipelineRunList:
		for _, o := range list.Items {
			names = append(names, o.Name)
		}
	case *v1.TaskRunList:
		for _, o := range list.Items {
			names = append(names, o.Name)
		}
	case *corev1.PodList:
		for _, o := range list.Items {
			names = append(names, o.Name)
		}
	}
	slices.Sort(names)
	return strings.Join(names, " ")
}

// What tkn and the Dashboard read of runs is there: they find runs by labels, tasks
// by references to children, and logs by the names of Pods and containers.
func TestClients(t *testing.T) {
	t.Parallel()
	e := env.New(t)
	env.CreateYAML[v1.Task](e, strings.ReplaceAll(`
metadata: {name: build, labels: {app: shop}, annotations: {note: kept}}
spec: {steps: [{name: one, image: IMAGE, script: echo 1}, {image: IMAGE, script: echo 2}]}
`, "IMAGE", e.Registry+"/busybox"))
	env.CreateYAML[v1.Pipeline](e, strings.ReplaceAll(`
metadata: {name: ship, labels: {team: a}}
spec:
  tasks: [{name: build, displayName: the build, taskRef: {name: build}}]
  finally: [{name: tell, taskSpec: {steps: [{name: s, image: IMAGE, script: "true"}]}}]
`, "IMAGE", e.Registry+"/busybox"))
	create(e, "alone", "taskRef: {name: build}")
	run := pipelineRun(e, "pipelineRef: {name: ship}")
	alone := e.TaskRunDone("alone", soon)
	done := e.PipelineRunDone(run.Name, runTimeout)
	wantOutcome(e, done, "Succeeded", "Tasks Completed: 2 (Failed: 0, Cancelled 0), Skipped: 0")
	for _, tc := range []struct {
		list     client.ObjectList
		selector string
		want     string
	}{
		{&v1.PipelineRunList{}, "tekton.dev/pipeline=ship", "ci"},
		{&v1.PipelineRunList{}, "team=a", "ci"},
		{&v1.TaskRunList{}, "tekton.dev/task=build", "alone ci-build"},
		{&v1.TaskRunList{}, "app=shop", "alone ci-build"},
		{&v1.TaskRunList{}, "tekton.dev/pipeline=ship,team=a", "ci-build ci-tell"},
		{&v1.TaskRunList{}, "tekton.dev/pipelineRun=ci,tekton.dev/pipelineRunUID=" + string(done.UID), "ci-build ci-tell"},
		{&v1.TaskRunList{}, "tekton.dev/pipelineTask=tell,tekton.dev/memberOf=finally", "ci-tell"},
		{&v1.TaskRunList{}, "tekton.dev/pipelineTask=build,tekton.dev/memberOf=tasks", "ci-build"},
		{&corev1.PodList{}, "tekton.dev/taskRun=alone,tekton.dev/taskRunUID=" + string(alone.UID) + ",tekton.dev/task=build,app=shop", "alone-pod"},
		{&corev1.PodList{}, "tekton.dev/pipelineRun=ci,tekton.dev/pipelineTask=build,app.kubernetes.io/managed-by", "ci-build-pod"},
	} {
		if got := selected(e, tc.list, tc.selector); got != tc.want {
			t.Errorf("%T with %s: %q, want %q", tc.list, tc.selector, got, tc.want)
		}
	}
	wantChildren(e, done)
	wantLogs(e, alone)
	info, err := e.Kube.CoreV1().ConfigMaps(env.SystemNamespace).Get(t.Context(), "pipelines-info", metav1.GetOptions{})
	if err != nil || info.Data["version"] == "" {
		t.Errorf("pipelines-info: %v, %v", info.Data, err)
	}
}

func wantChildren(e *env.Env, run *v1.PipelineRun) {
	e.Helper()
	var children []string
	for _, c := range run.Status.ChildReferences {
		children = append(children, strings.Join([]string{c.APIVersion, c.Kind, c.Name, c.PipelineTaskName, c.DisplayName}, " "))
	}
	if want := []string{"tekton.dev/v1 TaskRun ci-build build the build", "tekton.dev/v1 TaskRun ci-tell tell "}; !slices.Equal(children, want) {
		e.Errorf("children: %q, want %q", children, want)
	}
	if s := run.Status; s.Conditions[0].Type != v1.ConditionSucceeded || s.PipelineSpec == nil || s.StartTime == nil || s.CompletionTime == nil {
		e.Errorf("status: %+v", s)
	}
}

// wantLogs reads the logs as clients do: of each container of the Pod that the
// status names, in order.
func wantLogs(e *env.Env, run *v1.TaskRun) {
	e.Helper()
	var steps, logs []string
	for _, s := range run.Status.Steps {
		steps = append(steps, s.Name+" "+s.Container+" "+s.Terminated.Reason+" "+s.TerminationReason)
	}
	if want := []string{"one step-one Completed Completed", "unnamed-1 step-unnamed-1 Completed Completed"}; !slices.Equal(steps, want) {
		e.Errorf("steps: %q, want %q", steps, want)
	}
	for _, c := range e.PodOf(run).Spec.Containers {
		logs = append(logs, c.Name+" "+e.ContainerLog(run.Status.PodName, c.Name))
	}
	if want := []string{"step-one 1\n", "step-unnamed-1 2\n"}; !slices.Equal(logs, want) {
		e.Errorf("logs: %q, want %q", logs, want)
	}
	if run.Status.StartTime.IsZero() || run.Status.CompletionTime.Sub(run.Status.StartTime.Time) > time.Hour {
		e.Errorf("from %v to %v", run.Status.StartTime, run.Status.CompletionTime)
	}
}
