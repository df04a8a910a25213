//go:build e2e

package e2e

import (
	"context"
	"encoding/base64"
	"fmt"
	"testing"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"

	resolution "github.com/slipway-dev/slipway/api/tekton/resolution/v1beta1"
	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
	"github.com/slipway-dev/slipway/test/env"
)

// answerRequests plays a resolver that another party wrote: until the test ends, it
// answers each request with what documents has for its param path.
func answerRequests(e *env.Env, documents map[string]string) {
	e.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	stopped := make(chan struct{})
	e.Cleanup(func() { cancel(); <-stopped })
	answer := func() {
		var list resolution.ResolutionRequestList
		if err := e.Client.List(ctx, &list, client.InNamespace(e.Namespace), client.MatchingLabels{resolution.LabelType: "drawer"}); err != nil {
			return
		}
		for _, r := range list.Items {
			if r.Status.Data != "" || len(r.Spec.Params) != 1 {
				continue
			}
			before := r.DeepCopy()
			path := r.Spec.Params[0].Value.StringVal
			r.Status.Data = base64.StdEncoding.EncodeToString([]byte(documents[path]))
			r.Status.RefSource = &v1.RefSource{URI: "drawer://" + path, Digest: map[string]string{"sha256": "ab"}}
			_ = e.Client.Status().Patch(ctx, &r, client.MergeFrom(before)) // it is answered again if not
		}
	}
	go func() {
		defer close(stopped)
		tick := time.NewTicker(200 * time.Millisecond)
		defer tick.Stop()
		for ctx.Err() == nil {
			answer()
			select {
			case <-ctx.Done():
			case <-tick.C:
			}
		}
	}()
}

// A resolver of another party serves Pipelines, Tasks and StepActions, by requests
// that go with the runs that made them.
func TestForeignResolver(t *testing.T) {
	t.Parallel()
	e := env.New(t)
	answerRequests(e, map[string]string{
		"ns/pipeline": `{apiVersion: tekton.dev/v1, kind: Pipeline, metadata: {name: greet}, spec: {params: [{name: who}], results: [{name: said, value: $(tasks.say.results.said)}],
  tasks: [{name: say, params: [{name: who, value: $(params.who)}], taskRef: {resolver: drawer, params: [{name: path, value: $(params.who)/task}]}}]}}`,
		"ns/task": `{apiVersion: tekton.dev/v1, kind: Task, metadata: {name: say}, spec: {params: [{name: who}], results: [{name: said, value: $(steps.hello.results.said)}],
  steps: [{name: hello, params: [{name: who, value: $(params.who)}], ref: {resolver: drawer, params: [{name: path, value: action}]}}]}}`,
		"action": `{apiVersion: tekton.dev/v1beta1, kind: StepAction, metadata: {name: hello}, spec: {params: [{name: who}], results: [{name: said}], image: ` + e.Registry +
			`/busybox, env: [{name: WHO, value: $(params.who)}], script: printf "hello $WHO" > $(step.results.said.path)}}`,
	})
	pr := env.CreateYAML[v1.PipelineRun](e, `{metadata: {name: ci}, spec: {params: [{name: who, value: ns}], pipelineRef: {resolver: drawer, params: [{name: path, value: $(params.who)/pipeline}]}}}`)
	done := e.PipelineRunDone(pr.Name, runTimeout)
	if !done.IsSuccessful() || len(done.Status.Results) != 1 || done.Status.Results[0].Value.StringVal != "hello ns" {
		t.Fatalf("%+v, results %+v", done.Status.GetCondition(v1.ConditionSucceeded), done.Status.Results)
	}
	tr := childTaskRun(e, "ci-say")
	if p := done.Status.Provenance; p == nil || p.RefSource.URI != "drawer://ns/pipeline" {
		t.Errorf("the run's provenance is %+v", p)
	}
	if p := tr.Status.Provenance; p == nil || p.RefSource.URI != "drawer://ns/task" || tr.Status.Steps[0].Provenance.RefSource.URI != "drawer://action" {
		t.Errorf("the task's provenance is %+v, the step's %+v", p, tr.Status.Steps[0].Provenance)
	}
	if err := e.Client.Delete(t.Context(), done); err != nil {
		t.Fatal(err)
	}
	env.Wait(e, 2*time.Minute, "the requests to go with their runs", func() (bool, string) {
		var list resolution.ResolutionRequestList
		err := e.Client.List(t.Context(), &list, client.InNamespace(e.Namespace))
		return err == nil && len(list.Items) == 0, fmt.Sprint(len(list.Items), " are left, ", err)
	})
}

// A resolver that nobody runs ends the run that names it, in time and with its name.
func TestResolverThatNobodyRuns(t *testing.T) {
	t.Parallel()
	e := env.New(t)
	tr := env.CreateYAML[v1.TaskRun](e, `{metadata: {name: ci}, spec: {taskRef: {resolver: nobody, params: [{name: path, value: a}]}}}`)
	e.TaskRunWhen(tr.Name, time.Minute, "to wait", func(tr *v1.TaskRun) bool {
		c := tr.Status.GetCondition(v1.ConditionSucceeded)
		return c != nil && c.Reason == v1.TaskRunReasonResolvingTaskRef.String()
	})
	done := e.TaskRunDone(tr.Name, runTimeout)
	e.WantFailure(done.Status.GetCondition(v1.ConditionSucceeded), "TaskRunResolutionFailed", "resolver nobody: no answer within 1m0s to resolutionrequest nobody-")
}
