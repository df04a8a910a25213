package trigger

import (
	"testing"

	"github.com/slipway-dev/slipway/api/slipway/v1alpha1"
	"github.com/slipway-dev/slipway/pkg/share"
)

const claimsScope = `apiVersion: tekton.dev/v1
kind: PipelineRun
metadata:
  name: one
  annotations:
    slipway.dev/on-event: "[push, pull_request]"
    slipway.dev/on-target-branch: main
    slipway.dev/cache-scope: mine
    slipway.dev/execution: pod
    slipway.dev/shared-pods: '[["say"]]'
spec:
  taskRunSpecs:
  - pipelineTaskName: say
    metadata: {annotations: {slipway.dev/cache-scope: "", slipway.dev/untrusted-values: "", mine: kept}}
  pipelineSpec:
    tasks:
    - name: say
      taskSpec:
        steps:
        - {name: say, image: busybox, script: echo}
`

// TestPullRequestsHaveACacheScope: of their own, whatever their YAML says, and others have none.
func TestPullRequestsHaveACacheScope(t *testing.T) {
	set := read(t, ".tekton/a.yaml", claimsScope)
	scope := func(in Input) string {
		t.Helper()
		runs, problems := set.Match(in, nil)
		if len(problems) > 0 || len(runs) != 1 {
			t.Fatal(names(runs), problems)
		}
		own := runs[0].Object.Spec.TaskRunSpecs[0].Metadata.Annotations
		if len(own) != 1 || own["mine"] != "kept" {
			t.Errorf("its task claims %v", own)
		}
		if a := runs[0].Object.Annotations; a[share.ExecutionAnnotation] != "pod" || a[share.GroupsAnnotation] != "" {
			t.Errorf("its annotations are %v", a)
		}
		got, there := runs[0].Object.Annotations[v1alpha1.AnnotationCacheScope]
		if there != (got != "") {
			t.Errorf("the scope is there, and empty")
		}
		return got
	}
	if got := scope(push("refs/heads/main")); got != "" {
		t.Errorf("a push has the scope %q", got)
	}
	in := pullRequest(v1alpha1.PullRequestOpened)
	first := scope(in)
	if first == "" || first == "mine" {
		t.Errorf("a pull request has the scope %q", first)
	}
	if again := scope(pullRequest(v1alpha1.PullRequestUpdated)); again != first {
		t.Errorf("the next push to it has the scope %q, not %q", again, first)
	}
	if got := scope(comment("/test")); got != first {
		t.Errorf("a command on it has the scope %q, not %q", got, first)
	}
	in.Event.PullRequest.Number = 8
	if got := scope(in); got == first {
		t.Error("two pull requests share a scope")
	}
	other := pullRequest(v1alpha1.PullRequestOpened)
	other.Repository.Name = "other"
	if got := scope(other); got == first {
		t.Error("pull requests of two repositories share a scope")
	}
}
