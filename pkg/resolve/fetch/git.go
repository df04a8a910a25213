package fetch

import (
	"cmp"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"path"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp"
	"github.com/go-git/go-git/v5/plumbing/transport"
	githttp "github.com/go-git/go-git/v5/plumbing/transport/http"
	"github.com/go-git/go-git/v5/storage/memory"

	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
	"github.com/slipway-dev/slipway/pkg/suggest"
)

// Git is the resolver git: it reads the file pathInRepo at the param revision, a
// branch, tag, full ref or commit, of the repository at the param url. The
// params gitToken and gitTokenKey name a Secret with a token for it.
//
// It fetches that one commit and, where the server can leave files out, no other
// file of it.
type Git struct {
	World     World
	Transport http.RoundTripper
}

// Origin is the host of the repository.
func (Git) Origin(p Params) string { return host(p["url"]) }

// Immutable reports whether the revision is a commit.
func (Git) Immutable(p Params) bool { return isCommit(p["revision"]) && p["url"] != "" }

func isCommit(revision string) bool {
	raw, err := hex.DecodeString(revision)
	return err == nil && len(raw) == 20
}

// Fetch reads the file.
func (g Git) Fetch(ctx context.Context, q Query) (*Document, error) {
	settings, err := g.World.Settings(ctx, "git-resolver-config")
	if err != nil {
		return nil, passing{err}
	}
	ctx, cancel, err := limited(ctx, settings)
	if err != nil {
		return nil, err
	}
	defer cancel()
	where, err := placeOf(q.Params, settings)
	if err != nil {
		return nil, err
	}
	r, err := g.open(ctx, q, where.url)
	if err != nil {
		return nil, err
	}
	commit, err := r.commit(where.revision)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", where.url, err)
	}
	content, err := r.read(ctx, commit, where.file)
	if err != nil {
		return nil, fmt.Errorf("%s at %s: %w", where.url, where.revision, inGit(err))
	}
	return &Document{Content: content, Source: &v1.RefSource{
		URI: "git+" + where.url, Digest: map[string]string{"sha1": commit.String()}, EntryPoint: where.file}}, nil
}

// place is a file in a repository at a revision.
type place struct{ url, revision, file string }

func placeOf(p Params, settings map[string]string) (place, error) {
	where := place{url: cmp.Or(p["url"], settings["default-url"]), revision: cmp.Or(p["revision"], settings["default-revision"], "main")}
	if where.url == "" && p["repo"] != "" {
		return where, errors.New("param repo: repositories are not looked up by the API of a forge: give the param url")
	}
	if where.url == "" {
		if _, err := p.need("url"); err != nil {
			return where, err
		}
	}
	u, err := webURL(where.url)
	if err != nil {
		return where, err
	}
	if u.User != nil {
		return where, errors.New("param url: holds a user or password, which everyone may read in the run: put it into a secret and name that by gitToken")
	}
	file, err := p.need("pathInRepo")
	if err != nil {
		return where, err
	}
	where.file = strings.TrimPrefix(path.Clean("/"+file), "/")
	return where, nil
}

// open asks the repository what it has.
func (g Git) open(ctx context.Context, q Query, address string) (*repository, error) {
	end, err := transport.NewEndpoint(address)
	if err != nil {
		return nil, fmt.Errorf("param url: %q: %w", address, err)
	}
	var login transport.AuthMethod
	if q.Params["gitToken"] != "" {
		token, err := secretValue(ctx, g.World, q, "gitToken", cmp.Or(q.Params["gitTokenKey"], "token"))
		if err != nil {
			return nil, err
		}
		login = &githttp.BasicAuth{Username: "git", Password: token}
	}
	client := &http.Client{Transport: &measured{g.Transport, maxFetch}}
	session, err := githttp.NewClient(client).NewUploadPackSession(end, login)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", address, err)
	}
	refs, err := session.AdvertisedReferencesContext(ctx)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", address, inGit(err))
	}
	return &repository{session: session, refs: refs, objects: memory.NewStorage()}, nil
}

// inGit says what an error of the transport means.
func inGit(err error) error {
	var said *githttp.Err
	switch {
	case errors.Is(err, transport.ErrRepositoryNotFound):
		return errors.New("no such repository, or it is private: check the param url, or name a secret by gitToken")
	case errors.Is(err, transport.ErrAuthenticationRequired), errors.Is(err, transport.ErrAuthorizationFailed):
		return errors.New("the server wants to know who asks: name a secret with a valid token by gitToken")
	case errors.As(err, &said):
		return status(said.Response)
	case errors.Is(err, errTooMuch):
		return errTooMuch
	}
	if u := new(url.Error); errors.As(err, &u) {
		return connection(u)
	}
	return err
}

// repository is one on a server, of which little is here.
type repository struct {
	session transport.UploadPackSession
	refs    *packp.AdvRefs
	objects *memory.Storage
	// tip says that a ref points to the commit that was asked for.
	tip bool
}

// commit finds what the revision names now.
func (r *repository) commit(revision string) (plumbing.Hash, error) {
	r.tip = true
	if revision == "HEAD" && r.refs.Head != nil {
		return *r.refs.Head, nil
	}
	for _, prefix := range []string{"", "refs/heads/", "refs/tags/", "refs/"} {
		if hash, ok := r.refs.Peeled[prefix+revision]; ok {
			return hash, nil
		}
		if hash, ok := r.refs.References[prefix+revision]; ok {
			return hash, nil
		}
	}
	if isCommit(revision) {
		hash := plumbing.NewHash(revision)
		r.tip = false
		for _, at := range r.refs.References {
			r.tip = r.tip || at == hash
		}
		return hash, nil
	}
	var known []string
	for ref := range r.refs.References {
		known = append(known, strings.TrimPrefix(strings.TrimPrefix(ref, "refs/heads/"), "refs/tags/"))
	}
	return plumbing.ZeroHash, fmt.Errorf("no branch, tag or commit %q%s", revision, suggest.DidYouMean(revision, known))
}

// read returns the file as the commit has it.
func (r *repository) read(ctx context.Context, commit plumbing.Hash, file string) ([]byte, error) {
	if err := r.fetch(ctx, commit); err != nil {
		return nil, err
	}
	c, err := object.GetCommit(r.objects, commit)
	if err != nil {
		return nil, fmt.Errorf("commit %s: %w", commit, err)
	}
	tree, err := c.Tree()
	if err != nil {
		return nil, err
	}
	entry, err := tree.FindEntry(file)
	if err != nil {
		return nil, fmt.Errorf("no file %q%s", file, suggest.DidYouMean(file, filesOf(tree)))
	}
	if !entry.Mode.IsFile() {
		return nil, fmt.Errorf("%s is not a file", file)
	}
	blob, err := r.blob(ctx, entry.Hash)
	if err != nil {
		return nil, err
	}
	reader, err := blob.Reader()
	if err != nil {
		return nil, err
	}
	defer func() { _ = reader.Close() }()
	content, err := readAll(reader)
	if err != nil {
		return nil, fmt.Errorf("%s %w", file, err)
	}
	return content, nil
}

// filesOf lists some files of the tree, for a suggestion.
func filesOf(tree *object.Tree) []string {
	const enough = 2000
	walk := object.NewTreeWalker(tree, true, nil)
	defer walk.Close()
	var names []string
	for len(names) < enough {
		name, entry, err := walk.Next()
		if err != nil {
			break
		}
		if entry.Mode.IsFile() {
			names = append(names, name)
		}
	}
	return names
}
