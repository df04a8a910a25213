package entrypoint

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/slipway-dev/slipway/entrypoint/mask"
)

const (
	// drain is how long copying goes on after the process has ended: a child that
	// it left behind may say more, but may also never close the pipe.
	drain = 250 * time.Millisecond
	// pipeSize is what a pipe holds: as much of what the process wrote may be
	// unread when it has ended, and when drain is over.
	pipeSize = 64 << 10
)

// streams are what the process reads and writes. Without a file to copy to and
// without secrets they are the container's own: nothing stands between the
// process and its log.
type streams struct {
	in, out, err *os.File
	secrets      *mask.Set
	ours, theirs []*os.File
	copied       chan error
}

func (e *entry) openStreams() (*streams, error) {
	s := &streams{secrets: e.secrets, copied: make(chan error, 2)}
	var err error
	if s.in, err = os.Open(os.DevNull); err != nil {
		return nil, err
	}
	if s.out, err = s.open(e.stdout, e.Stdout); err != nil {
		return nil, err
	}
	if e.Stderr != "" && e.Stderr == e.Stdout {
		s.err = s.out // one pipe: the file must have the lines in the order of writing
		return s, nil
	}
	s.err, err = s.open(e.stderr, e.Stderr)
	return s, err
}

// open returns what the process is to write to: log itself, or a pipe whose other
// end is copied to log, without secrets, and to the file, if it is named, as it is.
func (s *streams) open(log *os.File, file string) (*os.File, error) {
	if file == "" && s.secrets == nil {
		return log, nil
	}
	var to fan
	if s.secrets != nil {
		to.sinks = append(to.sinks, s.secrets.Writer(log))
	} else {
		to.sinks = append(to.sinks, keepOpen{log})
	}
	if file != "" {
		f, err := appendTo(file)
		if err != nil {
			return nil, fmt.Errorf("its output cannot be written to a file: %w", err)
		}
		to.sinks = append(to.sinks, f)
	}
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	s.ours, s.theirs = append(s.ours, r), append(s.theirs, w)
	go func() {
		if _, err := io.Copy(&to, r); errors.Is(err, os.ErrDeadlineExceeded) {
			copyUnread(&to, r)
		}
		s.copied <- to.close()
	}()
	return w, nil
}

func appendTo(file string) (*os.File, error) {
	if err := os.MkdirAll(filepath.Dir(file), 0o777); err != nil {
		return nil, err
	}
	return os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o644)
}

// started closes what the process now holds.
func (s *streams) started() {
	_ = s.in.Close()
	for _, f := range s.theirs {
		_ = f.Close()
	}
}

// finish returns when all that the process wrote has been copied. The error says
// where it could not be copied to.
func (s *streams) finish() error {
	for _, f := range s.ours {
		_ = f.SetReadDeadline(time.Now().Add(drain))
	}
	var errs []error
	for range s.ours {
		errs = append(errs, <-s.copied)
	}
	return errors.Join(errs...)
}

// copyUnread copies what is in the pipe, without waiting for more. Where the log
// is slow, that is the end of what the process wrote.
func copyUnread(to io.Writer, pipe *os.File) {
	conn, err := pipe.SyscallConn()
	if err != nil {
		return
	}
	buf := make([]byte, pipeSize)
	for copied, n := 0, 0; copied < pipeSize; copied += n {
		err := conn.Control(func(fd uintptr) { n, _ = syscall.Read(int(fd), buf) })
		if err != nil || n <= 0 {
			return
		}
		_, _ = to.Write(buf[:n])
	}
}

// fan writes to all of its sinks. One that fails is left out from then on, so
// that the process never waits for a reader that is gone.
type fan struct {
	sinks []io.WriteCloser
	errs  []error
}

func (f *fan) Write(p []byte) (int, error) {
	var well []io.WriteCloser
	for _, sink := range f.sinks {
		if _, err := sink.Write(p); err != nil {
			f.errs = append(f.errs, err, sink.Close())
			continue
		}
		well = append(well, sink)
	}
	f.sinks = well
	return len(p), nil
}

func (f *fan) close() error {
	for _, sink := range f.sinks {
		f.errs = append(f.errs, sink.Close())
	}
	return errors.Join(f.errs...)
}

// keepOpen is a stream of the container's, which others write to after us.
type keepOpen struct{ io.Writer }

func (keepOpen) Close() error { return nil }
