package trigger

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/slipway-dev/slipway/api/slipway/v1alpha1"
	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
	"github.com/slipway-dev/slipway/pkg/suggest"
	"github.com/slipway-dev/slipway/pkg/trigger/glob"
	"github.com/slipway-dev/slipway/pkg/untrusted"
)

// Wanted says whether a Repository works off an event at all, by its events and
// branches; the text says why not. Globs that cannot be read fit nothing.
func Wanted(r *v1alpha1.Repository, e v1alpha1.Event) (bool, string) {
	if len(r.Spec.Events) > 0 && !slices.Contains(r.Spec.Events, e.Type) {
		return false, fmt.Sprintf("events of the type %s are not among spec.events", e.Type)
	}
	f := newFacts(Input{Repository: r, Event: e})
	if len(r.Spec.Branches) == 0 || f.ref == "" || strings.HasPrefix(f.ref, tagsPrefix) {
		return true, ""
	}
	for _, pattern := range r.Spec.Branches {
		if ok, err := f.onBranch(pattern); ok && err == nil {
			return true, ""
		}
	}
	return false, fmt.Sprintf("the branch %q fits none of spec.branches", f.branch())
}

// answers are what a matcher found.
type answers struct {
	yes bool
	// askedFiles is whether the list of changed files had a say.
	askedFiles bool
}

// matcher asks whether one run is started by the event.
type matcher struct {
	*facts
	set      *Set
	run      *item[*v1.PipelineRun]
	problems []Problem
}

// fail reports what is wrong with an annotation.
func (m *matcher) fail(key string, err error) {
	m.problems = append(m.problems, m.run.problem(annotation(key), "%s: %s", key, m.set.templates.restore(err.Error())))
}

func (m *matcher) match() answers {
	if ns, _, ok := m.get(targetNamespace); ok && ns != m.in.Repository.Namespace {
		return answers{}
	}
	e := m.in.Event
	if e.Pipeline != "" {
		return answers{yes: e.Pipeline == m.run.name()}
	}
	if e.Type == v1alpha1.EventComment {
		switch c := m.in.Command; {
		case c == nil:
			return answers{yes: m.isCommented()}
		case c.Verb == Cancel:
			return answers{}
		case c.Pipeline != "":
			return answers{yes: c.Pipeline == m.run.name()}
		}
	}
	if isPlain(m.run) {
		return answers{yes: m.event() == eventPush}
	}
	if _, _, ok := m.get(onCEL); ok {
		return m.byExpression()
	}
	return m.byAnnotations()
}

// get returns an annotation with the values of its templates. Values that could be
// read as more than themselves have no place there.
func (m *matcher) get(name string) (value, key string, ok bool) {
	value, key, ok = get(m.run.object.Annotations, name)
	if !ok {
		return "", "", false
	}
	value = m.set.templates.replace(value, func(text string) string {
		v, known := m.value(text)
		if !known {
			return text
		}
		if !untrusted.IsSafe(v) {
			m.fail(key, fmt.Errorf("the value of %s has characters with a meaning of their own here", text))
			return ""
		}
		return v
	})
	return value, key, true
}

// isCommented reports whether the comment is one that the run waits for.
func (m *matcher) isCommented() bool {
	text, key, ok := m.get(onComment)
	if !ok || m.in.Event.Comment == nil {
		return false
	}
	re, err := regexp.Compile(strings.TrimSpace(text))
	if err != nil {
		m.fail(key, fmt.Errorf("not a regular expression: %w", err))
		return false
	}
	return re.MatchString(strings.TrimSpace(m.in.Event.Comment.Body))
}

func (m *matcher) byExpression() answers {
	text, key, _ := m.get(onCEL)
	p, err := compileCEL(text)
	if err != nil {
		m.fail(key, err)
		return answers{}
	}
	ok, asked, err := m.answer(p)
	if err != nil {
		m.fail(key, err)
	}
	return answers{yes: ok, askedFiles: asked}
}

func (m *matcher) byAnnotations() answers {
	pr := m.in.Event.PullRequest
	_, _, byLabel := m.get(onLabel)
	if pr != nil && pr.Action == v1alpha1.PullRequestLabeled && !byLabel {
		return answers{}
	}
	if !m.fits(onEvent, m.onEvent) || !m.fits(onTargetBranch, m.onBranch) || byLabel && !m.fits(onLabel, m.hasLabel) {
		return answers{}
	}
	return m.byPaths()
}

func (m *matcher) byPaths() answers {
	_, _, paths := m.get(onPathChange)
	_, _, ignore := m.get(onPathChangeIgnore)
	ok := (!ignore || !m.fits(onPathChangeIgnore, m.changed)) && (!paths || m.fits(onPathChange, m.changed))
	return answers{yes: ok, askedFiles: paths || ignore}
}

// fits reports whether one of the items of an annotation does; without the
// annotation nothing fits. All items are read, so that what is wrong with one shows.
func (m *matcher) fits(name string, one func(string) (bool, error)) bool {
	value, key, ok := m.get(name)
	if !ok {
		return false
	}
	items, err := list(value)
	if err != nil {
		m.fail(key, err)
		return false
	}
	found := false
	for _, item := range items {
		ok, err := one(item)
		if err != nil {
			m.fail(key, err)
		}
		found = found || ok
	}
	return found
}

// events are what on-event may list.
var events = []string{eventPush, eventPullRequest, eventClosed, string(v1alpha1.EventIncoming),
	string(v1alpha1.EventSchedule), string(v1alpha1.EventImage)}

func checkEvent(name string) error {
	if !slices.Contains(events, name) {
		return fmt.Errorf("no event is named %q%s", name, suggest.DidYouMean(name, events))
	}
	return nil
}

func (m *matcher) onEvent(name string) (bool, error) { return name == m.event(), checkEvent(name) }

// onBranch compares a branch, tag or glob of them. One that does not begin with
// refs/ is a branch.
func (f *facts) onBranch(pattern string) (bool, error) {
	if f.ref == "" {
		return false, nil
	}
	if !strings.HasPrefix(pattern, "refs/") {
		pattern = headsPrefix + pattern
	}
	if pattern == f.ref {
		return true, nil
	}
	return f.globMatches(pattern, []string{f.ref})
}

func (m *matcher) hasLabel(label string) (bool, error) {
	pr := m.in.Event.PullRequest
	return pr != nil && slices.Contains(pr.Labels, label), nil
}

func (m *matcher) changed(pattern string) (bool, error) {
	return m.globMatches(pattern, m.files()["all"])
}

// globMatches reports whether one of the texts fits a pattern.
func (f *facts) globMatches(pattern string, texts []string) (bool, error) {
	g, err := glob.Compile(pattern)
	if err != nil {
		return false, err
	}
	if !f.spend(globWork(pattern, texts)) {
		return false, errTooMuch
	}
	return slices.ContainsFunc(texts, g.MatchString), nil
}

// globWork is what comparing costs, in the units of expressions.
func globWork(pattern string, texts []string) uint64 {
	size := 0
	for _, t := range texts {
		size += len(t) + 1
	}
	return uint64(len(pattern)*size) / 200
}
