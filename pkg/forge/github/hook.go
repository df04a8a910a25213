// Package github speaks to GitHub, as an App or by a token.
package github

import (
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/slipway-dev/slipway/api/slipway/v1alpha1"
	"github.com/slipway-dev/slipway/pkg/forge"
)

// events are those that a webhook is made for. What is created or deleted is pushed too.
var events = []string{"push", "pull_request", "issue_comment", "commit_comment"}

// Hook reads the webhooks of GitHub.
type Hook struct{}

// Verify checks the HMAC of the header X-Hub-Signature-256.
func (Hook) Verify(h http.Header, body, secret []byte) error {
	return forge.CheckHMAC(h, "X-Hub-Signature-256", "sha256=", body, secret)
}

// Delivery is the GUID that GitHub gives each webhook, the same when it is sent again.
func (Hook) Delivery(h http.Header) string { return h.Get("X-GitHub-Delivery") }

// payload is what the webhooks have of what is read here.
type payload struct {
	Ref        string `json:"ref"`
	Before     string `json:"before"`
	After      string `json:"after"`
	Compare    string `json:"compare"`
	HeadCommit *struct {
		ID      string `json:"id"`
		Message string `json:"message"`
		URL     string `json:"url"`
	} `json:"head_commit"`
	Sender user `json:"sender"`

	Action  string `json:"action"`
	Changes struct {
		// Base is set when the branch to merge into is another.
		Base *struct{} `json:"base"`
	} `json:"changes"`
	PullRequest *pull `json:"pull_request"`

	Issue struct {
		Number int64  `json:"number"`
		Title  string `json:"title"`
		User   user   `json:"user"`
		// PullRequest is set for comments on one.
		PullRequest *struct{} `json:"pull_request"`
	} `json:"issue"`
	Comment *struct {
		ID       int64  `json:"id"`
		Body     string `json:"body"`
		URL      string `json:"html_url"`
		CommitID string `json:"commit_id"`
	} `json:"comment"`
}

type user struct {
	Login string `json:"login"`
}

// Parse reads push, pull_request, issue_comment and commit_comment.
func (Hook) Parse(h http.Header, body []byte) ([]v1alpha1.Event, error) {
	kind := h.Get("X-GitHub-Event")
	var read func(*payload) (*v1alpha1.Event, error)
	switch kind {
	case "push":
		read = push
	case "pull_request":
		read = pullRequest
	case "issue_comment":
		read = issueComment
	case "commit_comment":
		read = commitComment
	default:
		return nil, fmt.Errorf("%w: %q", forge.ErrNotOurs, kind)
	}
	var p payload
	if err := json.Unmarshal(body, &p); err != nil {
		return nil, fmt.Errorf("the body of the event %q is not JSON as GitHub documents it (set the webhook's content type to application/json): %w", kind, err)
	}
	e, err := read(&p)
	if err != nil {
		return nil, err
	}
	return []v1alpha1.Event{*e}, forge.Check(e)
}

func push(p *payload) (*v1alpha1.Event, error) {
	e := &v1alpha1.Event{Type: v1alpha1.EventPush, Ref: p.Ref, Before: forge.Commit(p.Before), Commit: forge.Commit(p.After),
		Sender: p.Sender.Login, URL: p.Compare}
	if e.Commit != "" && p.HeadCommit != nil {
		// After is the tag itself where one with a message is pushed.
		e.Commit = p.HeadCommit.ID
		e.Title, e.Message, e.URL = forge.FirstLine(p.HeadCommit.Message), p.HeadCommit.Message, p.HeadCommit.URL
	}
	return e, nil
}

// actions are the words of GitHub for what became of a pull request.
var actions = map[string]v1alpha1.PullRequestAction{
	"opened":      v1alpha1.PullRequestOpened,
	"reopened":    v1alpha1.PullRequestOpened,
	"synchronize": v1alpha1.PullRequestUpdated,
	"labeled":     v1alpha1.PullRequestLabeled,
	"unlabeled":   v1alpha1.PullRequestLabeled,
	"closed":      v1alpha1.PullRequestClosed,
	// Pipelines that leave drafts alone have not run yet.
	"ready_for_review": v1alpha1.PullRequestUpdated,
	"edited":           v1alpha1.PullRequestUpdated,
}

func pullRequest(p *payload) (*v1alpha1.Event, error) {
	action, ok := actions[p.Action]
	switch {
	case !ok:
		return nil, fmt.Errorf("%w: a pull request was %s", forge.ErrNotOurs, p.Action)
	case p.Action == "edited" && p.Changes.Base == nil:
		return nil, fmt.Errorf("%w: a pull request's text was edited", forge.ErrNotOurs)
	case p.PullRequest == nil:
		return nil, fmt.Errorf("the body has no pull request")
	}
	e := p.PullRequest.event()
	e.PullRequest.Action, e.Sender = action, p.Sender.Login
	return e, nil
}

func issueComment(p *payload) (*v1alpha1.Event, error) {
	if p.Issue.PullRequest == nil || p.Action != "created" {
		return nil, fmt.Errorf("%w: only new comments on pull requests and commits are read", forge.ErrNotOurs)
	}
	e := &v1alpha1.Event{Type: v1alpha1.EventComment, Title: p.Issue.Title, Sender: p.Sender.Login,
		PullRequest: &v1alpha1.PullRequest{Number: p.Issue.Number, Author: p.Issue.User.Login}}
	if c := p.Comment; c != nil {
		e.Comment, e.URL = &v1alpha1.Comment{ID: c.ID, Body: c.Body}, c.URL
	}
	return e, nil
}

func commitComment(p *payload) (*v1alpha1.Event, error) {
	if p.Action != "created" {
		return nil, fmt.Errorf("%w: only new comments on pull requests and commits are read", forge.ErrNotOurs)
	}
	e := &v1alpha1.Event{Type: v1alpha1.EventComment, Sender: p.Sender.Login}
	if c := p.Comment; c != nil {
		e.Comment, e.URL, e.Commit = &v1alpha1.Comment{ID: c.ID, Body: c.Body}, c.URL, c.CommitID
	}
	return e, nil
}
