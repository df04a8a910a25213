package trigger

import (
	"encoding/json"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/slipway-dev/slipway/api/slipway/v1alpha1"
	"github.com/slipway-dev/slipway/pkg/untrusted"
)

// Events by the names that on-event has for them, where it is another than that of
// the type.
const (
	eventPush        = "push"
	eventPullRequest = "pull_request"
	eventClosed      = "pull_request_closed"
)

const (
	headsPrefix = "refs/heads/"
	tagsPrefix  = "refs/tags/"
)

// facts are what pipelines may ask of an event.
type facts struct {
	in Input
	// ref is the full name of the branch or tag.
	ref string
	// standard are the variables by name; own are the repository's.
	standard, own map[string]string
	// lists are the changed files once they were asked for.
	lists map[string][]string
	// work is what expressions and patterns took.
	work uint64
}

func newFacts(in Input) *facts {
	f := &facts{in: in, ref: in.Event.Ref}
	if f.ref != "" && !strings.HasPrefix(f.ref, "refs/") {
		f.ref = headsPrefix + f.ref
	}
	f.standard = f.variables()
	f.own = maps.Clone(in.Params)
	f.override(in.Event.Params)
	if in.Command != nil {
		f.override(in.Command.Params)
	}
	return f
}

// fixed are variables that a command or call cannot give another value: they say
// what the run may reach.
var fixed = []string{"git_auth_secret", "target_namespace", "repo_url", "repo_owner", "repo_name"}

// override gives variables other values; one that nothing declares is not made.
func (f *facts) override(params map[string]string) {
	for name, value := range params {
		if _, ok := f.own[name]; ok {
			f.own[name] = value
		} else if _, ok := f.standard[name]; ok && !slices.Contains(fixed, name) {
			f.standard[name] = value
		}
	}
}

// event is what on-event calls it. A comment is of what it is on.
func (f *facts) event() string {
	e := f.in.Event
	switch {
	case e.Type == v1alpha1.EventPullRequest && e.PullRequest != nil && e.PullRequest.Action == v1alpha1.PullRequestClosed:
		return eventClosed
	case e.Type == v1alpha1.EventComment && e.PullRequest != nil:
		return eventPullRequest
	case e.Type == v1alpha1.EventComment:
		return eventPush
	}
	return string(e.Type)
}

// plainEvent is what {{ event }} and expressions call it.
func (f *facts) plainEvent() string {
	if e := f.event(); e != eventClosed {
		return e
	}
	return eventPullRequest
}

// branch is the target without refs/heads/; a tag stays in full.
func (f *facts) branch() string { return strings.TrimPrefix(f.ref, headsPrefix) }

func (f *facts) source() (branch, url string) {
	if pr := f.in.Event.PullRequest; pr != nil {
		url = pr.SourceURL
		if url == "" {
			url = f.in.Repository.Spec.URL
		}
		return pr.SourceBranch, url
	}
	return f.branch(), f.in.Repository.Spec.URL
}

func (f *facts) variables() map[string]string {
	e, url := f.in.Event, f.in.Repository.Spec.URL
	owner, name := ownerAndName(url)
	sourceBranch, sourceURL := f.source()
	vars := map[string]string{
		"revision": e.Commit, "sender": e.Sender,
		"repo_url": url, "repo_owner": owner, "repo_name": name,
		"source_branch": sourceBranch, "source_url": sourceURL, "target_branch": f.branch(),
		"event": f.plainEvent(), "event_type": f.eventType(),
		"git_tag": "", "pull_request_number": "", "pull_request_labels": "", "trigger_comment": "",
		"git_auth_secret": GitAuthSecret(f.in.Repository.Name), "target_namespace": f.in.Repository.Namespace,
	}
	if tag, ok := strings.CutPrefix(f.ref, tagsPrefix); ok {
		vars["git_tag"] = tag
	}
	if pr := e.PullRequest; pr != nil {
		vars["pull_request_number"] = strconv.FormatInt(pr.Number, 10)
		vars["pull_request_labels"] = strings.Join(pr.Labels, "\n")
	}
	maps.Copy(vars, ofType(&e))
	if e.Comment != nil {
		vars["trigger_comment"] = e.Comment.Body
	}
	return vars
}

