// Package datacenter speaks to Bitbucket Data Center.
package datacenter

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"github.com/slipway-dev/slipway/api/slipway/v1alpha1"
	"github.com/slipway-dev/slipway/pkg/forge"
)

// events are those that a webhook is made for.
var events = []string{"repo:refs_changed", "repo:comment:added", "pr:opened", "pr:from_ref_updated", "pr:modified", "pr:merged",
	"pr:declined", "pr:deleted", "pr:comment:added"}

// Hook reads the webhooks of Bitbucket Data Center.
type Hook struct{}

// Verify checks the HMAC of the header X-Hub-Signature.
func (Hook) Verify(h http.Header, body, secret []byte) error {
	return forge.CheckHMAC(h, "X-Hub-Signature", "sha256=", body, secret)
}

// Delivery is the id that Bitbucket gives each webhook.
func (Hook) Delivery(h http.Header) string { return h.Get("X-Request-Id") }

// payload is what the webhooks have of what is read here.
type payload struct {
	Actor   user     `json:"actor"`
	Changes []change `json:"changes"`
	// ToCommit is the new head of a push of one branch.
	ToCommit *commit `json:"toCommit"`

	PullRequest    *pull `json:"pullRequest"`
	PreviousTarget *struct {
		ID string `json:"id"`
	} `json:"previousTarget"`

	Comment *struct {
		ID   int64  `json:"id"`
		Text string `json:"text"`
	} `json:"comment"`
	// Commit is what a comment is on that is on no pull request.
	Commit string `json:"commit"`
}

type user struct {
	Name string `json:"name"`
}

type commit struct {
	ID      string `json:"id"`
	Message string `json:"message"`
}

// change is that of one branch or tag.
type change struct {
	Ref struct {
		ID string `json:"id"`
	} `json:"ref"`
	FromHash string `json:"fromHash"`
	ToHash   string `json:"toHash"`
}

func (c *change) event(by user) v1alpha1.Event {
	return v1alpha1.Event{Type: v1alpha1.EventPush, Ref: c.Ref.ID, Before: forge.Commit(c.FromHash), Commit: forge.Commit(c.ToHash), Sender: by.Name}
}

// actions are what the events say became of a pull request.
var actions = map[string]v1alpha1.PullRequestAction{
	"pr:opened":           v1alpha1.PullRequestOpened,
	"pr:from_ref_updated": v1alpha1.PullRequestUpdated,
	"pr:modified":         v1alpha1.PullRequestUpdated,
	"pr:merged":           v1alpha1.PullRequestClosed,
	"pr:declined":         v1alpha1.PullRequestClosed,
	"pr:deleted":          v1alpha1.PullRequestClosed,
}

// Parse reads pushes, pull requests and comments.
func (Hook) Parse(h http.Header, body []byte) ([]v1alpha1.Event, error) {
	kind := h.Get("X-Event-Key")
	var read func(*payload) ([]v1alpha1.Event, error)
	switch {
	case kind == "repo:refs_changed":
		read = pushes
	case actions[kind] != "":
		read = func(p *payload) ([]v1alpha1.Event, error) { return pullRequest(p, kind) }
	case kind == "pr:comment:added", kind == "repo:comment:added":
		read = comment
	default:
		return nil, fmt.Errorf("%w: %q", forge.ErrNotOurs, kind)
	}
	var p payload
	if err := json.Unmarshal(body, &p); err != nil {
		return nil, fmt.Errorf("the body of the event %q is not JSON as Bitbucket documents it: %w", kind, err)
	}
	found, err := read(&p)
	for i := range found {
		if err == nil {
			err = forge.Check(&found[i])
		}
	}
	return found, err
}

func pushes(p *payload) ([]v1alpha1.Event, error) {
	var found []v1alpha1.Event
	for _, c := range p.Changes {
		e := c.event(p.Actor)
		if m := p.ToCommit; m != nil && m.ID == e.Commit {
			e.Title, e.Message = forge.FirstLine(m.Message), m.Message
		}
		found = append(found, e)
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("the body says no change of the push")
	}
	return found, nil
}

func pullRequest(p *payload, kind string) ([]v1alpha1.Event, error) {
	switch {
	case p.PullRequest == nil:
		return nil, fmt.Errorf("the body has no pull request")
	case kind == "pr:modified" && (p.PreviousTarget == nil || p.PreviousTarget.ID == p.PullRequest.To.ID):
		return nil, fmt.Errorf("%w: a pull request's text was edited", forge.ErrNotOurs)
	}
	e := p.PullRequest.event()
	e.PullRequest.Action, e.Sender = actions[kind], p.Actor.Name
	return []v1alpha1.Event{*e}, nil
}

func comment(p *payload) ([]v1alpha1.Event, error) {
	e := &v1alpha1.Event{Commit: p.Commit}
	if p.PullRequest != nil {
		e = p.PullRequest.event()
	}
	e.Type, e.Sender = v1alpha1.EventComment, p.Actor.Name
	if c := p.Comment; c != nil {
		e.Comment = &v1alpha1.Comment{ID: c.ID, Body: c.Text}
	}
	return []v1alpha1.Event{*e}, nil
}

// pull is a pull request, in webhooks and in the API.
type pull struct {
	ID     int64  `json:"id"`
	Title  string `json:"title"`
	Draft  bool   `json:"draft"`
	Author struct {
		User user `json:"user"`
	} `json:"author"`
	From  side  `json:"fromRef"`
	To    side  `json:"toRef"`
	Links links `json:"links"`
	// Created and Updated are milliseconds since 1970.
	Created int64 `json:"createdDate"`
	Updated int64 `json:"updatedDate"`
}

type side struct {
	ID           string `json:"id"`
	DisplayID    string `json:"displayId"`
	LatestCommit string `json:"latestCommit"`
	Repository   struct {
		ID    int64 `json:"id"`
		Links links `json:"links"`
	} `json:"repository"`
}

// links are those of the API, which webhooks may lack.
type links struct {
	Self []struct {
		Href string `json:"href"`
	} `json:"self"`
}

func (l links) first() string {
	if len(l.Self) == 0 {
		return ""
	}
	return l.Self[0].Href
}

// event is without an action.
func (p *pull) event() *v1alpha1.Event {
	return &v1alpha1.Event{Type: v1alpha1.EventPullRequest, Ref: p.To.ID, Commit: p.From.LatestCommit, Title: p.Title,
		Sender: p.Author.User.Name, URL: p.Links.first(), PullRequest: &v1alpha1.PullRequest{Number: p.ID, Author: p.Author.User.Name,
			SourceBranch: p.From.DisplayID, SourceURL: strings.TrimSuffix(p.From.Repository.Links.first(), "/browse"), Draft: p.Draft,
			Fork: p.From.Repository.ID != p.To.Repository.ID}}
}
