package gitea

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/slipway-dev/slipway/api/slipway/v1alpha1"
	"github.com/slipway-dev/slipway/pkg/forge"
	"github.com/slipway-dev/slipway/pkg/forge/rest"
)

// Happened reads the repository's feed, whose times are whole seconds, and its open
// pull requests. Deletions are left out: there is nothing to run on.
func (c *Client) Happened(ctx context.Context, since time.Time) ([]v1alpha1.Event, error) {
	since = since.Truncate(time.Second)
	var pushes []activity
	err := c.pages(ctx, c.repo+"/activities/feeds", nil, func(data []byte) (int, bool, error) {
		var feed []activity
		if err := json.Unmarshal(data, &feed); err != nil {
			return 0, false, err
		}
		for i := range feed {
			if feed[i].Created.Before(since) {
				return len(feed), true, nil
			}
			pushes = append(pushes, feed[i])
		}
		return len(feed), false, nil
	})
	if err != nil {
		return nil, err
	}
	// Two in one second come in any order.
	slices.SortFunc(pushes, func(a, b activity) int { return cmp.Compare(a.ID, b.ID) })
	var found []v1alpha1.Event
	for i := range pushes {
		if e := pushes[i].event(); e != nil {
			found = append(found, *e)
		}
	}
	err = c.pages(ctx, c.repo+"/pulls", url.Values{"state": {"open"}, "sort": {"recentupdate"}}, func(data []byte) (int, bool, error) {
		var pulls []pull
		if err := json.Unmarshal(data, &pulls); err != nil {
			return 0, false, err
		}
		for i := range pulls {
			if pulls[i].Updated.Before(since) {
				return len(pulls), true, nil
			}
			found = append(found, pulls[i].changed(since))
		}
		return len(pulls), false, nil
	})
	// The repository is there, as its feed is: one without commits has no pull requests.
	if errors.Is(err, forge.ErrNotFound) {
		err = nil
	}
	return found, err
}

// pages reads lists, the newest first, until the reader has enough or there is no more.
func (c *Client) pages(ctx context.Context, path string, query url.Values, read func([]byte) (n int, enough bool, err error)) error {
	for n := 1; ; n++ {
		q := url.Values{"limit": {strconv.Itoa(page)}, "page": {strconv.Itoa(n)}}
		for name, values := range query {
			q[name] = values
		}
		var data []byte
		header, err := c.api.Get(ctx, path, q, &data)
		if err != nil {
			return err
		}
		count, enough, err := read(data)
		if err != nil || enough || !more(header.Get("Link"), count) {
			return err
		}
	}
}

// more says whether there is a next page: the forge may list fewer than it is asked for.
func more(link string, count int) bool {
	return count == page || strings.Contains(link, `rel="next"`)
}

// activity is an entry of the feed.
type activity struct {
	ID      int64
	OpType  string `json:"op_type"`
	ActUser user   `json:"act_user"`
	RefName string `json:"ref_name"`
	Content string
	Created time.Time
}

// pushed is the content of a push's.
type pushed struct {
	HeadCommit *struct{ Sha1, Message string }
	CompareURL string
}

// event is nil for what is no push. A new branch has two entries, one without content.
func (a *activity) event() *v1alpha1.Event {
	switch a.OpType {
	case "commit_repo", "push_tag", "mirror_sync_push":
	default:
		return nil
	}
	var p pushed
	if json.Unmarshal([]byte(a.Content), &p) != nil || p.HeadCommit == nil || !strings.HasPrefix(a.RefName, "refs/") {
		return nil
	}
	return &v1alpha1.Event{Type: v1alpha1.EventPush, Ref: a.RefName, Before: before(p.CompareURL), Commit: p.HeadCommit.Sha1,
		Title: forge.FirstLine(p.HeadCommit.Message), Message: p.HeadCommit.Message, Sender: a.ActUser.Login}
}

// before reads the first commit of OWNER/NAME/compare/BEFORE...AFTER, if it is one.
func before(compare string) string {
	_, commits, _ := strings.Cut(compare, "/compare/")
	first, _, _ := strings.Cut(commits, "...")
	if len(first) < 40 || strings.Trim(first, "0123456789abcdef") != "" {
		return ""
	}
	return forge.Commit(first)
}

// changed says what became of a pull request since a time, as far as that can be seen.
func (p *pull) changed(since time.Time) v1alpha1.Event {
	e := p.event()
	e.PullRequest.Action = v1alpha1.PullRequestUpdated
	if !p.Created.Before(since) {
		e.PullRequest.Action = v1alpha1.PullRequestOpened
	}
	return *e
}

// Changes are those of the pull request, or of the commits from Before to Commit; of the
// commit alone for a new branch or tag, and after a force-push whose old commits are gone.
func (c *Client) Changes(ctx context.Context, e *v1alpha1.Event) (forge.Changes, error) {
	if e.PullRequest != nil {
		return c.pullChanges(ctx, e.PullRequest.Number)
	}
	type commit struct {
		Files []struct{ Filename, Status string }
	}
	var commits []commit
	if e.Before != "" {
		var compared struct{ Commits []commit }
		_, err := c.api.Get(ctx, c.repo+"/compare"+rest.Path(e.Before+"..."+e.Commit), nil, &compared)
		if err != nil && !errors.Is(err, forge.ErrNotFound) {
			return forge.Changes{}, err
		}
		commits = compared.Commits
	}
	if len(commits) == 0 {
		commits = make([]commit, 1)
		query := url.Values{"stat": {"false"}, "verification": {"false"}, "files": {"true"}}
		if _, err := c.api.Get(ctx, c.repo+"/git/commits"+rest.Path(e.Commit), query, &commits[0]); err != nil {
			return forge.Changes{}, err
		}
	}
	var all forge.Sum
	for _, one := range slices.Backward(commits) { // the newest is the first
		for _, f := range one.Files {
			all.Add(f.Filename, f.Status)
		}
	}
	return all.Changes(), nil
}

func (c *Client) pullChanges(ctx context.Context, number int64) (forge.Changes, error) {
	var all forge.Sum
	err := c.pages(ctx, c.repo+"/pulls"+index(number)+"/files", nil, func(data []byte) (int, bool, error) {
		var files []struct{ Filename, Status string }
		if err := json.Unmarshal(data, &files); err != nil {
			return 0, false, err
		}
		for _, f := range files {
			all.Add(f.Filename, f.Status)
		}
		return len(files), false, nil
	})
	return all.Changes(), err
}
