package mask

import (
	"io"
	"sync"
	"time"
)

// defaultIdle is how long the beginning of a value may stay back though it is so
// short that it tells nothing.
const defaultIdle = 100 * time.Millisecond

// Writer masks what is written to it. What may be the beginning of a value stays
// back until what follows tells; nothing else does, so whole lines pass at once.
// When nothing follows for 100 ms and it is fewer than 4 bytes, it passes too:
// of a value that comes as slowly as that, at most 3 bytes are seen.
type Writer struct {
	set  *Set
	to   io.Writer
	idle time.Duration

	mu  sync.Mutex
	out []byte
	// held starts at the first place where a value may begin. Of it, shown
	// bytes have been written, and masked belong to a value that began before.
	held          []byte
	shown, masked int
	timer         *time.Timer
	due           time.Time
}

// Writer returns one that writes to to, each time at once. Close it.
func (s *Set) Writer(to io.Writer) *Writer {
	w := &Writer{set: s, to: to, idle: defaultIdle}
	w.timer = time.AfterFunc(time.Hour, w.passShort)
	w.timer.Stop()
	return w
}

// Write returns the error of the writer behind, and the length of p.
func (w *Writer) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	data := p
	if len(w.held) > 0 {
		data = append(w.held, p...)
	}
	w.hold(data, w.decide(data, false))
	if w.short() {
		w.due = time.Now().Add(w.idle)
		w.timer.Reset(w.idle)
	}
	return len(p), w.flush()
}

// Close writes what was held back.
func (w *Writer) Close() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.timer.Stop()
	w.hold(w.held, w.decide(w.held, true))
	return w.flush()
}

// decide appends to out what may pass of data, and returns the place from which
// more must be known.
func (w *Writer) decide(data []byte, final bool) int {
	at := 0
	for at < len(data) {
		next := w.set.next(data, at)
		w.pass(data, at, next)
		if at = next; at == len(data) {
			break
		}
		n, open := w.set.match(data[at:])
		if open && !final {
			break
		}
		if at+n > w.masked && n > 0 {
			if at >= w.masked {
				w.out = append(w.out, Replacement...)
			}
			w.masked = at + n // values that overlap are masked together
		}
		w.pass(data, at, at+1)
		at++
	}
	return at
}

// pass appends data[from:to] to out, but for what is masked or was shown before.
func (w *Writer) pass(data []byte, from, to int) {
	if from = max(from, w.masked, w.shown); from < to {
		w.out = append(w.out, data[from:to]...)
	}
}

// hold keeps data from at on.
func (w *Writer) hold(data []byte, at int) {
	w.held = append(w.held[:0], data[at:]...)
	w.shown, w.masked = max(0, w.shown-at), max(0, w.masked-at)
}

// short says whether something is held back that tells nothing.
func (w *Writer) short() bool {
	return len(w.held) < block && max(w.shown, w.masked) < len(w.held)
}

func (w *Writer) passShort() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.short() || time.Now().Before(w.due) {
		return
	}
	w.pass(w.held, 0, len(w.held))
	w.shown = len(w.held)
	_ = w.flush()
}

func (w *Writer) flush() error {
	if len(w.out) == 0 {
		return nil
	}
	_, err := w.to.Write(w.out)
	w.out = w.out[:0]
	return err
}
