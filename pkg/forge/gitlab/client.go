package gitlab

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/slipway-dev/slipway/api/slipway/v1alpha1"
	"github.com/slipway-dev/slipway/pkg/forge"
	"github.com/slipway-dev/slipway/pkg/forge/rest"
)

// page is the most that GitLab lists at once.
const page = "100"

// Client asks GitLab about one project.
type Client struct {
	api, graph rest.Client
	path       string
	project    string
}

// New returns a client for the project of a path such as group/name at an API such as
// https://HOST/api/v4. An empty token asks as anybody. The transport is that of rest.Client.
func New(api, path string, token []byte, transport http.RoundTripper) *Client {
	h := http.Header{}
	if len(token) > 0 {
		h.Set("Authorization", "Bearer "+string(token))
	}
	return &Client{path: path, project: rest.Path("projects", path),
		api:   rest.Client{Base: api, Header: h, Transport: transport},
		graph: rest.Client{Base: strings.TrimSuffix(api, "/v4"), Header: h, Transport: transport}}
}

// Repository is forge.Client's.
func (c *Client) Repository(ctx context.Context) (forge.Info, error) {
	var p struct {
		DefaultBranch string `json:"default_branch"`
		CloneURL      string `json:"http_url_to_repo"`
		Visibility    string `json:"visibility"`
	}
	_, err := c.api.Get(ctx, c.project, nil, &p)
	return forge.Info{DefaultBranch: p.DefaultBranch, CloneURL: p.CloneURL, Private: p.Visibility != "public"}, err
}

// Tip is forge.Client's.
func (c *Client) Tip(ctx context.Context, ref string) (forge.Tip, error) {
	name, tag, err := forge.Ref(ref)
	if err != nil {
		return forge.Tip{}, err
	}
	list := "branches"
	if tag {
		list = "tags"
	}
	var found struct {
		Commit struct{ ID, Message string }
	}
	_, err = c.api.Get(ctx, c.project+"/repository/"+list+rest.Path(name), nil, &found)
	return forge.Tip{Commit: found.Commit.ID, Message: found.Commit.Message}, err
}

// diff is one file that changed.
type diff struct {
	New     string `json:"new_path"`
	Added   bool   `json:"new_file"`
	Renamed bool   `json:"renamed_file"`
	Deleted bool   `json:"deleted_file"`
}

func (d diff) add(all *forge.Sum) {
	switch {
	case d.Added:
		all.Add(d.New, "added")
	case d.Deleted:
		all.Add(d.New, "deleted")
	case d.Renamed:
		all.Add(d.New, "renamed")
	default:
		all.Add(d.New, "modified")
	}
}

// Changes are those of the merge request, or from Before to Commit; of the commit alone
// for a new branch or tag, and after a force-push whose old commits are gone.
func (c *Client) Changes(ctx context.Context, e *v1alpha1.Event) (forge.Changes, error) {
	var all forge.Sum
	see := func(d diff) bool {
		d.add(&all)
		return false
	}
	paged := url.Values{"per_page": {page}}
	if e.PullRequest != nil {
		err := rest.Each(ctx, &c.api, c.project+"/merge_requests"+index(e.PullRequest.Number)+"/diffs", paged, see)
		return all.Changes(), err
	}
	err := forge.ErrNotFound
	if e.Before != "" {
		var compared struct{ Diffs []diff }
		_, err = c.api.Get(ctx, c.project+"/repository/compare", url.Values{"from": {e.Before}, "to": {e.Commit}}, &compared)
		for _, d := range compared.Diffs {
			d.add(&all)
		}
	}
	if errors.Is(err, forge.ErrNotFound) {
		err = rest.Each(ctx, &c.api, c.project+"/repository/commits"+rest.Path(e.Commit, "diff"), paged, see)
	}
	return all.Changes(), err
}

func index(n int64) string { return "/" + strconv.FormatInt(n, 10) }

// request is a merge request as the API shows it.
type request struct {
	IID             int64
	Title           string
	SHA             string
	Author          user
	SourceBranch    string `json:"source_branch"`
	TargetBranch    string `json:"target_branch"`
	SourceProjectID int64  `json:"source_project_id"`
	TargetProjectID int64  `json:"target_project_id"`
	Labels          []string
	Draft           bool
	WebURL          string    `json:"web_url"`
	Created         time.Time `json:"created_at"`
}

// event is without an action, and without the source's address where that is a fork.
func (r *request) event() *v1alpha1.Event {
	pr := &v1alpha1.PullRequest{Number: r.IID, Author: r.Author.Username, SourceBranch: r.SourceBranch,
		Fork: r.SourceProjectID != r.TargetProjectID, Labels: r.Labels, Draft: r.Draft}
	if !pr.Fork {
		pr.SourceURL, _, _ = strings.Cut(r.WebURL, "/-/")
	}
	return &v1alpha1.Event{Type: v1alpha1.EventPullRequest, Ref: forge.BranchRef(r.TargetBranch), Commit: r.SHA, Title: r.Title,
		Sender: r.Author.Username, URL: r.WebURL, PullRequest: pr}
}

