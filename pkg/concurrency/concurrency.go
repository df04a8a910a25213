// Package concurrency decides which PipelineRuns of a group run at once.
package concurrency

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/slipway-dev/slipway/api/slipway/v1alpha1"
	"github.com/slipway-dev/slipway/pkg/expr"
)

// Policy is what becomes of a run that finds no room.
type Policy string

// The policies.
const (
	Queue   Policy = "Queue"   // it waits
	Replace Policy = "Replace" // those before it are cancelled
	Forbid  Policy = "Forbid"  // it fails
)

// Group is what a run says of the group that it belongs to.
type Group struct {
	// Key names the group within the namespace.
	Key string
	// Limit is how many may run at once.
	Limit    int
	Policy   Policy
	Priority int
}

// Of reads the annotations of a run, and of its Pipeline where the run has none. It is
// nil for a run without a limit. pipeline is the Pipeline's name, the key of those that
// name none; it may be empty. The error names the annotation.
func Of(annotations map[string]string, pipeline string, vars expr.Vars) (*Group, error) {
	text := annotations[v1alpha1.AnnotationConcurrencyLimit]
	if text == "" {
		return nil, nil //nolint:nilnil // no group is an answer
	}
	g := Group{Key: pipeline, Policy: Queue}
	var err error
	if g.Limit, err = strconv.Atoi(text); err != nil || g.Limit < 1 {
		return nil, fmt.Errorf("annotation %s: %q: use a number of at least 1", v1alpha1.AnnotationConcurrencyLimit, text)
	}
	if text := annotations[v1alpha1.AnnotationPriority]; text != "" {
		if g.Priority, err = strconv.Atoi(text); err != nil {
			return nil, fmt.Errorf("annotation %s: %q: use a whole number", v1alpha1.AnnotationPriority, text)
		}
	}
	if text := annotations[v1alpha1.AnnotationConcurrencyPolicy]; text != "" {
		g.Policy = Policy(text)
	}
	if !slices.Contains([]Policy{Queue, Replace, Forbid}, g.Policy) {
		return nil, fmt.Errorf("annotation %s: %q: use Queue, Replace or Forbid", v1alpha1.AnnotationConcurrencyPolicy, g.Policy)
	}
	if text := annotations[v1alpha1.AnnotationConcurrencyKey]; text != "" {
		if g.Key, err = expr.Substitute(text, vars); err != nil {
			return nil, fmt.Errorf("annotation %s: %w", v1alpha1.AnnotationConcurrencyKey, err)
		}
	}
	if g.Key == "" {
		return nil, fmt.Errorf("annotation %s: missing: a Pipeline written in its run has no name to group runs by", v1alpha1.AnnotationConcurrencyKey)
	}
	return &g, nil
}

// Run is one run of a group that has not ended.
type Run struct {
	Name     string
	Running  bool
	Priority int
	Created  time.Time
}

// order puts those that are let in first first.
func order(a, b Run) int {
	return cmp.Or(cmp.Compare(b.Priority, a.Priority), age(a, b))
}

func age(a, b Run) int { return cmp.Or(a.Created.Compare(b.Created), strings.Compare(a.Name, b.Name)) }

// Verdict is what becomes of a run.
type Verdict struct {
	// Start lets it run.
	Start bool
	// Refused ends it.
	Refused bool
	// Place in the queue, from 1.
	Place int
	// Running names the runs that take the room.
	Running []string
	// Cancel names the runs to be cancelled.
	Cancel []string
}

// Decide judges self, which does not run yet, among the others of its group.
func (g Group) Decide(self Run, others []Run) Verdict {
	var v Verdict
	var waiting []Run
	for _, o := range others {
		if o.Running {
			v.Running = append(v.Running, o.Name)
		} else {
			waiting = append(waiting, o)
		}
	}
	slices.Sort(v.Running)
	if g.Policy == Replace {
		v.Cancel = g.replaced(self, others)
		waiting = slices.DeleteFunc(waiting, func(o Run) bool { return slices.Contains(v.Cancel, o.Name) })
	}
	rank := 0
	for _, o := range waiting {
		if order(o, self) < 0 {
			rank++
		}
	}
	free := max(0, g.Limit-len(v.Running))
	v.Start = rank < free
	v.Refused = !v.Start && g.Policy == Forbid
	v.Place = rank - free + 1
	return v
}

// replaced are those before self that leave no room among the newest.
func (g Group) replaced(self Run, others []Run) (names []string) {
	newestFirst := slices.SortedFunc(slices.Values(others), func(a, b Run) int { return age(b, a) })
	room := g.Limit - 1
	for _, o := range newestFirst {
		switch {
		case age(o, self) > 0:
		case room > 0:
			room--
		default:
			names = append(names, o.Name)
		}
	}
	return names
}

// First sorts the waiting and returns at most n that are let in first.
func First(waiting []Run, n int) []Run {
	return slices.SortedFunc(slices.Values(waiting), order)[:min(n, len(waiting))]
}
