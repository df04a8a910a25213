package datacenter

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/slipway-dev/slipway/api/slipway/v1alpha1"
	"github.com/slipway-dev/slipway/pkg/forge"
	"github.com/slipway-dev/slipway/pkg/forge/rest"
)

// What Bitbucket has room for.
const (
	page           = "1000"
	maxDescription = 255
)

// Client asks Bitbucket Data Center about one repository.
type Client struct {
	api     rest.Client
	project string
	repo    string
}

// New returns a client for the repository of a project (by its key, ~NAME of a user's
// own) at an API such as https://HOST/rest/api/latest. The transport is that of rest.Client.
func New(api, project, name string, token []byte, transport http.RoundTripper) *Client {
	h := http.Header{}
	if len(token) > 0 {
		h.Set("Authorization", "Bearer "+string(token))
	}
	return &Client{api: rest.Client{Base: api, Header: h, Transport: transport}, project: rest.Path("projects", project),
		repo: rest.Path("projects", project, "repos", name)}
}

// each reads a list page after page until see has enough.
func each[T any](ctx context.Context, c *Client, path string, query url.Values, see func(T) (enough bool)) error {
	query.Set("limit", page)
	for {
		var list struct {
			Values   []T
			LastPage bool `json:"isLastPage"`
			Next     *int `json:"nextPageStart"`
		}
		if _, err := c.api.Get(ctx, path, query, &list); err != nil {
			return err
		}
		if slices.ContainsFunc(list.Values, see) || list.LastPage || list.Next == nil {
			return nil
		}
		query.Set("start", strconv.Itoa(*list.Next))
	}
}

// Repository costs two calls.
func (c *Client) Repository(ctx context.Context) (forge.Info, error) {
	var r struct {
		Public bool
		Links  struct {
			Clone []struct{ Name, Href string }
		}
	}
	if _, err := c.api.Get(ctx, c.repo, nil, &r); err != nil {
		return forge.Info{}, err
	}
	info := forge.Info{Private: !r.Public}
	for _, l := range r.Links.Clone {
		if l.Name == "http" {
			info.CloneURL = l.Href
		}
	}
	var branch side
	_, err := c.api.Get(ctx, c.repo+"/default-branch", nil, &branch)
	if errors.Is(err, forge.ErrNotFound) { // it is empty
		return info, nil
	}
	info.DefaultBranch = branch.DisplayID
	return info, err
}

// Tip is forge.Client's.
func (c *Client) Tip(ctx context.Context, ref string) (forge.Tip, error) {
	if _, _, err := forge.Ref(ref); err != nil {
		return forge.Tip{}, err
	}
	var history struct {
		Values []struct{ ID, Message string }
	}
	if _, err := c.api.Get(ctx, c.repo+"/commits", url.Values{"until": {ref}, "limit": {"1"}}, &history); err != nil {
		return forge.Tip{}, err
	}
	if len(history.Values) == 0 {
		return forge.Tip{}, fmt.Errorf("%w: %s has no commit", forge.ErrNotFound, ref)
	}
	return forge.Tip{Commit: history.Values[0].ID, Message: history.Values[0].Message}, nil
}

// Files costs a call for each folder and each file.
func (c *Client) Files(ctx context.Context, commit string, folders ...string) (map[string][]byte, error) {
	var paths []string
	there := false
	for _, folder := range folders {
		err := each(ctx, c, c.repo+"/files"+rest.Path(strings.Split(folder, "/")...), url.Values{"at": {commit}}, func(below string) bool {
			if path := folder + "/" + below; forge.Pick(path, folders) {
				paths = append(paths, path)
			}
			return false
		})
		if err != nil && !errors.Is(err, forge.ErrNotFound) {
			return nil, err
		}
		there = there || err == nil
	}
	if !there { // no folder, or no commit
		if _, err := c.commit(ctx, commit); err != nil {
			return nil, err
		}
	}
	files := make(map[string][]byte, len(paths))
	for _, path := range paths {
		var err error
		if files[path], err = c.File(ctx, commit, path); err != nil {
			return nil, err
		}
	}
	return files, nil
}

