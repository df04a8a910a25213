package fetch

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/google/go-containerregistry/pkg/authn"
	kauth "github.com/google/go-containerregistry/pkg/authn/kubernetes"
	"github.com/google/go-containerregistry/pkg/name"
	ocispec "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
	corev1 "k8s.io/api/core/v1"

	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
	"github.com/slipway-dev/slipway/pkg/suggest"
)

// maxLayers is how many objects a bundle may hold by its contract.
const maxLayers = 20

// The annotations of a layer that say what is in it.
const (
	annotationName = "dev.tekton.image.name"
	annotationKind = "dev.tekton.image.kind"
)

// Bundles is the resolver bundles: it takes the object of the params name and
// kind out of the OCI image that the param bundle names, pulled with the pull
// secret that the param secret names.
type Bundles struct {
	World     World
	Transport http.RoundTripper
}

// Origin is the registry.
func (Bundles) Origin(p Params) string {
	if ref, err := name.ParseReference(p["bundle"]); err == nil {
		return ref.Context().RegistryStr()
	}
	return p["bundle"]
}

// Immutable reports whether the bundle is named by digest.
func (Bundles) Immutable(p Params) bool { return strings.Contains(p["bundle"], "@") }

// Fetch pulls the one layer.
func (b Bundles) Fetch(ctx context.Context, q Query) (*Document, error) {
	bundle, err := q.Params.need("bundle")
	if err != nil {
		return nil, err
	}
	object, err := q.Params.need("name")
	if err != nil {
		return nil, err
	}
	kind, err := q.Params.need("kind")
	if err != nil {
		return nil, err
	}
	ref, err := name.ParseReference(bundle)
	if err != nil {
		return nil, fmt.Errorf("param bundle: %q is no reference to an image: %w", bundle, err)
	}
	image, err := b.image(ctx, q, ref)
	if err != nil {
		return nil, err
	}
	digest, err := image.Digest()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", bundle, answer(err))
	}
	content, err := find(image, object, strings.ToLower(kind))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", bundle, answer(err))
	}
	return &Document{Content: content, Source: &v1.RefSource{
		URI: ref.Context().Name(), Digest: map[string]string{digest.Algorithm: digest.Hex}, EntryPoint: object}}, nil
}

func (b Bundles) image(ctx context.Context, q Query, ref name.Reference) (ocispec.Image, error) {
	var secrets []corev1.Secret
	if q.Params["secret"] != "" {
		secret, err := readSecret(ctx, b.World, q, "secret")
		if err != nil {
			return nil, err
		}
		secrets = append(secrets, *secret)
	}
	keys, err := kauth.NewFromPullSecrets(ctx, secrets)
	if err != nil {
		return nil, fmt.Errorf("param secret: %w", err)
	}
	image, err := remote.Image(ref, remote.WithContext(ctx), remote.WithTransport(b.Transport),
		remote.WithAuthFromKeychain(authn.NewMultiKeychain(keys)))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", ref, answer(err))
	}
	return image, nil
}

// answer tells a registry that refuses from one that is in trouble.
func answer(err error) error {
	var said *transport.Error
	var fault errBundle
	switch {
	case errors.As(err, &fault):
		return err
	case !errors.As(err, &said):
		return connection(err)
	case said.StatusCode >= 500 || said.StatusCode == http.StatusTooManyRequests:
		return passing{said}
	case said.StatusCode == http.StatusUnauthorized || said.StatusCode == http.StatusForbidden:
		return fmt.Errorf("the registry refuses it: %w; name a pull secret by the param secret", said)
	}
	return said
}

// errBundle is a fault of the bundle: no other try will mend it.
type errBundle string

func (e errBundle) Error() string { return string(e) }

// find returns the object of that name and kind.
func find(image ocispec.Image, object, kind string) ([]byte, error) {
	manifest, err := image.Manifest()
	if err != nil {
		return nil, err
	}
	if n := len(manifest.Layers); n > maxLayers {
		return nil, errBundle(fmt.Sprintf("has %d layers, and a bundle may have %d", n, maxLayers))
	}
	var names []string
	for _, l := range manifest.Layers {
		layerKind := strings.TrimSuffix(strings.ToLower(l.Annotations[annotationKind]), "s")
		if layerKind != strings.TrimSuffix(kind, "s") {
			continue
		}
		if l.Annotations[annotationName] != object {
			names = append(names, l.Annotations[annotationName])
			continue
		}
		layer, err := image.LayerByDigest(l.Digest)
		if err != nil {
			return nil, err
		}
		return unpack(layer)
	}
	return nil, errBundle(fmt.Sprintf("the bundle has no %s named %q%s", kind, object, suggest.DidYouMean(object, names)))
}

// unpack returns the one file of a layer, or the layer if that is the file.
func unpack(layer ocispec.Layer) ([]byte, error) {
	r, err := layer.Uncompressed()
	if err != nil {
		return nil, err
	}
	defer func() { _ = r.Close() }()
	// A tar of one file has a header before it and padding behind.
	const padding = 64 << 10
	content, err := io.ReadAll(io.LimitReader(r, MaxSize+padding))
	if err != nil {
		return nil, err
	}
	archive := tar.NewReader(bytes.NewReader(content))
	for {
		header, err := archive.Next()
		switch {
		case errors.Is(err, io.EOF):
			return nil, errBundle("the layer is empty")
		case err != nil:
			return asDocument(bytes.NewReader(content))
		case header.Typeflag == tar.TypeReg:
			return asDocument(archive)
		}
	}
}

func asDocument(r io.Reader) ([]byte, error) {
	content, err := readAll(r)
	if err != nil {
		return nil, errBundle("the object " + err.Error())
	}
	return content, nil
}
