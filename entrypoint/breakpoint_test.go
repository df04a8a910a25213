package entrypoint

import (
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/slipway-dev/slipway/entrypoint/contract"
)

// debug runs one of the programs that a step leaves for people, as kubectl exec
// does, and returns what it says.
func (p pod) debug(name string) string {
	p.Helper()
	cmd := exec.Command(p.path("debug", "scripts", name))
	cmd.Env = append(os.Environ(), "ENTRYPOINT_TEST_AS=entrypoint")
	out, err := cmd.CombinedOutput()
	if err != nil {
		return strings.TrimSpace(string(out)) + " (" + err.Error() + ")"
	}
	return strings.TrimSpace(string(out))
}

func (p pod) halts() bool {
	return Main([]string{contract.DebugHalted, p.path("debug")}, nil, os.Stdout, os.Stderr) == 0
}

func TestBreakpoints(t *testing.T) {
	for _, tc := range []struct {
		why                 string
		before, onFailure   bool
		script              string
		answers             []string
		code, exit          int
		reason              contract.Reason
		cause               contract.Cause
		mark                contract.Outcome
		result, log, stderr string
	}{
		{why: "a failure is passed over, with what was mended meanwhile", onFailure: true, script: "echo tried; exit 3", answers: []string{contract.DebugContinue},
			exit: 3, reason: contract.ReasonContinued, mark: contract.OutcomeOK, result: "mended", log: "tried\n",
			stderr: `step "x" failed with exit code 3 and waits; run DEBUG/scripts/debug-continue in its container to go on, or debug-fail-continue to end it`},
		{why: "a failure stays one", onFailure: true, script: "exit 3", answers: []string{contract.DebugFail},
			code: 3, exit: 3, reason: contract.ReasonError, mark: contract.OutcomeError, result: "mended"},
		{why: "a command that is not there halts too", onFailure: true, script: "#!/no/sh", answers: []string{contract.DebugFail},
			code: 127, exit: 127, reason: contract.ReasonError, cause: contract.CauseNotFound, mark: contract.OutcomeError, result: "mended", stderr: `no "/no/sh" in the image`},
		{why: "before it starts", before: true, script: "echo on", answers: []string{contract.DebugBeforeContinue},
			reason: contract.ReasonCompleted, mark: contract.OutcomeOK, log: "on\n",
			stderr: `step "x" waits before it starts; run DEBUG/scripts/debug-beforestep-continue in its container to go on, or debug-beforestep-fail-continue to end it`},
		{why: "ended before it starts", before: true, script: "echo on", answers: []string{contract.DebugBeforeFail},
			code: 1, exit: 1, reason: contract.ReasonError, cause: contract.CauseBreakpoint, mark: contract.OutcomeError, stderr: "it was ended at the breakpoint before it"},
		{why: "both", before: true, onFailure: true, script: "exit 3", answers: []string{contract.DebugBeforeContinue, contract.DebugContinue},
			exit: 3, reason: contract.ReasonContinued, mark: contract.OutcomeOK, result: "mended"},
		{why: "nothing fails", onFailure: true, script: "true", reason: contract.ReasonCompleted, mark: contract.OutcomeOK},
	} {
		t.Run(tc.why, func(t *testing.T) {
			t.Parallel()
			p := newPod(t)
			s := p.step(0, "x", tc.script)
			s.BreakBefore, s.BreakOnFailure, s.DebugDir = tc.before, tc.onFailure, p.path("debug")
			s.Results = []contract.Declared{{Name: "r"}}
			c := p.start(s)
			for _, answer := range tc.answers {
				p.eventually("the step halts", p.halts)
				if _, err := readMark(contract.MarkPath(s.RunDir)); err == nil {
					t.Fatal("the next step may start while this one halts")
				}
				if tc.result != "" && !strings.Contains(answer, "before") {
					p.write(p.path("results", "r"), tc.result)
				}
				if said := p.debug(answer); said != "" {
					t.Fatal(said)
				}
				p.eventually("the halt ends", func() bool { return !p.halts() })
			}
			code, m := c.ended()
			if code != tc.code || m.ExitCode != tc.exit || m.Reason != tc.reason || m.Cause != tc.cause {
				t.Errorf("container exits %d, message %+v", code, m)
			}
			mark, err := readMark(contract.MarkPath(s.RunDir))
			if err != nil || mark.Outcome != tc.mark {
				t.Errorf("mark %+v, %v", mark, err)
			}
			result := ""
			for _, r := range m.Results {
				result = r.Value
			}
			if stderr := strings.ReplaceAll(c.err.String(), p.path("debug"), "DEBUG"); result != tc.result || c.out.String() != tc.log || !strings.Contains(stderr, tc.stderr) {
				t.Errorf("result %q, log %q, stderr %q", result, c.out.String(), stderr)
			}
		})
	}
}

// A run that is cancelled or out of time does not wait for people.
func TestCancelledAtABreakpoint(t *testing.T) {
	for name, tc := range map[string]struct {
		before bool
		exit   int
		reason contract.Reason
	}{
		"before": {true, exitCancelled, contract.ReasonCancelled},
		"after":  {false, 3, contract.ReasonError},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPod(t)
			s := p.step(0, "x", "exit 3")
			s.BreakBefore, s.BreakOnFailure, s.DebugDir = tc.before, !tc.before, p.path("debug")
			c := p.start(s)
			p.eventually("the step halts", p.halts)
			if err := c.cmd.Process.Signal(syscall.SIGTERM); err != nil {
				t.Fatal(err)
			}
			if code, m := c.ended(); code != tc.exit || m.Reason != tc.reason {
				t.Errorf("container exits %d, message %+v", code, m)
			}
		})
	}
}

// An answer that comes too soon would be taken for one to the next halt.
func TestAnswerWithoutAHalt(t *testing.T) {
	p := newPod(t)
	s := p.step(0, "x", "while [ ! -e "+p.path("go")+" ]; do sleep 0.01; done")
	s.BreakOnFailure, s.DebugDir = true, p.path("debug")
	c := p.start(s)
	p.eventually("the step runs", p.exists(contract.StartMarkPath(s.RunDir)))
	want := "debug-continue: the step does not wait at a breakpoint: run this once its log says that it does (exit status 1)"
	if said := p.debug(contract.DebugContinue); said != want {
		t.Errorf("got  %s\nwant %s", said, want)
	}
	p.write(p.path("go"), "")
	if code, _ := c.ended(); code != 0 {
		t.Errorf("exit code %d", code)
	}
}