// source completes what is of a fork, which costs a call.
func (c *Client) source(ctx context.Context, r *request, e *v1alpha1.Event) error {
	if !e.PullRequest.Fork {
		return nil
	}
	var p struct {
		WebURL string `json:"web_url"`
	}
	_, err := c.api.Get(ctx, "/projects"+index(r.SourceProjectID), nil, &p)
	e.PullRequest.SourceURL = p.WebURL
	if errors.Is(err, forge.ErrNotFound) { // it is gone, or not for the token
		return nil
	}
	return err
}

// PullRequest costs one call more for one of a fork.
func (c *Client) PullRequest(ctx context.Context, number int64) (*v1alpha1.Event, error) {
	var r request
	if _, err := c.api.Get(ctx, c.project+"/merge_requests"+index(number), nil, &r); err != nil {
		return nil, err
	}
	e := r.event()
	return e, c.source(ctx, &r, e)
}

type member struct {
	Username string
	State    string
	Level    int `json:"access_level"`
}

// developer is the access level from which one may push.
const developer = 30

// level is that of an active member of a project or group, inherited ones included; 0 of others.
func (c *Client) level(ctx context.Context, of, user string) (int, error) {
	level := 0
	err := rest.Each(ctx, &c.api, of+"/members/all", url.Values{"query": {user}, "per_page": {page}}, func(m member) bool {
		if strings.EqualFold(m.Username, user) && m.State == "active" {
			level = max(level, m.Level)
		}
		return false
	})
	return level, err
}

// MayPush is forge.Client's.
func (c *Client) MayPush(ctx context.Context, user string) (bool, error) {
	level, err := c.level(ctx, c.project, user)
	return level >= developer, err
}

// InTeam is forge.Client's; a team is the path of a group.
func (c *Client) InTeam(ctx context.Context, team, user string) (bool, error) {
	level, err := c.level(ctx, rest.Path("groups", team), user)
	return level > 0, err
}

// states are GitLab's words.
var states = map[forge.State]string{forge.StatePending: "pending", forge.StateRunning: "running", forge.StateSuccess: "success",
	forge.StateFailure: "failed", forge.StateError: "failed", forge.StateCancelled: "canceled"}

const maxDescription = 255

// SetStatus costs one call more for the merge request of a fork, whose commits are on no
// branch of the project.
func (c *Client) SetStatus(ctx context.Context, commit string, s forge.Status) error {
	body := map[string]string{"name": s.Name, "state": states[s.State], "description": forge.Cut(s.Description, maxDescription)}
	if s.URL != "" {
		body["target_url"] = s.URL
	}
	call := rest.Call{Method: http.MethodPost, Path: c.project + "/statuses" + rest.Path(commit), Body: body}
	_, err := c.api.Do(ctx, call)
	if errors.Is(err, forge.ErrNotFound) && s.Number > 0 {
		body["ref"] = fmt.Sprintf("refs/merge-requests/%d/head", s.Number)
		_, err = c.api.Do(ctx, call)
	}
	var e *rest.Error
	if errors.As(err, &e) && e.Status == http.StatusBadRequest && strings.Contains(e.Message, "Cannot transition status") {
		return nil // it is so already
	}
	return err
}

// Comment is forge.Client's.
func (c *Client) Comment(ctx context.Context, number int64, mark, body string) error {
	list := c.project + "/merge_requests" + index(number) + "/notes"
	call := rest.Call{Method: http.MethodPost, Path: list, Body: map[string]string{"body": body}}
	type note struct {
		ID     int64
		Body   string
		System bool
	}
	err := rest.Each(ctx, &c.api, list, url.Values{"per_page": {page}, "sort": {"asc"}, "order_by": {"created_at"}}, func(n note) bool {
		found := !n.System && strings.Contains(n.Body, mark)
		if found {
			call.Method, call.Path = http.MethodPut, list+index(n.ID)
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
		ID  int64
		URL string
	}
	err = rest.Each(ctx, &c.api, c.project+"/hooks", url.Values{"per_page": {page}}, func(h hook) bool {
		if h.URL == address {
			id = h.ID
		}
		return id != 0
	})
	return id, err
}

// EnsureHook is forge.Client's.
func (c *Client) EnsureHook(ctx context.Context, address, secret string) error {
	old, err := c.hook(ctx, address)
	if err != nil {
		return err
	}
	call := rest.Call{Method: http.MethodPost, Path: c.project + "/hooks", Body: map[string]any{"url": address, "token": secret,
		"push_events": true, "tag_push_events": true, "merge_requests_events": true, "note_events": true}}
	if old != 0 {
		call.Method, call.Path = http.MethodPut, call.Path+index(old)
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
	_, err = c.api.Do(ctx, rest.Call{Method: http.MethodDelete, Path: c.project + "/hooks" + index(old)})
	return err
}
