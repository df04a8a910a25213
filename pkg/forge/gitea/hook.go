// Package gitea speaks to Gitea and Forgejo, whose API and webhooks are the same as
// far as it goes.
package gitea

import (
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/slipway-dev/slipway/api/slipway/v1alpha1"
	"github.com/slipway-dev/slipway/pkg/forge"
)

// events are those that a webhook is made for. A new branch or tag is pushed too,
// so that "create" says nothing new.
var events = []string{"push", "delete", "pull_request_only", "pull_request_label", "pull_request_sync", "pull_request_comment"}

// Hook reads the webhooks of Gitea and Forgejo.
type Hook struct{}

// header returns that of one of the two.
func header(h http.Header, name string) string {
	if v := h.Get("X-Gitea-" + name); v != "" {
		return v
	}
	return h.Get("X-Forgejo-" + name)
}

// Verify checks the HMAC of the header X-Gitea-Signature, or X-Forgejo-Signature.
func (Hook) Verify(h http.Header, body, secret []byte) error {
	name := "X-Gitea-Signature"
	if h.Get(name) == "" && h.Get("X-Forgejo-Signature") != "" {
		name = "X-Forgejo-Signature"
	}
	return forge.CheckHMAC(h, name, "", body, secret)
}

// Delivery is the id that both give each webhook.
func (Hook) Delivery(h http.Header) string { return header(h, "Delivery") }

// payload is what the webhooks have of what is read here.
type payload struct {
	// Ref of a deletion is short, and RefType says of what.
	Ref        string  `json:"ref"`
	RefType    string  `json:"ref_type"`
	Before     string  `json:"before"`
	After      string  `json:"after"`
	CompareURL string  `json:"compare_url"`
	HeadCommit *commit `json:"head_commit"`
	Sender     user    `json:"sender"`

	Action  string `json:"action"`
	Number  int64  `json:"number"`
	Changes struct {
		// Ref is set when the branch to merge into is another.
		Ref *struct{} `json:"ref"`
	} `json:"changes"`
	PullRequest *pull `json:"pull_request"`

	IsPull bool `json:"is_pull"`
	Issue  struct {
		Number int64  `json:"number"`
		Title  string `json:"title"`
		User   user   `json:"user"`
	} `json:"issue"`
	Comment *struct {
		ID   int64  `json:"id"`
		Body string `json:"body"`
		URL  string `json:"html_url"`
		User user   `json:"user"`
	} `json:"comment"`
}

type user struct {
	Login string `json:"login"`
}

type commit struct {
	ID      string `json:"id"`
	Message string `json:"message"`
	URL     string `json:"url"`
}

// Parse reads push, delete, pull_request and issue_comment.
func (Hook) Parse(h http.Header, body []byte) ([]v1alpha1.Event, error) {
	kind := header(h, "Event")
	var read func(*payload) (*v1alpha1.Event, error)
	switch kind {
	case "push":
		read = push
	case "delete":
		read = gone
	case "pull_request":
		read = pullRequest
	case "issue_comment":
		read = comment
	default:
		return nil, fmt.Errorf("%w: %q", forge.ErrNotOurs, kind)
	}
	var p payload
	if err := json.Unmarshal(body, &p); err != nil {
		return nil, fmt.Errorf("the body of the event %q is not JSON as Gitea documents it (set the webhook's content type to application/json): %w", kind, err)
	}
	e, err := read(&p)
	if err != nil {
		return nil, err
	}
	return []v1alpha1.Event{*e}, forge.Check(e)
}

func push(p *payload) (*v1alpha1.Event, error) {
	e := &v1alpha1.Event{Type: v1alpha1.EventPush, Ref: p.Ref, Before: forge.Commit(p.Before), Commit: forge.Commit(p.After),
		Sender: p.Sender.Login, URL: p.CompareURL}
	if e.Commit != "" && p.HeadCommit != nil {
		// After is the tag itself where one with a message is pushed.
		e.Commit = p.HeadCommit.ID
		e.Title, e.Message, e.URL = forge.FirstLine(p.HeadCommit.Message), p.HeadCommit.Message, p.HeadCommit.URL
	}
	return e, nil
}