// ofType are the variables that only events of one type have.
func ofType(e *v1alpha1.Event) map[string]string {
	switch e.Type {
	case v1alpha1.EventSchedule:
		tick := e.Schedule
		if tick == nil {
			tick = &v1alpha1.Tick{}
		}
		vars := map[string]string{"schedule": tick.Name, "schedule_time": ""}
		if !tick.Time.IsZero() {
			vars["schedule_time"] = tick.Time.UTC().Format(time.RFC3339)
		}
		return vars
	case v1alpha1.EventImage:
		image := e.Image
		if image == nil {
			image = &v1alpha1.Image{}
		}
		return map[string]string{"image": image.Name, "image_tag": image.Tag, "image_digest": image.Digest}
	}
	return nil
}

// Settable are the names that params of an event can give another value: those of the
// repository's own params, and variables, sorted.
func Settable(r *v1alpha1.Repository, e v1alpha1.Event) []string {
	f := newFacts(Input{Repository: r, Event: e})
	names := slices.DeleteFunc(slices.Collect(maps.Keys(f.standard)), func(name string) bool { return slices.Contains(fixed, name) })
	for _, p := range r.Spec.Params {
		names = append(names, p.Name)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// GitAuthSecret is the name of the Secret that {{ git_auth_secret }} stands for: the
// credentials of a Repository in the form that git reads.
func GitAuthSecret(repository string) string { return shorten(repository, "-git-auth") }

// ownerAndName are the parts of a repository's address, in small letters.
func ownerAndName(url string) (owner, name string) {
	_, rest, _ := strings.Cut(url, "://")
	_, where, _ := strings.Cut(rest, "/")
	where = strings.ToLower(strings.Trim(where, "/"))
	owner, name = path.Split(where)
	return strings.Trim(owner, "/"), strings.TrimSuffix(name, ".git")
}

// eventType is the forge's own word, where its webhook said one.
func (f *facts) eventType() string {
	for _, h := range []string{"X-Github-Event", "X-Gitlab-Event", "X-Forgejo-Event", "X-Gitea-Event", "X-Event-Key"} {
		if v := f.in.Headers[h]; v != "" && f.in.Event.Type != v1alpha1.EventComment {
			return v
		}
	}
	return f.plainEvent()
}

// headers are by their canonical name and by that in small letters.
func (f *facts) headers() map[string]string {
	out := map[string]string{}
	for k, v := range f.in.Headers {
		out[k] = v
		out[strings.ToLower(k)] = v
	}
	return out
}

// files are the changed ones as expressions have them.
func (f *facts) files() map[string][]string {
	if f.lists == nil {
		f.lists = f.in.Changes.lists()
	}
	return f.lists
}

func (c *Changes) lists() map[string][]string {
	if c == nil {
		c = &Changes{}
	}
	files := map[string][]string{"added": c.Added, "modified": c.Modified, "deleted": c.Deleted, "renamed": c.Renamed}
	var all []string
	for kind, list := range files {
		if list == nil {
			files[kind] = []string{}
		}
		all = append(all, list...)
	}
	slices.Sort(all)
	files["all"] = slices.Compact(all)
	if all == nil {
		files["all"] = []string{}
	}
	return files
}

// value is what a template stands for; false for one that is left as it is, as
// Pipelines-as-Code does.
func (f *facts) value(text string) (string, bool) {
	key := templateKey(text)
	v, ok := f.standard[key]
	if !ok {
		v, ok = f.own[key]
	}
	if !ok {
		v, ok = f.expression(key)
	}
	return untrusted.Clean(v), ok
}

// templateKey is what stands between the braces.
func templateKey(text string) string { return strings.TrimSpace(text[2 : len(text)-2]) }

// expression evaluates body.x, headers['x'] and files.x; what is not there has no
// value. What is no string is given as JSON.
func (f *facts) expression(key string) (string, bool) {
	if !expressionKey.MatchString(key) {
		return "", false
	}
	out, err := f.evaluate(key)
	if err != nil {
		return "", false
	}
	if s, ok := out.(string); ok {
		return s, true
	}
	data, err := json.Marshal(out)
	return string(data), err == nil
}