func (c *Client) commit(ctx context.Context, id string) (commit, error) {
	var found commit
	_, err := c.api.Get(ctx, c.repo+"/commits"+rest.Path(id), nil, &found)
	return found, err
}

// File is forge.Client's.
func (c *Client) File(ctx context.Context, commit, path string) ([]byte, error) {
	var content []byte
	_, err := c.api.Get(ctx, c.repo+"/raw"+rest.Path(strings.Split(path, "/")...), url.Values{"at": {commit}}, &content)
	return content, err
}

// kinds are Bitbucket's words for what becomes of a file.
var kinds = map[string]string{"ADD": "added", "COPY": "copied", "MODIFY": "modified", "DELETE": "deleted", "MOVE": "renamed"}

// Changes are those of the pull request, or from Before to Commit; of the commit alone
// for a new branch or tag, and after a force-push whose old commits are gone.
func (c *Client) Changes(ctx context.Context, e *v1alpha1.Event) (forge.Changes, error) {
	type changed struct {
		Type string
		Path struct {
			Whole string `json:"toString"`
		}
	}
	var all forge.Sum
	see := func(f changed) bool {
		all.Add(f.Path.Whole, kinds[f.Type])
		return false
	}
	if e.PullRequest != nil {
		err := each(ctx, c, c.repo+"/pull-requests"+index(e.PullRequest.Number)+"/changes", url.Values{}, see)
		return all.Changes(), err
	}
	path := c.repo + "/commits" + rest.Path(e.Commit, "changes")
	err := forge.ErrNotFound
	if e.Before != "" {
		err = each(ctx, c, path, url.Values{"since": {e.Before}}, see)
	}
	if errors.Is(err, forge.ErrNotFound) {
		err = each(ctx, c, path, url.Values{}, see)
	}
	return all.Changes(), err
}

func index(n int64) string { return "/" + strconv.FormatInt(n, 10) }

// PullRequest is forge.Client's.
func (c *Client) PullRequest(ctx context.Context, number int64) (*v1alpha1.Event, error) {
	var p pull
	if _, err := c.api.Get(ctx, c.repo+"/pull-requests"+index(number), nil, &p); err != nil {
		return nil, err
	}
	return p.event(), nil
}

// MayPush knows who was given the right by name, at the repository or its project, which
// costs two calls; those who have it by a group are named as a team in spec.access.teams.
// The token has to be that of an administrator of both.
func (c *Client) MayPush(ctx context.Context, name string) (bool, error) {
	may := false
	writes := []string{"REPO_WRITE", "REPO_ADMIN", "PROJECT_WRITE", "PROJECT_ADMIN"}
	for _, path := range []string{c.repo, c.project} {
		type permission struct {
			Permission string
			User       user
		}
		err := each(ctx, c, path+"/permissions/users", url.Values{"filter": {name}}, func(p permission) bool {
			may = may || strings.EqualFold(p.User.Name, name) && slices.Contains(writes, p.Permission)
			return may
		})
		if err != nil || may {
			return may, err
		}
	}
	return false, nil
}

// InTeam is forge.Client's. A team is a group of the whole Bitbucket; before a slash in
// its name anything may stand. The token has to be that of an administrator.
func (c *Client) InTeam(ctx context.Context, team, name string) (bool, error) {
	group := team[strings.LastIndex(team, "/")+1:]
	in := false
	err := each(ctx, c, "/admin/groups/more-members", url.Values{"context": {group}, "filter": {name}}, func(u user) bool {
		in = in || strings.EqualFold(u.Name, name)
		return in
	})
	return in, err
}

