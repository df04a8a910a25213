package build

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"text/tabwriter"
	"time"
)

// Progress prints what a build does, a line for each thing, and counts it for the summary. It may be used from several
// goroutines. What instructions print themselves does not pass through it.
type Progress struct {
	mu     sync.Mutex
	out    io.Writer
	now    func() time.Time
	stages []Stage
	stage  *running
}

// running is the stage being built.
type running struct {
	Stage
	begun time.Time
	step  int
	// open is the step that still runs and has to be told when it ends; openSince is its start.
	open      bool
	openSince time.Time
}

// worthTelling is the time from which on a step's end gets a line of its own.
const worthTelling = 100 * time.Millisecond

// StepKind says how an instruction came by its outcome.
type StepKind int

const (
	// StepMetadata only changes the image's configuration.
	StepMetadata StepKind = iota
	// StepBuilt makes a layer here.
	StepBuilt
	// StepCached takes its layer from the cache.
	StepCached
)

// NewProgress is a Progress that prints to out and reads the time from now.
func NewProgress(out io.Writer, now func() time.Time) *Progress {
	return &Progress{out: out, now: now}
}

// StartStage ends the stage before and begins one that builds upon the image base.
func (p *Progress) StartStage(name, base string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.endStage()
	p.stage = &running{Stage: Stage{Name: name}, begun: p.now()}
	p.print("FROM %s", base)
}

// StartStep ends the step before and begins the instruction.
func (p *Progress) StartStep(instruction string, kind StepKind) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.endStep()
	if p.stage == nil {
		return
	}
	switch kind {
	case StepCached:
		p.stage.Steps++
		p.stage.Cached++
		p.print("%s  (cached)", oneLine(instruction))
	case StepBuilt:
		p.stage.Steps++
		p.print("%s", oneLine(instruction))
		p.stage.open, p.stage.openSince = true, p.now()
	case StepMetadata:
		p.print("%s", oneLine(instruction))
	}
}

// Executed counts a command that a RUN instruction started.
func (p *Progress) Executed() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.stage != nil {
		p.stage.Commands++
	}
}

// Notef prints a line that is no step.
func (p *Progress) Notef(format string, args ...any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	fmt.Fprintf(p.out, format+"\n", args...)
}

// Finish ends the last stage and returns all of them.
func (p *Progress) Finish() []Stage {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.endStage()
	return p.stages
}

func (p *Progress) endStage() {
	if p.stage == nil {
		return
	}
	p.endStep()
	p.stage.Time = p.now().Sub(p.stage.begun)
	p.stages = append(p.stages, p.stage.Stage)
	p.stage = nil
}

func (p *Progress) endStep() {
	if p.stage == nil || !p.stage.open {
		return
	}
	p.stage.open = false
	if took := p.now().Sub(p.stage.openSince); took >= worthTelling {
		fmt.Fprintf(p.out, "[%s %d] done in %s\n", p.stage.Name, p.stage.step, seconds(took))
	}
}

// print numbers the steps of a stage from 1, FROM being the first.
func (p *Progress) print(format string, args ...any) {
	p.stage.step++
	fmt.Fprintf(p.out, "[%s %d] "+format+"\n", append([]any{p.stage.Name, p.stage.step}, args...)...)
}

// WriteSummary prints what a finished build did, as a table and the image's name.
func WriteSummary(out io.Writer, r Result) {
	w := tabwriter.NewWriter(out, 0, 0, 3, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "stage\tsteps\tcached\tcommands run\ttime\t")
	for _, s := range r.Stages {
		fmt.Fprintf(w, "%s\t%d\t%d\t%d\t%s\t\n", s.Name, s.Steps, s.Cached, s.Commands, seconds(s.Time))
	}
	w.Flush()
	fmt.Fprintf(out, "pushed %s and mounted %s in %s\n", size(r.Push.Sent), size(r.Push.Mounted), seconds(r.Push.Time))
	fmt.Fprintf(out, "%s@%s\n", r.Image, r.Digest)
}

// oneLine shortens an instruction that spans lines to its first one, and each gap between words to one space.
func oneLine(s string) string {
	first, _, more := strings.Cut(strings.TrimSpace(s), "\n")
	line := strings.Join(strings.Fields(strings.TrimRight(first, ` \`)), " ")
	if more {
		return line + " …"
	}
	return line
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.1fs", d.Seconds()) }

// size is a number of bytes in the largest decimal unit that leaves a figure before the point.
func size(n int64) string {
	switch {
	case n >= 1e9:
		return fmt.Sprintf("%.1f GB", float64(n)/1e9)
	case n >= 1e6:
		return fmt.Sprintf("%.1f MB", float64(n)/1e6)
	case n >= 1e3:
		return fmt.Sprintf("%.1f kB", float64(n)/1e3)
	}
	return fmt.Sprintf("%d B", n)
}
