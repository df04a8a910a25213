package registry

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/slipway-dev/slipway/api/slipway/v1alpha1"
	"github.com/slipway-dev/slipway/pkg/forge"
)

// payload is what the webhooks of all registries have of what is read here; no two are told
// apart by anything but their fields.
type payload struct {
	// Events is the envelope of CNCF Distribution. Azure sends what is in it alone.
	Events []notification
	notification

	// Type, EventData and Operator are Harbor's; in its form of a CloudEvent EventData is Data.
	Type      string
	Operator  string
	EventData *harbor `json:"event_data"`
	Data      *harbor

	// DockerURL and UpdatedTags are Quay's: a list, or once an object by tag.
	DockerURL   string          `json:"docker_url"`
	UpdatedTags json.RawMessage `json:"updated_tags"`

	// PushData is Docker Hub's. Repository is an object there, and a text elsewhere.
	PushData   *struct{ Tag, Pusher string } `json:"push_data"`
	Repository json.RawMessage

	// Anything else speaks in our words.
	v1alpha1.Image
}

// notification is an event of CNCF Distribution.
type notification struct {
	Action  string
	Target  *target
	Request struct{ Host string }
	Actor   struct{ Name string }
}

type target struct {
	MediaType, Digest, Repository, Tag, URL string
}

// harbor is what Harbor says of artifacts.
type harbor struct {
	Resources []struct {
		Digest, Tag string
		URL         string `json:"resource_url"`
	}
}

// pushes are the images that were pushed, and maybe none.
func (p *payload) pushes() ([]push, error) {
	switch {
	case p.Events != nil:
		return distribution(p.Events), nil
	case p.Action != "" && p.Target != nil:
		return distribution([]notification{p.notification}), nil
	case p.EventData != nil:
		return p.harbor(p.EventData, "PUSH_ARTIFACT"), nil
	case p.Data != nil:
		return p.harbor(p.Data, "harbor.artifact.pushed"), nil
	case p.DockerURL != "":
		return p.quay()
	case p.PushData != nil:
		return p.dockerHub()
	case p.Name != "":
		return []push{{Image: p.Image}}, nil
	}
	return nil, fmt.Errorf(`the body is of no registry that is known: send {"name": "HOST/REPOSITORY", "tag": "TAG", "digest": "sha256:…"}`)
}

// distribution reads notifications. Layers are pushed too.
func distribution(events []notification) []push {
	var pushes []push
	for _, e := range events {
		if e.Action != "push" || e.Target == nil || !isImage(e.Target.MediaType) {
			continue
		}
		host := e.Request.Host
		if u, err := url.Parse(e.Target.URL); err == nil && host == "" {
			host = u.Host
		}
		pushes = append(pushes, push{by: e.Actor.Name, Image: v1alpha1.Image{Name: host + "/" + e.Target.Repository, Tag: e.Target.Tag, Digest: e.Target.Digest}})
	}
	return pushes
}

// isImage tells manifests and their lists, of Docker's and OCI's kinds, from layers.
func isImage(mediaType string) bool {
	return mediaType == "" || strings.Contains(mediaType, "manifest") || strings.Contains(mediaType, "image.index")
}

// harbor reads artifacts, whose address ends in :TAG, or @DIGEST where they have no tag.
func (p *payload) harbor(data *harbor, pushed string) []push {
	var pushes []push
	for _, r := range data.Resources {
		if p.Type != pushed {
			break
		}
		one := push{by: p.Operator, Image: v1alpha1.Image{Digest: r.Digest}}
		if r.Tag != r.Digest {
			one.Tag = r.Tag
		}
		one.Name, _, _ = strings.Cut(r.URL, "@")
		one.Name = strings.TrimSuffix(one.Name, ":"+r.Tag)
		pushes = append(pushes, one)
	}
	return pushes
}

func (p *payload) quay() ([]push, error) {
	var tags []string
	if json.Unmarshal(p.UpdatedTags, &tags) != nil {
		var byTag map[string]any
		if err := json.Unmarshal(p.UpdatedTags, &byTag); err != nil {
			return nil, fmt.Errorf("%w: the webhook of Quay says no tags", forge.ErrNotOurs)
		}
		tags = slices.Sorted(maps.Keys(byTag))
	}
	var pushes []push
	for _, tag := range tags {
		pushes = append(pushes, push{Image: v1alpha1.Image{Name: p.DockerURL, Tag: tag}})
	}
	return pushes, nil
}

func (p *payload) dockerHub() ([]push, error) {
	var repository struct {
		Name string `json:"repo_name"`
	}
	if err := json.Unmarshal(p.Repository, &repository); err != nil || repository.Name == "" {
		return nil, fmt.Errorf("the webhook of Docker Hub says no repository.repo_name")
	}
	return []push{{by: p.PushData.Pusher, Image: v1alpha1.Image{Name: "docker.io/" + repository.Name, Tag: p.PushData.Tag}}}, nil
}
