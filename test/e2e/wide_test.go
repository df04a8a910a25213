//go:build e2e

package e2e

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
	"github.com/slipway-dev/slipway/test/env"
)

// long is what hundreds of Pods take beside the other tests.
const long = 15 * time.Minute

func taskRunsOf(e *env.Env, run string) []v1.TaskRun {
	e.Helper()
	var list v1.TaskRunList
	if err := e.Client.List(e.Context(), &list, client.InNamespace(e.Namespace), client.MatchingLabels{v1.LabelPipelineRun: run}); err != nil {
		e.Fatal(err)
	}
	return list.Items
}

// few has no more Pods run at once than one machine starts without losing its breath;
// the rest waits. The tests called TestWide run after all others, as hundreds of
// Pods leave them no time.
func few(e *env.Env) {
	e.Helper()
	e.Create(&corev1.ResourceQuota{ObjectMeta: metav1.ObjectMeta{Name: "few"}, Spec: corev1.ResourceQuotaSpec{Hard: corev1.ResourceList{"pods": resource.MustParse("10")}}})
}

// Eight layers of 25 tasks, each after all of the layer before and five of the one before that.
func TestWideTwoHundredTasks(t *testing.T) {
	e := env.New(t)
	env.CreateYAML[v1.Task](e, fmt.Sprintf("{metadata: {name: ok}, spec: {steps: [{name: s, image: %s/busybox, command: ['true']}]}}", e.Registry))
	name := func(layer, i int) string { return fmt.Sprintf("t%d-%02d", layer, i) }
	var tasks []string
	after, edges := map[string][]string{}, 0
	for layer := range 8 {
		for i := range 25 {
			self := name(layer, i)
			for j := range 25 {
				if layer >= 1 {
					after[self] = append(after[self], name(layer-1, j))
				}
				if layer >= 2 && j < 5 {
					after[self] = append(after[self], name(layer-2, j))
				}
			}
			edges += len(after[self])
			tasks = append(tasks, fmt.Sprintf("{name: %s, taskRef: {name: ok}, runAfter: [%s]}", self, strings.Join(after[self], ", ")))
		}
	}
	if len(tasks) != 200 || edges < 5000 {
		t.Fatalf("%d tasks with %d edges", len(tasks), edges)
	}
	few(e)
	pipelineRun(e, "pipelineSpec:\n  tasks:\n  - "+strings.Join(tasks, "\n  - "))
	run := e.PipelineRunDone("ci", long)
	wantOutcome(e, run, "Succeeded", "Tasks Completed: 200 (Failed: 0, Cancelled 0), Skipped: 0")
	runs := map[string]v1.TaskRun{}
	for _, tr := range taskRunsOf(e, "ci") {
		runs[tr.Labels[v1.LabelPipelineTask]] = tr
	}
	if len(runs) != 200 || len(run.Status.ChildReferences) != 200 {
		t.Fatalf("%d tasks ran, %d are listed", len(runs), len(run.Status.ChildReferences))
	}
	for task, before := range after {
		tr := runs[task]
		for _, b := range before {
			if first := runs[b]; tr.CreationTimestamp.Before(first.Status.CompletionTime) {
				t.Errorf("%s began at %s, before %s ended at %s", task, tr.CreationTimestamp, b, first.Status.CompletionTime)
			}
		}
	}
	data, err := json.Marshal(run)
	if err != nil {
		t.Fatal(err)
	}
	// What etcd takes by default.
	const most = 1536 << 10
	t.Logf("the run has %d kB", len(data)>>10)
	if len(data) > most/2 {
		t.Errorf("the run has %d bytes, more than half of what the API server can store", len(data))
	}
}

