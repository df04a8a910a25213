package generic

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/format/packfile"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp/capability"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp/sideband"
	"github.com/go-git/go-git/v5/plumbing/transport"
	githttp "github.com/go-git/go-git/v5/plumbing/transport/http"
	"github.com/go-git/go-git/v5/storage/memory"
	"github.com/go-git/go-git/v5/utils/merkletrie"

	"github.com/slipway-dev/slipway/api/slipway/v1alpha1"
	"github.com/slipway-dev/slipway/pkg/forge"
)

const (
	// maxFetch is how much a repository may send for one call: it is held in memory.
	maxFetch = 32 << 20
	timeout  = time.Minute
)

// Client reads a repository by git over HTTP. There is nobody to tell of results or to
// ask about users.
type Client struct {
	url       string
	login     transport.AuthMethod
	transport http.RoundTripper
}

// New returns a client for the address that git clones. The token is the password of
// the user, git if that is empty.
func New(url, user string, token []byte, next http.RoundTripper) *Client {
	c := &Client{url: url, transport: next}
	if next == nil {
		c.transport = http.DefaultTransport
	}
	if user == "" {
		user = "git"
	}
	if len(token) > 0 {
		c.login = &githttp.BasicAuth{Username: user, Password: string(token)}
	}
	return c
}

// measured lets so many bytes of answers through.
type measured struct {
	next http.RoundTripper
	left atomic.Int64
}

func (m *measured) RoundTrip(r *http.Request) (*http.Response, error) {
	res, err := m.next.RoundTrip(r)
	if err == nil {
		res.Body = &measuredBody{res.Body, &m.left}
	}
	return res, err
}

type measuredBody struct {
	io.ReadCloser
	left *atomic.Int64
}

func (b *measuredBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if b.left.Add(-int64(n)) < 0 {
		return n, fmt.Errorf("the repository sends more than %d MiB", maxFetch>>20)
	}
	return n, err
}

// open asks the repository what it has.
func (c *Client) open(ctx context.Context) (transport.UploadPackSession, *packp.AdvRefs, error) {
	end, err := transport.NewEndpoint(c.url)
	if err != nil {
		return nil, nil, err
	}
	m := &measured{next: c.transport}
	m.left.Store(maxFetch)
	session, err := githttp.NewClient(&http.Client{Transport: m}).NewUploadPackSession(end, c.login)
	if err != nil {
		return nil, nil, err
	}
	refs, err := session.AdvertisedReferencesContext(ctx)
	return session, refs, c.explain(err)
}

// explain makes what git says an error of package forge.
func (c *Client) explain(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, transport.ErrAuthenticationRequired), errors.Is(err, transport.ErrAuthorizationFailed):
		return fmt.Errorf("%w: git %s: %w", forge.ErrDenied, c.url, err)
	case errors.Is(err, transport.ErrRepositoryNotFound), errors.Is(err, plumbing.ErrObjectNotFound),
		errors.Is(err, object.ErrFileNotFound), strings.Contains(err.Error(), "not our ref"):
		return fmt.Errorf("%w: git %s: %w", forge.ErrNotFound, c.url, err)
	}
	return fmt.Errorf("git %s: %w", c.url, err)
}

// trees fetches commits without their history.
func (c *Client) trees(ctx context.Context, commits ...string) ([]*object.Tree, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	session, refs, err := c.open(ctx)
	if err != nil {
		return nil, err
	}
	req := packp.NewUploadPackRequestFromCapabilities(refs.Capabilities)
	req.Depth = packp.DepthCommits(1)
	if err := req.Capabilities.Set(capability.Shallow); err != nil {
		return nil, err
	}
	for _, id := range commits {
		req.Wants = append(req.Wants, plumbing.NewHash(id))
	}
	res, err := session.UploadPack(ctx, req)
	if err != nil {
		return nil, c.explain(err)
	}
	defer func() { _ = res.Close() }()
	objects := memory.NewStorage()
	if err := packfile.UpdateObjectStorage(objects, demux(req, res)); err != nil {
		return nil, c.explain(err)
	}
	var trees []*object.Tree
	for _, id := range commits { // what is wanted was sorted
		commit, err := object.GetCommit(objects, plumbing.NewHash(id))
		if err != nil {
			return nil, c.explain(err)
		}
		tree, err := commit.Tree()
		if err != nil {
			return nil, c.explain(err)
		}
		trees = append(trees, tree)
	}
	return trees, nil
}

// demux takes the pack out of what the server sends beside it.
func demux(req *packp.UploadPackRequest, pack io.Reader) io.Reader {
	switch {
	case req.Capabilities.Supports(capability.Sideband64k):
		return sideband.NewDemuxer(sideband.Sideband64k, pack)
	case req.Capabilities.Supports(capability.Sideband):
		return sideband.NewDemuxer(sideband.Sideband, pack)
	}
	return pack
}

