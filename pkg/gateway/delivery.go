package gateway

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/slipway-dev/slipway/api/slipway/v1alpha1"
	"github.com/slipway-dev/slipway/pkg/forge"
	"github.com/slipway-dev/slipway/pkg/forge/generic"
	"github.com/slipway-dev/slipway/pkg/forge/registry"
	"github.com/slipway-dev/slipway/pkg/kube"
)

const (
	// maxPayload is the largest compressed body that is kept: an object with more is
	// refused by etcd.
	maxPayload = 1 << 20
	// maxHeaders and maxHeader bound the headers that are kept, in number and bytes each.
	maxHeaders, maxHeader = 50, 1 << 10
)

// delivery is a webhook that its secret has verified.
type delivery struct {
	repository *v1alpha1.Repository
	hook       forge.Hook
	header     http.Header
	body       []byte
}

// door is where a webhook comes in: by the path it is known who reads and verifies it.
type door func(*v1alpha1.Repository) (forge.Hook, v1alpha1.SecretKey, error)

// forgeDoor is that of the repository's forge.
func (g *Gateway) forgeDoor(r *v1alpha1.Repository) (forge.Hook, v1alpha1.SecretKey, error) {
	if r.Spec.WebhookSecret == nil {
		return nil, v1alpha1.SecretKey{}, errors.New("spec.webhookSecret is missing, so no webhook is taken")
	}
	hook, err := g.Hook(&r.Spec)
	return hook, *r.Spec.WebhookSecret, err
}

// imageDoor is that of registries.
func imageDoor(r *v1alpha1.Repository) (forge.Hook, v1alpha1.SecretKey, error) {
	images := r.Spec.ImageWebhook
	if images == nil {
		return nil, v1alpha1.SecretKey{}, errors.New("spec.imageWebhook is missing, so no webhook of a registry is taken")
	}
	key := images.Secret
	key.Key = cmp.Or(key.Key, v1alpha1.RegistryTokenKey)
	return registry.Hook{ImageWebhook: *images}, key, nil
}

// tokenHeader puts the token of the address where it would be if the registry had a setting
// for headers: what is kept of a webhook, and logged, is without it there.
func tokenHeader(r *http.Request) {
	if token := r.URL.Query().Get("token"); token != "" && r.Header.Get("Authorization") == "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
}

// verify finds the repository and has its secret verify the body. The error is
// forge.ErrSignature for whatever the sender could be at fault of.
func (g *Gateway) verify(ctx context.Context, r *http.Request, in door, body []byte) (*delivery, error) {
	repository, err := g.Cluster.Repository(ctx, r.PathValue("namespace"), r.PathValue("name"))
	if kube.IsGone(err) {
		return nil, g.pretend(r.Header, body, "there is no such repository")
	} else if err != nil {
		return nil, err
	}
	hook, key, err := in(repository)
	if err != nil {
		return nil, g.pretend(r.Header, body, err.Error())
	}
	d := &delivery{repository: repository, hook: hook, header: r.Header, body: body}
	return d, g.secrets.try(ctx, at{repository.Namespace, key}, func(secret []byte) error { return hook.Verify(r.Header, body, secret) })
}

// pretend takes the time that a verification takes, and fails.
func (g *Gateway) pretend(header http.Header, body []byte, why string) error {
	if hook, err := g.Hook(&v1alpha1.RepositorySpec{Provider: v1alpha1.ProviderGitea}); err == nil {
		_ = hook.Verify(header, body, g.decoy)
	}
	return fmt.Errorf("%w: %s", forge.ErrSignature, why)
}

// newDecoy makes a secret that nobody knows.
func newDecoy() []byte { return []byte(rand.Text()) }

// event is the i-th of the webhook. It is named by the body and i alone: the header with
// the forge's own id is not signed, so that whoever replays a webhook could give it
// another one.
func (d *delivery) event(i int, what *v1alpha1.Event, now time.Time) (*v1alpha1.RepositoryEvent, error) {
	identity := d.body
	if _, calls := d.hook.(generic.Hook); calls {
		// Calls by programs may well be alike, and say by an id of their own that they are not.
		identity = slices.Concat([]byte(d.hook.Delivery(d.header)), []byte{0}, d.body)
	}
	if i > 0 {
		identity = slices.Concat(identity, []byte{0}, strconv.AppendInt(nil, int64(i), 10))
	}
	e := v1alpha1.NewEvent(d.repository, v1alpha1.OriginWebhook, identity, now)
	e.Spec.Delivery, e.Spec.Event, e.Spec.Headers = d.hook.Delivery(d.header), *what, kept(d.header)
	packed, err := pack(d.body)
	if err != nil {
		return nil, err
	}
	e.Spec.Payload = packed
	return e, nil
}

// pack compresses the body; what is still too large is left out.
func pack(body []byte) ([]byte, error) {
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	if _, err := w.Write(body); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	if packed.Len() > maxPayload {
		return nil, nil
	}
	return packed.Bytes(), nil
}

// kept are the headers that say what a webhook is, without those that prove it.
func kept(header http.Header) map[string]string {
	out := map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(header)) {
		value := strings.Join(header[name], ", ")
		if len(out) < maxHeaders && len(value) <= maxHeader && tells(name) {
			out[name] = value
		}
	}
	return out
}

func tells(name string) bool {
	name = strings.ToLower(name)
	for _, secret := range []string{"authorization", "cookie", "signature", "token", "secret", "password", "api-key"} {
		if strings.Contains(name, secret) {
			return false
		}
	}
	return strings.HasPrefix(name, "x-") || name == "content-type" || name == "user-agent"
}
