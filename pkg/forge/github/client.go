package github

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/slipway-dev/slipway/api/slipway/v1alpha1"
	"github.com/slipway-dev/slipway/pkg/forge"
	"github.com/slipway-dev/slipway/pkg/forge/rest"
)

// page is the most that GitHub lists at once.
const page = "100"

// Client asks GitHub about one repository.
type Client struct {
	api, graph rest.Client
	owner      string
	name       string
	repo       string
	checks     bool
}

func headers() http.Header {
	return http.Header{"Accept": {"application/vnd.github+json"}, "X-Github-Api-Version": {"2022-11-28"}}
}

// New returns a client for owner/name at https://api.github.com or an Enterprise Server's
// https://HOST/api/v3. The results of pipelines are commit statuses. The transport is
// that of rest.Client.
func New(api, owner, name string, token []byte, transport http.RoundTripper) *Client {
	h := headers()
	if len(token) > 0 {
		h.Set("Authorization", "Bearer "+string(token))
	}
	return &Client{owner: owner, name: name, repo: rest.Path("repos", owner, name),
		api:   rest.Client{Base: api, Header: h, Transport: transport},
		graph: rest.Client{Base: strings.TrimSuffix(api, "/v3"), Header: h, Transport: transport}}
}

// Repository is forge.Client's.
func (c *Client) Repository(ctx context.Context) (forge.Info, error) {
	var r struct {
		DefaultBranch string `json:"default_branch"`
		CloneURL      string `json:"clone_url"`
		Private       bool   `json:"private"`
	}
	_, err := c.api.Get(ctx, c.repo, nil, &r)
	return forge.Info(r), err
}

// Tip is forge.Client's.
func (c *Client) Tip(ctx context.Context, ref string) (forge.Tip, error) {
	if _, _, err := forge.Ref(ref); err != nil {
		return forge.Tip{}, err
	}
	var found struct {
		SHA    string
		Commit struct{ Message string }
	}
	parts := strings.Split(strings.TrimPrefix(ref, "refs/"), "/")
	_, err := c.api.Get(ctx, c.repo+"/commits"+rest.Path(parts...), nil, &found)
	return forge.Tip{Commit: found.SHA, Message: found.Commit.Message}, unknown(err)
}

// unknown is for routes of a commit that answer 422 for one that is not there.
func unknown(err error) error {
	var e *rest.Error
	if errors.As(err, &e) && e.Status == http.StatusUnprocessableEntity {
		return fmt.Errorf("%w: %w", forge.ErrNotFound, err)
	}
	return err
}

// File is forge.Client's.
func (c *Client) File(ctx context.Context, commit, path string) ([]byte, error) {
	var content []byte
	_, err := c.api.Do(ctx, rest.Call{Method: http.MethodGet, Path: c.repo + "/contents" + rest.Path(strings.Split(path, "/")...),
		Query: url.Values{"ref": {commit}}, Header: http.Header{"Accept": {"application/vnd.github.raw+json"}}, Out: &content})
	return content, err
}

// file is one that a commit or a pull request changes.
type file struct{ Filename, Status string }

// Changes are those of the pull request, or from Before to Commit; of the commit alone
// for a new branch or tag, and after a force-push whose old commits are gone. GitHub
// names at most 300 files of a push and 3,000 of a pull request.
func (c *Client) Changes(ctx context.Context, e *v1alpha1.Event) (forge.Changes, error) {
	var all forge.Sum
	if e.PullRequest != nil {
		err := rest.Each(ctx, &c.api, c.repo+"/pulls"+index(e.PullRequest.Number)+"/files", url.Values{"per_page": {page}}, func(f file) bool {
			all.Add(f.Filename, f.Status)
			return false
		})
		return all.Changes(), err
	}
	var changed struct{ Files []file }
	err := forge.ErrNotFound
	if e.Before != "" {
		_, err = c.api.Get(ctx, c.repo+"/compare"+rest.Path(e.Before+"..."+e.Commit), nil, &changed)
	}
	if errors.Is(err, forge.ErrNotFound) {
		_, err = c.api.Get(ctx, c.repo+"/commits"+rest.Path(e.Commit), nil, &changed)
	}
	for _, f := range changed.Files {
		all.Add(f.Filename, f.Status)
	}
	return all.Changes(), err
}