// Repository is forge.Client's. Whether it is private nobody says: a token means that it is.
func (c *Client) Repository(ctx context.Context) (forge.Info, error) {
	_, refs, err := c.open(ctx)
	if err != nil {
		return forge.Info{}, err
	}
	info := forge.Info{CloneURL: c.url, Private: c.login != nil}
	for _, link := range refs.Capabilities.Get(capability.SymRef) {
		if name, target, _ := strings.Cut(link, ":"); name == "HEAD" {
			info.DefaultBranch = strings.TrimPrefix(target, "refs/heads/")
		}
	}
	return info, nil
}

// Tip is forge.Client's, without a message.
func (c *Client) Tip(ctx context.Context, ref string) (forge.Tip, error) {
	if _, _, err := forge.Ref(ref); err != nil {
		return forge.Tip{}, err
	}
	_, refs, err := c.open(ctx)
	if err != nil {
		return forge.Tip{}, err
	}
	id, there := refs.Peeled[ref]
	if !there {
		id, there = refs.References[ref]
	}
	if !there {
		return forge.Tip{}, fmt.Errorf("%w: git %s has no %s", forge.ErrNotFound, c.url, ref)
	}
	return forge.Tip{Commit: id.String()}, nil
}

// Files is forge.Client's. The server has to give commits by their ids.
func (c *Client) Files(ctx context.Context, commit string, folders ...string) (map[string][]byte, error) {
	trees, err := c.trees(ctx, commit)
	if err != nil {
		return nil, err
	}
	files := map[string][]byte{}
	err = trees[0].Files().ForEach(func(f *object.File) error {
		if f.Mode == filemode.Symlink || !forge.Pick(f.Name, folders) {
			return nil
		}
		text, err := f.Contents()
		files[f.Name] = []byte(text)
		return err
	})
	return files, err
}

// File is forge.Client's.
func (c *Client) File(ctx context.Context, commit, path string) ([]byte, error) {
	trees, err := c.trees(ctx, commit)
	if err != nil {
		return nil, err
	}
	file, err := trees[0].File(path)
	if err != nil {
		return nil, c.explain(err)
	}
	text, err := file.Contents()
	return []byte(text), err
}

// Changes are those between Before and Commit, and none where Before is not known.
func (c *Client) Changes(ctx context.Context, e *v1alpha1.Event) (forge.Changes, error) {
	if e.Before == "" {
		return forge.Changes{}, nil
	}
	trees, err := c.trees(ctx, e.Before, e.Commit)
	if err != nil {
		return forge.Changes{}, err
	}
	changes, err := object.DiffTreeContext(ctx, trees[0], trees[1])
	if err != nil {
		return forge.Changes{}, err
	}
	var all forge.Sum
	for _, one := range changes {
		switch action, err := one.Action(); {
		case err != nil:
			return forge.Changes{}, err
		case action == merkletrie.Insert:
			all.Add(one.To.Name, "added")
		case action == merkletrie.Delete:
			all.Add(one.From.Name, "deleted")
		default:
			all.Add(one.To.Name, "modified")
		}
	}
	return all.Changes(), nil
}

// PullRequest is always ErrNotFound: git knows none.
func (c *Client) PullRequest(_ context.Context, number int64) (*v1alpha1.Event, error) {
	return nil, fmt.Errorf("%w: git knows no pull request %d", forge.ErrNotFound, number)
}

// MayPush is false: git does not say it.
func (*Client) MayPush(context.Context, string) (bool, error) { return false, nil }

// InTeam is false: git knows no teams.
func (*Client) InTeam(context.Context, string, string) (bool, error) { return false, nil }

// SetStatus does nothing: there is nobody to tell.
func (*Client) SetStatus(context.Context, string, forge.Status) error { return nil }

// Comment does nothing: there is nobody to tell.
func (*Client) Comment(context.Context, int64, string, string) error { return nil }

// Happened is empty: git does not say when a branch was pushed.
func (*Client) Happened(context.Context, time.Time) ([]v1alpha1.Event, error) { return nil, nil }

// EnsureHook is an error: what calls has to be told by its own means.
func (*Client) EnsureHook(_ context.Context, address, _ string) error {
	return fmt.Errorf("the provider generic has no API to make a webhook by: have your program POST to %s, with the HMAC-SHA256 of the body in the header %s",
		address, DefaultSignature)
}

// DeleteHook does nothing: none was made.
func (*Client) DeleteHook(context.Context, string) error { return nil }
