package gitea

import (
	"context"
	"encoding/base64"
	"encoding/json"
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

const (
	// page is the most that a Gitea lists at once unless its owner says otherwise.
	page = 50
	// batch is how many files are asked for at once: the default of a page, which
	// bounds the answer too.
	batch = 30
	// maxPaths bounds, in bytes, their paths, which are in the address: proxies in front
	// of a forge take no long ones.
	maxPaths = 4 << 10
)

// Client asks Gitea or Forgejo about one repository.
type Client struct {
	api  rest.Client
	repo string
}

// New returns a client for owner/name at an API such as https://HOST/api/v1. An empty
// token asks as anybody. The transport is that of rest.Client.
func New(api, owner, name string, token []byte, transport http.RoundTripper) *Client {
	c := &Client{api: rest.Client{Base: api, Header: http.Header{}, Transport: transport}, repo: rest.Path("repos", owner, name)}
	if len(token) > 0 {
		c.api.Header.Set("Authorization", "token "+string(token))
	}
	return c
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
	query := url.Values{"stat": {"false"}, "verification": {"false"}, "files": {"false"}}
	_, err := c.api.Get(ctx, c.repo+"/git/commits"+rest.Path(ref), query, &found)
	return forge.Tip{Commit: found.SHA, Message: found.Commit.Message}, err
}

// Files lists the tree, which is one call for each thousand of its entries down to
// the last folder, and reads thirty files a call. A Forgejo or a Gitea before 1.24 is
// asked for each file.
func (c *Client) Files(ctx context.Context, commit string, folders ...string) (map[string][]byte, error) {
	paths, err := c.list(ctx, commit, folders)
	if err != nil {
		return nil, err
	}
	files := make(map[string][]byte, len(paths))
	for len(paths) > 0 {
		n := some(paths)
		got, err := c.contents(ctx, commit, paths[:n])
		if errors.Is(err, forge.ErrNotFound) { // the commit is there: the route is not
			return files, c.oneByOne(ctx, commit, paths, files)
		}
		if err != nil {
			return nil, err
		}
		if len(got) == 0 {
			return nil, fmt.Errorf("the forge gives none of %d files at commit %s, %s the first", n, commit, paths[0])
		}
		for i, content := range got {
			if content == nil { // too large for a batch
				if content, err = c.File(ctx, commit, paths[i]); err != nil {
					return nil, err
				}
			}
			files[paths[i]] = content
		}
		paths = paths[len(got):]
	}
	return files, nil
}

// some is how many of the paths are asked for at once.
func some(paths []string) int {
	size := 0
	for i, path := range paths[:min(batch, len(paths))] {
		if size += len(path); size > maxPaths {
			return max(i, 1)
		}
	}
	return min(batch, len(paths))
}

func (c *Client) oneByOne(ctx context.Context, commit string, paths []string, into map[string][]byte) error {
	for _, path := range paths {
		content, err := c.File(ctx, commit, path)
		if err != nil {
			return err
		}
		into[path] = content
	}
	return nil
}

func (c *Client) list(ctx context.Context, commit string, folders []string) ([]string, error) {
	var paths []string
	for n := 1; ; n++ {
		var tree struct {
			Entries []struct {
				Path, Type string
				Mode       string
			} `json:"tree"`
			Truncated bool
		}
		query := url.Values{"recursive": {"true"}, "page": {strconv.Itoa(n)}}
		if _, err := c.api.Get(ctx, c.repo+"/git/trees"+rest.Path(commit), query, &tree); err != nil {
			return nil, noCommit(err)
		}
		last := ""
		for _, e := range tree.Entries {
			const link = "120000"
			if e.Type != "blob" {
				continue
			}
			if last = e.Path; e.Mode != link && forge.Pick(e.Path, folders) {
				paths = append(paths, e.Path)
			}
		}
		if !tree.Truncated || beyond(last, folders) {
			return paths, nil
		}
	}
}

// beyond says whether nothing of the folders comes after a file: git sorts them by path.
func beyond(file string, folders []string) bool {
	for _, folder := range folders {
		if file < strings.Trim(folder, "/")+"0" { // what follows the slash
			return false
		}
	}
	return true
}

// noCommit is for routes of a commit that answer 400 for one that is not there.
func noCommit(err error) error {
	var e *rest.Error
	if errors.As(err, &e) && e.Status == http.StatusBadRequest {
		return fmt.Errorf("%w: %w", forge.ErrNotFound, err)
	}
	return err
}

// contents reads some of the files, from the first on. One that is too large is nil.
func (c *Client) contents(ctx context.Context, commit string, paths []string) ([][]byte, error) {
	body, err := json.Marshal(map[string]any{"files": paths})
	if err != nil {
		return nil, err
	}
	var files []*struct {
		Path     string
		Content  *string
		Encoding *string
	}
	query := url.Values{"ref": {commit}, "body": {string(body)}}
	if _, err := c.api.Get(ctx, c.repo+"/file-contents", query, &files); err != nil {
		return nil, err
	}
	var contents [][]byte
	for i, f := range files {
		switch {
		case i >= len(paths) || f == nil || f.Path != paths[i]:
			return nil, fmt.Errorf("the forge does not give the file %s of commit %s", paths[min(i, len(paths)-1)], commit)
		case f.Content == nil || f.Encoding == nil || *f.Encoding != "base64":
			contents = append(contents, nil)
			continue
		}
		data, err := base64.StdEncoding.DecodeString(*f.Content)
		if err != nil {
			return nil, fmt.Errorf("the file %s of commit %s: %w", f.Path, commit, err)
		}
		contents = append(contents, data)
	}
	return contents, nil
}

// File is forge.Client's.
func (c *Client) File(ctx context.Context, commit, path string) ([]byte, error) {
	var content []byte
	_, err := c.api.Get(ctx, c.repo+"/raw"+rest.Path(strings.Split(path, "/")...), url.Values{"ref": {commit}}, &content)
	return content, err
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

// MayPush is forge.Client's. The token has to be that of an administrator of the repository.
func (c *Client) MayPush(ctx context.Context, user string) (bool, error) {
	var p struct{ Permission string }
	_, err := c.api.Get(ctx, c.repo+"/collaborators"+rest.Path(user, "permission"), nil, &p)
	if errors.Is(err, forge.ErrNotFound) {
		return false, nil
	}
	return p.Permission == "write" || p.Permission == "admin" || p.Permission == "owner", err
}

// InTeam is forge.Client's. The token has to be that of a member of the organisation.
func (c *Client) InTeam(ctx context.Context, team, user string) (bool, error) {
	org, name, ok := strings.Cut(team, "/")
	if !ok {
		return false, fmt.Errorf("the team %q is not ORGANISATION/TEAM", team)
	}
	type known struct {
		ID   int64
		Name string
	}
	var id int64
	err := c.pages(ctx, rest.Path("orgs", org, "teams"), nil, func(data []byte) (int, bool, error) {
		var teams []known
		if err := json.Unmarshal(data, &teams); err != nil {
			return 0, false, err
		}
		for _, t := range teams {
			if strings.EqualFold(t.Name, name) {
				id = t.ID
			}
		}
		return len(teams), id != 0, nil
	})
	switch {
	case err != nil:
		return false, err
	case id == 0:
		return false, fmt.Errorf("%w: the organisation %s has no team %q", forge.ErrNotFound, org, name)
	}
	_, err = c.api.Get(ctx, "/teams"+index(id)+rest.Path("members", user), nil, nil)
	if errors.Is(err, forge.ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

// states are Gitea's words. What is cancelled is a warning: that neither lets a pull
// request through nor looks like a failure of its author.
var states = map[forge.State]string{forge.StatePending: "pending", forge.StateRunning: "pending", forge.StateSuccess: "success",
	forge.StateFailure: "failure", forge.StateError: "error", forge.StateCancelled: "warning"}

// SetStatus is forge.Client's.
func (c *Client) SetStatus(ctx context.Context, commit string, s forge.Status) error {
	body := map[string]string{"context": s.Name, "state": states[s.State], "description": s.Description, "target_url": s.URL}
	_, err := c.api.Do(ctx, rest.Call{Method: http.MethodPost, Path: c.repo + "/statuses" + rest.Path(commit), Body: body})
	return err
}

// Comment is forge.Client's.
func (c *Client) Comment(ctx context.Context, number int64, mark, body string) error {
	var comments []struct {
		ID   int64
		Body string
	}
	list := c.repo + "/issues" + index(number) + "/comments"
	if _, err := c.api.Get(ctx, list, nil, &comments); err != nil {
		return err
	}
	call := rest.Call{Method: http.MethodPost, Path: list, Body: map[string]string{"body": body}}
	for _, old := range comments {
		if strings.Contains(old.Body, mark) {
			call.Method, call.Path = http.MethodPatch, c.repo+"/issues/comments"+index(old.ID)
		}
	}
	_, err := c.api.Do(ctx, call)
	return err
}

type hook struct {
	ID     int64
	Config struct{ URL string }
}

func (c *Client) hook(ctx context.Context, address string) (*hook, error) {
	var found *hook
	err := c.pages(ctx, c.repo+"/hooks", nil, func(data []byte) (int, bool, error) {
		var hooks []hook
		if err := json.Unmarshal(data, &hooks); err != nil {
			return 0, false, err
		}
		for i := range hooks {
			if hooks[i].Config.URL == address {
				found = &hooks[i]
			}
		}
		return len(hooks), found != nil, nil
	})
	return found, err
}

// EnsureHook is forge.Client's.
func (c *Client) EnsureHook(ctx context.Context, address, secret string) error {
	old, err := c.hook(ctx, address)
	if err != nil {
		return err
	}
	config := map[string]string{"url": address, "content_type": "json", "secret": secret}
	call := rest.Call{Method: http.MethodPost, Path: c.repo + "/hooks",
		Body: map[string]any{"type": "gitea", "active": true, "events": events, "config": config}}
	if old != nil {
		call.Method, call.Path = http.MethodPatch, call.Path+index(old.ID)
		call.Body = map[string]any{"active": true, "events": events, "config": config}
	}
	_, err = c.api.Do(ctx, call)
	return err
}

// DeleteHook is forge.Client's.
func (c *Client) DeleteHook(ctx context.Context, address string) error {
	old, err := c.hook(ctx, address)
	if err != nil || old == nil {
		return err
	}
	_, err = c.api.Do(ctx, rest.Call{Method: http.MethodDelete, Path: c.repo + "/hooks" + index(old.ID)})
	return err
}
