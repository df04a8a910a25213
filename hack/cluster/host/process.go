// Package host is what a cluster needs of the machine, and takes back: one
// process, one wire with its firewall rules, and one cgroup.
package host

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/slipway-dev/slipway/hack/cluster/layout"
)

// Process names one process for good: a PID alone may be another process by now.
type Process struct {
	PID int `json:"pid"`
	// Started is the start time in clock ticks since boot, as in /proc/PID/stat.
	Started uint64 `json:"started"`
	// Boot is the kernel's id of this boot.
	Boot string `json:"boot"`
}

// Identify looks up a running process.
func Identify(pid int) (Process, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return Process{}, err
	}
	started, state, err := parseStat(string(stat))
	if err != nil {
		return Process{}, fmt.Errorf("/proc/%d/stat: %w", pid, err)
	}
	if state == "Z" {
		return Process{}, fmt.Errorf("process %d has ended", pid)
	}
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return Process{}, err
	}
	return Process{PID: pid, Started: started, Boot: strings.TrimSpace(string(boot))}, nil
}

// parseStat reads start time and state. The command's name may hold spaces and
// parentheses, so fields count from the last one.
func parseStat(stat string) (started uint64, state string, err error) {
	i := strings.LastIndexByte(stat, ')')
	fields := strings.Fields(stat[i+1:])
	if i < 0 || len(fields) < 20 {
		return 0, "", fmt.Errorf("too few fields in %q", stat)
	}
	started, err = strconv.ParseUint(fields[19], 10, 64)
	return started, fields[0], err
}

// Alive tells whether this very process still runs.
func (p Process) Alive() bool {
	now, err := Identify(p.PID)
	return err == nil && now == p
}

// Kill ends the process and waits until it is gone. Of a PID namespace's first
// process this ends every process in it, and it is gone after all of them.
func (p Process) Kill(patience time.Duration) error {
	if !p.Alive() {
		return nil
	}
	if err := syscall.Kill(p.PID, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
		return fmt.Errorf("kill process %d: %w", p.PID, err)
	}
	for deadline := time.Now().Add(patience); p.Alive(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			return fmt.Errorf("process %d is still there %s after kill -9: one of its children hangs in the kernel; see ps -eo pid,stat,wchan,args", p.PID, patience)
		}
	}
	return nil
}

func processFile(l *layout.Layout) string { return l.Path("process.json") }

// RunningNode returns the node's first process; ok is false if it is down.
func RunningNode(l *layout.Layout) (p Process, ok bool) {
	data, err := os.ReadFile(processFile(l))
	if err != nil || json.Unmarshal(data, &p) != nil {
		return Process{}, false
	}
	return p, p.Alive()
}

// RecordNode remembers the node's first process.
func RecordNode(l *layout.Layout, p Process) error {
	data, err := json.Marshal(p)
	if err != nil {
		return err
	}
	return layout.WriteFile(processFile(l), data, 0o644)
}

// NodeStarted is when RecordNode last remembered another process.
func NodeStarted(l *layout.Layout) (time.Time, error) {
	info, err := os.Stat(processFile(l))
	if err != nil {
		return time.Time{}, err
	}
	return info.ModTime(), nil
}

// Lock takes the state folder for one `up` or `down`, and waits for its turn.
// The lock ends with the process, however that ends.
func Lock(state string, waiting func()) (unlock func(), err error) {
	if err := os.MkdirAll(filepath.Dir(state), 0o755); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(state+".lock", os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, err
	}
	if syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) != nil {
		waiting()
		if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
			return nil, fmt.Errorf("lock %s: %w", f.Name(), err)
		}
	}
	mine, err := f.Stat()
	if err != nil {
		return nil, err
	}
	// A `down` removes the file it holds: what was waited for may be gone.
	if there, err := os.Stat(f.Name()); err != nil || !os.SameFile(mine, there) {
		f.Close()
		return Lock(state, waiting)
	}
	return func() { f.Close() }, nil
}

// HostPIDs maps PIDs inside the node to PIDs on the machine, for the children of
// the node's first process.
func HostPIDs(node Process) map[int]int {
	pids := map[int]int{}
	files, _ := filepath.Glob("/proc/[0-9]*/status") // fails on a bad pattern only
	for _, file := range files {
		status, err := os.ReadFile(file)
		if err != nil {
			continue
		}
		if parent, outer, inner, ok := parseStatus(string(status)); ok && parent == node.PID {
			pids[inner] = outer
		}
	}
	return pids
}

// parseStatus reads a process's parent, its PID here and its PID in its own
// namespace; ok is false if the two are the same namespace's.
func parseStatus(status string) (parent, outer, inner int, ok bool) {
	for line := range strings.Lines(status) {
		key, rest, _ := strings.Cut(line, ":")
		fields := strings.Fields(rest)
		switch {
		case key == "PPid" && len(fields) == 1:
			parent, _ = strconv.Atoi(fields[0])
		case key == "NSpid" && len(fields) > 1:
			outer, _ = strconv.Atoi(fields[0])
			inner, _ = strconv.Atoi(fields[len(fields)-1])
			ok = true
		}
	}
	return parent, outer, inner, ok
}

// RemoveState removes the state folder and, if nothing else is in them, the
// folders made for it. It refuses while something is mounted below.
func RemoveState(state string) error {
	mounts, err := os.ReadFile("/proc/self/mounts")
	if err != nil {
		return err
	}
	for line := range strings.Lines(string(mounts)) {
		if fields := strings.Fields(line); len(fields) > 1 && strings.HasPrefix(fields[1], state+"/") {
			return fmt.Errorf("%s is still mounted: run umount %s, then `down` again", fields[1], fields[1])
		}
	}
	if err := os.RemoveAll(state); err != nil {
		return err
	}
	if err := os.Remove(state + ".lock"); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	_ = os.Remove(filepath.Dir(state)) // only if it is empty
	return nil
}
