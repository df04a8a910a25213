package contract

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A message that is too large for the kubelet goes through the container's
// log. That needs no flag, no right for the user's service account, no network
// and no helper image: the controller may read logs anyway. Its lines are
//
//	::slipway:result:ID:I/N:BASE64
//
// after all that the process wrote. ID is the start of the digest that the
// termination message holds, so a step that prints such lines deceives nobody.
// A line is short enough for a pipe to take it whole, and for the runtime to
// log it as one entry. The kubelet rotates logs of running containers only, so
// what is written in the last milliseconds stays together.

const (
	logMarker = "::slipway:result:"
	// logChunk is the BASE64 of a line, in characters: the line stays below
	// the 4096 bytes that a pipe takes at once.
	logChunk = 4000
	idLength = 12
	// maxLogLines follows from maxInflated, which deflate can enlarge by little.
	maxLogLines = maxInflated*4/3/logChunk + 16
	// maxLogLine is how much of a line's end is kept while it is searched.
	maxLogLine = 64 << 10

	compactPrefix = "c1:"
)

// LogRef names lines in a container's log.
type LogRef struct {
	// Lines is how many there are. Asking for the log's last Lines lines is
	// enough unless something else still wrote; then ask for all.
	Lines int
	// SHA256 of what the lines hold together.
	SHA256 [sha256.Size]byte
}

func (l LogRef) digest() string { return base64.RawURLEncoding.EncodeToString(l.SHA256[:]) }

func logLines(packed []byte) (LogRef, []byte) {
	text := base64.StdEncoding.EncodeToString(packed)
	ref := LogRef{Lines: (len(text) + logChunk - 1) / logChunk, SHA256: sha256.Sum256(packed)}
	id := ref.digest()[:idLength]
	var out bytes.Buffer
	for i := range ref.Lines {
		chunk := text[i*logChunk : min(len(text), (i+1)*logChunk)]
		fmt.Fprintf(&out, "%s%s:%d/%d:%s\n", logMarker, id, i+1, ref.Lines, chunk)
	}
	return ref, out.Bytes()
}

type logLine struct {
	id    string
	i, n  int
	chunk string
}

// cutLogLine splits a line of a log at the marker: a process that did not end
// its last line leaves text before it.
func cutLogLine(line []byte) (before []byte, l logLine, ok bool) {
	at := bytes.LastIndex(line, []byte(logMarker))
	if at < 0 {
		return line, l, false
	}
	if l, ok = parseLogLine(string(bytes.TrimRight(line[at+len(logMarker):], "\r\n"))); !ok {
		return line, l, false
	}
	return line[:at], l, true
}

// parseLogLine reads ID:I/N:BASE64.
func parseLogLine(text string) (l logLine, ok bool) {
	parts := strings.SplitN(text, ":", 3)
	if len(parts) != 3 || len(parts[0]) != idLength || parts[2] == "" || len(parts[2]) > logChunk {
		return l, false
	}
	i, n, _ := strings.Cut(parts[1], "/")
	l = logLine{id: parts[0], i: atoi(i), n: atoi(n), chunk: parts[2]}
	return l, 1 <= l.i && l.i <= l.n && l.n <= maxLogLines
}

// atoi returns -1 for what is no number.
func atoi(s string) int {
	n, err := strconv.Atoi(s)
	if err != nil {
		return -1
	}
	return n
}

// IsResultLine says whether a line of a step's log is the entrypoint's and not
// for people to read. Show what [StripResult] leaves of it, if anything.
func IsResultLine(line []byte) bool {
	_, _, ok := cutLogLine(line)
	return ok
}

// StripResult returns what a person should see of a line of a step's log: the
// line itself, or what the process wrote before the entrypoint's marker
// without ending the line.
func StripResult(line []byte) []byte {
	before, _, _ := cutLogLine(line)
	return before
}

