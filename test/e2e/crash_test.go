//go:build e2e

package e2e

import (
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"

	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
	"github.com/slipway-dev/slipway/test/env"
)

// threeTasks appends the name of each step that runs to a file that all tasks
// share, so that a step that ran twice, or not at all, is seen.
const threeTasks = `
metadata: {generateName: crash-}
spec:
  workspaces:
  - name: shared
    volumeClaimTemplate:
      spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 16Mi}}}
  pipelineSpec:
    workspaces: [{name: shared}]
    results: [{name: ran, value: $(tasks.third.results.ran)}]
    tasks:
    - name: first
      workspaces: [{name: shared}]
      taskSpec: &append
        workspaces: [{name: shared}]
        results: [{name: ran}]
        steps:
        - name: one
          image: busybox
          script: |
            echo one >> $(workspaces.shared.path)/ran
            sleep 2
        - name: two
          image: busybox
          script: |
            echo two >> $(workspaces.shared.path)/ran
            tr '\n' ' ' < $(workspaces.shared.path)/ran > $(results.ran.path)
    - name: second
      runAfter: [first]
      workspaces: [{name: shared}]
      taskSpec: *append
    - name: third
      runAfter: [second]
      workspaces: [{name: shared}]
      taskSpec: *append
`

// Not parallel as long as something is killed: the other tests must not lose their
// controller meanwhile.
func TestKilledControllerRunsEachStepOnce(t *testing.T) {
	e := env.New(t)
	pr := env.CreateYAML[v1.PipelineRun](e, threeTasks)
	e.PipelineRunWhen(pr.Name, time.Minute, "to be in its first task", func(pr *v1.PipelineRun) bool {
		return len(pr.Status.ChildReferences) > 0
	})
	first := pr.Name + "-first"
	e.TaskRunWhen(first, time.Minute, "to have a pod", func(tr *v1.TaskRun) bool { return tr.Status.PodName != "" })
	e.KillNow("controller")
	e.TaskRunWhen(pr.Name+"-second", 2*time.Minute, "to have a pod", func(tr *v1.TaskRun) bool { return tr.Status.PodName != "" })
	e.KillNow("controller")
	t.Parallel()
	done := e.PipelineRunDone(pr.Name, 3*time.Minute)
	if c := done.Status.GetCondition(v1.ConditionSucceeded); c.Status != corev1.ConditionTrue {
		t.Fatalf("ended with %s: %s", c.Reason, c.Message)
	}
	want := strings.TrimSpace(strings.Repeat("one two ", 3))
	if got := strings.TrimSpace(done.Status.Results[0].Value.StringVal); got != want {
		t.Errorf("steps ran as %q, want %q", got, want)
	}
}
