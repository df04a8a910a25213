package entrypoint

import (
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"

	"github.com/slipway-dev/slipway/entrypoint/contract"
)

// command is a process to be: a file, its arguments, environment and folder.
type command struct {
	path      string
	argv, env []string
	dir       string
	script    bool
}

// exit is how a process ended.
type exit struct {
	code        int  // 128 + n when signal n ended it
	timedOut    bool // the timeout of the step ended it
	interrupted bool // a signal that ends processes came from outside before
}

const defaultGrace = 10 * time.Second

// subreaper makes orphans of the process ours to reap where we are not PID 1
// (the Pod shares its process namespace).
func subreaper() {
	const prSetChildSubreaper = 36
	_, _, _ = syscall.RawSyscall(syscall.SYS_PRCTL, prSetChildSubreaper, 1, 0)
}

// supervise starts cmd in a process group of its own and returns when it has
// ended. Meanwhile it passes signals on to the group and reaps orphans.
func (e *entry) supervise(cmd command, s *streams) (exit, error) {
	subreaper()
	pid, err := syscall.ForkExec(cmd.path, cmd.argv, &syscall.ProcAttr{
		Dir:   cmd.dir,
		Env:   cmd.env,
		Files: []uintptr{s.in.Fd(), s.out.Fd(), s.err.Fd()},
		Sys:   attributes(e.NoNetwork),
	})
	s.started()
	if err != nil {
		_ = s.finish()
		if e.NoNetwork && (errors.Is(err, syscall.EPERM) || errors.Is(err, syscall.ENOSPC)) {
			err = fmt.Errorf("a process without network needs a user namespace, and this node allows none: %w", err)
		}
		return exit{}, explain(cmd, err)
	}
	x := e.watch(pid)
	if err := s.finish(); err != nil {
		e.complain("its output is not everywhere in full: %v", err)
	}
	return x, nil
}

// attributes are those of the process: the leader of a group, and where it is to
// have no network, in a network namespace that nothing leads out of. A user who
// is not root may make one within a user namespace, in which it stays who it is.
func attributes(noNetwork bool) *syscall.SysProcAttr {
	if !noNetwork {
		return &syscall.SysProcAttr{Setpgid: true}
	}
	uid, gid := os.Geteuid(), os.Getegid()
	return &syscall.SysProcAttr{
		Setpgid: true, Cloneflags: syscall.CLONE_NEWUSER | syscall.CLONE_NEWNET,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: uid, HostID: uid, Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: gid, HostID: gid, Size: 1}},
	}
}

// watch is the loop of PID 1.
func (e *entry) watch(pid int) exit {
	var x exit
	var overrun, kill <-chan time.Time
	if e.Timeout > 0 {
		overrun = time.After(time.Duration(e.Timeout))
	}
	for {
		select {
		case <-e.signals.child:
			if status, ended := reap(pid); ended {
				x.code = exitCode(status)
				return x
			}
		case s := <-e.signals.pass:
			x.interrupted = x.interrupted || endsProcesses(s)
			_ = syscall.Kill(-pid, s.(syscall.Signal))
		case <-overrun:
			x.timedOut = true
			grace := time.Duration(e.Grace)
			if grace == 0 {
				grace = defaultGrace
			}
			kill = time.After(grace)
			_ = syscall.Kill(-pid, syscall.SIGTERM)
		case <-kill:
			_ = syscall.Kill(-pid, syscall.SIGKILL)
		}
	}
}

func endsProcesses(s os.Signal) bool {
	switch s {
	case syscall.SIGTERM, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGHUP:
		return true
	}
	return false
}

// reap collects every child that has ended; one SIGCHLD may stand for many.
func reap(pid int) (status syscall.WaitStatus, ended bool) {
	for {
		var ws syscall.WaitStatus
		got, err := syscall.Wait4(-1, &ws, syscall.WNOHANG, nil)
		switch {
		case err == syscall.EINTR:
		case err != nil || got <= 0:
			return status, ended
		case got == pid:
			status, ended = ws, true
		}
	}
}

func exitCode(ws syscall.WaitStatus) int {
	if ws.Signaled() {
		return 128 + int(ws.Signal())
	}
	return ws.ExitStatus()
}

// explain says why a file that was found could not be started, and what to do.
func explain(cmd command, err error) error {
	name := cmd.argv[0]
	text, code, cause := "", exitNotExec, contract.CauseNotExecutable
	switch {
	case errors.Is(err, syscall.ENOENT):
		text, code, cause = name+" is in the image, but the interpreter or loader that it needs is not: use an image that has it, or a static binary", exitNotFound, contract.CauseNotFound
	case errors.Is(err, syscall.ENOEXEC):
		text = name + " is no program for this node: exec format error; build the image for the node's architecture, or start a script with #!/bin/sh"
	case errors.Is(err, syscall.EACCES):
		text = name + " cannot be run by this user: permission denied; set its execute bit in the image, or runAsUser"
	case errors.Is(err, syscall.E2BIG):
		text = name + " cannot be run: its arguments and environment are too large for the kernel; pass large values in a file"
	default:
		text = name + " cannot be run: " + err.Error()
	}
	return setupError{cause: cause, code: code, text: text}
}
