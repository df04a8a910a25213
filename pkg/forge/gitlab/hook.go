// Package gitlab speaks to GitLab.
package gitlab

import (
	"crypto/subtle"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"github.com/slipway-dev/slipway/api/slipway/v1alpha1"
	"github.com/slipway-dev/slipway/pkg/forge"
)

// Hook reads the webhooks of GitLab.
type Hook struct{}

// Verify compares the header X-Gitlab-Token, which is the secret itself.
func (Hook) Verify(h http.Header, _, secret []byte) error {
	got := h.Get("X-Gitlab-Token")
	switch {
	case len(secret) == 0:
		return fmt.Errorf("%w: there is no secret to check it by; set the repository's webhookSecret", forge.ErrSignature)
	case got == "":
		return fmt.Errorf("%w: there is no header X-Gitlab-Token; give the webhook its secret token at the forge", forge.ErrSignature)
	case subtle.ConstantTimeCompare([]byte(got), secret) != 1:
		return fmt.Errorf("%w: the header X-Gitlab-Token is another", forge.ErrSignature)
	}
	return nil
}

// Delivery is the key that stays the same when a webhook is sent again, which GitLab
// has since 17.4, or else the id of the event.
func (Hook) Delivery(h http.Header) string {
	if key := h.Get("Idempotency-Key"); key != "" {
		return key
	}
	return h.Get("X-Gitlab-Event-UUID")
}

// payload is what the webhooks have of what is read here.
type payload struct {
	Ref    string `json:"ref"`
	Before string `json:"before"`
	After  string `json:"after"`
	// CheckoutSHA is the commit, where After may be a tag with a message.
	CheckoutSHA  string   `json:"checkout_sha"`
	UserUsername string   `json:"user_username"`
	Commits      []commit `json:"commits"`

	User       user       `json:"user"`
	Attributes attributes `json:"object_attributes"`
	Labels     []label    `json:"labels"`
	Changes    changes    `json:"changes"`

	// MergeRequest and Commit are what a note is on.
	MergeRequest *mergeRequest `json:"merge_request"`
	Commit       *commit       `json:"commit"`
}

type user struct {
	Username string `json:"username"`
}

type label struct {
	Title string `json:"title"`
}

type commit struct {
	ID      string `json:"id"`
	Message string `json:"message"`
	URL     string `json:"url"`
}

// mergeRequest is one as webhooks show it.
type mergeRequest struct {
	IID             int64  `json:"iid"`
	Title           string `json:"title"`
	SourceBranch    string `json:"source_branch"`
	TargetBranch    string `json:"target_branch"`
	SourceProjectID int64  `json:"source_project_id"`
	TargetProjectID int64  `json:"target_project_id"`
	Draft           bool   `json:"draft"`
	LastCommit      commit `json:"last_commit"`
	Source          struct {
		WebURL string `json:"web_url"`
	} `json:"source"`
	Labels []label `json:"labels"`
}

// attributes are those of a merge request, or of a note.
type attributes struct {
	mergeRequest
	Action string `json:"action"`
	URL    string `json:"url"`
	// OldRev is set when the branch has other commits.
	OldRev string `json:"oldrev"`

	ID           int64  `json:"id"`
	Note         string `json:"note"`
	NoteableType string `json:"noteable_type"` //nolint:misspell // as GitLab spells it
	System       bool   `json:"system"`
}

// changes name what an update changed.
type changes struct {
	Labels       *struct{} `json:"labels"`
	TargetBranch *struct{} `json:"target_branch"`
	Draft        *struct {
		Current bool `json:"current"`
	} `json:"draft"`
}

// Parse reads the events of pushes, merge requests and notes.
func (Hook) Parse(h http.Header, body []byte) ([]v1alpha1.Event, error) {
	kind := h.Get("X-Gitlab-Event")
	var read func(*payload) (*v1alpha1.Event, error)
	switch kind {
	case "Push Hook", "Tag Push Hook":
		read = push
	case "Merge Request Hook":
		read = merge
	case "Note Hook":
		read = note
	default:
		return nil, fmt.Errorf("%w: %q", forge.ErrNotOurs, kind)
	}
	var p payload
	if err := json.Unmarshal(body, &p); err != nil {
		return nil, fmt.Errorf("the body of the event %q is not JSON as GitLab documents it: %w", kind, err)
	}
	e, err := read(&p)
	if err != nil {
		return nil, err
	}
	return []v1alpha1.Event{*e}, forge.Check(e)
}