// states are Bitbucket's words.
var states = map[forge.State]string{forge.StatePending: "INPROGRESS", forge.StateRunning: "INPROGRESS", forge.StateSuccess: "SUCCESSFUL",
	forge.StateFailure: "FAILED", forge.StateError: "FAILED", forge.StateCancelled: "CANCELLED"}

// SetStatus is forge.Client's.
func (c *Client) SetStatus(ctx context.Context, commit string, s forge.Status) error {
	address := s.URL
	if address == "" { // there has to be one
		address = strings.TrimSuffix(c.api.Base, "/rest/api/latest") + c.repo + "/commits" + rest.Path(commit)
	}
	body := map[string]string{"key": s.Name, "name": s.Name, "state": states[s.State], "description": forge.Cut(s.Description, maxDescription), "url": address}
	_, err := c.api.Do(ctx, rest.Call{Method: http.MethodPost, Path: c.repo + "/commits" + rest.Path(commit, "builds"), Body: body})
	return err
}

// Comment is forge.Client's.
func (c *Client) Comment(ctx context.Context, number int64, mark, body string) error {
	at := c.repo + "/pull-requests" + index(number)
	call := rest.Call{Method: http.MethodPost, Path: at + "/comments", Body: map[string]any{"text": body}}
	type activity struct {
		Action  string
		Comment struct {
			ID      int64
			Version int
			Text    string
		}
	}
	err := each(ctx, c, at+"/activities", url.Values{}, func(a activity) bool {
		found := a.Action == "COMMENTED" && strings.Contains(a.Comment.Text, mark)
		if found {
			call.Method, call.Path = http.MethodPut, at+"/comments"+index(a.Comment.ID)
			call.Body = map[string]any{"text": body, "version": a.Comment.Version}
		}
		return found
	})
	if err != nil {
		return err
	}
	_, err = c.api.Do(ctx, call)
	return err
}

// Happened reads the changes of branches and tags, each of whose messages costs a call,
// and the open pull requests. Deletions are left out: there is nothing to run on.
func (c *Client) Happened(ctx context.Context, since time.Time) ([]v1alpha1.Event, error) {
	type activity struct {
		Created int64 `json:"createdDate"`
		User    user
		Change  change `json:"refChange"`
	}
	var found []v1alpha1.Event
	err := each(ctx, c, c.repo+"/ref-change-activities", url.Values{}, func(a activity) bool {
		if time.UnixMilli(a.Created).Before(since) {
			return true
		}
		if e := a.Change.event(a.User); e.Commit != "" {
			found = append(found, e)
		}
		return false
	})
	if err != nil {
		return nil, err
	}
	slices.Reverse(found)
	for i := range found {
		head, err := c.commit(ctx, found[i].Commit)
		if err != nil && !errors.Is(err, forge.ErrNotFound) {
			return nil, err
		}
		found[i].Title, found[i].Message = forge.FirstLine(head.Message), head.Message
	}
	err = each(ctx, c, c.repo+"/pull-requests", url.Values{"state": {"OPEN"}}, func(p pull) bool {
		if time.UnixMilli(p.Updated).Before(since) {
			return false
		}
		e := p.event()
		e.PullRequest.Action = v1alpha1.PullRequestUpdated
		if !time.UnixMilli(p.Created).Before(since) {
			e.PullRequest.Action = v1alpha1.PullRequestOpened
		}
		found = append(found, *e)
		return false
	})
	return found, err
}

func (c *Client) hook(ctx context.Context, address string) (id int64, err error) {
	type hook struct {
		ID  int64
		URL string
	}
	err = each(ctx, c, c.repo+"/webhooks", url.Values{}, func(h hook) bool {
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
	call := rest.Call{Method: http.MethodPost, Path: c.repo + "/webhooks", Body: map[string]any{"name": "slipway", "url": address,
		"active": true, "events": events, "configuration": map[string]string{"secret": secret}}}
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
	_, err = c.api.Do(ctx, rest.Call{Method: http.MethodDelete, Path: c.repo + "/webhooks" + index(old)})
	return err
}
