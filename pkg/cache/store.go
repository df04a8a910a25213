package cache

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync/atomic"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/slipway-dev/slipway/pkg/cache/key"
)

// What a cache is in a registry: an OCI image manifest of this artifact type, whose layers are the packs in their order.
const (
	ArtifactType = "application/vnd.slipway.cache.v1"
	packType     = "application/vnd.slipway.cache.pack.v1.tar+zstd"
	emptyType    = "application/vnd.oci.empty.v1+json"
)

// Annotations of the manifest.
const (
	AnnotationCreated = "org.opencontainers.image.created"
	AnnotationKey     = "dev.slipway.cache.key"
	// AnnotationFolders is a JSON list of the folders' names.
	AnnotationFolders = "dev.slipway.cache.folders"
	AnnotationScope   = "dev.slipway.cache.scope"
	// AnnotationBytes is the size of the files, unpacked.
	AnnotationBytes = "dev.slipway.cache.bytes"
)

// PullRequests is what follows the repository's name where pull requests keep their caches.
const PullRequests = "pull-requests"

// blobMax is the most that a compressed pack has: more than archive.PackMax, as what cannot be compressed grows a little.
const blobMax = 40 << 20

// blobTimeout is what one pack may take on its way.
const blobTimeout = 5 * time.Minute

// errDamaged is wrapped by the error of a cache that is not what was saved.
var errDamaged = errors.New("the cache is damaged")

// store is the caches of the same folders in one repository, or two.
type store struct {
	// places are where to read; the first is where to write.
	places []place
	puller *remote.Puller
	pusher *remote.Pusher
	pause  time.Duration
}

type place struct {
	repository name.Repository
	space      string
}

// openStore reads the names; it asks no registry.
func openStore(o Options) (*store, error) {
	var options []name.Option
	if o.Insecure {
		options = append(options, name.Insecure)
	}
	repository, err := name.NewRepository(o.Repository, options...)
	if err != nil {
		return nil, usagef("repository %q is not REGISTRY/REPOSITORY", o.Repository)
	}
	names := folderNames(o.Folders)
	s := &store{places: []place{{repository, key.Space("", names)}}, pause: o.pause}
	if o.Scope != "" {
		own := place{repository.Registry.Repo(repository.RepositoryStr(), PullRequests), key.Space(o.Scope, names)}
		s.places = []place{own, s.places[0]}
	}
	common := []remote.Option{remote.WithAuthFromKeychain(authn.DefaultKeychain), remote.WithJobs(workers()),
		remote.WithTransport(steady{next: o.Transport, pause: o.pause}), remote.WithRetryBackoff(remote.Backoff{Steps: 1}),
		remote.WithUserAgent("slipway-cache")}
	if s.puller, err = remote.NewPuller(common...); err != nil {
		return nil, err
	}
	s.pusher, err = remote.NewPusher(common...)
	return s, err
}

// list returns what was saved of these folders. A place that cannot be listed is told to warn, and left out.
func (s *store) list(ctx context.Context, warn func(error)) []key.Saved {
	var all []key.Saved
	for i, p := range s.places {
		tags, err := s.puller.List(ctx, p.repository)
		if isStatus(err, http.StatusNotFound) {
			continue // nothing was ever saved
		} else if err != nil {
			warn(fmt.Errorf("%s cannot be listed: %w", p.repository, err))
			continue
		}
		for _, tag := range tags {
			if saved, ok := key.Parse(p.space, tag); ok {
				saved.Place = i
				all = append(all, saved)
			}
		}
	}
	return all
}

func isStatus(err error, codes ...int) bool {
	var answer *transport.Error
	return errors.As(err, &answer) && slices.Contains(codes, answer.StatusCode)
}

// manifest reads what a tag names, and holds it against what it should be.
func (s *store) manifest(ctx context.Context, saved key.Saved, folders []string) (*v1.Manifest, error) {
	desc, err := s.puller.Get(ctx, s.places[saved.Place].repository.Tag(saved.Tag))
	if err != nil {
		return nil, err
	}
	m, err := v1.ParseManifest(bytes.NewReader(desc.Manifest))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errDamaged, err)
	}
	var names []string
	if err := json.Unmarshal([]byte(m.Annotations[AnnotationFolders]), &names); err != nil || !slices.Equal(names, folders) ||
		m.Annotations[AnnotationKey] != saved.Key || m.ArtifactType != ArtifactType {
		return nil, fmt.Errorf("%w: the manifest is of something else", errDamaged)
	}
	for _, l := range m.Layers {
		if l.MediaType != packType || l.Size < 0 || l.Size > blobMax {
			return nil, fmt.Errorf("%w: it has a layer of type %s with %d bytes", errDamaged, l.MediaType, l.Size)
		}
	}
	return m, nil
}

