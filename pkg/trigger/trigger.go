// Package trigger turns an event at a forge and the YAML files of its commit into
// PipelineRuns, as Pipelines-as-Code documents it. It does no I/O: Read takes the
// files, NeedsChanges and Remote say what else must be fetched, Match makes the runs.
package trigger

import (
	"slices"

	"github.com/slipway-dev/slipway/api/slipway/v1alpha1"
	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
)

// Input is what happened, and all that is known of it.
type Input struct {
	Repository *v1alpha1.Repository
	// Event is what happened. A comment has the ref, commit, title and pull request of
	// what it is on filled in.
	Event v1alpha1.Event
	// Command is the one of a comment that is worked off, by somebody who may give it;
	// nil if a comment has none, and then it starts what asks for such a comment. Test, Retest
	// and OKToTest start what a pull request that was updated would start, or a push
	// where the comment is on a commit; or the one pipeline that they name, whether or
	// not its annotations match. The comment's id is part of the name of what is started.
	Command *Command
	// Headers are those of the webhook, by canonical name.
	Headers map[string]string
	// Payload is the body of the webhook, decoded from JSON; nil if it is not known.
	Payload any
	// Changes are the files that the event changes. They may be nil until
	// NeedsChanges asks for them.
	Changes *Changes
	// Key tells apart events that are alike otherwise and start runs of their own, such as
	// two times of a schedule at one commit.
	Key string
	// Params are the values of the repository's params, those of Secrets read.
	Params map[string]string
	// Trusted is whether the sender may start runs, or the event was approved.
	// Nothing matches an event that is not.
	Trusted bool
}

// Changes are paths of files, sorted. A forge's changes convert to it.
type Changes struct {
	Added, Modified, Deleted, Renamed []string
}

// Problem is what is wrong with a file of the commit.
type Problem struct {
	// Path is that of the file in the repository; empty if it is of no file.
	Path string
	// Line counts from 1; it is 0 when no line is at fault.
	Line int
	// Message says what is wrong and, where it can, what to do.
	Message string
}

// Reference is a Task or Pipeline that an annotation names and that must be
// fetched. Exactly one of Path, URL and Name is set.
type Reference struct {
	// Kind is Task or Pipeline.
	Kind string
	// Path is that of a file in the repository, at the commit that the files of the
	// Set are of.
	Path string
	// URL is an address by https.
	URL string
	// Name is that of an entry in a hub; Hub is the name of the hub, empty for the
	// default one, and Version is empty for the latest.
	Hub, Name, Version string
}

// Run is a PipelineRun to create.
type Run struct {
	// Pipeline is the name that the repository's YAML gives it.
	Pipeline string
	// Object is complete. The same event makes an object of the same name, whichever
	// delivery brought it.
	Object *v1.PipelineRun
	// CancelInProgress is whether older runs of the same pipeline and the same pull
	// request, or branch, are to be cancelled.
	CancelInProgress bool
	// MaxKeep is how many finished runs of the pipeline are kept; 0 is all.
	MaxKeep int
}

// matched asks of each run whether the event starts it. Nothing does where the sender
// is not trusted, or where there is no commit.
func (s *Set) matched(f *facts, visit func(*matcher, answers)) {
	if !f.in.Trusted || f.in.Event.Commit == "" {
		return
	}
	for _, run := range s.runs {
		m := &matcher{facts: f, set: s, run: run}
		visit(m, m.match())
	}
}

// NeedsChanges says whether the changed files decide on a run of the event, or stand
// in one.
func (s *Set) NeedsChanges(in Input) bool {
	inTemplates := slices.ContainsFunc(s.templates.texts, func(text string) bool {
		return filesKey.MatchString(templateKey(text))
	})
	needed := false
	s.matched(newFacts(in), func(_ *matcher, a answers) { needed = needed || a.askedFiles || a.yes && inTemplates })
	return needed
}

// Remote lists what runs that match name by annotation, and that is not in fetched.
// A Pipeline that was fetched may name further Tasks: call it until it lists
// nothing. What cannot be fetched is put into fetched as nil, and becomes a Problem
// of Match.
func (s *Set) Remote(in Input, fetched map[Reference][]byte) []Reference {
	var missing []Reference
	s.matched(newFacts(in), func(m *matcher, a answers) {
		if !a.yes {
			return
		}
		for _, r := range m.library(fetched).missing {
			if !slices.Contains(missing, r) {
				missing = append(missing, r)
			}
		}
	})
	return missing
}

// Match makes the runs that the event starts, in the order of their names. A run
// with a Problem is not among them.
func (s *Set) Match(in Input, fetched map[Reference][]byte) ([]Run, []Problem) {
	var runs []Run
	var problems []Problem
	f := newFacts(in)
	s.matched(f, func(m *matcher, a answers) {
		if a.yes && len(m.problems) == 0 {
			if run := m.build(m.library(fetched)); len(m.problems) == 0 {
				runs = append(runs, run)
			}
		}
		problems = append(problems, m.problems...)
	})
	return runs, problems
}

// library opens what the annotations of the run name.
func (m *matcher) library(fetched map[Reference][]byte) *library {
	annotations := map[string]string{}
	for key := range m.run.object.Annotations {
		if name, ok := cutPrefix(key); ok {
			annotations[key], _, _ = m.get(name)
		}
	}
	l := &library{set: m.set, run: m.run, fetched: fetched}
	l.open(annotations)
	return l
}
