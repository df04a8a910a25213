// Package registry reads the webhooks by which registries tell of images that were pushed:
// the notifications of CNCF Distribution (and of Azure, which sends one without its envelope),
// those of Harbor in both its formats, Quay and Docker Hub, and a body in the words of
// v1alpha1.Image from anything else.
package registry

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strings"

	"github.com/slipway-dev/slipway/api/slipway/v1alpha1"
	"github.com/slipway-dev/slipway/pkg/forge"
	"github.com/slipway-dev/slipway/pkg/trigger/glob"
)

// Hook reads webhooks as an ImageWebhook says.
type Hook struct {
	v1alpha1.ImageWebhook
}

// Verify compares the token of the header Authorization in constant time, with or without
// Bearer before it: no registry signs its webhooks.
func (Hook) Verify(h http.Header, _, secret []byte) error {
	if secret = bytes.TrimSpace(secret); len(secret) == 0 {
		return fmt.Errorf("%w: there is no token to check it by; set imageWebhook.secret", forge.ErrSignature)
	}
	value := h.Get("Authorization")
	if value == "" {
		return fmt.Errorf("%w: there is no header Authorization; give the webhook the token as Bearer TOKEN, or its address ?token=TOKEN", forge.ErrSignature)
	}
	got, want := sha256.Sum256([]byte(strings.TrimPrefix(value, "Bearer "))), sha256.Sum256(secret)
	if !hmac.Equal(got[:], want[:]) {
		return fmt.Errorf("%w: the header Authorization has another token", forge.ErrSignature)
	}
	return nil
}

// Delivery is empty: what registries call a delivery, if anything, is in the body.
func (Hook) Delivery(http.Header) string { return "" }

// Parse reads the images that were pushed, and makes an event of each for each source that it
// fits. What has no tag, or is what signers put beside an image, is none.
func (k Hook) Parse(_ http.Header, body []byte) ([]v1alpha1.Event, error) {
	var p payload
	if err := json.Unmarshal(body, &p); err != nil {
		return nil, fmt.Errorf("the body is not JSON that a registry sends: %w", err)
	}
	pushes, err := p.pushes()
	if err != nil {
		return nil, err
	}
	var events []v1alpha1.Event
	for _, push := range pushes {
		if push.Tag == "" || besides.MatchString(push.Tag) {
			continue
		}
		for i := range k.Images {
			fits, err := fits(&k.Images[i], &push.Image)
			if err != nil {
				return nil, fmt.Errorf("spec.imageWebhook.images[%d]: %w", i, err)
			}
			if fits {
				events = append(events, push.event(&k.Images[i]))
			}
		}
	}
	if len(events) == 0 {
		return nil, fmt.Errorf("%w: no image was pushed that spec.imageWebhook.images names", forge.ErrNotOurs)
	}
	return events, nil
}

// besides are the tags of signatures, attestations and the like.
var besides = regexp.MustCompile(`^sha(256|512)-[0-9a-f]{64,128}(\..*)?$`)

// fits says whether a source names an image.
func fits(source *v1alpha1.ImageSource, image *v1alpha1.Image) (bool, error) {
	name, err := glob.Compile(source.Name)
	if err != nil || !name.MatchString(image.Name) {
		return false, err
	}
	for _, pattern := range source.Tags {
		tag, err := glob.Compile(pattern)
		if err != nil || tag.MatchString(image.Tag) {
			return err == nil, err
		}
	}
	return len(source.Tags) == 0, nil
}

// push is one image that was pushed.
type push struct {
	v1alpha1.Image
	by string
}

func (p *push) event(source *v1alpha1.ImageSource) v1alpha1.Event {
	image := p.Image
	e := v1alpha1.Event{Type: v1alpha1.EventImage, Ref: source.Branch, Pipeline: source.Pipeline, Sender: p.by, Image: &image}
	if e.Ref != "" && !strings.HasPrefix(e.Ref, "refs/") {
		e.Ref = forge.BranchRef(e.Ref)
	}
	return e
}
