package logs

import (
	"fmt"
	"hash/fnv"
	"io"
	"sync"
	"time"
)

// Printer is a Sink that writes prefixed lines, each with one Write.
type Printer struct {
	// Out takes the lines, Notes the remarks.
	Out, Notes io.Writer
	// Prefix puts [task : step] before each line; Times the time stamp; Color paints the prefix.
	Prefix, Times, Color bool

	mu  sync.Mutex
	buf []byte
}

// palette holds the SGR codes of prefixes: readable on dark and light, without red, which means failure.
var palette = []int{36, 33, 32, 35, 34, 96, 93, 92, 95, 94}

// Line implements Sink.
func (p *Printer) Line(l Line) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.buf = p.buf[:0]
	if p.Prefix {
		p.buf = p.appendPrefix(p.buf, l.Task, l.Step)
	}
	if p.Times && !l.Time.IsZero() {
		p.buf = append(l.Time.UTC().AppendFormat(p.buf, time.RFC3339Nano), ' ')
	}
	p.buf = append(append(p.buf, l.Text...), '\n')
	_, err := p.Out.Write(p.buf)
	if cap(p.buf) > readSize {
		p.buf = nil // do not keep the memory of one long line
	}
	return err
}

// Note implements Sink.
func (p *Printer) Note(task, text string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	var buf []byte
	if p.Prefix && task != "" {
		buf = p.appendPrefix(buf, task, "")
	}
	_, err := p.Notes.Write(fmt.Appendf(buf, "%s\n", text))
	return err
}

func (p *Printer) appendPrefix(buf []byte, task, step string) []byte {
	name := task
	switch {
	case task == "":
		name = step
	case step != "":
		name = task + " : " + step
	}
	if !p.Color {
		return fmt.Appendf(buf, "[%s] ", name)
	}
	return fmt.Appendf(buf, "\x1b[%dm[%s]\x1b[0m ", color(task, step), name)
}

// color gives a task the same colour in every run; the steps of a run without tasks are told apart instead.
func color(task, step string) int {
	if task == "" {
		task = step
	}
	h := fnv.New32a()
	h.Write([]byte(task))
	return palette[h.Sum32()%uint32(len(palette))]
}
