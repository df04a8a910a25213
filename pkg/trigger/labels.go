package trigger

import (
	"crypto/sha256"
	"encoding/base32"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/slipway-dev/slipway/api/slipway/v1alpha1"
	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
	"github.com/slipway-dev/slipway/pkg/share"
	"github.com/slipway-dev/slipway/pkg/untrusted"
)

// maxTitle bounds what an annotation tells of a title, in bytes.
const maxTitle = 1024

// objectName is the same for the same event and pipeline, whichever delivery
// brought it: who creates the second finds the first.
func (m *matcher) objectName() string {
	e := m.in.Event
	parts := []string{m.in.Repository.Namespace, m.in.Repository.Name, m.run.name(), string(e.Type), m.ref, e.Commit}
	if e.PullRequest != nil {
		parts = append(parts, "pull request", strconv.FormatInt(e.PullRequest.Number, 10))
		if m.event() == eventClosed {
			parts = append(parts, eventClosed)
		}
	}
	if e.Comment != nil {
		parts = append(parts, "comment", strconv.FormatInt(e.Comment.ID, 10))
	}
	if i := e.Image; i != nil {
		parts = append(parts, "image", i.Name, i.Tag, i.Digest)
	}
	if m.in.Key != "" {
		parts = append(parts, "key", m.in.Key)
	}
	for _, k := range slices.Sorted(maps.Keys(e.Params)) {
		parts = append(parts, k, e.Params[k])
	}
	return shorten(m.run.name(), "-"+hash(parts...))
}

// hash has 60 bits, in characters that a name may have.
func hash(parts ...string) string {
	sum := sha256.New()
	for _, p := range parts {
		fmt.Fprintf(sum, "%d:%s,", len(p), p)
	}
	return strings.ToLower(base32.HexEncoding.EncodeToString(sum.Sum(nil)[:10])[:12])
}

// shorten joins a name and a suffix in what a label can hold.
func shorten(name, suffix string) string {
	name = name[:min(len(name), validation.LabelValueMaxLength-len(suffix))]
	return strings.TrimRight(name, "-.") + suffix
}

// labelValue makes a label of any text; what it cannot hold becomes a dash.
func labelValue(s string) string {
	s = strings.Map(func(r rune) rune {
		if untrusted.IsSafe(string(r)) && !strings.ContainsRune("/:@%+=,", r) {
			return r
		}
		return '-'
	}, s)
	return strings.Trim(s[:min(len(s), validation.LabelValueMaxLength)], "-_.")
}

// mark gives the run the labels and annotations by which it is found, and those that
// users of Pipelines-as-Code look for.
func (m *matcher) mark(run *v1.PipelineRun) {
	e, repo := m.in.Event, m.in.Repository
	owner, name := ownerAndName(repo.Spec.URL)
	number := ""
	if e.PullRequest != nil {
		number = strconv.FormatInt(e.PullRequest.Number, 10)
	}
	sourceBranch, sourceURL := m.source()
	labels := map[string]string{
		v1alpha1.LabelRepository: repo.Name, v1alpha1.LabelPipeline: m.run.name(), v1alpha1.LabelEventType: string(e.Type),
		v1alpha1.LabelCommit: e.Commit, v1alpha1.LabelPullRequest: number,
		pacPrefix + "repository": repo.Name, pacPrefix + "original-prname": m.run.name(), pacPrefix + "event-type": m.eventWord(),
		pacPrefix + "sha": e.Commit, pacPrefix + "pull-request": number, pacPrefix + "branch": m.branch(),
		pacPrefix + "sender": e.Sender, pacPrefix + "url-org": owner, pacPrefix + "url-repository": name,
	}
	annotations := map[string]string{
		v1alpha1.AnnotationPipeline: m.run.name(), v1alpha1.AnnotationRef: m.ref, v1alpha1.AnnotationSender: e.Sender,
		v1alpha1.AnnotationCacheScope: m.cacheScope(),
		pacPrefix + "repository":      repo.Name, pacPrefix + "original-prname": m.run.name(), pacPrefix + "event-type": m.eventWord(),
		pacPrefix + "sha": e.Commit, pacPrefix + "sha-title": strings.ToValidUTF8(e.Title[:min(len(e.Title), maxTitle)], ""),
		pacPrefix + "sha-url": e.URL, pacPrefix + "pull-request": number, pacPrefix + "branch": m.branch(),
		pacPrefix + "source-branch": sourceBranch, pacPrefix + "source-repo-url": sourceURL,
		pacPrefix + "repo-url": repo.Spec.URL, pacPrefix + "sender": e.Sender,
	}
	forget(run.Labels)
	forget(run.Annotations)
	for _, spec := range run.Spec.TaskRunSpecs {
		if spec.Metadata != nil { // what it says goes before what the run says
			delete(spec.Metadata.Annotations, v1alpha1.AnnotationCacheScope)
			delete(spec.Metadata.Annotations, untrusted.Annotation)
		}
	}
	run.Labels, run.Annotations = with(run.Labels, labels, labelValue), with(run.Annotations, annotations, strings.Clone)
}

// cacheScope keeps what anybody may propose apart from what the branches' own runs build
// with.
func (m *matcher) cacheScope() string {
	pr := m.in.Event.PullRequest
	if pr == nil {
		return ""
	}
	return fmt.Sprintf("pull-%d-%s", pr.Number, hash(m.in.Repository.Namespace, m.in.Repository.Name))
}

// forget removes what only the controllers may say of a run. How its tasks share Pods is
// the pipeline's to say.
func forget(entries map[string]string) {
	maps.DeleteFunc(entries, func(key, _ string) bool {
		name, ours := strings.CutPrefix(key, slipwayPrefix)
		return ours && key != share.ExecutionAnnotation && !slices.Contains(knownAnnotations, name) && !taskNumber.MatchString(name)
	})
}

// with adds entries; those that are empty are left out, and nobody else's stay in
// their place.
func with(have, more map[string]string, form func(string) string) map[string]string {
	out := maps.Clone(have)
	if out == nil {
		out = map[string]string{}
	}
	for k, v := range more {
		delete(out, k)
		if v = form(v); v != "" {
			out[k] = v
		}
	}
	return out
}

// eventWord is the type of the event as Pipelines-as-Code labels it: a command has a
// word of its own.
func (m *matcher) eventWord() string {
	c := m.in.Command
	switch {
	case m.in.Event.Comment == nil:
		return m.event()
	case c == nil:
		return onComment
	case c.Verb == OKToTest:
		return string(c.Verb) + "-comment"
	case c.Pipeline == "":
		return string(c.Verb) + "-all-comment"
	}
	return string(c.Verb) + "-comment"
}

// markUntrusted says which values strangers chose: those that the templates of the
// run stand for, and those that its tasks may read from the commit.
func (f *filling) markUntrusted(run *v1.PipelineRun) {
	e := f.in.Event
	values := append(slices.Collect(maps.Values(f.used)), e.Title, e.Message, e.Sender, f.ref, f.branch())
	for _, v := range f.standard {
		values = append(values, v)
	}
	if pr := e.PullRequest; pr != nil {
		values = append(append(values, pr.Labels...), pr.Author)
	}
	values = append(values, slices.Collect(maps.Values(e.Params))...)
	if c := f.in.Command; c != nil {
		values = append(values, slices.Collect(maps.Values(c.Params))...)
	}
	delete(run.Annotations, untrusted.Annotation)
	if text := untrusted.Encode(values); text != "" {
		run.Annotations[untrusted.Annotation] = text
	}
}
