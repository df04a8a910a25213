package github

import (
	"context"
	"net/url"
	"slices"
	"time"

	"github.com/slipway-dev/slipway/api/slipway/v1alpha1"
	"github.com/slipway-dev/slipway/pkg/forge"
	"github.com/slipway-dev/slipway/pkg/forge/rest"
)

// activity is one push to a branch.
type activity struct {
	Before, After, Ref string
	Timestamp          time.Time
	Type               string `json:"activity_type"`
	Actor              user
}

// Happened reads the repository's activity, which knows branches but no tags, the
// messages of the commits in one more call a hundred, and the open pull requests.
// Deletions are left out: there is nothing to run on.
func (c *Client) Happened(ctx context.Context, since time.Time) ([]v1alpha1.Event, error) {
	since = since.Truncate(time.Second)
	var found []v1alpha1.Event
	err := rest.Each(ctx, &c.api, c.repo+"/activity", url.Values{"per_page": {page}, "direction": {"desc"}}, func(a activity) bool {
		if a.Timestamp.Before(since) {
			return true
		}
		if a.Type != "branch_deletion" {
			found = append(found, v1alpha1.Event{Type: v1alpha1.EventPush, Ref: a.Ref, Before: forge.Commit(a.Before), Commit: a.After, Sender: a.Actor.Login})
		}
		return false
	})
	if err != nil {
		return nil, err
	}
	slices.Reverse(found)
	for some := range slices.Chunk(found, batch) {
		if err := c.messages(ctx, some); err != nil {
			return nil, err
		}
	}
	query := url.Values{"per_page": {page}, "state": {"open"}, "sort": {"updated"}, "direction": {"desc"}}
	err = rest.Each(ctx, &c.api, c.repo+"/pulls", query, func(p pull) bool {
		if p.Updated.Before(since) {
			return true
		}
		found = append(found, p.changed(since))
		return false
	})
	return found, err
}

// messages completes pushes. Commits that are gone leave them as they are.
func (c *Client) messages(ctx context.Context, pushes []v1alpha1.Event) error {
	ids := make([]string, len(pushes))
	for i := range pushes {
		ids[i] = pushes[i].Commit
	}
	commits, err := objects[struct{ Message, URL string }](ctx, c, ids, "... on Commit { message url }")
	for i, commit := range commits {
		if commit != nil {
			pushes[i].Title, pushes[i].Message, pushes[i].URL = forge.FirstLine(commit.Message), commit.Message, commit.URL
		}
	}
	return err
}
