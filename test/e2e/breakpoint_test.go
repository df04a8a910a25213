//go:build e2e

package e2e

import (
	"os/exec"
	"strings"
	"testing"

	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
	"github.com/slipway-dev/slipway/entrypoint/contract"
	"github.com/slipway-dev/slipway/test/env"
)

// answer waits until the run says that the step halts, and runs one of the
// programs that end the halt in the step's container, as a user does.
func answer(e *env.Env, run, step, program string) {
	e.Helper()
	tr := e.TaskRunWhen(run, soon, "to halt at step "+step, func(tr *v1.TaskRun) bool {
		c := tr.Status.GetCondition(v1.ConditionSucceeded)
		return c != nil && strings.Contains(c.Message, `step "`+step+`" waits at a breakpoint: let it go on by kubectl exec -n `+e.Namespace+` `+run+`-pod -c step-`+step)
	})
	cmd := exec.CommandContext(e.Context(), "kubectl", "exec", "-n", e.Namespace, tr.Status.PodName, "-c", "step-"+step, "--", contract.DebugDir+"/scripts/"+program)
	if out, err := cmd.CombinedOutput(); err != nil {
		e.Fatalf("%s: %v: %s", strings.Join(cmd.Args, " "), err, out)
	}
}

// A run halts where it is told to, and goes on or ends as a person says.
func TestBreakpoints(t *testing.T) {
	t.Parallel()
	const steps = `
taskSpec:
  results: [{name: ran}]
  stepTemplate: {image: IMAGE, securityContext: {runAsUser: 1000}}
  steps:
  - {name: breaks, script: "echo -n breaks > /workspace/ran; exit 3"}
  - {name: after, script: "cp /workspace/ran $(results.ran.path); echo -n ' after' >> $(results.ran.path)"}
`
	for name, tc := range map[string]struct {
		breakpoints string
		answers     []string
		reason, ran string
	}{
		"continue": {"onFailure: enabled", []string{"breaks debug-continue"}, "Succeeded", "breaks after"},
		"fail":     {"onFailure: enabled", []string{"breaks debug-fail-continue"}, "StepFailed", ""},
		"before": {"beforeSteps: [breaks, after], onFailure: enabled",
			[]string{"breaks debug-beforestep-continue", "breaks debug-continue", "after debug-beforestep-continue"}, "Succeeded", "breaks after"},
		"fail-before": {"beforeSteps: [breaks]", []string{"breaks debug-beforestep-fail-continue"}, "StepFailed", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := env.New(t)
			create(e, name, "debug: {breakpoints: {"+tc.breakpoints+"}}\n"+strings.TrimSpace(steps))
			for _, a := range tc.answers {
				step, program, _ := strings.Cut(a, " ")
				answer(e, name, step, program)
			}
			tr := e.TaskRunDone(name, soon)
			ran := ""
			for _, r := range tr.Status.Results {
				ran = r.Value.StringVal
			}
			if c := tr.Status.GetCondition(v1.ConditionSucceeded); c.Reason != tc.reason || ran != tc.ran {
				t.Errorf("ended with %s (%s), ran %q; want %s, %q", c.Reason, c.Message, ran, tc.reason, tc.ran)
			}
		})
	}
}
