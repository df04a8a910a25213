package fetch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync/atomic"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/format/packfile"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp/capability"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp/sideband"
)

// maxFetch is how much a repository may send for one file, in bytes: a server
// that cannot leave out the other files of the commit sends all of them, and
// they are held in memory.
const maxFetch = 32 << 20

var errTooMuch = fmt.Errorf("the repository sends more than %d MiB for one commit: use a smaller one, or a server that can leave files out", maxFetch>>20)

// measured lets so many bytes of answers through.
type measured struct {
	next http.RoundTripper
	left int64
}

func (m *measured) RoundTrip(r *http.Request) (*http.Response, error) {
	answer, err := m.next.RoundTrip(r)
	if err == nil {
		answer.Body = &measuredBody{answer.Body, &m.left}
	}
	return answer, err
}

type measuredBody struct {
	io.ReadCloser
	left *int64
}

func (b *measuredBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if over := -atomic.AddInt64(b.left, -int64(n)); over > 0 {
		// Who gets all that he wants in one piece would not ask for the error.
		return int(max(0, int64(n)-over)), errTooMuch
	}
	return n, err
}

// fetch gets the commit: without its files, where the server gives them one by
// one; without its history, unless it can only be found by that.
func (r *repository) fetch(ctx context.Context, commit plumbing.Hash) error {
	request := r.request(commit)
	if !r.tip && !r.anyCommit() {
		request.Wants = nil
		for _, tip := range r.refs.References {
			request.Wants = append(request.Wants, tip)
		}
		return r.unpack(ctx, request)
	}
	if r.can(capability.Shallow) {
		request.Depth = packp.DepthCommits(1)
		_ = request.Capabilities.Set(capability.Shallow)
	}
	if r.can(capability.Filter) && r.anyCommit() {
		request.Filter = packp.FilterBlobNone()
		_ = request.Capabilities.Set(capability.Filter)
	}
	return r.unpack(ctx, request)
}

// blob gets the content of a file that fetch has left out.
func (r *repository) blob(ctx context.Context, hash plumbing.Hash) (*object.Blob, error) {
	if blob, err := object.GetBlob(r.objects, hash); err == nil {
		return blob, nil
	}
	if err := r.unpack(ctx, r.request(hash)); err != nil {
		return nil, err
	}
	return object.GetBlob(r.objects, hash)
}

func (r *repository) request(want plumbing.Hash) *packp.UploadPackRequest {
	request := packp.NewUploadPackRequestFromCapabilities(r.refs.Capabilities)
	request.Wants = []plumbing.Hash{want}
	if r.can(capability.NoProgress) {
		_ = request.Capabilities.Set(capability.NoProgress)
	}
	return request
}

func (r *repository) can(c capability.Capability) bool { return r.refs.Capabilities.Supports(c) }

// anyCommit reports whether the server gives out what no ref points to.
func (r *repository) anyCommit() bool {
	return r.can(capability.AllowReachableSHA1InWant)
}

// unpack stores what the server sends.
func (r *repository) unpack(ctx context.Context, request *packp.UploadPackRequest) (err error) {
	answer, err := r.session.UploadPack(ctx, request)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, answer.Close()) }()
	var pack io.Reader = answer
	switch {
	case request.Capabilities.Supports(capability.Sideband64k):
		pack = sideband.NewDemuxer(sideband.Sideband64k, answer)
	case request.Capabilities.Supports(capability.Sideband):
		pack = sideband.NewDemuxer(sideband.Sideband, answer)
	}
	return packfile.UpdateObjectStorage(r.objects, pack)
}
