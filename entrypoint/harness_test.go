package entrypoint

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/entrypoint/contract"
)

// The tests run real processes: the test binary is the entrypoint when it is
// told so, and the user's process is /bin/sh or a helper below.
func TestMain(m *testing.M) {
	switch os.Getenv("ENTRYPOINT_TEST_AS") {
	case "entrypoint":
		if err := os.Unsetenv("ENTRYPOINT_TEST_AS"); err != nil {
			panic(err)
		}
		os.Exit(Main(os.Args[1:], os.Environ(), os.Stdout, os.Stderr))
	case "":
		os.Exit(m.Run())
	}
}

// pod is the shared folders of a Pod.
type pod struct {
	*testing.T
	dir string
}

func newPod(t *testing.T) pod {
	t.Helper()
	return pod{t, t.TempDir()}
}

func (p pod) path(parts ...string) string { return filepath.Join(append([]string{p.dir}, parts...)...) }

// step returns a step that waits for the one before it, as compile makes it.
func (p pod) step(i int, name string, script string) contract.Step {
	p.Helper()
	s := contract.Step{
		Name: name, Index: i, RunDir: p.path("run", name), StepDir: p.path("steps", "step-"+name),
		ResultsDir: p.path("results"), ScriptsDir: p.path("scripts"), TaskArtifacts: p.path("artifacts.json"),
		TerminationPath: p.path("message-" + name), Script: script,
	}
	return s
}

func after(s contract.Step, before ...contract.Step) contract.Step {
	for _, b := range before {
		s.Wait = append(s.Wait, contract.Wait{File: contract.MarkPath(b.RunDir)})
	}
	return s
}

// container is a started entrypoint.
type container struct {
	pod
	step     contract.Step
	cmd      *exec.Cmd
	out, err bytes.Buffer
	done     chan struct{}
}

// command is the entrypoint of a step, about to be started.
func (p pod) command(s contract.Step, env ...string) *exec.Cmd {
	p.Helper()
	for _, dir := range []string{s.RunDir, s.StepDir} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			p.Fatal(err)
		}
	}
	args := s.Args()
	for i, a := range args {
		args[i] = strings.ReplaceAll(a, "$$", "$") // as the kubelet does
	}
	cmd := exec.Command("/proc/self/exe", args...)
	cmd.Env = append(append(os.Environ(), "ENTRYPOINT_TEST_AS=entrypoint"), env...)
	return cmd
}

func (p pod) start(s contract.Step, env ...string) *container {
	p.Helper()
	c := &container{pod: p, step: s, cmd: p.command(s, env...), done: make(chan struct{})}
	c.cmd.Stdout, c.cmd.Stderr = &c.out, &c.err
	c.cmd.WaitDelay = time.Second // processes that a killed entrypoint leaves keep its streams open
	if err := c.cmd.Start(); err != nil {
		p.Fatal(err)
	}
	go func() {
		_ = c.cmd.Wait()
		close(c.done)
	}()
	p.Cleanup(func() {
		_ = c.cmd.Process.Kill()
		<-c.done
	})
	return c
}

const patience = time.Minute

// ended waits for the container and returns its exit code and whole message.
func (c *container) ended() (int, contract.Message) {
	c.Helper()
	select {
	case <-c.done:
	case <-time.After(patience):
		c.Fatalf("step %q did not end; stderr: %s", c.step.Name, c.err.String())
	}
	data, err := os.ReadFile(c.step.TerminationPath)
	if err != nil {
		c.Fatalf("%v; stderr: %s", err, c.err.String())
	}
	m, err := contract.Decode(data)
	if err == nil {
		m, err = contract.Collect(bytes.NewReader(c.out.Bytes()), m)
	}
	if err != nil {
		c.Fatal(err)
	}
	return c.cmd.ProcessState.ExitCode(), m
}

func (p pod) run(s contract.Step, env ...string) (*container, int, contract.Message) {
	p.Helper()
	c := p.start(s, env...)
	code, m := c.ended()
	return c, code, m
}

func (p pod) read(file string) string {
	p.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		p.Fatal(err)
	}
	return string(data)
}

func (p pod) write(file, text string) string {
	p.Helper()
	if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file, []byte(text), 0o755)); err != nil {
		p.Fatal(err)
	}
	return file
}

// eventually waits on a condition.
func (p pod) eventually(what string, is func() bool) {
	p.Helper()
	deadline := time.Now().Add(patience)
	for !is() {
		if time.Now().After(deadline) {
			p.Fatalf("waited %s for %s", patience, what)
		}
		time.Sleep(time.Millisecond)
	}
}

func (p pod) exists(file string) func() bool {
	return func() bool {
		_, err := os.Stat(file)
		return err == nil
	}
}

func gone(pid int) func() bool {
	return func() bool { return syscall.Kill(pid, 0) == syscall.ESRCH }
}
