// Package registry answers what an image would run: the entrypoint and command
// that its configuration names. A step that names no command of its own is
// started by them, since what the kubelet starts is the entrypoint of Slipway.
package registry

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/google/go-containerregistry/pkg/authn"
	kauth "github.com/google/go-containerregistry/pkg/authn/kubernetes"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
	corev1 "k8s.io/api/core/v1"
)

// Command is what an image runs by itself.
type Command struct {
	// Digest is the digest, sha256:…, of what the reference named: an index
	// when the image is built for several platforms.
	Digest string
	// Platforms holds the entrypoint and command of each platform, by
	// OS/ARCHITECTURE[/VARIANT]. An image of one platform has one entry.
	Platforms map[string]Exec
}

// Exec is the start of one image configuration.
type Exec struct {
	Entrypoint []string `json:"entrypoint,omitempty"`
	Cmd        []string `json:"cmd,omitempty"`
}

// ErrRefused is wrapped by the error of an image that the registry does not
// have or does not give out: asking again will not help the run that named it.
var ErrRefused = errors.New("refused by the registry")

// ErrBadName is wrapped by the error of a reference that no registry could be
// asked for.
var ErrBadName = errors.New("bad image name")

// Client looks images up, over plain http for registries on localhost, .local
// names and private addresses.
type Client struct {
	transport http.RoundTripper
}

// New returns a client that speaks to registries through t.
func New(t http.RoundTripper) *Client { return &Client{transport: t} }

// Command asks the registry for the image's configuration, with the credentials
// that the pull secrets hold for it.
func (c *Client) Command(ctx context.Context, image string, pullSecrets []corev1.Secret) (Command, error) {
	ref, err := name.ParseReference(image)
	if err != nil {
		return Command{}, fmt.Errorf("%w: %w", ErrBadName, err)
	}
	keys, err := kauth.NewFromPullSecrets(ctx, pullSecrets)
	if err != nil {
		return Command{}, fmt.Errorf("pull secrets: %w", err)
	}
	desc, err := remote.Get(ref, remote.WithContext(ctx), remote.WithTransport(c.transport),
		remote.WithAuthFromKeychain(authn.NewMultiKeychain(keys)))
	if err != nil {
		return Command{}, explain(err)
	}
	platforms, err := platformsOf(desc)
	if err != nil {
		return Command{}, explain(err)
	}
	return Command{Digest: desc.Digest.String(), Platforms: platforms}, nil
}

func platformsOf(desc *remote.Descriptor) (map[string]Exec, error) {
	if !desc.MediaType.IsIndex() {
		img, err := desc.Image()
		if err != nil {
			return nil, err
		}
		platform, exec, err := configOf(img)
		return map[string]Exec{platform: exec}, err
	}
	index, err := desc.ImageIndex()
	if err != nil {
		return nil, err
	}
	manifest, err := index.IndexManifest()
	if err != nil {
		return nil, err
	}
	found := map[string]Exec{}
	for _, m := range manifest.Manifests {
		// Attestations ride in an index as images of no platform.
		if !m.MediaType.IsImage() || m.Platform == nil || m.Platform.OS == "unknown" {
			continue
		}
		img, err := index.Image(m.Digest)
		if err != nil {
			return nil, err
		}
		_, exec, err := configOf(img)
		if err != nil {
			return nil, err
		}
		found[platformName(m.Platform.OS, m.Platform.Architecture, m.Platform.Variant)] = exec
	}
	return found, nil
}

func configOf(img v1.Image) (string, Exec, error) {
	cfg, err := img.ConfigFile()
	if err != nil {
		return "", Exec{}, err
	}
	return platformName(cfg.OS, cfg.Architecture, cfg.Variant),
		Exec{Entrypoint: slices.Clone(cfg.Config.Entrypoint), Cmd: slices.Clone(cfg.Config.Cmd)}, nil
}

func platformName(parts ...string) string {
	return strings.Join(slices.DeleteFunc(parts, func(p string) bool { return p == "" }), "/")
}

func explain(err error) error {
	var answer *transport.Error
	if !errors.As(err, &answer) {
		return err
	}
	switch answer.StatusCode {
	case http.StatusNotFound, http.StatusUnauthorized, http.StatusForbidden:
		return fmt.Errorf("%w: %w", ErrRefused, err)
	}
	return err
}

// For returns what the image runs on a platform. The one entry of an image that
// does not say what it is made for is good for all.
func (c Command) For(platform string) (Exec, bool) {
	if exec, ok := c.Platforms[platform]; ok {
		return exec, true
	}
	for name, exec := range c.Platforms {
		if name == "" || strings.HasPrefix(name, platform+"/") {
			return exec, true
		}
	}
	return Exec{}, false
}
