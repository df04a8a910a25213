package generic

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-dev/slipway/api/slipway/v1alpha1"
	"github.com/slipway-dev/slipway/pkg/forge"
	"github.com/slipway-dev/slipway/pkg/forge/forgetest"
)

func TestParse(t *testing.T) {
	// A registry's, which tells of several things.
	registry := v1alpha1.GenericWebhook{Filter: `body.events[0].action == "push" && headers["x-kind"] == "registry"`, Fields: map[string]string{
		"type": `"image"`, "commit": `body.events[0].labels["org.opencontainers.image.revision"]`, "params.image": `body.events[0].repository + "@" + body.events[0].digest`,
		"params.size": `body.events[0].size`, "sender": `has(body.actor) ? body.actor.name : "nobody"`}}
	body := `{"events": [{"action": "push", "repository": "ada/engine", "digest": "sha256:1", "size": 7, "labels": {"org.opencontainers.image.revision": "` + forgetest.Head + `"}}]}`
	header := http.Header{"X-Kind": {"registry"}}
	for name, test := range map[string]struct {
		hook    v1alpha1.GenericWebhook
		header  http.Header
		body    string
		want    v1alpha1.Event
		wantErr string
		kind    error
	}{
		"the words of an event": {body: `{"ref": "refs/heads/main", "commit": "` + forgetest.Head + `", "params": {"level": "3"}}`,
			want: v1alpha1.Event{Type: v1alpha1.EventIncoming, Ref: "refs/heads/main", Commit: forgetest.Head, Params: map[string]string{"level": "3"}}},
		"a push": {body: `{"type": "push", "ref": "refs/heads/main", "before": "1", "commit": "2", "sender": "ada"}`,
			want: v1alpha1.Event{Type: v1alpha1.EventPush, Ref: "refs/heads/main", Before: "1", Commit: "2", Sender: "ada"}},
		"expressions": {hook: registry, header: header, body: body, want: v1alpha1.Event{Type: v1alpha1.EventImage, Commit: forgetest.Head, Sender: "nobody",
			Params: map[string]string{"image": "ada/engine@sha256:1", "size": "7"}}},
		"what the filter leaves out": {hook: registry, header: header, body: strings.Replace(body, `"push"`, `"pull"`, 1), wantErr: "filter is false", kind: forge.ErrNotOurs},
		"no JSON":                    {body: "{", wantErr: "not JSON"},
		"no JSON for expressions":    {hook: registry, body: "{", wantErr: "not JSON"},
		"what is not there":          {hook: registry, header: header, body: `{"events": []}`, wantErr: "spec.generic.filter: index out of bounds"},
		"a filter that is none":      {hook: v1alpha1.GenericWebhook{Filter: `"yes"`}, body: "{}", wantErr: "spec.generic.filter"},
		"no CEL":                     {hook: v1alpha1.GenericWebhook{Fields: map[string]string{"ref": "body."}}, body: "{}", wantErr: "spec.generic.fields[ref]"},
		"no such field":              {hook: v1alpha1.GenericWebhook{Fields: map[string]string{"branch": `"main"`}}, body: "{}", wantErr: "use before, commit, message"},
		"a list for a text":          {hook: v1alpha1.GenericWebhook{Fields: map[string]string{"ref": "body.list"}}, body: `{"list": [1]}`, wantErr: "spec.generic.fields[ref]"},
		"too much work": {hook: v1alpha1.GenericWebhook{Filter: `body.all(a, body.all(b, body.all(c, body.all(d, a + b + c + d > 0))))`},
			body: "[" + strings.Repeat("1,", 99) + "1]", wantErr: "cost limit"},
		"a pull request":     {body: `{"type": "pull_request", "ref": "refs/heads/main"}`, wantErr: "none of push, incoming and image"},
		"a hidden one":       {body: `{"type": "push", "ref": "refs/heads/main", "pullRequest": {"number": 1}}`, wantErr: "only webhooks of a forge"},
		"a push of a branch": {body: `{"type": "push", "ref": "main"}`, wantErr: "no full ref"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := Hook{test.hook}.Parse(test.header, []byte(test.body))
			if test.wantErr != "" {
				if err == nil || !strings.Contains(err.Error(), test.wantErr) || errors.Is(err, forge.ErrNotOurs) != (test.kind != nil) {
					t.Errorf("%+v, %v, want an error that says %q", got, err, test.wantErr)
				}
				return
			}
			if diff := cmp.Diff([]v1alpha1.Event{test.want}, got); err != nil || diff != "" {
				t.Errorf("%v, (-want +got):\n%s", err, diff)
			}
		})
	}
}

func TestVerify(t *testing.T) {
	mac := hmac.New(sha256.New, []byte("s3cret"))
	mac.Write([]byte("{}"))
	good := hex.EncodeToString(mac.Sum(nil))
	forgetest.Verify(t, Hook{}, "{}", map[string]forgetest.Signature{
		"with its kind":  {Header: http.Header{"X-Hub-Signature-256": {"sha256=" + good}}, Secret: "s3cret"},
		"without":        {Header: http.Header{"X-Hub-Signature-256": {good}}, Secret: "s3cret"},
		"another secret": {Header: http.Header{"X-Hub-Signature-256": {good}}, Secret: "other", Want: "another secret or body"},
		"another kind":   {Header: http.Header{"X-Hub-Signature-256": {"sha1=" + good}}, Secret: "s3cret", Want: "is not HEX"},
		"none":           {Header: http.Header{}, Secret: "s3cret", Want: "no header X-Hub-Signature-256"},
	})
	forgetest.Verify(t, Hook{v1alpha1.GenericWebhook{SignatureHeader: "x-mine"}}, "{}", map[string]forgetest.Signature{
		"its own header":   {Header: http.Header{"X-Mine": {good}}, Secret: "s3cret"},
		"the usual header": {Header: http.Header{"X-Hub-Signature-256": {good}}, Secret: "s3cret", Want: "no header x-mine"},
	})
}
