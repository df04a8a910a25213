package entrypoint

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/slipway-dev/slipway/entrypoint/contract"
)

// answers are the programs that end a halt, and whether the step then goes on.
// Each works at either kind of breakpoint.
var answers = map[string]bool{
	contract.DebugContinue:       true,
	contract.DebugBeforeContinue: true,
	contract.DebugFail:           false,
	contract.DebugBeforeFail:     false,
}

const (
	answerFile = "answer"
	haltedFile = "halted"
	lookAgain  = 100 * time.Millisecond
)

func (e *entry) debugDir() string { return cmp.Or(e.DebugDir, contract.DebugDir) }

// equip writes the programs that answer a breakpoint. Their interpreter is the
// entrypoint, so that they run in an image without a shell.
func (e *entry) equip() error {
	if !e.BreakBefore && !e.BreakOnFailure {
		return nil
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	dir := filepath.Join(e.debugDir(), "scripts")
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	for name := range answers {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, []byte("#!"+self+" "+name+"\n"), 0o755); err != nil {
			return err
		}
	}
	return nil
}

// debug runs one of those programs, or says by its exit code whether the step
// halts. file is the program's, in the folder beside which the step looks.
func debug(name, file string) error {
	dir := filepath.Dir(filepath.Dir(file))
	if name == contract.DebugHalted {
		_, err := os.Stat(filepath.Join(file, haltedFile))
		return err
	}
	if _, known := answers[name]; !known {
		return fmt.Errorf("no such command: %s", name)
	}
	if _, err := os.Stat(filepath.Join(dir, haltedFile)); err != nil {
		return errors.New("the step does not wait at a breakpoint: run this once its log says that it does")
	}
	return writeAtomically(filepath.Join(dir, answerFile), []byte(name))
}

// breakBefore halts before the process starts; ok is false when it is not to.
func (e *entry) breakBefore() (end ending, ok bool) {
	goOn, answered := e.halt("waits before it starts", contract.DebugBeforeContinue, contract.DebugBeforeFail)
	switch {
	case goOn:
		return ending{}, true
	case answered:
		return failed(contract.CauseBreakpoint, exitFailed, "it was ended at the breakpoint before it"), false
	}
	return ending{
		Mark:   contract.Mark{Outcome: contract.OutcomeError, Reason: contract.ReasonCancelled, ExitCode: exitCancelled},
		detail: "it was cancelled at the breakpoint before it",
	}, false
}

// breakAfter halts when the process has failed, and passes the failure over if
// that is the answer.
func (e *entry) breakAfter(end ending) ending {
	if slices.Contains([]contract.Reason{contract.ReasonCompleted, contract.ReasonCancelled}, end.Reason) {
		return end
	}
	if end.detail != "" {
		e.complain("%s", end.detail)
		end.detail = ""
	}
	why := fmt.Sprintf("failed with exit code %d and waits", end.ExitCode)
	if goOn, _ := e.halt(why, contract.DebugContinue, contract.DebugFail); goOn {
		end.Outcome, end.Reason, end.Cause = contract.OutcomeOK, contract.ReasonContinued, ""
	}
	return end
}

// halt waits for an answer. Without one, answered is false: the run ends.
func (e *entry) halt(why, onward, away string) (goOn, answered bool) {
	file, halted := filepath.Join(e.debugDir(), answerFile), filepath.Join(e.debugDir(), haltedFile)
	_ = os.Remove(file)
	if err := os.WriteFile(halted, nil, 0o644); err != nil {
		e.complain("its breakpoint cannot be kept: %v", err)
		return false, false
	}
	defer func() { _ = os.Remove(halted) }()
	scripts := filepath.Join(e.debugDir(), "scripts")
	fmt.Fprintf(e.stderr, "step %q %s; run %s/%s in its container to go on, or %s to end it\n", e.Name, why, scripts, onward, away)
	tick := time.NewTicker(lookAgain)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			if name, err := os.ReadFile(file); err == nil {
				return answers[string(name)], true
			}
		case <-e.signals.child:
			reap(0)
		case s := <-e.signals.pass:
			if endsProcesses(s) {
				return false, false
			}
		}
	}
}