// PullRequest is forge.Client's.
func (c *Client) PullRequest(ctx context.Context, number int64) (*v1alpha1.Event, error) {
	var p pull
	if _, err := c.api.Get(ctx, c.repo+"/pulls"+index(number), nil, &p); err != nil {
		return nil, err
	}
	return p.event(), nil
}

func index(n int64) string { return "/" + strconv.FormatInt(n, 10) }

// MayPush is forge.Client's.
func (c *Client) MayPush(ctx context.Context, user string) (bool, error) {
	var p struct{ Permission string }
	_, err := c.api.Get(ctx, c.repo+"/collaborators"+rest.Path(user, "permission"), nil, &p)
	if errors.Is(err, forge.ErrNotFound) {
		return false, nil
	}
	return p.Permission == "write" || p.Permission == "admin", err
}

// InTeam is forge.Client's; the team is ORGANISATION/SLUG. A team that the token may
// not see has no members.
func (c *Client) InTeam(ctx context.Context, team, user string) (bool, error) {
	org, slug, ok := strings.Cut(team, "/")
	if !ok {
		return false, fmt.Errorf("the team %q is not ORGANISATION/TEAM", team)
	}
	var m struct{ State string }
	_, err := c.api.Get(ctx, rest.Path("orgs", org, "teams", slug, "memberships", user), nil, &m)
	if errors.Is(err, forge.ErrNotFound) {
		return false, nil
	}
	return m.State == "active", err
}

// Comment is forge.Client's.
func (c *Client) Comment(ctx context.Context, number int64, mark, body string) error {
	list := c.repo + "/issues" + index(number) + "/comments"
	call := rest.Call{Method: http.MethodPost, Path: list, Body: map[string]string{"body": body}}
	type comment struct {
		ID   int64
		Body string
	}
	err := rest.Each(ctx, &c.api, list, url.Values{"per_page": {page}}, func(old comment) bool {
		found := strings.Contains(old.Body, mark)
		if found {
			call.Method, call.Path = http.MethodPatch, c.repo+"/issues/comments"+index(old.ID)
		}
		return found
	})
	if err != nil {
		return err
	}
	_, err = c.api.Do(ctx, call)
	return err
}

func (c *Client) hook(ctx context.Context, address string) (id int64, err error) {
	type hook struct {
		ID     int64
		Config struct{ URL string }
	}
	err = rest.Each(ctx, &c.api, c.repo+"/hooks", url.Values{"per_page": {page}}, func(h hook) bool {
		if h.Config.URL == address {
			id = h.ID
		}
		return id != 0
	})
	return id, err
}

// EnsureHook is forge.Client's. An App needs none of a repository: its own sends all.
func (c *Client) EnsureHook(ctx context.Context, address, secret string) error {
	old, err := c.hook(ctx, address)
	if err != nil {
		return err
	}
	body := map[string]any{"active": true, "events": events,
		"config": map[string]string{"url": address, "content_type": "json", "secret": secret, "insecure_ssl": "0"}}
	call := rest.Call{Method: http.MethodPatch, Path: c.repo + "/hooks" + index(old), Body: body}
	if old == 0 {
		body["name"] = "web"
		call.Method, call.Path = http.MethodPost, c.repo+"/hooks"
	}
	_, err = c.api.Do(ctx, call)
	return err
}

// DeleteHook is forge.Client's.
func (c *Client) DeleteHook(ctx context.Context, address string) error {
	old, err := c.hook(ctx, address)
	if err != nil || old == 0 {
		return err
	}
	_, err = c.api.Do(ctx, rest.Call{Method: http.MethodDelete, Path: c.repo + "/hooks" + index(old)})
	return err
}
