package entrypoint

import (
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/entrypoint/contract"
)

// 100 steps, all started at once as the kubelet does, run one by one and hand
// over at once.
func TestHundredStepsHandOver(t *testing.T) {
	p := newPod(t)
	var all []*container
	var before []contract.Step
	for i := range 100 {
		s := after(p.step(i, "s"+strconv.Itoa(i), "echo "+strconv.Itoa(i)+" >> "+p.path("order")), before...)
		all = append(all, p.start(s))
		before = []contract.Step{s}
	}
	var gaps []time.Duration
	var last contract.Message
	for i, c := range all {
		code, m := c.ended()
		if code != 0 || m.Reason != contract.ReasonCompleted {
			t.Fatalf("step %d: %d %+v %s", i, code, m, c.err.String())
		}
		if i > 0 {
			gaps = append(gaps, m.StartedAt.Sub(last.FinishedAt))
		}
		last = m
	}
	var want strings.Builder
	for i := range 100 {
		want.WriteString(strconv.Itoa(i) + "\n")
	}
	if p.read(p.path("order")) != want.String() {
		t.Error("steps ran in another order, or more than once")
	}
	slices.Sort(gaps)
	median := gaps[len(gaps)/2]
	t.Logf("hand-over: least %s, median %s, most %s", gaps[0], median, gaps[len(gaps)-1])
	if gaps[0] < 0 || median > 50*time.Millisecond {
		t.Errorf("hand-over takes %s at the median, want at most 50ms, and never below 0: %s", median, gaps[0])
	}
}

// A failure makes all steps after it skip; a skip by when does not.
func TestPropagation(t *testing.T) {
	p := newPod(t)
	ran := p.path("ran")
	a := p.step(0, "a", "exit 3")
	b := after(p.step(1, "b", "echo b >> "+ran), a)
	c := after(p.step(2, "c", "echo c >> "+ran), b)
	always := after(p.step(3, "always", "echo always >> "+ran), a, b)
	for i := range always.Wait {
		always.Wait[i].Always = true
	}
	no := p.step(4, "no", "echo no >> "+ran)
	no.When = []contract.When{{Input: "1", Operator: "notin", Values: []string{"1"}}}
	yes := after(p.step(5, "yes", "echo yes >> "+ran), no, always)
	var started []*container
	for _, s := range []contract.Step{yes, no, always, c, b, a} { // the order of starting must not matter
		started = append(started, p.start(s))
	}
	want := map[string]contract.Reason{"a": contract.ReasonError, "b": contract.ReasonSkipped, "c": contract.ReasonSkipped, "always": contract.ReasonCompleted, "no": contract.ReasonSkipped, "yes": contract.ReasonCompleted}
	for _, s := range started {
		code, m := s.ended()
		if m.Reason != want[s.step.Name] {
			t.Errorf("%s: %+v", s.step.Name, m)
		}
		if skipped := s.step.Name == "b" || s.step.Name == "c"; skipped && (m.Cause != contract.CausePriorFailed || code != exitFailed || s.err.Len() > 0) {
			t.Errorf("%s: code %d, %+v, stderr %q", s.step.Name, code, m, s.err.String())
		}
	}
	if got := p.read(ran); got != "always\nyes\n" {
		t.Errorf("ran %q", got)
	}
}

// Nobody is left to write a mark when the kernel kills a step for want of
// memory; those that wait must learn it at once all the same.
func TestKilledStepIsNoticed(t *testing.T) {
	p := newPod(t)
	a := p.step(0, "a", "echo up > "+p.path("up")+"; sleep 60")
	b := after(p.step(1, "b", "true"), a)
	c := after(p.step(2, "c", "true"), b)
	victim := p.start(a)
	waiting := []*container{p.start(b), p.start(c)}
	p.eventually("the step to run", p.exists(p.path("up")))
	p.eventually("the others to wait", func() bool { return waitsOnLock(waiting[0].cmd.Process.Pid) && waitsOnLock(waiting[1].cmd.Process.Pid) })
	killed := time.Now()
	_ = victim.cmd.Process.Kill()
	_, mb := waiting[0].ended()
	_, mc := waiting[1].ended()
	if mb.Cause != contract.CausePriorLost || mc.Cause != contract.CausePriorFailed {
		t.Errorf("b: %+v, c: %+v", mb, mc)
	}
	if took := time.Since(killed); took > 5*time.Second {
		t.Errorf("noticed after %s", took)
	}
}

// waitsOnLock says whether a thread of the process sleeps in flock.
func waitsOnLock(pid int) bool {
	data, err := os.ReadFile("/proc/locks")
	if err != nil {
		return false
	}
	for line := range strings.Lines(string(data)) {
		f := strings.Fields(line)
		if len(f) > 5 && f[1] == "->" && f[5] == strconv.Itoa(pid) {
			return true
		}
	}
	return false
}

