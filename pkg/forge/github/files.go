package github

import (
	"context"
	"net/url"
	"slices"
	"strings"

	"github.com/slipway-dev/slipway/pkg/forge"
	"github.com/slipway-dev/slipway/pkg/forge/rest"
)

// batch is how many objects are read in one query.
const batch = 100

type entry struct{ Path, Mode, Type, SHA string }

// blob has no text if it is binary.
type blob struct {
	Text        *string
	IsTruncated bool
}

type tree struct {
	Tree      []entry
	Truncated bool
}

// Files lists the tree in one call and reads a hundred files in another. Of a repository
// whose tree GitHub does not list whole, each folder costs two calls instead.
func (c *Client) Files(ctx context.Context, commit string, folders ...string) (map[string][]byte, error) {
	entries, err := c.list(ctx, commit, folders)
	if err != nil {
		return nil, err
	}
	files := make(map[string][]byte, len(entries))
	for len(entries) > 0 {
		n := min(batch, len(entries))
		ids := make([]string, n)
		for i, e := range entries[:n] {
			ids[i] = e.SHA
		}
		blobs, err := objects[blob](ctx, c, ids, "... on Blob { text isTruncated }")
		if err != nil {
			return nil, err
		}
		for i, b := range blobs {
			path := entries[i].Path
			if b == nil || b.Text == nil || b.IsTruncated {
				if files[path], err = c.File(ctx, commit, path); err != nil {
					return nil, err
				}
				continue
			}
			files[path] = []byte(*b.Text)
		}
		entries = entries[n:]
	}
	return files, nil
}

func (c *Client) list(ctx context.Context, commit string, folders []string) ([]entry, error) {
	whole, err := c.tree(ctx, commit, true)
	if err != nil || !whole.Truncated {
		return pick("", whole.Tree, folders), err
	}
	var picked []entry
	for _, folder := range folders {
		sha := commit
		for part := range strings.SplitSeq(folder, "/") {
			level, err := c.tree(ctx, sha, false)
			if err != nil {
				return nil, err
			}
			i := slices.IndexFunc(level.Tree, func(e entry) bool { return e.Type == "tree" && e.Path == part })
			if i < 0 {
				sha = ""
				break
			}
			sha = level.Tree[i].SHA
		}
		if sha == "" {
			continue
		}
		t, err := c.tree(ctx, sha, true)
		if err != nil {
			return nil, err
		}
		picked = append(picked, pick(folder+"/", t.Tree, folders)...)
	}
	return picked, nil
}

// pick keeps what Files reads, by the whole path.
func pick(above string, entries []entry, folders []string) []entry {
	const link = "120000"
	var picked []entry
	for _, e := range entries {
		e.Path = above + e.Path
		if e.Type == "blob" && e.Mode != link && forge.Pick(e.Path, folders) {
			picked = append(picked, e)
		}
	}
	return picked
}

func (c *Client) tree(ctx context.Context, sha string, recursive bool) (tree, error) {
	var t tree
	q := url.Values{}
	if recursive {
		q.Set("recursive", "1")
	}
	_, err := c.api.Get(ctx, c.repo+"/git/trees"+rest.Path(sha), q, &t)
	return t, unknown(err)
}
