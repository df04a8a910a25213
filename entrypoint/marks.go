package entrypoint

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"time"

	"github.com/slipway-dev/slipway/entrypoint/contract"
)

// claim takes the step's lock. The file gets its name only once the lock is
// held: whoever sees it free knows that its holder is gone.
func (e *entry) claim() error {
	if err := os.MkdirAll(e.RunDir, 0o777); err != nil {
		return err
	}
	temp := filepath.Join(e.RunDir, ".alive-"+strconv.Itoa(os.Getpid()))
	f, err := os.OpenFile(temp, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o644)
	if err != nil {
		return err
	}
	if err := errors.Join(f.Chmod(0o644), flock(f, syscall.LOCK_EX)); err != nil {
		return err
	}
	e.alive = f
	return os.Rename(temp, contract.LockPath(e.RunDir))
}

// markStart succeeds once in the life of the Pod.
func (e *entry) markStart() error {
	f, err := os.OpenFile(contract.StartMarkPath(e.RunDir), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	return f.Close()
}

// handOver writes the exit code for later steps to read, then the mark, then
// lets go of the lock, which wakes those that wait.
func (e *entry) handOver(m contract.Mark) error {
	var errs []error
	if !m.StartedAt.IsZero() {
		errs = append(errs, writeAtomically(contract.ExitCodePath(e.StepDir), []byte(strconv.Itoa(m.ExitCode))))
	}
	m.StartedAt, m.FinishedAt = m.StartedAt.UTC(), m.FinishedAt.UTC()
	errs = append(errs, writeAtomically(contract.MarkPath(e.RunDir), m.Encode()))
	if e.alive != nil {
		errs = append(errs, e.alive.Close())
	}
	return errors.Join(errs...)
}

// writeAtomically makes a file that steps of any user can read, and that
// nobody ever sees half-written.
func writeAtomically(path string, data []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-")
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err = errors.Join(err, f.Chmod(0o644), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

// maxMark is more than a mark ever has, in bytes.
const maxMark = 4096

func readMark(path string) (contract.Mark, error) {
	f, err := os.Open(path)
	if err != nil {
		return contract.Mark{}, err
	}
	defer func() { _ = f.Close() }()
	data, err := io.ReadAll(io.LimitReader(f, maxMark))
	if err != nil {
		return contract.Mark{}, err
	}
	return contract.DecodeMark(data)
}

// wait returns once every mark that the step waits for is there, with ready;
// or with the ending of a step that is not to run.
func (e *entry) wait() (end ending, ready bool) {
	var youngest time.Time
	skipped := map[string]bool{}
	for _, w := range e.Wait {
		verdict := make(chan awaited, 1)
		go func() { verdict <- awaitMark(w.File) }()
		select {
		case got := <-verdict:
			if end, ok := got.permits(w); !ok {
				return end, false
			}
			if got.mark.FinishedAt.After(youngest) {
				youngest = got.mark.FinishedAt
			}
			skipped[contract.TaskOfMark(w.File)] = got.mark.Cause == contract.CauseTaskWhen
		case s := <-e.signals.pass:
			return cancelledBefore(s), false
		}
	}
	if e.stopped(youngest) {
		return stoppedBefore(contract.CausePriorFailed), false
	}
	if end, ok := e.wanted(); !ok {
		return end, false
	}
	return e.provided(skipped)
}

// wanted asks the when expressions of the task.
func (e *entry) wanted() (end ending, ok bool) {
	ok, err := hold(e.TaskWhen, e.TaskGuards, e.loadRefs())
	if err != nil {
		return failed(contract.CauseSetup, exitFailed, "a when expression of the task in CEL cannot be evaluated: %v", err), false
	}
	return ending{Mark: contract.Mark{Outcome: contract.OutcomeSkipped, Reason: contract.ReasonSkipped, Cause: contract.CauseTaskWhen}}, ok
}

// provided looks for the values that the task cannot do without. skipped are the tasks
// that one of their when expressions kept from running.
func (e *entry) provided(skipped map[string]bool) (end ending, ready bool) {
	if e.Lacks {
		return cut, false
	}
	for _, r := range e.Needs {
		if _, ok := load(r); ok {
			continue
		}
		if e.Optional || skipped[contract.TaskOfResult(r.File)] {
			return cut, false
		}
		return stoppedBefore(contract.CausePriorFailed), false
	}
	return ending{}, true
}

// cut is the ending of a task that lacks another, where nothing has failed.
var cut = ending{Mark: contract.Mark{Outcome: contract.OutcomeCut, Reason: contract.ReasonSkipped, Cause: contract.CauseTaskLacks}}

func stoppedBefore(cause contract.Cause) ending {
	return ending{Mark: contract.Mark{Outcome: contract.OutcomeError, Reason: contract.ReasonSkipped, Cause: cause, ExitCode: exitFailed}}
}

// stopped reports whether another task had failed before the last of those that the
// step waits for ended. Whoever sees both ends later comes to the same answer.
func (e *entry) stopped(youngest time.Time) bool {
	return slices.ContainsFunc(e.Stop, func(path string) bool {
		mark, err := readMark(path)
		return err == nil && mark.Outcome == contract.OutcomeError && mark.FinishedAt.Before(youngest)
	})
}

func cancelledBefore(s os.Signal) ending {
	return ending{
		Mark:   contract.Mark{Outcome: contract.OutcomeError, Reason: contract.ReasonCancelled, ExitCode: exitCancelled},
		detail: "it was cancelled (" + s.String() + ") before its turn",
	}
}

// awaited is what became of a step that was waited for.
type awaited struct {
	mark contract.Mark
	lost bool
	err  error
}

func (a awaited) permits(w contract.Wait) (ending, bool) {
	switch {
	case a.err != nil:
		return failed(contract.CauseSetup, exitFailed, "the mark %s cannot be read: %v", w.File, a.err), false
	case a.mark.Outcome == contract.OutcomeCut:
		return cut, false
	case w.Always && begun(w.Begun):
		return ending{}, true
	case a.lost:
		return stoppedBefore(contract.CausePriorLost), false
	case a.mark.Outcome == contract.OutcomeError:
		return stoppedBefore(contract.CausePriorFailed), false
	}
	return ending{}, true
}

// begun reports whether the task whose first step leaves the given mark was not kept
// from its start. One without a mark was killed after it.
func begun(first string) bool {
	mark, err := readMark(first)
	return first == "" || err != nil || mark.Outcome != contract.OutcomeError || mark.Reason != contract.ReasonSkipped
}

const (
	// firstLook and slowestLook bound the pause between looks for a step that
	// has not begun. That of the step before has, as a rule: the kubelet starts
	// containers in order.
	firstLook   = time.Millisecond
	slowestLook = 100 * time.Millisecond
	// recheck is for file systems whose locks do not reach across containers.
	recheck = time.Second
)

// awaitMark blocks until the mark exists, or until the step that was to leave
// it is known to be dead.
//
// It sleeps in the kernel, on the lock that the other entrypoint holds while
// it lives: that wakes it within microseconds, also when the other was killed,
// and unlike inotify it draws on no quota, which with hundreds of steps of one
// user on a node would run out. Only a lock that was seen held proves anything
// by being free: some sandboxed runtimes give each container its own locks.
func awaitMark(path string) awaited {
	lock := contract.LockPath(filepath.Dir(path))
	held := false
	pause := firstLook
	for {
		mark, err := readMark(path)
		if err == nil || !errors.Is(err, fs.ErrNotExist) {
			return awaited{mark: mark, err: err}
		}
		if held {
			return awaited{lost: true}
		}
		if held = holdUntilFree(lock, path); held {
			continue
		}
		time.Sleep(pause)
		pause = min(2*pause, slowestLook)
	}
}

// holdUntilFree says whether the lock was held, and if so returns when it is
// free or the mark exists.
func holdUntilFree(lock, mark string) bool {
	f, err := os.Open(lock)
	if err != nil {
		return false
	}
	if flock(f, syscall.LOCK_SH|syscall.LOCK_NB) == nil {
		_ = f.Close()
		return false
	}
	free := make(chan error, 1)
	go func() {
		free <- flock(f, syscall.LOCK_SH)
		_ = f.Close()
	}()
	tick := time.NewTicker(recheck)
	defer tick.Stop()
	for {
		select {
		case err := <-free:
			return err == nil
		case <-tick.C:
			if _, err := os.Lstat(mark); err == nil {
				return true
			}
		}
	}
}

// flock goes by the descriptor rather than the connection of f: a blocking
// wait must not keep the runtime's poller.
func flock(f *os.File, how int) error {
	for {
		if err := syscall.Flock(int(f.Fd()), how); err != syscall.EINTR {
			return err
		}
	}
}
