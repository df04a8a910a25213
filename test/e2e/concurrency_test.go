//go:build e2e

package e2e

import (
	"strings"
	"testing"

	"sigs.k8s.io/controller-runtime/pkg/client"

	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
	"github.com/slipway-dev/slipway/test/env"
)

// Of a Pipeline with a limit no more run at once; the others wait in their order, and
// say where they stand.
func TestConcurrencyLimit(t *testing.T) {
	t.Parallel()
	e := env.New(t)
	env.CreateYAML[v1.Pipeline](e, strings.ReplaceAll(`
metadata: {name: deploy, annotations: {slipway.dev/concurrency-limit: "1", slipway.dev/concurrency-key: deploy-$(params.to)}}
spec:
  params: [{name: to, default: here}, {name: for, default: "0"}]
  tasks:
  - name: wait
    params: [{name: for, value: $(params.for)}]
    taskSpec:
      params: [{name: for}]
      steps: [{name: wait, image: IMAGE, command: [sleep, $(params.for)]}]
`, "IMAGE", e.Registry+"/busybox"))
	start := func(name, annotations, params string) {
		env.CreateYAML[v1.PipelineRun](e, "metadata: {name: "+name+", annotations: {"+annotations+"}}\nspec: {pipelineRef: {name: deploy}, params: ["+params+"]}")
	}
	says := func(name, text string) {
		e.PipelineRunWhen(name, soon, "to say "+text, func(pr *v1.PipelineRun) bool {
			c := pr.Status.GetCondition(v1.ConditionSucceeded)
			return c != nil && strings.Contains(c.Reason+": "+c.Message, text)
		})
	}
	start("first", "", "{name: for, value: '600'}")
	says("first", "Running: ")
	start("low", "", "")
	says("low", `Queued: PipelineRun `+e.Namespace+`/low is number 1 in the queue: one run at once of concurrency group "deploy-here" (now: first)`)
	start("high", "slipway.dev/priority: '5'", "")
	says("high", "is number 1 in the queue")
	start("elsewhere", "", "{name: to, value: there}")
	if pr := e.PipelineRunDone("elsewhere", soon); !pr.IsSuccessful() {
		t.Errorf("a run of another group: %+v", pr.Status.GetCondition(v1.ConditionSucceeded))
	}
	start("refused", "slipway.dev/concurrency-policy: Forbid", "")
	e.WantFailure(e.PipelineRunDone("refused", soon).Status.GetCondition(v1.ConditionSucceeded), "ConcurrencyLimitReached", "(now: first)")

	var first v1.PipelineRun
	if err := e.Client.Get(e.Context(), client.ObjectKey{Namespace: e.Namespace, Name: "first"}, &first); err != nil {
		t.Fatal(err)
	}
	before := first.DeepCopy()
	first.Spec.Status = v1.PipelineRunSpecStatusCancelled
	if err := e.Client.Patch(e.Context(), &first, client.MergeFrom(before)); err != nil {
		t.Fatal(err)
	}
	low, high := e.PipelineRunDone("low", soon), e.PipelineRunDone("high", soon)
	if !low.IsSuccessful() || !high.IsSuccessful() {
		t.Errorf("low: %+v, high: %+v", low.Status.GetCondition(v1.ConditionSucceeded), high.Status.GetCondition(v1.ConditionSucceeded))
	}
	if low.Status.StartTime.Before(high.Status.CompletionTime) {
		t.Errorf("low started at %s, before high, which has priority, ended at %s", low.Status.StartTime, high.Status.CompletionTime)
	}
}
