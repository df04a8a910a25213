package gateway

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"

	"github.com/slipway-dev/slipway/api/slipway/v1alpha1"
	triggersv1 "github.com/slipway-dev/slipway/api/triggers/v1beta1"
)

func (c *cluster) Listener(_ context.Context, namespace, name string) (*triggersv1.EventListener, error) {
	el := &triggersv1.EventListener{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name, UID: types.UID("uid of " + name)}}
	switch {
	case namespace != "ci":
		return nil, gone("eventlisteners", name)
	case name == "push":
	case name == "slack":
		el.Annotations = map[string]string{triggersv1.AnnotationPayloadValidation: "false"}
	case name == "knative":
		el.Spec.Resources = &triggersv1.Resources{CustomResource: &runtime.RawExtension{Raw: []byte("{}")}}
	default:
		return nil, gone("eventlisteners", name)
	}
	return el, nil
}

func (c *cluster) StoreRequest(ctx context.Context, e *v1alpha1.ListenerEvent) error {
	if c.slow != nil {
		select {
		case <-c.slow:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.failure == nil {
		c.requests = append(c.requests, e)
	}
	return c.failure
}

func host(name string) func(*http.Request) { return func(r *http.Request) { r.Host = name } }

// A request is kept as it came, and the sender told its id in the words of Tekton Triggers.
func TestRequestIsStored(t *testing.T) {
	for name, tc := range map[string]struct {
		to   string
		host string
		url  string
	}{
		"by path":           {"/v1/listeners/ci/push", "", "/"},
		"by path and more":  {"/v1/listeners/ci/push/a/b?c=d", "", "/a/b?c=d"},
		"by Service":        {"/", "el-push.ci.svc.cluster.local:8080", "/"},
		"by short Service":  {"/any/path?x=y", "EL-push.ci", "/any/path?x=y"},
		"by Service, hooks": {"/hook", "el-push.ci.svc", "/hook"},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPlace(t)
			res, a := p.webhook(tc.to, []byte(pushed), host(tc.host))
			if res.StatusCode != http.StatusAccepted || len(p.cluster.requests) != 1 {
				t.Fatalf("%s %+v", res.Status, a)
			}
			e := p.cluster.requests[0]
			want := accepted{EventListener: "push", Namespace: "ci", EventListenerUID: "uid of push", EventID: e.Name}
			if a.accepted != want || a.EventID == "" {
				t.Errorf("told %+v, want %+v", a.accepted, want)
			}
			if e.Namespace != "ci" || e.Spec.Listener != "push" || e.Spec.URL != tc.url || !e.Spec.Received.Equal(&metav1.MicroTime{Time: p.now}) || e.OwnerReferences[0].UID != "uid of push" {
				t.Errorf("stored is %+v", e)
			}
			if got := e.Spec.Headers["X-Gitea-Signature"]; !slices.Equal(got, []string{sign([]byte(pushed), "s3cret")}) {
				t.Errorf("kept are the headers %v", e.Spec.Headers)
			}
			r, err := gzip.NewReader(bytes.NewReader(e.Spec.Payload))
			if err != nil {
				t.Fatal(err)
			}
			if text, err := io.ReadAll(r); err != nil || string(text) != pushed {
				t.Errorf("the payload is %q, %v", text, err)
			}
		})
	}
}

func TestRequestsAreRefused(t *testing.T) {
	noise := make([]byte, 2<<20)
	if _, err := rand.Read(noise); err != nil {
		t.Fatal(err)
	}
	large := `{"x":"` + base64.StdEncoding.EncodeToString(noise) + `"}`
	for name, tc := range map[string]struct {
		to, body, host string
		code           int
		says           string
	}{
		"an unknown listener":    {"/v1/listeners/ci/none", "{}", "", 404, "no such EventListener"},
		"an unknown namespace":   {"/", "{}", "el-push.none.svc", 404, "no such EventListener"},
		"no listener's host":     {"/", "{}", "el-push.example.com", 404, "/v1/listeners/NAMESPACE/NAME"},
		"a host without a space": {"/", "{}", "el-push:8080", 404, "el-NAME.NAMESPACE.svc"},
		"no JSON":                {"/v1/listeners/ci/push", "{", "", 400, "no JSON object"},
		"no object":              {"/v1/listeners/ci/push", "[]", "", 400, "no JSON object"},
		"nothing":                {"/v1/listeners/ci/push", "", "", 400, "no JSON object"},
		"very deep":              {"/v1/listeners/ci/push", strings.Repeat(`{"a":`, 1<<20), "", 400, "no JSON object"},
		"what fits nowhere":      {"/v1/listeners/ci/push", large, "", 413, "larger than 1 MiB when compressed"},
		"a listener of Knative":  {"/v1/listeners/ci/knative", "{}", "", 400, "spec.resources.customResource is not supported"},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPlace(t)
			res, a := p.webhook(tc.to, []byte(tc.body), host(tc.host))
			if res.StatusCode != tc.code || !strings.Contains(a.Error+a.ErrorMessage, tc.says) || len(p.cluster.requests) != 0 {
				t.Errorf("%s %+v", res.Status, a)
			}
		})
	}
}

func TestBodiesThatAreNoJSON(t *testing.T) {
	p := newPlace(t)
	if res, a := p.webhook("/v1/listeners/ci/slack", []byte("text=hello"), nil); res.StatusCode != http.StatusAccepted {
		t.Errorf("%s %+v", res.Status, a)
	}
}

func TestRequestWhileTheClusterIsAway(t *testing.T) {
	for name, c := range map[string]*cluster{"refuses connections": {failure: errors.New("connection refused")}, "hangs": {slow: make(chan struct{})}} {
		t.Run(name, func(t *testing.T) {
			p := newPlace(t)
			p.cluster.failure, p.cluster.slow = c.failure, c.slow
			started := time.Now()
			res, a := p.webhook("/v1/listeners/ci/push", []byte(pushed), nil)
			if took := time.Since(started); res.StatusCode != http.StatusServiceUnavailable || res.Header.Get("Retry-After") == "" || took > time.Second {
				t.Errorf("%s %+v after %s", res.Status, a, took)
			}
		})
	}
}

// Anybody may send something: a flood, or large bodies, must not fill the cluster.
func TestFloodIsLimited(t *testing.T) {
	l, now := newLimits(), time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	count := func(of types.UID, size int) (n int) {
		for l.allow(of, size, now) {
			n++
		}
		return n
	}
	if n := count("a", 100); n != limitBurst {
		t.Errorf("%d small requests", n)
	}
	if n := count("b", 4*limitUnit); n != limitBurst/5 {
		t.Errorf("%d large requests", n)
	}
	now = now.Add(10 * time.Second)
	if n := count("a", 100); n != 10*limitPerSecond {
		t.Errorf("%d requests after 10 s", n)
	}
	p := newPlace(t)
	body := []byte(`{"x":"` + strings.Repeat("y", 2<<20) + `"}`)
	for i := range limitBurst {
		res, a := p.webhook("/v1/listeners/ci/push", body, nil)
		if res.StatusCode == http.StatusTooManyRequests && res.Header.Get("Retry-After") != "" && i > 1 {
			return
		} else if res.StatusCode != http.StatusAccepted && res.StatusCode != http.StatusServiceUnavailable { // late on a busy machine
			t.Fatalf("%s %+v", res.Status, a)
		}
	}
	t.Error("no request was refused")
}
