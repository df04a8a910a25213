package cloud

import (
	"context"
	"crypto/sha1"
	"encoding/base64"
	"encoding/hex"
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
	page      = "100"
	pullPage  = "50"
	maxKey    = 40
	maxFolder = "10" // levels of folders that are listed
)

// Client asks Bitbucket Cloud about one repository.
type Client struct {
	api       rest.Client
	workspace string
	name      string
	repo      string
}

// Login is how a client shows who it is: a token alone, or with the name it belongs to.
type Login struct {
	User  string
	Token []byte
}

// New returns a client for workspace/name at an API such as https://api.bitbucket.org/2.0.
// The transport is that of rest.Client.
func New(api, workspace, name string, login Login, transport http.RoundTripper) *Client {
	h := http.Header{}
	switch {
	case login.User != "":
		h.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(login.User+":"+string(login.Token))))
	case len(login.Token) > 0:
		h.Set("Authorization", "Bearer "+string(login.Token))
	}
	return &Client{api: rest.Client{Base: api, Header: h, Transport: transport}, workspace: workspace, name: name,
		repo: rest.Path("repositories", workspace, name)}
}

// each reads a list page after page until see has enough.
func each[T any](ctx context.Context, c *Client, path string, query url.Values, see func(T) (enough bool)) error {
	for query != nil {
		var list struct {
			Values []T
			Next   string
		}
		if _, err := c.api.Get(ctx, path, query, &list); err != nil {
			return err
		}
		if slices.ContainsFunc(list.Values, see) {
			return nil
		}
		query = nil
		if u, err := url.Parse(list.Next); err == nil && list.Next != "" {
			query = u.Query()
		}
	}
	return nil
}

// Repository is forge.Client's.
func (c *Client) Repository(ctx context.Context) (forge.Info, error) {
	var r struct {
		MainBranch struct{ Name string }
		Private    bool `json:"is_private"`
		Links      struct {
			Clone []struct{ Name, Href string }
		}
	}
	_, err := c.api.Get(ctx, c.repo, nil, &r)
	info := forge.Info{DefaultBranch: r.MainBranch.Name, Private: r.Private}
	for _, l := range r.Links.Clone {
		// It names the user that asks, whom others are not.
		if u, err := url.Parse(l.Href); err == nil && l.Name == "https" {
			u.User = nil
			info.CloneURL = u.String()
		}
	}
	return info, err
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
		Target struct{ Hash, Message string }
	}
	_, err = c.api.Get(ctx, c.repo+"/refs/"+list+rest.Path(name), nil, &found)
	return forge.Tip{Commit: found.Target.Hash, Message: found.Target.Message}, err
}