func push(p *payload) (*v1alpha1.Event, error) {
	e := &v1alpha1.Event{Type: v1alpha1.EventPush, Ref: p.Ref, Before: forge.Commit(p.Before), Commit: forge.Commit(p.After), Sender: p.UserUsername}
	if e.Commit != "" && p.CheckoutSHA != "" {
		e.Commit = p.CheckoutSHA
	}
	for _, c := range p.Commits {
		if c.ID == e.Commit {
			e.Title, e.Message, e.URL = forge.FirstLine(c.Message), c.Message, c.URL
		}
	}
	return e, nil
}

// action says what became of a merge request; empty for what starts nothing.
func (p *payload) action() v1alpha1.PullRequestAction {
	switch p.Attributes.Action {
	case "open", "reopen":
		return v1alpha1.PullRequestOpened
	case "close", "merge":
		return v1alpha1.PullRequestClosed
	case "update":
	default:
		return ""
	}
	c := p.Changes
	switch {
	case p.Attributes.OldRev != "", c.TargetBranch != nil, c.Draft != nil && !c.Draft.Current:
		return v1alpha1.PullRequestUpdated
	case c.Labels != nil:
		return v1alpha1.PullRequestLabeled
	}
	return ""
}

func merge(p *payload) (*v1alpha1.Event, error) {
	action := p.action()
	if action == "" {
		return nil, fmt.Errorf("%w: the commits and labels of the merge request are as before (%s)", forge.ErrNotOurs, p.Attributes.Action)
	}
	e := p.Attributes.event()
	e.PullRequest.Action, e.Sender, e.URL = action, p.User.Username, p.Attributes.URL
	e.PullRequest.Labels = titles(p.Labels)
	if p.Attributes.Action == "open" {
		e.PullRequest.Author = p.User.Username
	}
	return e, nil
}

func note(p *payload) (*v1alpha1.Event, error) {
	a := p.Attributes
	var e *v1alpha1.Event
	switch {
	case a.System || a.Action != "" && a.Action != "create": // GitLab before 16.1 says no action
		return nil, fmt.Errorf("%w: only new comments are read", forge.ErrNotOurs)
	case a.NoteableType == "MergeRequest" && p.MergeRequest != nil:
		e = p.MergeRequest.event()
		e.PullRequest.Labels = titles(p.MergeRequest.Labels)
	case a.NoteableType == "Commit" && p.Commit != nil:
		e = &v1alpha1.Event{Commit: p.Commit.ID, Title: forge.FirstLine(p.Commit.Message), Message: p.Commit.Message}
	default:
		return nil, fmt.Errorf("%w: only comments on merge requests and commits are read", forge.ErrNotOurs)
	}
	e.Type, e.Sender, e.URL = v1alpha1.EventComment, p.User.Username, a.URL
	e.Comment = &v1alpha1.Comment{ID: a.ID, Body: a.Note}
	return e, nil
}

func titles(labels []label) []string {
	var names []string
	for _, l := range labels {
		names = append(names, l.Title)
	}
	return names
}

// event is without an action, an author and labels.
func (m *mergeRequest) event() *v1alpha1.Event {
	return &v1alpha1.Event{Type: v1alpha1.EventPullRequest, Ref: forge.BranchRef(m.TargetBranch), Commit: m.LastCommit.ID, Title: m.Title,
		Message: m.LastCommit.Message, PullRequest: &v1alpha1.PullRequest{Number: m.IID, SourceBranch: m.SourceBranch,
			SourceURL: strings.TrimSuffix(m.Source.WebURL, ".git"), Fork: m.SourceProjectID != m.TargetProjectID, Draft: m.Draft}}
}