func TestKilledWhileWaiting(t *testing.T) {
	p := newPod(t)
	a := p.step(0, "a", "while ! [ -e "+p.path("go")+" ]; do sleep 0.01; done")
	b := after(p.step(1, "b", "true"), a)
	c := after(p.step(2, "c", "true"), b)
	first, middle, last := p.start(a), p.start(b), p.start(c)
	p.eventually("the last to wait for the middle", func() bool { return waitsOnLock(last.cmd.Process.Pid) })
	_ = middle.cmd.Process.Kill()
	if _, m := last.ended(); m.Cause != contract.CausePriorLost {
		t.Errorf("%+v", m)
	}
	p.write(p.path("go"), "")
	if code, _ := first.ended(); code != 0 {
		t.Error("the first is not concerned")
	}
}

// A step may be looked for long before its container is there (its image is
// being pulled), and where locks do not reach across containers only the mark
// tells.
func TestWaitWithoutLock(t *testing.T) {
	p := newPod(t)
	a := p.step(0, "a", "")
	waiting := p.start(after(p.step(1, "b", "true"), a))
	p.eventually("b to be up", p.exists(contract.LockPath(p.path("run", "b"))))
	p.write(contract.LockPath(a.RunDir), "nobody holds it")
	p.write(contract.MarkPath(a.RunDir)+".tmp", string(contract.Mark{Outcome: contract.OutcomeOK, FinishedAt: time.Now()}.Encode()))
	if err := os.Rename(contract.MarkPath(a.RunDir)+".tmp", contract.MarkPath(a.RunDir)); err != nil {
		t.Fatal(err)
	}
	if code, m := waiting.ended(); code != 0 {
		t.Errorf("%+v", m)
	}
}

func TestExactlyOnce(t *testing.T) {
	t.Run("restarted after it was killed: not run again", func(t *testing.T) {
		p := newPod(t)
		s := p.step(0, "a", "echo ran >> "+p.path("ran")+"; sleep 60")
		first := p.start(s)
		p.eventually("the process to run", p.exists(p.path("ran")))
		_ = first.cmd.Process.Kill()
		<-first.done
		_, code, m := p.run(s)
		if code != exitRestarted || m.Cause != contract.CauseRestarted || p.read(p.path("ran")) != "ran\n" {
			t.Errorf("code %d, %+v, ran %q", code, m, p.read(p.path("ran")))
		}
		if _, _, m := p.run(after(p.step(1, "b", "true"), s)); m.Cause != contract.CausePriorFailed {
			t.Errorf("the next: %+v", m)
		}
	})
	for _, want := range []int{0, 7} {
		t.Run("restarted after it had ended with "+strconv.Itoa(want)+": the same again", func(t *testing.T) {
			p := newPod(t)
			s := p.step(0, "a", "echo ran >> "+p.path("ran")+"; printf v > "+p.path("results", "r")+"; exit "+strconv.Itoa(want))
			s.Results = []contract.Declared{{Name: "r"}}
			_, code, before := p.run(s)
			_, again, now := p.run(s)
			if code != want || again != want || p.read(p.path("ran")) != "ran\n" {
				t.Errorf("codes %d and %d, ran %q", code, again, p.read(p.path("ran")))
			}
			if before.Reason != now.Reason || !before.FinishedAt.Equal(now.FinishedAt) || len(now.Results) != 1 {
				t.Errorf("%+v became %+v", before, now)
			}
		})
	}
	t.Run("restarted while it waited: runs, once", func(t *testing.T) {
		p := newPod(t)
		a := p.step(0, "a", "true")
		b := after(p.step(1, "b", "echo ran >> "+p.path("ran")), a)
		early := p.start(b)
		p.eventually("b to be up", p.exists(contract.LockPath(b.RunDir)))
		_ = early.cmd.Process.Kill()
		<-early.done
		late := p.start(b)
		p.run(a)
		if code, m := late.ended(); code != 0 || p.read(p.path("ran")) != "ran\n" {
			t.Errorf("%d %+v", code, m)
		}
	})
}

func TestCancelledWhileWaiting(t *testing.T) {
	for _, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGWINCH} { // some images set STOPSIGNAL
		p := newPod(t)
		a := p.step(0, "a", "sleep 60")
		first := p.start(a)
		b := after(p.step(1, "b", "echo ran > "+p.path("ran")), a)
		c := p.start(b)
		p.eventually("b to wait", func() bool { return waitsOnLock(c.cmd.Process.Pid) })
		_ = c.cmd.Process.Signal(sig)
		code, m := c.ended()
		if code != exitCancelled || m.Reason != contract.ReasonCancelled || !m.StartedAt.IsZero() || p.exists(p.path("ran"))() {
			t.Errorf("%s: code %d, %+v", sig, code, m)
		}
		_ = first.cmd.Process.Kill()
	}
}

