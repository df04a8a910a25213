// Package cloud speaks to Bitbucket Cloud. Its users are named by their account ids, as
// the names they show are not unique.
package cloud

import (
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/slipway-dev/slipway/api/slipway/v1alpha1"
	"github.com/slipway-dev/slipway/pkg/forge"
)

// events are those that a webhook is made for.
var events = []string{"repo:push", "repo:commit_comment_created", "pullrequest:created", "pullrequest:updated", "pullrequest:fulfilled",
	"pullrequest:rejected", "pullrequest:comment_created"}

// Hook reads the webhooks of Bitbucket Cloud.
type Hook struct{}

// Verify checks the HMAC of the header X-Hub-Signature.
func (Hook) Verify(h http.Header, body, secret []byte) error {
	return forge.CheckHMAC(h, "X-Hub-Signature", "sha256=", body, secret)
}

// Delivery is the id that Bitbucket gives each webhook.
func (Hook) Delivery(h http.Header) string { return h.Get("X-Request-UUID") }

// payload is what the webhooks have of what is read here.
type payload struct {
	Actor user `json:"actor"`
	Push  struct {
		Changes []struct {
			New, Old *ref
			Created  bool
		} `json:"changes"`
	} `json:"push"`
	PullRequest *pull `json:"pullrequest"`
	Comment     *struct {
		ID      int64 `json:"id"`
		Content struct {
			Raw string `json:"raw"`
		} `json:"content"`
		Links links `json:"links"`
	} `json:"comment"`
	Commit struct {
		Hash string `json:"hash"`
	} `json:"commit"`
}

type user struct {
	AccountID string `json:"account_id"`
}

type links struct {
	HTML struct {
		Href string `json:"href"`
	} `json:"html"`
}

// ref is a branch or a tag.
type ref struct {
	Type   string `json:"type"`
	Name   string `json:"name"`
	Target struct {
		Hash    string `json:"hash"`
		Message string `json:"message"`
		Links   links  `json:"links"`
		Author  struct {
			User user `json:"user"`
		} `json:"author"`
	} `json:"target"`
}

func (r *ref) full() string {
	if r.Type == "tag" || r.Type == "annotated_tag" {
		return "refs/tags/" + r.Name
	}
	return forge.BranchRef(r.Name)
}

// event is a push of it.
func (r *ref) event() v1alpha1.Event {
	return v1alpha1.Event{Type: v1alpha1.EventPush, Ref: r.full(), Commit: r.Target.Hash, Title: forge.FirstLine(r.Target.Message),
		Message: r.Target.Message, URL: r.Target.Links.HTML.Href}
}

// actions are what the events say became of a pull request. An update may be one of the
// text alone: it has the same commit, for which runs are not started twice.
var actions = map[string]v1alpha1.PullRequestAction{
	"pullrequest:created":   v1alpha1.PullRequestOpened,
	"pullrequest:updated":   v1alpha1.PullRequestUpdated,
	"pullrequest:fulfilled": v1alpha1.PullRequestClosed,
	"pullrequest:rejected":  v1alpha1.PullRequestClosed,
}

// Parse reads pushes, pull requests and comments.
func (Hook) Parse(h http.Header, body []byte) ([]v1alpha1.Event, error) {
	kind := h.Get("X-Event-Key")
	var read func(*payload) ([]v1alpha1.Event, error)
	switch action := actions[kind]; {
	case kind == "repo:push":
		read = pushes
	case action != "":
		read = func(p *payload) ([]v1alpha1.Event, error) { return pullRequest(p, action) }
	case kind == "pullrequest:comment_created", kind == "repo:commit_comment_created":
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
	for _, c := range p.Push.Changes {
		e := v1alpha1.Event{Type: v1alpha1.EventPush}
		switch {
		case c.New != nil:
			e = c.New.event()
		case c.Old != nil:
			e.Ref = c.Old.full()
		}
		if c.Old != nil {
			e.Before = c.Old.Target.Hash
		}
		e.Sender = p.Actor.AccountID
		found = append(found, e)
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("the body says no change of the push")
	}
	return found, nil
}

func pullRequest(p *payload, action v1alpha1.PullRequestAction) ([]v1alpha1.Event, error) {
	if p.PullRequest == nil {
		return nil, fmt.Errorf("the body has no pull request")
	}
	e := p.PullRequest.event()
	e.PullRequest.Action, e.Sender = action, p.Actor.AccountID
	return []v1alpha1.Event{*e}, nil
}

func comment(p *payload) ([]v1alpha1.Event, error) {
	e := &v1alpha1.Event{Commit: p.Commit.Hash}
	if p.PullRequest != nil {
		e = p.PullRequest.event()
	}
	e.Type, e.Sender = v1alpha1.EventComment, p.Actor.AccountID
	if c := p.Comment; c != nil {
		e.Comment, e.URL = &v1alpha1.Comment{ID: c.ID, Body: c.Content.Raw}, c.Links.HTML.Href
	}
	return []v1alpha1.Event{*e}, nil
}

// pull is a pull request, in webhooks and in the API.
type pull struct {
	ID          int64  `json:"id"`
	Title       string `json:"title"`
	Author      user   `json:"author"`
	Draft       bool   `json:"draft"`
	Source      side   `json:"source"`
	Destination side   `json:"destination"`
	Links       links  `json:"links"`
	Created     string `json:"created_on"`
}

type side struct {
	Branch struct {
		Name string `json:"name"`
	} `json:"branch"`
	// Commit has the first twelve characters only.
	Commit struct {
		Hash string `json:"hash"`
	} `json:"commit"`
	Repository *struct {
		FullName string `json:"full_name"`
		Links    links  `json:"links"`
	} `json:"repository"`
}

// event is without an action and, as Bitbucket shortens it, without the commit.
func (p *pull) event() *v1alpha1.Event {
	pr := &v1alpha1.PullRequest{Number: p.ID, Author: p.Author.AccountID, SourceBranch: p.Source.Branch.Name, Draft: p.Draft,
		// A fork that is gone is a fork.
		Fork: p.Source.Repository == nil || p.Destination.Repository == nil || p.Source.Repository.FullName != p.Destination.Repository.FullName}
	if p.Source.Repository != nil {
		pr.SourceURL = p.Source.Repository.Links.HTML.Href
	}
	return &v1alpha1.Event{Type: v1alpha1.EventPullRequest, Ref: forge.BranchRef(p.Destination.Branch.Name), Title: p.Title,
		Sender: p.Author.AccountID, URL: p.Links.HTML.Href, PullRequest: pr}
}