// Files costs a call for each folder and each file.
func (c *Client) Files(ctx context.Context, commit string, folders ...string) (map[string][]byte, error) {
	var paths []string
	there := false
	for _, folder := range folders {
		type entry struct {
			Type, Path string
			Attributes []string
		}
		query := url.Values{"max_depth": {maxFolder}, "pagelen": {page}}
		err := each(ctx, c, c.src(commit, folder)+"/", query, func(e entry) bool {
			if e.Type == "commit_file" && !slices.Contains(e.Attributes, "link") && forge.Pick(e.Path, folders) {
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
		if _, err := c.api.Get(ctx, c.repo+"/commit"+rest.Path(commit), nil, nil); err != nil {
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

func (c *Client) src(commit, path string) string {
	return c.repo + "/src" + rest.Path(commit) + rest.Path(strings.Split(path, "/")...)
}

// File is forge.Client's.
func (c *Client) File(ctx context.Context, commit, path string) ([]byte, error) {
	var content []byte
	_, err := c.api.Get(ctx, c.src(commit, path), nil, &content)
	return content, err
}

// Changes are those of the pull request, or from Before to Commit; of the commit alone
// for a new branch or tag, and after a force-push whose old commits are gone.
func (c *Client) Changes(ctx context.Context, e *v1alpha1.Event) (forge.Changes, error) {
	type stat struct {
		Status   string
		New, Old *struct{ Path string }
	}
	var all forge.Sum
	see := func(s stat) bool {
		switch {
		case s.New != nil:
			all.Add(s.New.Path, s.Status)
		case s.Old != nil:
			all.Add(s.Old.Path, s.Status)
		}
		return false
	}
	query := url.Values{"pagelen": {page}}
	if e.PullRequest != nil {
		err := each(ctx, c, c.repo+"/pullrequests"+index(e.PullRequest.Number)+"/diffstat", query, see)
		return all.Changes(), err
	}
	err := forge.ErrNotFound
	if e.Before != "" { // what is new comes first here
		err = each(ctx, c, c.repo+"/diffstat"+rest.Path(e.Commit+".."+e.Before), query, see)
	}
	if errors.Is(err, forge.ErrNotFound) {
		err = each(ctx, c, c.repo+"/diffstat"+rest.Path(e.Commit), query, see)
	}
	return all.Changes(), err
}

func index(n int64) string { return "/" + strconv.FormatInt(n, 10) }

// PullRequest costs two calls, as the first says only half of the commit's id.
func (c *Client) PullRequest(ctx context.Context, number int64) (*v1alpha1.Event, error) {
	var p pull
	if _, err := c.api.Get(ctx, c.repo+"/pullrequests"+index(number), nil, &p); err != nil {
		return nil, err
	}
	return c.complete(ctx, &p)
}

func (c *Client) complete(ctx context.Context, p *pull) (*v1alpha1.Event, error) {
	e := p.event()
	repo := c.repo
	if r := p.Source.Repository; r != nil {
		repo = "/repositories" + rest.Path(strings.Split(r.FullName, "/")...)
	}
	var head struct{ Hash string }
	_, err := c.api.Get(ctx, repo+"/commit"+rest.Path(p.Source.Commit.Hash), nil, &head)
	e.Commit = head.Hash
	return e, err
}

// MayPush costs one call a hundred who may.
func (c *Client) MayPush(ctx context.Context, user string) (bool, error) {
	type permission struct {
		Permission string
		User       struct {
			AccountID string `json:"account_id"`
		}
	}
	may := false
	query := url.Values{"q": {`permission>"read"`}, "pagelen": {page}}
	err := each(ctx, c, rest.Path("workspaces", c.workspace, "permissions", "repositories", c.name), query, func(p permission) bool {
		may = p.User.AccountID == user && (p.Permission == "write" || p.Permission == "admin")
		return may
	})
	return may, err
}

// InTeam is always ErrNotFound: Bitbucket Cloud tells nobody who is in a group.
func (c *Client) InTeam(context.Context, string, string) (bool, error) {
	return false, fmt.Errorf("%w: Bitbucket Cloud has no API for the members of groups; name users in spec.access.users", forge.ErrNotFound)
}

// states are Bitbucket's words.
var states = map[forge.State]string{forge.StatePending: "INPROGRESS", forge.StateRunning: "INPROGRESS", forge.StateSuccess: "SUCCESSFUL",
	forge.StateFailure: "FAILED", forge.StateError: "FAILED", forge.StateCancelled: "STOPPED"}

// SetStatus is forge.Client's. A name that is too long for the key gives its digest.
func (c *Client) SetStatus(ctx context.Context, commit string, s forge.Status) error {
	key := s.Name
	if len(key) > maxKey {
		sum := sha1.Sum([]byte(key))
		key = hex.EncodeToString(sum[:])
	}
	address := s.URL
	if address == "" { // there has to be one
		address = "https://bitbucket.org" + rest.Path(c.workspace, c.name, "commits", commit)
	}
	body := map[string]string{"key": key, "name": s.Name, "state": states[s.State], "description": s.Description, "url": address}
	_, err := c.api.Do(ctx, rest.Call{Method: http.MethodPost, Path: c.repo + "/commit" + rest.Path(commit, "statuses", "build"), Body: body})
	return err
}

type content struct {
	Raw string `json:"raw"`
}

// Comment is forge.Client's.
func (c *Client) Comment(ctx context.Context, number int64, mark, body string) error {
	list := c.repo + "/pullrequests" + index(number) + "/comments"
	call := rest.Call{Method: http.MethodPost, Path: list, Body: map[string]content{"content": {body}}}
	type comment struct {
		ID      int64
		Content content
		Deleted bool
	}
	err := each(ctx, c, list, url.Values{"pagelen": {page}}, func(old comment) bool {
		found := !old.Deleted && strings.Contains(old.Content.Raw, mark)
		if found {
			call.Method, call.Path = http.MethodPut, list+index(old.ID)
		}
		return found
	})
	if err != nil {
		return err
	}
	_, err = c.api.Do(ctx, call)
	return err
}

// Happened reads the branches and tags whose commit is of after the time, as Bitbucket
// keeps no list of pushes, and the open pull requests, each of which costs a call more.
func (c *Client) Happened(ctx context.Context, since time.Time) ([]v1alpha1.Event, error) {
	at := since.Truncate(time.Second).UTC().Format("2006-01-02T15:04:05-07:00")
	var found []v1alpha1.Event
	query := url.Values{"q": {"target.date >= " + at}, "sort": {"target.date"}, "pagelen": {page}}
	err := each(ctx, c, c.repo+"/refs", query, func(r ref) bool {
		e := r.event()
		e.Sender = r.Target.Author.User.AccountID
		found = append(found, e)
		return false
	})
	if err != nil {
		return nil, err
	}
	var pulls []pull
	query = url.Values{"state": {"OPEN"}, "q": {"updated_on >= " + at}, "pagelen": {pullPage}}
	err = each(ctx, c, c.repo+"/pullrequests", query, func(p pull) bool {
		pulls = append(pulls, p)
		return false
	})
	for i := range pulls {
		e, err := c.complete(ctx, &pulls[i])
		if err != nil {
			return nil, err
		}
		e.PullRequest.Action = v1alpha1.PullRequestUpdated
		if created, err := time.Parse(time.RFC3339, pulls[i].Created); err == nil && !created.Before(since) {
			e.PullRequest.Action = v1alpha1.PullRequestOpened
		}
		found = append(found, *e)
	}
	return found, err
}

func (c *Client) hook(ctx context.Context, address string) (uid string, err error) {
	type hook struct{ UUID, URL string }
	err = each(ctx, c, c.repo+"/hooks", url.Values{"pagelen": {page}}, func(h hook) bool {
		if h.URL == address {
			uid = h.UUID
		}
		return uid != ""
	})
	return uid, err
}

// EnsureHook is forge.Client's.
func (c *Client) EnsureHook(ctx context.Context, address, secret string) error {
	old, err := c.hook(ctx, address)
	if err != nil {
		return err
	}
	call := rest.Call{Method: http.MethodPost, Path: c.repo + "/hooks", Body: map[string]any{"description": "slipway", "url": address,
		"secret": secret, "active": true, "events": events}}
	if old != "" {
		call.Method, call.Path = http.MethodPut, call.Path+rest.Path(old)
	}
	_, err = c.api.Do(ctx, call)
	return err
}

// DeleteHook is forge.Client's.
func (c *Client) DeleteHook(ctx context.Context, address string) error {
	old, err := c.hook(ctx, address)
	if err != nil || old == "" {
		return err
	}
	_, err = c.api.Do(ctx, rest.Call{Method: http.MethodDelete, Path: c.repo + "/hooks" + rest.Path(old)})
	return err
}
