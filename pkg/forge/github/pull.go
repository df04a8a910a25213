package github

import (
	"time"

	"github.com/slipway-dev/slipway/api/slipway/v1alpha1"
	"github.com/slipway-dev/slipway/pkg/forge"
)

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
	Base    branch    `json:"base"`
	Head    branch    `json:"head"`
	Created time.Time `json:"created_at"`
	Updated time.Time `json:"updated_at"`
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

// changed says what became of it since a time, as far as that can be seen.
func (p *pull) changed(since time.Time) v1alpha1.Event {
	e := p.event()
	e.PullRequest.Action = v1alpha1.PullRequestUpdated
	if !p.Created.Before(since) {
		e.PullRequest.Action = v1alpha1.PullRequestOpened
	}
	return *e
}
