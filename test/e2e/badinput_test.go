//go:build e2e

package e2e

import (
	"bytes"
	"crypto/sha256"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
	"github.com/slipway-dev/slipway/pkg/cli"
	"github.com/slipway-dev/slipway/test/env"
)

// What a TaskRun or its Task names and does not have, and what nothing here acts
// on, ends the run before it has a Pod, in a line that says where and how to mend
// it. What is wrong on its face is refused in the same words before that, unless
// nobody was there to look. PipelineRuns have theirs in TestRefusedPipelineRuns, and
// Pods that fail in TestFailures.
func TestRefusedTaskRuns(t *testing.T) {
	t.Parallel()
	e := env.New(t)
	env.CreateYAML[v1.Task](e.PastAdmission(), `{metadata: {name: build}, spec: {params: [{name: tag, default: x}], steps: [{name: push, image: busybox, script: "echo $(params.tgs)"}]}}`)
	for name, tc := range map[string]struct {
		spec            string
		face            bool
		reason, message string
	}{
		"task":      {"taskRef: {name: biuld}", false, "TaskRunResolutionFailed", `"; did you mean "build"?`},
		"in-a-task": {"taskRef: {name: build}", false, "TaskRunValidationFailed", `$(params.tgs): unknown variable; did you mean "params.tag"?`},
		"param":     {`{params: [{name: image, value: x}], taskSpec: {steps: [{image: IMAGE, script: "echo $(params.imgae)"}]}}`, true, "TaskRunValidationFailed", `spec.taskSpec.steps[0].script: no parameter named "imgae"; did you mean "image"?`},
		"workspace": {`{workspaces: [{name: source, emptyDir: {}}], taskSpec: {steps: [{image: IMAGE, script: "ls $(workspaces.sorce.path)"}]}}`, true, "TaskRunValidationFailed", `no workspace named "sorce"; did you mean "source"?`},
		"result":    {`taskSpec: {results: [{name: digest}], steps: [{image: IMAGE, script: "echo > $(results.digset.path)"}]}`, true, "TaskRunValidationFailed", `no result named "digset"; did you mean "digest"?`},
		"step":      {`{stepSpecs: [{name: biuld, computeResources: {}}], taskSpec: {steps: [{name: build, image: IMAGE, script: exit 0}]}}`, true, "TaskRunValidationFailed", `spec.stepSpecs[0].name: no step named "biuld"; did you mean "build"?`},
		"onerror":   {`taskSpec: {steps: [{image: IMAGE, script: exit 0, onError: contineu}]}`, true, "TaskRunValidationFailed", `spec.taskSpec.steps[0].onError: "contineu": use continue or stopAndFail; did you mean "continue"?`},
		"cel":       {`taskSpec: {steps: [{image: IMAGE, script: exit 0, when: [{cel: "1 = 1"}]}]}`, true, "TaskRunValidationFailed", "spec.taskSpec.steps[0].when[0].cel: Syntax error: token recognition error at: '= '"},
		"sidecar":   {`taskSpec: {steps: [{image: IMAGE, script: exit 0}], sidecars: [{image: IMAGE, restartPolicy: Never}]}`, false, "TaskRunValidationFailed", "spec.taskSpec.sidecars[0].restartPolicy: is not implemented yet: remove it"},
	} {
		wantAtDoor(e, name, env.TryYAML[v1.TaskRun](e, "metadata: {name: "+name+"}\nspec:\n"+taskRunSpec(e, tc.spec)), tc.face, tc.message)
		create(e.PastAdmission(), name, tc.spec)
		t.Run(name, func(t *testing.T) {
			tr := e.TaskRunDone(name, soon)
			e.WantFailure(tr.Status.GetCondition(v1.ConditionSucceeded), tc.reason, tc.message)
			if tr.Status.PodName != "" {
				t.Errorf("it has a pod all the same: %s", tr.Status.PodName)
			}
		})
	}
}

// wantAtDoor checks what the API server said to an object that is wrong, on its
// face or when it is looked up.
func wantAtDoor(e *env.Env, name string, err error, face bool, message string) {
	e.Helper()
	if face && (!apierrors.IsInvalid(err) || !strings.Contains(err.Error(), message)) || !face && err != nil {
		e.Errorf("%s: the API server said %v", name, err)
	}
}

// A line that is longer than any buffer on its way arrives whole, once.
func TestTwoMegabytesInOneLine(t *testing.T) {
	t.Parallel()
	e := env.New(t)
	succeeds(e, "wide", `taskSpec: {steps: [{name: print, image: IMAGE, script: "head -c 2097152 /dev/zero | tr '\\0' x; echo; echo end"}]}`)
	want := sha256.Sum256([]byte(strings.Repeat("x", 2<<20) + "\nend\n"))
	var out, failed bytes.Buffer
	streams := genericiooptions.IOStreams{In: strings.NewReader(""), Out: &out, ErrOut: &failed}
	args := []string{"logs", "taskrun/wide", "--no-prefix", "-n", e.Namespace}
	if code := cli.Main(args, streams, func(string) string { return "" }, "test"); code != 0 {
		t.Fatalf("slipway %s: exit code %d: %s", strings.Join(args, " "), code, failed.String())
	}
	if got := sha256.Sum256(out.Bytes()); got != want {
		t.Errorf("%d bytes in %d lines arrived, want %d in 2; begins %.80q", out.Len(), bytes.Count(out.Bytes(), []byte("\n")), 2<<20+5, out.String())
	}
}
