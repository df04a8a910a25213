package entrypoint

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"
)

// drain is how long copying goes on after the process has ended: what it
// wrote is in the pipe by then, but a child that it left behind may never close it.
const drain = 250 * time.Millisecond

// tee returns a pipe whose other end is copied to the file and to log.
func (s *streams) tee(file string, log *os.File) (*os.File, error) {
	if err := os.MkdirAll(filepath.Dir(file), 0o777); err != nil {
		return nil, fmt.Errorf("its output cannot be written to a file: %w", err)
	}
	to, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o644)
	if err != nil {
		return nil, fmt.Errorf("its output cannot be written to a file: %w", err)
	}
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	s.ours, s.theirs = append(s.ours, r), append(s.theirs, w)
	s.pending++
	go func() {
		_, _ = io.Copy(io.MultiWriter(log, to), r)
		_ = to.Close()
		s.copied <- struct{}{}
	}()
	return w, nil
}

// started closes what the process now holds.
func (s *streams) started() {
	_ = s.in.Close()
	for _, f := range s.theirs {
		_ = f.Close()
	}
}

// finish returns when all that the process wrote has been copied.
func (s *streams) finish() {
	for _, f := range s.ours {
		_ = f.SetReadDeadline(time.Now().Add(drain))
	}
	for range s.pending {
		<-s.copied
	}
}
