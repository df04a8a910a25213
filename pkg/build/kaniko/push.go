package kaniko

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/osscontainertools/kaniko/pkg/config"
	"github.com/osscontainertools/kaniko/pkg/creds"
	"github.com/osscontainertools/kaniko/pkg/util"

	"github.com/slipway-dev/slipway/pkg/build"
)

// push writes the image to the destination. Layers that are already in another repository of the same registry, such as
// those that come from the cache, are mounted there instead of sent.
func push(ctx context.Context, destination string, img v1.Image, opts config.RegistryOptions) (build.Push, error) {
	begun := time.Now()
	ref, err := destinationTag(destination, opts)
	if err != nil {
		return build.Push{}, err
	}
	transport, err := util.MakeTransport(opts, ref.RegistryStr())
	if err != nil {
		return build.Push{}, err
	}
	sizes, err := layerSizes(img)
	if err != nil {
		return build.Push{}, err
	}
	meter := &meter{next: transport, sizes: sizes}
	err = remote.Write(ref, img, remote.WithContext(ctx), remote.WithTransport(meter),
		remote.WithAuthFromKeychain(creds.GetKeychain(&opts)), remote.WithUserAgent("slipway-builder"))
	return build.Push{Sent: meter.sent.Load(), Mounted: meter.mounted.Load(), Time: time.Since(begun)}, err
}

func destinationTag(destination string, opts config.RegistryOptions) (name.Tag, error) {
	ref, err := name.NewTag(destination, name.WeakValidation)
	if err != nil {
		return name.Tag{}, err
	}
	if opts.InsecureRegistries.Contains(ref.RegistryStr()) {
		return name.NewTag(destination, name.WeakValidation, name.Insecure)
	}
	return ref, nil
}

func layerSizes(img v1.Image) (map[string]int64, error) {
	manifest, err := img.Manifest()
	if err != nil {
		return nil, fmt.Errorf("image manifest: %w", err)
	}
	sizes := map[string]int64{}
	for _, l := range manifest.Layers {
		sizes[l.Digest.String()] = l.Size
	}
	return sizes, nil
}

// meter counts the bytes of uploads and the sizes of layers that the registry mounted.
type meter struct {
	next          http.RoundTripper
	sizes         map[string]int64
	sent, mounted atomic.Int64
}

// RoundTrip implements http.RoundTripper.
func (m *meter) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil && strings.Contains(r.URL.Path, "/blobs/uploads/") {
		r = r.Clone(r.Context())
		r.Body = &countedBody{ReadCloser: r.Body, n: &m.sent}
	}
	response, err := m.next.RoundTrip(r)
	if err == nil && r.Method == http.MethodPost && response.StatusCode == http.StatusCreated {
		m.mounted.Add(m.sizes[r.URL.Query().Get("mount")])
	}
	return response, err
}

type countedBody struct {
	io.ReadCloser
	n *atomic.Int64
}

func (c *countedBody) Read(p []byte) (int, error) {
	n, err := c.ReadCloser.Read(p)
	c.n.Add(int64(n))
	return n, err
}