func gone(p *payload) (*v1alpha1.Event, error) {
	if p.RefType != "branch" {
		return nil, fmt.Errorf("%w: a push says it too that a tag is gone", forge.ErrNotOurs)
	}
	return &v1alpha1.Event{Type: v1alpha1.EventPush, Ref: forge.BranchRef(p.Ref), Sender: p.Sender.Login}, nil
}

func pullRequest(p *payload) (*v1alpha1.Event, error) {
	var action v1alpha1.PullRequestAction
	switch p.Action {
	case "opened", "reopened":
		action = v1alpha1.PullRequestOpened
	case "synchronized":
		action = v1alpha1.PullRequestUpdated
	case "label_updated", "label_cleared":
		action = v1alpha1.PullRequestLabeled
	case "closed":
		action = v1alpha1.PullRequestClosed
	case "edited":
		if p.Changes.Ref == nil {
			return nil, fmt.Errorf("%w: a pull request's text was edited", forge.ErrNotOurs)
		}
		action = v1alpha1.PullRequestUpdated
	default:
		return nil, fmt.Errorf("%w: a pull request was %s", forge.ErrNotOurs, p.Action)
	}
	if p.PullRequest == nil {
		return nil, fmt.Errorf("the body has no pull request")
	}
	e := p.PullRequest.event()
	e.PullRequest.Action, e.Sender = action, p.Sender.Login
	return e, nil
}

func comment(p *payload) (*v1alpha1.Event, error) {
	if !p.IsPull || p.Action != "created" {
		return nil, fmt.Errorf("%w: only new comments on pull requests are read", forge.ErrNotOurs)
	}
	e := &v1alpha1.Event{Title: p.Issue.Title, PullRequest: &v1alpha1.PullRequest{Number: p.Issue.Number, Author: p.Issue.User.Login}}
	if p.PullRequest != nil { // since Gitea 1.23
		e = p.PullRequest.event()
	}
	e.Type, e.Sender = v1alpha1.EventComment, p.Sender.Login
	if c := p.Comment; c != nil {
		e.Comment, e.URL = &v1alpha1.Comment{ID: c.ID, Body: c.Body}, c.URL
	}
	return e, nil
}

// pull is a pull request, in webhooks and in the API.
type pull struct {
	Number  int64  `json:"number"`
	Title   string `json:"title"`
	HTMLURL string `json:"html_url"`
	User    user   `json:"user"`
	Draft   bool   `json:"draft"`
	Labels  []struct {
		Name string `json:"name"`
	} `json:"labels"`
	Base, Head branch
	Created    time.Time `json:"created_at"`
	Updated    time.Time `json:"updated_at"`
}

type branch struct {
	Ref  string `json:"ref"`
	SHA  string `json:"sha"`
	Repo *struct {
		ID      int64  `json:"id"`
		HTMLURL string `json:"html_url"`
	} `json:"repo"`
}

// event is without an action.
func (p *pull) event() *v1alpha1.Event {
	pr := &v1alpha1.PullRequest{Number: p.Number, Author: p.User.Login, SourceBranch: p.Head.Ref, Draft: p.Draft,
		// A fork that is gone is a fork.
		Fork: p.Head.Repo == nil || p.Base.Repo == nil || p.Head.Repo.ID != p.Base.Repo.ID}
	if p.Head.Repo != nil {
		pr.SourceURL = p.Head.Repo.HTMLURL
	}
	for _, l := range p.Labels {
		pr.Labels = append(pr.Labels, l.Name)
	}
	return &v1alpha1.Event{Type: v1alpha1.EventPullRequest, Ref: forge.BranchRef(p.Base.Ref), Commit: p.Head.SHA, Title: p.Title,
		Sender: p.User.Login, URL: p.HTMLURL, PullRequest: pr}
}
