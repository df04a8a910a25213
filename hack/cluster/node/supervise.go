package node

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/slipway-dev/slipway/hack/cluster/layout"
)

// State is what the node reports about one component.
type State struct {
	Name string `json:"name"`
	// PID inside the node; 0 while it is down.
	PID int `json:"pid"`
	// Restarts counts how often it ended by itself.
	Restarts int `json:"restarts"`
	// LastExit tells how it ended the last time.
	LastExit string `json:"lastExit,omitempty"`
}

// StatusFile holds a []State, below the state folder.
func StatusFile(state string) string { return filepath.Join(state, "status.json") }

// restartDelay is the pause before a component that ended is started again.
const restartDelay = time.Second

// supervisor keeps the components running. It is the node's PID 1, so it also
// reaps whatever the components leave behind.
type supervisor struct {
	spec   *Spec
	states []State
	due    []time.Time
}

// supervise runs until a signal ends the node.
func supervise(spec *Spec) error {
	signals := make(chan os.Signal, 16)
	signal.Notify(signals, syscall.SIGCHLD, syscall.SIGTERM, syscall.SIGINT)
	s := &supervisor{spec: spec, states: make([]State, len(spec.Programs)), due: make([]time.Time, len(spec.Programs))}
	for i, p := range spec.Programs {
		s.states[i].Name = p.Name
	}
	tick := time.NewTicker(restartDelay / 2)
	for {
		s.startDue()
		select {
		case sig := <-signals:
			if sig != syscall.SIGCHLD {
				return errors.New("ended by " + sig.String())
			}
			s.reap()
		case <-tick.C:
			s.reap()
		}
	}
}

// startDue starts every component that is down and has waited long enough.
func (s *supervisor) startDue() {
	changed := false
	for i := range s.states {
		if s.states[i].PID != 0 || time.Now().Before(s.due[i]) {
			continue
		}
		pid, err := start(s.spec, s.spec.Programs[i])
		if err != nil {
			s.states[i].LastExit = err.Error()
			s.due[i] = time.Now().Add(restartDelay)
		}
		s.states[i].PID = pid
		changed = true
	}
	if changed {
		s.report()
	}
}

func (s *supervisor) reap() {
	for {
		var status syscall.WaitStatus
		pid, err := syscall.Wait4(-1, &status, syscall.WNOHANG, nil)
		if err != nil || pid <= 0 {
			return
		}
		for i := range s.states {
			if s.states[i].PID == pid {
				s.states[i].PID = 0
				s.states[i].Restarts++
				s.states[i].LastExit = describe(status)
				s.due[i] = time.Now().Add(restartDelay)
				s.report()
			}
		}
	}
}

// report writes the states; a full disk must not end the node.
func (s *supervisor) report() {
	if data, err := json.MarshalIndent(s.states, "", "  "); err == nil {
		_ = layout.WriteFile(StatusFile(s.spec.State), data, 0o644)
	}
}

func describe(status syscall.WaitStatus) string {
	if status.Signaled() {
		return fmt.Sprintf("signal %d, %s", status.Signal(), status.Signal())
	}
	return fmt.Sprintf("exit code %d", status.ExitStatus())
}

func start(spec *Spec, p Program) (int, error) {
	log, err := os.OpenFile(filepath.Join(spec.State, "log", p.Name+".log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return 0, err
	}
	defer log.Close()
	null, err := os.Open(os.DevNull)
	if err != nil {
		return 0, err
	}
	defer null.Close()
	process, err := os.StartProcess(p.Path, append([]string{p.Binary}, p.Args...), &os.ProcAttr{
		Dir:   "/",
		Env:   []string{"PATH=" + spec.Path, "HOME=/root"},
		Files: []*os.File{null, log, log},
		Sys:   &syscall.SysProcAttr{Setsid: true},
	})
	if err != nil {
		return 0, err
	}
	pid := process.Pid
	return pid, process.Release() // which forgets the PID
}
