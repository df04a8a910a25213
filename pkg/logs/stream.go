package logs

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/slipway-dev/slipway/entrypoint/contract"
)

// lateTries is how often an unreadable log is asked for again once its run is over.
const lateTries = 5

// stepLog is the log of one step's container, as far as it was passed on.
type stepLog struct {
	f            *follower
	taskRun, pod string
	container    string
	task, step   string
	cursor       cursor
	rest         []byte // a last line without newline, held back until it is known to be the last
	restAt       time.Time
	lines        int // passed on
	attempts     int // that failed in a row
	quiet        int // clean ends in a row that brought nothing new
}

// read passes the whole log on, following it while the container runs. A log that cannot be had is noted, not an
// error: the other steps' logs are still worth reading.
func (l *stepLog) read(ctx context.Context) error {
	for {
		over := l.over()
		lines, rest := l.lines, l.rest
		err := l.once(ctx, l.f.req.Follow && !over)
		fresh := l.lines > lines || !bytes.Equal(l.rest, rest)
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case err != nil:
			l.quiet = 0
			err = l.recover(ctx, err)
		case l.complete(over, fresh):
			return l.finish()
		case fresh:
			l.quiet, l.attempts = 0, 0
		default:
			// A clean end proves nothing: the API server ends a stream in the same way when a kubelet restarts.
			// The Pod's status tells, at most a second later.
			l.quiet++
			err = l.pause(ctx, l.quiet, func() bool { return !over && l.over() })
		}
		if errors.Is(err, errGiveUp) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// complete reports whether a read that ended cleanly was the last. It was begun after the container's end if over.
func (l *stepLog) complete(over, fresh bool) bool {
	switch {
	case !over:
		return !l.f.req.Follow // what there is so far
	case fresh:
		return false
	case l.cursor.caughtUp():
		return true // the node showed what was known and nothing else
	default:
		return l.quiet >= lateTries // the node has rotated away what would prove it
	}
}

var errGiveUp = errors.New("log cannot be read")

// recover decides what to do about an error of the log API: wait and try again (nil), leave this log out (errGiveUp),
// or end it all.
func (l *stepLog) recover(ctx context.Context, err error) error {
	switch {
	case errors.As(err, new(sinkError)):
		return err
	case apierrors.IsNotFound(err):
		if l.lines == 0 {
			return l.giveUp(fmt.Sprintf("pod %s is gone, and the log of step %q with it", l.pod, l.step))
		}
		return l.giveUp("")
	case apierrors.IsForbidden(err), apierrors.IsUnauthorized(err):
		return err
	}
	l.attempts++
	if l.attempts > lateTries && (!l.f.req.Follow || l.f.runOver(l.taskRun)) {
		return l.giveUp(fmt.Sprintf("the log of step %q cannot be read: %v", l.step, err))
	}
	return l.pause(ctx, l.attempts, never)
}

func (l *stepLog) giveUp(note string) error {
	if note != "" {
		if err := l.f.sink.Note(l.task, note); err != nil {
			return err
		}
	}
	return errGiveUp
}

// maxDoubling bounds the pause to 16 times Retry.
const maxDoubling = 4

// pause waits before the n-th try (from 1): Retry, doubled with each, or until wake is true.
func (l *stepLog) pause(ctx context.Context, n int, wake func() bool) error {
	timer := time.NewTimer(l.f.req.Retry << min(n-1, maxDoubling))
	defer timer.Stop()
	for {
		change := l.f.state.wait()
		if wake() {
			return nil
		}
		select {
		case <-change:
		case <-timer.C:
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

func never() bool { return false }

// over reports whether the container is known to have ended, so that its log is complete.
func (l *stepLog) over() bool {
	pod := l.f.state.pod(l.pod)
	return pod == nil || podOver(pod) || ended(containerStatus(pod, l.container))
}

// once opens the log where it was left and passes on what is new until the stream ends. A clean end is no error.
func (l *stepLog) once(ctx context.Context, follow bool) error {
	opts := &corev1.PodLogOptions{Container: l.container, Follow: follow, Timestamps: true}
	if since := l.cursor.since(); !since.IsZero() {
		opts.SinceTime = &metav1.Time{Time: since}
	}
	stream, err := l.f.src.Pods.GetLogs(l.pod, opts).Stream(ctx)
	if err != nil {
		return err
	}
	defer stream.Close()
	l.cursor.resume()
	l.rest = nil
	lines := newSplitter(stream)
	for {
		e, err := lines.next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if e.cut {
			l.hold(e)
			continue
		}
		if err := l.pass(e); err != nil {
			return sinkError{err}
		}
		l.attempts = 0
	}
}

// sinkError tells the reader's own trouble (a closed pipe) from the API's.
type sinkError struct{ error }

func (e sinkError) Unwrap() error { return e.error }

func (l *stepLog) hold(e entry) {
	l.rest, l.restAt = append([]byte(nil), e.text...), e.at
}

// finish passes on a last line that has no newline.
func (l *stepLog) finish() error {
	if len(l.rest) == 0 {
		return nil
	}
	return l.pass(entry{at: l.restAt, text: l.rest})
}

func (l *stepLog) pass(e entry) error {
	fresh, gap := l.cursor.pass(e)
	if !fresh {
		return nil
	}
	l.lines++
	if gap {
		if err := l.f.sink.Note(l.task, fmt.Sprintf("lines of step %q may be missing here: the node rotated its log", l.step)); err != nil {
			return err
		}
	}
	if contract.IsResultLine(e.text) {
		if e.text = contract.StripResult(e.text); len(e.text) == 0 {
			return nil
		}
	}
	return l.f.sink.Line(Line{Task: l.task, Step: l.step, Time: e.at, Text: e.text})
}