// Collect reads a step's log and returns the message that m, from [Decode],
// refers to. An error names what is missing; reading the log again may help
// when it was cut. A message without Log is returned as it is.
func Collect(log io.Reader, m Message) (Message, error) {
	if m.Log == nil {
		return m, nil
	}
	chunks, err := m.Log.find(log)
	if err != nil {
		return Message{}, err
	}
	packed, err := base64.StdEncoding.DecodeString(strings.Join(chunks, ""))
	if err != nil {
		return Message{}, fmt.Errorf("results in the log: %w", err)
	}
	if sha256.Sum256(packed) != m.Log.SHA256 {
		return Message{}, errors.New("results in the log do not have the digest that the step's termination message names")
	}
	return inflate(packed)
}

func (l LogRef) find(log io.Reader) ([]string, error) {
	id := l.digest()[:idLength]
	chunks := make([]string, l.Lines)
	found := 0
	r := bufio.NewReaderSize(log, maxLogLine)
	var line []byte
	for found < l.Lines {
		part, err := r.ReadSlice('\n')
		if line = append(line, part...); len(line) > maxLogLine {
			line = line[len(line)-maxLogLine:] // the marker, if any, is at the end of a long line
		}
		if errors.Is(err, bufio.ErrBufferFull) {
			continue
		}
		if _, got, ok := cutLogLine(line); ok && got.id == id && got.n == l.Lines && chunks[got.i-1] == "" {
			chunks[got.i-1] = got.chunk
			found++
		}
		line = line[:0]
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("results in the log: %w", err)
		}
	}
	if found < l.Lines {
		return nil, fmt.Errorf("results in the log: %d of %d lines are there", found, l.Lines)
	}
	return chunks, nil
}

// compact is the form for Pods of so many containers that 12 KiB leave each
// next to nothing: numbers in base 36, at most MinMessage bytes in all.
func (m Message) compact(ref *LogRef) []byte {
	fields := []string{
		strconv.Itoa(max(0, slices.Index(reasons, m.Reason))),
		strconv.Itoa(max(0, slices.Index(causes, m.Cause))),
		strconv.Itoa(m.ExitCode),
		compactTime(m.StartedAt),
		compactTime(m.FinishedAt),
	}
	if ref != nil {
		fields = append(fields, strconv.Itoa(ref.Lines), ref.digest())
	}
	return []byte(compactPrefix + strings.Join(fields, "."))
}

func decodeCompact(text string) (Message, error) {
	bad := fmt.Errorf("termination message %.100q is not of contract %d", compactPrefix+text, Version)
	f := strings.Split(text, ".")
	if len(f) != 5 && len(f) != 7 {
		return Message{}, bad
	}
	reason, cause, code := atoi(f[0]), atoi(f[1]), atoi(f[2])
	if reason < 0 || reason >= len(reasons) || cause < 0 || cause >= len(causes) || code < 0 {
		return Message{}, bad
	}
	m := Message{Version: Version, Reason: reasons[reason], Cause: causes[cause], ExitCode: code}
	var err1, err2 error
	m.StartedAt, err1 = parseCompactTime(f[3])
	m.FinishedAt, err2 = parseCompactTime(f[4])
	if err1 != nil || err2 != nil {
		return Message{}, bad
	}
	if len(f) == 5 {
		return m, nil
	}
	var ok bool
	if m.Log, ok = parseLogRef(f[5], f[6]); !ok {
		return Message{}, bad
	}
	return m, nil
}

func parseLogRef(lines, digest string) (*LogRef, bool) {
	sum, err := base64.RawURLEncoding.DecodeString(digest)
	n := atoi(lines)
	if err != nil || len(sum) != sha256.Size || n < 1 || n > maxLogLines {
		return nil, false
	}
	return &LogRef{Lines: n, SHA256: [sha256.Size]byte(sum)}, true
}

func compactTime(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return strconv.FormatInt(t.UnixNano(), 36)
}

func parseCompactTime(s string) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	ns, err := strconv.ParseInt(s, 36, 64)
	return time.Unix(0, ns).UTC(), err
}
