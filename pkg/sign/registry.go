// Package sign puts cosign signatures and in-toto attestations beside images in
// their registry, and checks them: Signer writes what Verify reads. What it writes
// is what `cosign sign --key` and `cosign attest --key` write, under the tags
// sha256-DIGEST.sig and sha256-DIGEST.att, without an entry in a transparency log,
// and what it accepts is what cosign accepts.
package sign

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
	"github.com/sigstore/cosign/v2/pkg/oci"
	ociremote "github.com/sigstore/cosign/v2/pkg/oci/remote"
	"github.com/sigstore/cosign/v2/pkg/oci/static"
)

// Options is how to reach registries. The zero value speaks with the credentials
// of the docker config that DOCKER_CONFIG names, else ~/.docker. Plain http is
// spoken to localhost, .local names and private addresses.
type Options struct {
	Keychain  authn.Keychain
	Transport http.RoundTripper
}

// ErrNoImage is wrapped by the error of an image that its registry does not have.
var ErrNoImage = errors.New("the registry has no such image")

// ErrBadName is wrapped by the error of a name that no registry could be asked for.
var ErrBadName = errors.New("not the name of an image")

func (o Options) remote(ctx context.Context) []remote.Option {
	options := []remote.Option{remote.WithContext(ctx)}
	if o.Keychain == nil {
		o.Keychain = authn.DefaultKeychain
	}
	options = append(options, remote.WithAuthFromKeychain(o.Keychain))
	if o.Transport != nil {
		options = append(options, remote.WithTransport(o.Transport))
	}
	return options
}

func (o Options) cosign(ctx context.Context) []ociremote.Option {
	return []ociremote.Option{ociremote.WithRemoteOptions(o.remote(ctx)...)}
}

// entity is one image and what stands beside it.
type entity struct {
	digest  name.Digest
	hash    v1.Hash
	signed  oci.SignedEntity
	options []ociremote.Option
}

// find asks the registry for the image, so that nothing is said of one that is not
// there, and reads its digest from the manifest itself.
func (o Options) find(ctx context.Context, image string) (*entity, error) {
	ref, err := name.ParseReference(image)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrBadName, err)
	}
	manifest, err := remote.Get(ref, o.remote(ctx)...)
	if err != nil {
		return nil, explain(ref.String(), err)
	}
	digest := ref.Context().Digest(manifest.Digest.String())
	options := o.cosign(ctx)
	return &entity{digest: digest, hash: manifest.Digest, signed: ociremote.SignedUnknown(digest, options...), options: options}, nil
}

func explain(image string, err error) error {
	var answer *transport.Error
	if errors.As(err, &answer) && answer.StatusCode == http.StatusNotFound {
		return fmt.Errorf("%s: %w", image, ErrNoImage)
	}
	if isMismatch(err) {
		return &Refusal{Reason: Tampered, Image: image, Detail: err.Error()}
	}
	return fmt.Errorf("%s: %w", image, err)
}

// isMismatch reports whether a registry served other bytes than the digest it was
// asked for. The library has no type for it.
func isMismatch(err error) bool {
	return strings.Contains(err.Error(), "does not match requested digest") ||
		strings.Contains(err.Error(), "error verifying sha256 checksum")
}

// records reads what stands in one of the lists beside the image, each with its
// payload, so that every later step works on the same bytes. No list is an empty
// list; a registry that does not answer is an error, never an empty list.
func records(image string, list func() (oci.Signatures, error)) ([]oci.Signature, error) {
	set, err := list()
	if err != nil {
		return nil, explain(image, err)
	}
	remote, err := set.Get()
	if err != nil {
		return nil, explain(image, err)
	}
	local := make([]oci.Signature, 0, len(remote))
	for _, r := range remote {
		payload, err := r.Payload()
		if err != nil {
			return nil, explain(image, err)
		}
		annotations, err := r.Annotations()
		if err != nil {
			return nil, explain(image, err)
		}
		sig, err := static.NewSignature(payload, annotations[static.SignatureAnnotationKey])
		if err != nil {
			return nil, explain(image, err)
		}
		local = append(local, sig)
	}
	return local, nil
}
