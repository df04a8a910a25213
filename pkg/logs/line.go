package logs

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"time"
)

const (
	readSize = 64 << 10
	// maxLine bounds memory: longer lines are wrapped. Cuts fall at fixed offsets from the line's start, so that a
	// resumed stream cuts the same line at the same places.
	maxLine = 8 << 20
)

// entry is one line as the log API sends it with timestamps on.
type entry struct {
	at   time.Time // zero where the node sent a text of its own instead of a log line
	text []byte    // without time stamp and newline; valid until the next call of next
	cut  bool      // the stream ended before the newline
}

// splitter turns a log stream into entries.
type splitter struct {
	r    *bufio.Reader
	buf  []byte
	max  int
	at   time.Time
	rest bool // inside a line of which a piece was already returned
}

func newSplitter(r io.Reader) *splitter {
	return &splitter{r: bufio.NewReaderSize(r, readSize), max: maxLine}
}

// next returns the next entry. A last entry without a newline comes with cut set; the error follows with the next
// call. At the end of the stream the error is io.EOF, or what broke it.
func (s *splitter) next() (entry, error) {
	s.buf = s.buf[:0]
	for {
		chunk, err := s.r.ReadSlice('\n')
		s.buf = append(s.buf, chunk...)
		switch {
		case err == nil:
			line := s.buf[:len(s.buf)-1]
			if s.rest && len(line) == 0 { // the line ended exactly where it was wrapped
				s.rest, s.buf = false, s.buf[:0]
				continue
			}
			return s.entry(line, false), nil
		case errors.Is(err, bufio.ErrBufferFull):
			if len(s.buf) < s.max {
				continue
			}
			e := s.entry(s.buf, false)
			s.rest = true
			return e, nil
		case len(s.buf) == 0:
			return entry{}, err
		default:
			return s.entry(s.buf, true), nil
		}
	}
}

func (s *splitter) entry(line []byte, cut bool) entry {
	if s.rest {
		s.rest = false
		return entry{at: s.at, text: line, cut: cut}
	}
	stamp, text, found := bytes.Cut(line, []byte(" "))
	at, err := time.Parse(time.RFC3339Nano, string(stamp))
	switch {
	case err != nil:
		s.at = time.Time{}
		return entry{text: line, cut: cut}
	case !found && cut: // only a part of the stamp may have come
		text = nil
	}
	s.at = at
	return entry{at: at, text: text, cut: cut}
}
