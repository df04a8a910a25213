package gitlab

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/slipway-dev/slipway/api/slipway/v1alpha1"
	"github.com/slipway-dev/slipway/pkg/forge"
	"github.com/slipway-dev/slipway/pkg/forge/rest"
)

// batch is how many files are read in one query.
const batch = 50

// Files lists each folder in one call a hundred entries, and reads fifty files in one.
func (c *Client) Files(ctx context.Context, commit string, folders ...string) (map[string][]byte, error) {
	var paths []string
	there := false
	for _, folder := range folders {
		query := url.Values{"path": {folder}, "ref": {commit}, "recursive": {"true"}, "per_page": {page}}
		type entry struct{ Path, Type, Mode string }
		err := rest.Each(ctx, &c.api, c.project+"/repository/tree", query, func(e entry) bool {
			const link = "120000"
			if e.Type == "blob" && e.Mode != link && forge.Pick(e.Path, folders) {
				paths = append(paths, e.Path)
			}
			return false
		})
		if err != nil && !errors.Is(err, forge.ErrNotFound) {
			return nil, err
		}
		there = there || err == nil
	}
	if !there { // no folder, or no commit
		if _, err := c.api.Get(ctx, c.project+"/repository/commits"+rest.Path(commit), nil, nil); err != nil {
			return nil, err
		}
	}
	files := make(map[string][]byte, len(paths))
	for some := range slices.Chunk(paths, batch) {
		if err := c.contents(ctx, commit, some, files); err != nil {
			return nil, err
		}
	}
	return files, nil
}

const blobs = `query($project: ID!, $paths: [String!]!, $ref: String!) { project(fullPath: $project) { repository { blobs(paths: $paths, ref: $ref) { nodes { path rawBlob } } } } }`

func (c *Client) contents(ctx context.Context, commit string, paths []string, into map[string][]byte) error {
	var answer struct {
		Data struct {
			Project *struct {
				Repository struct {
					Blobs struct {
						Nodes []struct {
							Path    string
							RawBlob *string
						}
					}
				}
			}
		}
		Errors []struct{ Message string }
	}
	body := map[string]any{"query": blobs, "variables": map[string]any{"project": c.path, "paths": paths, "ref": commit}}
	if _, err := c.graph.Do(ctx, rest.Call{Method: http.MethodPost, Path: "/graphql", Body: body, Out: &answer}); err != nil {
		return err
	}
	if len(answer.Errors) > 0 {
		return fmt.Errorf("POST %s/graphql: %s", c.graph.Base, answer.Errors[0].Message)
	}
	if p := answer.Data.Project; p != nil {
		for _, n := range p.Repository.Blobs.Nodes {
			if n.RawBlob != nil {
				into[n.Path] = []byte(*n.RawBlob)
			}
		}
	}
	// What GraphQL keeps to itself the files' own route may give.
	for _, path := range paths {
		if _, ok := into[path]; ok {
			continue
		}
		var err error
		if into[path], err = c.File(ctx, commit, path); err != nil {
			return err
		}
	}
	return nil
}

// File is forge.Client's.
func (c *Client) File(ctx context.Context, commit, path string) ([]byte, error) {
	var content []byte
	_, err := c.api.Get(ctx, c.project+"/repository/files"+rest.Path(path, "raw"), url.Values{"ref": {commit}}, &content)
	return content, err
}

// pushed is a push as the project's events have it.
type pushed struct {
	Created time.Time `json:"created_at"`
	Author  string    `json:"author_username"`
	Push    struct {
		Action  string
		RefType string `json:"ref_type"`
		Ref     string
		From    string `json:"commit_from"`
		To      string `json:"commit_to"`
		Title   string `json:"commit_title"`
	} `json:"push_data"`
}

// Happened reads the project's events, which know the first line of a message only, and
// the open merge requests; each tag and each fork costs a call more. Deletions are left
// out: there is nothing to run on.
func (c *Client) Happened(ctx context.Context, since time.Time) ([]v1alpha1.Event, error) {
	since = since.Truncate(time.Second)
	var pushes []pushed
	query := url.Values{"action": {"pushed"}, "sort": {"desc"}, "per_page": {page}, "after": {since.AddDate(0, 0, -1).UTC().Format(time.DateOnly)}}
	err := rest.Each(ctx, &c.api, c.project+"/events", query, func(p pushed) bool {
		if p.Created.Before(since) {
			return true
		}
		pushes = append(pushes, p)
		return false
	})
	if err != nil {
		return nil, err
	}
	var found []v1alpha1.Event
	for _, p := range slices.Backward(pushes) {
		e, err := c.push(ctx, p)
		if err != nil {
			return nil, err
		}
		if e != nil {
			found = append(found, *e)
		}
	}
	var requests []request
	query = url.Values{"state": {"opened"}, "updated_after": {since.UTC().Format(time.RFC3339)}, "per_page": {page}}
	err = rest.Each(ctx, &c.api, c.project+"/merge_requests", query, func(r request) bool {
		requests = append(requests, r)
		return false
	})
	for i := range requests {
		e := requests[i].event()
		if err := c.source(ctx, &requests[i], e); err != nil {
			return nil, err
		}
		e.PullRequest.Action = v1alpha1.PullRequestUpdated
		if !requests[i].Created.Before(since) {
			e.PullRequest.Action = v1alpha1.PullRequestOpened
		}
		found = append(found, *e)
	}
	return found, err
}

// push is nil for a deletion, and for a tag that is gone since.
func (c *Client) push(ctx context.Context, p pushed) (*v1alpha1.Event, error) {
	if p.Push.Action == "removed" || p.Push.To == "" {
		return nil, nil
	}
	e := &v1alpha1.Event{Type: v1alpha1.EventPush, Ref: forge.BranchRef(p.Push.Ref), Before: forge.Commit(p.Push.From), Commit: p.Push.To,
		Title: strings.TrimSpace(p.Push.Title), Message: p.Push.Title, Sender: p.Author}
	if p.Push.RefType != "tag" {
		return e, nil
	}
	// A tag with a message is an object of its own.
	e.Ref, e.Before = "refs/tags/"+p.Push.Ref, ""
	var tag struct{ Commit commit }
	_, err := c.api.Get(ctx, c.project+"/repository/tags"+rest.Path(p.Push.Ref), nil, &tag)
	if errors.Is(err, forge.ErrNotFound) {
		return nil, nil
	}
	e.Commit, e.Title, e.Message = tag.Commit.ID, forge.FirstLine(tag.Commit.Message), tag.Commit.Message
	return e, err
}
