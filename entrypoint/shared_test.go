package entrypoint

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/entrypoint/contract"
)

// A task of a Pod that several share is stopped by another's failure if that came before
// its turn, and not by one that came after.
func TestFailureElsewhere(t *testing.T) {
	for name, tc := range map[string]struct {
		failedAt time.Duration // after the end of the parent
		ok       bool
		want     contract.Reason
	}{
		"before its turn": {-time.Second, false, contract.ReasonSkipped},
		"after its turn":  {time.Second, false, contract.ReasonCompleted},
		"no failure":      {-time.Second, true, contract.ReasonCompleted},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPod(t)
			parent, other := p.step(0, "parent", "true"), p.step(0, "other", "true")
			turn := time.Now()
			p.mark(parent, contract.OutcomeOK, turn)
			outcome := contract.OutcomeError
			if tc.ok {
				outcome = contract.OutcomeOK
			}
			p.mark(other, outcome, turn.Add(tc.failedAt))
			s := after(p.step(1, "s", "true"), parent)
			s.Stop = []string{contract.MarkPath(other.RunDir), contract.MarkPath(p.path("run", "not-ended"))}
			if _, m := p.start(s).ended(); m.Reason != tc.want {
				t.Errorf("%+v", m)
			}
		})
	}
}

// mark leaves what a step leaves that ended at a given time.
func (p pod) mark(s contract.Step, o contract.Outcome, at time.Time) {
	p.Helper()
	if err := os.MkdirAll(s.RunDir, 0o755); err != nil {
		p.Fatal(err)
	}
	m := contract.Mark{Outcome: o, Reason: contract.ReasonCompleted, FinishedAt: at.UTC()}
	if err := os.WriteFile(contract.MarkPath(s.RunDir), m.Encode(), 0o600); err != nil {
		p.Fatal(err)
	}
}

// Results of other tasks are put into what the step runs, into its script too; a task
// that needs one that was not written does not run.
func TestResultsOfOtherTasks(t *testing.T) {
	const text = "$(tasks.build.results.digest)"
	for name, tc := range map[string]struct {
		written bool
		want    contract.Reason
		log     string
	}{
		"written": {true, contract.ReasonCompleted, "sha256:ab\nsha256:ab sha256:ab\n"},
		"missing": {false, contract.ReasonSkipped, ""},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPod(t)
			file := p.path("of-build", "digest")
			if tc.written {
				if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(file, []byte("sha256:ab"), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			ref := contract.Ref{Text: text, File: file, Task: true}
			s := p.step(0, "s", "echo "+text+"\necho $1 $DIGEST\n")
			s.Command, s.Refs, s.Needs = []string{text}, []contract.Ref{ref}, []contract.Ref{ref}
			c := p.start(s, "DIGEST="+text)
			if _, m := c.ended(); m.Reason != tc.want || c.out.String() != tc.log {
				t.Errorf("%+v with log %q", m, c.out.String())
			}
		})
	}
}

// What became of the tasks before it says whether a task runs, and what those after it do.
func TestTurnInASharedPod(t *testing.T) {
	yes := contract.When{Input: "$(tasks.a.results.r)", Operator: "in", Values: []string{"yes"}}
	ref := func(p pod) contract.Ref {
		return contract.Ref{Text: yes.Input, File: p.path("results", "a", "r"), Task: true}
	}
	skippedWhen := contract.Mark{Outcome: contract.OutcomeSkipped, Reason: contract.ReasonSkipped, Cause: contract.CauseTaskWhen}
	cutOff := contract.Mark{Outcome: contract.OutcomeCut, Reason: contract.ReasonSkipped, Cause: contract.CauseTaskLacks}
	failedItself := contract.Mark{Outcome: contract.OutcomeError, Reason: contract.ReasonError}
	keptBack := contract.Mark{Outcome: contract.OutcomeError, Reason: contract.ReasonSkipped, Cause: contract.CausePriorFailed}
	for name, tc := range map[string]struct {
		parent contract.Mark
		result string
		set    func(pod, *contract.Step)
		want   contract.Cause // empty: it runs
	}{
		"when holds":            {contract.Mark{Outcome: contract.OutcomeOK}, "yes", func(p pod, s *contract.Step) { s.TaskWhen, s.Refs = []contract.When{yes}, []contract.Ref{ref(p)} }, ""},
		"when does not":         {contract.Mark{Outcome: contract.OutcomeOK}, "no", func(p pod, s *contract.Step) { s.TaskWhen, s.Refs = []contract.When{yes}, []contract.Ref{ref(p)} }, contract.CauseTaskWhen},
		"after one of no when":  {skippedWhen, "", func(pod, *contract.Step) {}, ""},
		"needs one of no when":  {skippedWhen, "", func(p pod, s *contract.Step) { s.Needs = []contract.Ref{ref(p)} }, contract.CauseTaskLacks},
		"needs what is missing": {contract.Mark{Outcome: contract.OutcomeOK}, "", func(p pod, s *contract.Step) { s.Needs = []contract.Ref{ref(p)} }, contract.CausePriorFailed},
		"may fail, and lacks":   {contract.Mark{Outcome: contract.OutcomeOK}, "", func(p pod, s *contract.Step) { s.Needs, s.Optional = []contract.Ref{ref(p)}, true }, contract.CauseTaskLacks},
		"after one that lacks":  {cutOff, "", func(pod, *contract.Step) {}, contract.CauseTaskLacks},
		"lacks from the start":  {contract.Mark{Outcome: contract.OutcomeOK}, "", func(_ pod, s *contract.Step) { s.Lacks = true }, contract.CauseTaskLacks},
		"after a failure":       {failedItself, "", func(pod, *contract.Step) {}, contract.CausePriorFailed},
		"after one passed over": {failedItself, "", func(p pod, s *contract.Step) {
			s.Wait[0].Always, s.Wait[0].Begun = true, s.Wait[0].File
		}, ""},
		"after one passed over that did not begin": {keptBack, "", func(p pod, s *contract.Step) {
			s.Wait[0].Always, s.Wait[0].Begun = true, s.Wait[0].File
		}, contract.CausePriorFailed},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPod(t)
			before := contract.MarkPath(p.path("run", "a", "0"))
			write := func(file string, data []byte) {
				if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(file, data, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			write(before, tc.parent.Encode())
			if tc.result != "" {
				write(p.path("results", "a", "r"), []byte(tc.result))
			}
			s := p.step(0, "s", "echo ran")
			s.Wait = []contract.Wait{{File: before}}
			tc.set(p, &s)
			c := p.start(s)
			_, m := c.ended()
			if ran := c.out.String() != ""; m.Cause != tc.want || ran != (tc.want == "") {
				t.Errorf("%+v, and ran: %t", m, ran)
			}
		})
	}
}