// pack reads a layer into buf, which grows as needed, and returns it whole and right, or an error.
func (s *store) pack(ctx context.Context, from int, layer v1.Descriptor, buf []byte) ([]byte, error) {
	ref := s.places[from].repository.Digest(layer.Digest.String())
	buf = slices.Grow(buf[:0], int(layer.Size))[:layer.Size]
	var err error
	for attempt := range attempts {
		if err = s.packOnce(ctx, ref, layer, buf); err == nil || ctx.Err() != nil || isStatus(err, http.StatusNotFound) {
			break
		}
		if err := sleep(ctx, s.pause<<attempt); err != nil {
			return nil, err
		}
	}
	return buf, err
}

func (s *store) packOnce(ctx context.Context, ref name.Digest, layer v1.Descriptor, buf []byte) error {
	ctx, cancel := context.WithTimeout(ctx, blobTimeout)
	defer cancel()
	l, err := s.puller.Layer(ctx, ref)
	if err != nil {
		return err
	}
	body, err := l.Compressed()
	if err != nil {
		return err
	}
	defer body.Close()
	if n, err := io.ReadFull(body, buf); err != nil {
		return fmt.Errorf("%w: %s has %d bytes of %d: %w", errDamaged, layer.Digest, n, layer.Size, err)
	}
	if sum := sha256.Sum256(buf); fmt.Sprintf("sha256:%x", sum) != layer.Digest.String() {
		return fmt.Errorf("%w: what %s names is something else", errDamaged, layer.Digest)
	}
	return nil
}

// counted notes whether a layer was read, which is when it is not there yet.
type counted struct {
	v1.Layer
	sent atomic.Bool
}

func (c *counted) Compressed() (io.ReadCloser, error) {
	c.sent.Store(true)
	return c.Layer.Compressed()
}

// put pushes content unless it is there, and reports whether it had to. What a pull request shares with the repository's
// own caches is mounted from there.
func (s *store) put(ctx context.Context, content []byte, as types.MediaType) (v1.Descriptor, bool, error) {
	layer := &counted{Layer: static.NewLayer(content, as)}
	digest, err := layer.Digest()
	if err != nil {
		return v1.Descriptor{}, false, err
	}
	var upload v1.Layer = layer
	if len(s.places) > 1 {
		upload = &remote.MountableLayer{Layer: layer, Reference: s.places[1].repository.Digest(digest.String())}
	}
	for attempt := range attempts {
		err = s.putOnce(ctx, upload)
		if err == nil || ctx.Err() != nil || isStatus(err, http.StatusUnauthorized, http.StatusForbidden) {
			break
		}
		if err := sleep(ctx, s.pause<<attempt); err != nil {
			return v1.Descriptor{}, false, err
		}
	}
	return v1.Descriptor{MediaType: as, Size: int64(len(content)), Digest: digest}, layer.sent.Load(), err
}

func (s *store) putOnce(ctx context.Context, layer v1.Layer) error {
	ctx, cancel := context.WithTimeout(ctx, blobTimeout)
	defer cancel()
	return s.pusher.Upload(ctx, s.places[0].repository, layer)
}

// manifestOf is a manifest as it is pushed.
type manifestOf []byte

func (m manifestOf) RawManifest() ([]byte, error)        { return m, nil }
func (m manifestOf) MediaType() (types.MediaType, error) { return types.OCIManifestSchema1, nil }

// tag writes the manifest, which makes a cache of packs that are there already.
func (s *store) tag(ctx context.Context, tag string, layers []v1.Descriptor, annotations map[string]string) error {
	config, _, err := s.put(ctx, []byte("{}"), emptyType)
	if err != nil {
		return err
	}
	data, err := json.Marshal(v1.Manifest{SchemaVersion: 2, MediaType: types.OCIManifestSchema1, ArtifactType: ArtifactType,
		Config: config, Layers: layers, Annotations: annotations})
	if err != nil {
		return err
	}
	return s.pusher.Put(ctx, s.places[0].repository.Tag(tag), manifestOf(data))
}