func TestSignalsReachTheGroup(t *testing.T) {
	p := newPod(t)
	trap := `trap 'echo %s >> ` + p.path("got") + `; exit 0' TERM; echo $$ >> ` + p.path("pids") + `; while :; do sleep 0.01; done`
	grand := p.write(p.path("grand"), "#!/bin/sh\n"+strings.ReplaceAll(trap, "%s", "grandchild"))
	s := p.step(0, "a", grand+" & "+strings.ReplaceAll(trap, "%s", "child"))
	c := p.start(s)
	p.eventually("both to run", func() bool {
		data, _ := os.ReadFile(p.path("pids"))
		return strings.Count(string(data), "\n") == 2
	})
	_ = c.cmd.Process.Signal(syscall.SIGTERM)
	if code, m := c.ended(); code != 0 || m.Reason != contract.ReasonCompleted {
		t.Errorf("a process that takes TERM well ended well: %d %+v", code, m)
	}
	p.eventually("the grandchild to get it", func() bool { return strings.Contains(p.read(p.path("got")), "grandchild") })
	if !strings.Contains(p.read(p.path("got")), "child\n") {
		t.Error(p.read(p.path("got")))
	}
}

func TestInterruptedIsCancelled(t *testing.T) {
	p := newPod(t)
	c := p.start(p.step(0, "a", "echo > "+p.path("up")+"; sleep 60"))
	p.eventually("the process to run", p.exists(p.path("up")))
	_ = c.cmd.Process.Signal(syscall.SIGTERM)
	if code, m := c.ended(); code != exitCancelled || m.Reason != contract.ReasonCancelled || m.StartedAt.IsZero() {
		t.Errorf("%d %+v", code, m)
	}
}

// Other signals are the process's own affair.
func TestUserSignal(t *testing.T) {
	p := newPod(t)
	c := p.start(p.step(0, "a", `trap 'exit 5' USR1; echo > `+p.path("up")+`; while :; do sleep 0.01; done`))
	p.eventually("the process to run", p.exists(p.path("up")))
	_ = c.cmd.Process.Signal(syscall.SIGUSR1)
	if code, m := c.ended(); code != 5 || m.Reason != contract.ReasonError {
		t.Errorf("%d %+v", code, m)
	}
}

// Orphans become the entrypoint's children: it must reap them, and not take
// the end of one for the end of the process.
func TestOrphansAreReaped(t *testing.T) {
	p := newPod(t)
	script := `for i in 1 2 3 4 5 6 7 8 9 10; do (sh -c 'echo $$ >> ` + p.path("pids") + `; exit 9' &) ; done
while ! [ -e ` + p.path("go") + ` ]; do sleep 0.01; done; exit 4`
	c := p.start(p.step(0, "a", script))
	p.eventually("ten orphans", func() bool {
		data, _ := os.ReadFile(p.path("pids"))
		return strings.Count(string(data), "\n") == 10
	})
	for line := range strings.Lines(p.read(p.path("pids"))) {
		pid, err := strconv.Atoi(strings.TrimSpace(line))
		if err != nil {
			t.Fatal(err)
		}
		p.eventually("an orphan to be reaped", gone(pid))
	}
	p.write(p.path("go"), "")
	if code, _ := c.ended(); code != 4 {
		t.Errorf("code %d: an orphan's end was taken for the process's", code)
	}
}

// Steps run as any user: what one leaves, all must be able to read, whatever
// umask it had.
func TestMarksAreForAllUsers(t *testing.T) {
	old := syscall.Umask(0o077)
	defer syscall.Umask(old)
	p := newPod(t)
	s := p.step(0, "a", "true")
	p.run(s)
	for _, f := range []string{contract.MarkPath(s.RunDir), contract.LockPath(s.RunDir), contract.ExitCodePath(s.StepDir)} {
		if info, err := os.Stat(f); err != nil || info.Mode().Perm() != 0o644 {
			t.Errorf("%s: %v %v", f, info.Mode(), err)
		}
	}
}

// As PID 1 of a PID namespace, as in a container.
func TestAsPID1(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("a PID namespace needs root")
	}
	p := newPod(t)
	s := p.step(0, "a", "(sleep 60 &); echo $PPID; exit 6")
	if err := os.MkdirAll(s.RunDir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(s.StepDir, 0o755); err != nil {
		t.Fatal(err)
	}
	args := s.Args()
	for i, a := range args {
		args[i] = strings.ReplaceAll(a, "$$", "$")
	}
	cmd := exec.Command("/proc/self/exe", args...)
	cmd.Env = append(os.Environ(), "ENTRYPOINT_TEST_AS=entrypoint")
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWPID}
	out, _ := cmd.Output()
	if cmd.ProcessState.ExitCode() != 6 || string(out) != "1\n" {
		t.Errorf("code %d, %q", cmd.ProcessState.ExitCode(), out)
	}
}