func TestWideMatrixOf256(t *testing.T) {
	e := env.New(t)
	values := func(prefix string, n int) string {
		var all []string
		for i := range n {
			all = append(all, fmt.Sprintf("%s%d", prefix, i))
		}
		return strings.Join(all, ", ")
	}
	matrix := func(n int) string {
		return fmt.Sprintf(`
pipelineSpec:
  results: [{name: all, value: "$(tasks.a.results.r[*])"}]
  tasks:
  - name: a
    matrix: {params: [{name: left, value: [%s]}, {name: right, value: [%s]}]}
    taskSpec:
      params: [{name: left}, {name: right}]
      results: [{name: r}]
      steps: [{name: s, image: %s/busybox, script: "echo -n $(params.left)$(params.right) > $(results.r.path)"}]`, values("a", 16), values("b", n), e.Registry)
	}
	err := env.TryYAML[v1.PipelineRun](e, "metadata: {name: over}\nspec:\n  "+strings.ReplaceAll(strings.TrimSpace(matrix(17)), "\n", "\n  "))
	if !apierrors.IsInvalid(err) || !strings.Contains(fmt.Sprint(err), "there are more than 256 combinations") {
		t.Errorf("272 combinations are answered by %v", err)
	}
	few(e)
	pipelineRun(e, matrix(16))
	run := e.PipelineRunDone("ci", long)
	wantOutcome(e, run, "Succeeded", "Tasks Completed: 1 (Failed: 0, Cancelled 0), Skipped: 0")
	seen := map[string]bool{}
	for _, r := range run.Status.Results {
		for _, v := range r.Value.ArrayVal {
			seen[v] = true
		}
	}
	if n := len(taskRunsOf(e, "ci")); n != 256 || len(seen) != 256 {
		t.Errorf("%d runs returned %d values", n, len(seen))
	}
}

// A pipeline in a pipeline in a pipeline in a pipeline hands up its result.
func TestFourPipelinesDeep(t *testing.T) {
	t.Parallel()
	e := env.New(t)
	pipelineRun(e, `
pipelineSpec:
  results: [{name: r, value: $(tasks.a.results.r)}]
  tasks:
  - name: a
    pipelineSpec:
      results: [{name: r, value: $(tasks.b.results.r)}]
      tasks:
      - name: b
        pipelineSpec:
          results: [{name: r, value: $(tasks.c.results.r)}]
          tasks:
          - name: c
            pipelineSpec:
              results: [{name: r, value: $(tasks.d.results.r)}]
              tasks:
              - name: d
                taskSpec:
                  results: [{name: r}]
                  steps: [{name: s, image: IMAGE, script: "echo -n deep > $(results.r.path)"}]
`)
	run := e.PipelineRunDone("ci", runTimeout)
	if len(run.Status.Results) != 1 || run.Status.Results[0].Value.StringVal != "deep" {
		t.Errorf("%+v: %+v", run.Status.GetCondition(v1.ConditionSucceeded), run.Status.Results)
	}
}

// returnsMiB returns 1 MiB that nothing can compress.
const returnsMiB = `head -c 786432 /dev/urandom | base64 | tr -d '\n' > $(results.r.path)`

const tooLarge = "larger with its results than the API server stores, 1.5 MiB by default: write what is large to a workspace, and return its path"

// Each result fits where it is made; what does not fit is the run that would hold both.
func TestMoreResultsThanAPipelineRunHolds(t *testing.T) {
	t.Parallel()
	e := env.New(t)
	pipelineRun(e, fmt.Sprintf(`
pipelineSpec:
  results: [{name: a, value: $(tasks.a.results.r)}, {name: b, value: $(tasks.b.results.r)}]
  tasks:
  - name: a
    taskSpec: &big
      results: [{name: r}]
      steps: [{name: s, image: IMAGE, script: %q}]
  - {name: b, taskSpec: *big}
`, returnsMiB))
	run := e.PipelineRunDone("ci", runTimeout)
	e.WantFailure(run.Status.GetCondition(v1.ConditionSucceeded), v1.PipelineRunReasonCouldntGetPipelineResult.String(), tooLarge)
	if len(run.Status.ChildReferences) != 2 {
		t.Errorf("children are %+v", run.Status.ChildReferences)
	}
}

// What earlier attempts returned stays in the run, as far as it has room.
func TestMoreResultsThanATaskRunHolds(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		retries int
		reason  string
		message string
	}{
		"at the end":       {1, v1.TaskRunReasonResultLargerThanAllowedLimit.String(), tooLarge},
		"between attempts": {2, v1.TaskRunReasonStepFailed.String(), `"s" exited with code 1`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := env.New(t)
			create(e, "ci", fmt.Sprintf(`
retries: %d
taskSpec:
  results: [{name: r}]
  steps: [{name: s, image: IMAGE, script: %q}]
`, tc.retries, returnsMiB+"; exit 1"))
			run := e.TaskRunDone("ci", runTimeout)
			e.WantFailure(run.Status.GetCondition(v1.ConditionSucceeded), tc.reason, tc.message)
			if n := len(run.Status.RetriesStatus); n != tc.retries {
				t.Errorf("%d earlier attempts are shown, want %d", n, tc.retries)
			}
		})
	}
}
