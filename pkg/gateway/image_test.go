package gateway

import (
	"net/http"
	"strings"
	"testing"

	"github.com/slipway-dev/slipway/api/slipway/v1alpha1"
)

// imaged is a push as CNCF Distribution tells of it.
const imaged = `{"events": [{"id": "1", "action": "push", "target": {"mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": "sha256:1",
"repository": "base/go", "tag": "v1"}, "request": {"host": "r.example"}, "actor": {"name": "ada"}}]}`

// authorized is what a registry sends of itself.
func authorized(value string) func(*http.Request) {
	return func(r *http.Request) {
		r.Header = http.Header{"Content-Type": {"application/vnd.docker.distribution.events.v1+json"}}
		if value != "" {
			r.Header.Set("Authorization", value)
		}
	}
}

func TestImageIsStored(t *testing.T) {
	for name, tc := range map[string]struct{ to, authorization string }{
		"a header":               {"/images/ci/engine", "Bearer t0ken"},
		"a header as it is":      {"/images/ci/engine", "t0ken"},
		"a token in the address": {"/images/ci/engine?token=t0ken", ""},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPlace(t)
			res, a := p.webhook(tc.to, []byte(imaged), authorized(tc.authorization))
			if res.StatusCode != http.StatusAccepted {
				t.Fatalf("%s %+v", res.Status, a)
			}
			e := p.cluster.stored[a.Event]
			if ev := e.Spec.Event; e.Spec.Origin != v1alpha1.OriginWebhook || ev.Type != v1alpha1.EventImage || ev.Ref != "refs/heads/next" || ev.Sender != "ada" ||
				*ev.Image != (v1alpha1.Image{Name: "r.example/base/go", Tag: "v1", Digest: "sha256:1"}) {
				t.Errorf("stored is %+v", e.Spec)
			}
			for name, value := range e.Spec.Headers {
				if strings.Contains(value, "t0ken") {
					t.Errorf("kept is the header %s: %s", name, value)
				}
			}
			// A registry that lost the answer says it again.
			if res, a := p.webhook(tc.to, []byte(imaged), authorized(tc.authorization)); res.StatusCode != http.StatusOK || a.Message != "already here" {
				t.Errorf("again: %s %+v", res.Status, a)
			}
		})
	}
}

func TestImageIsRefused(t *testing.T) {
	for name, tc := range map[string]struct {
		to, authorization, body string
		code                    int
		says                    string
	}{
		"no token":                {"/images/ci/engine", "", imaged, 401, "signature"},
		"another token":           {"/images/ci/engine", "Bearer t0k", imaged, 401, "signature"},
		"another in the address":  {"/images/ci/engine?token=t0k", "", imaged, 401, "signature"},
		"the secret of the forge": {"/images/ci/engine", "Bearer s3cret", imaged, 401, "signature"},
		"the forge's way":         {"/hooks/ci/engine", "Bearer t0ken", imaged, 401, "signature"},
		"a repository without":    {"/images/ci/deaf", "Bearer t0ken", imaged, 401, "signature"},
		"no repository":           {"/images/ci/none", "Bearer t0ken", imaged, 401, "signature"},
		"no JSON":                 {"/images/ci/engine", "Bearer t0ken", "{", 400, ""},
		"an image of no concern":  {"/images/ci/engine", "Bearer t0ken", strings.Replace(imaged, "base/go", "other/go", 1), 200, ""},
		"a pull":                  {"/images/ci/engine", "Bearer t0ken", strings.Replace(imaged, `"push"`, `"pull"`, 1), 200, ""},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPlace(t)
			res, a := p.webhook(tc.to, []byte(tc.body), authorized(tc.authorization))
			if res.StatusCode != tc.code || !strings.Contains(a.Error, tc.says) || len(p.cluster.stored) > 0 {
				t.Errorf("%s %+v, stored %d; want %d", res.Status, a, len(p.cluster.stored), tc.code)
			}
		})
	}
}
