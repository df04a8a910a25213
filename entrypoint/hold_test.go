package entrypoint

import (
	"os"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/entrypoint/contract"
)

// The kubelet starts containers one after the other; steps that are up hand
// over at once, so the first waits for them.
func TestFirstStepIsHeld(t *testing.T) {
	p := newPod(t)
	a := p.step(0, "a", "true")
	b := after(p.step(1, "b", "true"), a)
	c := after(p.step(2, "c", "true"), b)
	a.Hold = []string{b.RunDir, c.RunDir}
	var all []*container
	var up []time.Time
	for _, s := range []contract.Step{a, b, c} {
		all = append(all, p.start(s))
		p.eventually(s.Name+" to be up", p.exists(contract.LockPath(s.RunDir)))
		info, err := os.Stat(contract.LockPath(s.RunDir))
		if err != nil {
			t.Fatal(err)
		}
		up = append(up, info.ModTime())
	}
	for i, x := range all {
		code, m := x.ended()
		if code != 0 {
			t.Errorf("%s: %d %+v", x.step.Name, code, m)
		}
		late := up[1].Sub(up[0]) >= holdQuiet || up[2].Sub(up[1]) >= holdQuiet // this machine's fault
		if i == 0 && m.StartedAt.Before(up[2]) && !late {
			t.Errorf("a started at %s, before c came up at %s", m.StartedAt, up[2])
		}
	}
}

// A container that does not come up holds nobody for long, and the time that
// passes is not the process's.
func TestHoldIsShort(t *testing.T) {
	p := newPod(t)
	a := p.step(0, "a", "sleep 0.01")
	a.Hold = []string{p.path("run", "never")}
	a.Timeout = contract.Duration(holdQuiet * 9 / 10)
	began := time.Now()
	if code, m := p.start(a).ended(); code != 0 || m.StartedAt.Sub(began) < holdQuiet {
		t.Errorf("code %d after %s: %+v", code, m.StartedAt.Sub(began), m)
	}
}

func TestCancelledWhileHeld(t *testing.T) {
	p := newPod(t)
	a := p.step(0, "a", "echo ran > "+p.path("ran"))
	for i := range 200 {
		a.Hold = append(a.Hold, p.path("run", strconv.Itoa(i)))
	}
	stop := make(chan struct{})
	defer close(stop)
	go func() { // containers go on coming up: it is held until it is cancelled
		for _, dir := range a.Hold {
			select {
			case <-time.After(holdQuiet / 5):
				_ = os.MkdirAll(dir, 0o755)
				_ = os.WriteFile(contract.LockPath(dir), nil, 0o644)
			case <-stop:
				return
			}
		}
	}()
	c := p.start(a)
	p.eventually("a to be up", p.exists(contract.LockPath(a.RunDir)))
	_ = c.cmd.Process.Signal(syscall.SIGTERM)
	code, m := c.ended()
	if code != exitCancelled || m.Reason != contract.ReasonCancelled || !m.StartedAt.IsZero() || p.exists(p.path("ran"))() {
		t.Errorf("code %d, %+v", code, m)
	}
}

func TestBreakpointAfterHold(t *testing.T) {
	p := newPod(t)
	a := p.step(0, "a", "true")
	b := after(p.step(1, "b", "true"), a)
	a.Hold, a.BreakBefore, a.DebugDir = []string{b.RunDir}, true, p.path("debug")
	first, second := p.start(a), p.start(b)
	p.eventually("a to halt", p.halts)
	if said := p.debug(contract.DebugBeforeContinue); said != "" {
		t.Fatal(said)
	}
	first.ended()
	if code, _ := second.ended(); code != 0 {
		t.Errorf("code %d", code)
	}
}
