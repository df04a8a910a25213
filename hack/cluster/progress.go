package main

import (
	"fmt"
	"io"
	"sync"
	"time"
)

// step is one line of what `up` shows.
type step struct {
	title string
	// takes is how long it usually lasts, for people.
	takes string
	// done tells that run will find nothing to do; nil means that it never lasts
	// long without a reason.
	done func() bool
	run  func() error
}

// progress tells a person what is being done, how long that usually takes, and
// that it has not stopped.
type progress struct {
	out     io.Writer
	started time.Time
	// mu guards what follows: the running step's heading, until it is shown.
	mu      sync.Mutex
	heading string
}

func newProgress(out io.Writer) *progress { return &progress{out: out, started: time.Now()} }

const (
	// quiet is how long a step may last without a word.
	quiet = time.Second
	// beat is how often a long step says that it goes on.
	beat = 30 * time.Second
)

// run takes the steps in order. What is quickly done is not worth a line.
func (p *progress) run(steps []step) error {
	for i, s := range steps {
		label := fmt.Sprintf("[%d/%d] %s", i+1, len(steps), s.title)
		p.begin(label + " (about " + s.takes + ")")
		if s.done != nil && !s.done() {
			p.show()
		}
		stop := p.watch(label)
		err := s.run()
		stop()
		if err != nil {
			return fmt.Errorf("%s: %w", s.title, err)
		}
	}
	return nil
}

func (p *progress) begin(heading string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.heading = heading
}

// show writes the running step's heading, once.
func (p *progress) show() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.heading != "" {
		fmt.Fprintln(p.out, p.heading)
		p.heading = ""
	}
}

// watch reports on the running step until stop is called.
func (p *progress) watch(label string) (stop func()) {
	started, end := time.Now(), make(chan struct{})
	var watching sync.WaitGroup
	watching.Go(func() {
		for wait := quiet; ; wait = beat {
			select {
			case <-end:
				return
			case <-time.After(wait):
			}
			if wait == quiet {
				p.show()
				continue
			}
			fmt.Fprintf(p.out, "%s … %s (%s in all)\n", label, time.Since(started).Round(time.Second), time.Since(p.started).Round(time.Second))
		}
	})
	return func() { close(end); watching.Wait() }
}

// note adds a line to the running step.
func (p *progress) note(text string) {
	p.show()
	fmt.Fprintln(p.out, "    "+text)
}
