package gateway

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/slipway-dev/slipway/api/slipway/v1alpha1"
	"github.com/slipway-dev/slipway/pkg/forge/forges"
)

// cluster is one in memory.
type cluster struct {
	mu     sync.Mutex
	secret string
	reads  int
	stored map[string]*v1alpha1.RepositoryEvent
	// requests are those to EventListeners.
	requests []*v1alpha1.ListenerEvent
	// failure is what Store says; it says so when slow is closed.
	failure error
	slow    chan struct{}
	// done is told of each event that is stored.
	done chan struct{}
}

func gone(resource, name string) error {
	return apierrors.NewNotFound(schema.GroupResource{Resource: resource}, name)
}

func (c *cluster) Repository(_ context.Context, namespace, name string) (*v1alpha1.Repository, error) {
	r := &v1alpha1.Repository{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name, UID: "u"},
		Spec: v1alpha1.RepositorySpec{URL: "https://forge.example/ada/engine", Provider: v1alpha1.ProviderGitea}}
	switch {
	case namespace != "ci":
		return nil, gone("repositories", name)
	case name == "engine":
		r.Spec.WebhookSecret = &v1alpha1.SecretKey{Name: "hook"}
		r.Spec.ImageWebhook = &v1alpha1.ImageWebhook{Secret: v1alpha1.SecretKey{Name: "hook"}, Images: []v1alpha1.ImageSource{{Name: "r.example/base/*", Branch: "next"}}}
	case name == "deaf":
	case name == "broken":
		r.Spec.WebhookSecret = &v1alpha1.SecretKey{Name: "none"}
	default:
		return nil, gone("repositories", name)
	}
	return r, nil
}

func (c *cluster) Secret(_ context.Context, _, name string) (*corev1.Secret, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.reads++
	if name != "hook" {
		return nil, gone("secrets", name)
	}
	return &corev1.Secret{Data: map[string][]byte{v1alpha1.WebhookSecretKey: []byte(c.secret), v1alpha1.RegistryTokenKey: []byte("t0ken")}}, nil
}

func (c *cluster) Store(ctx context.Context, e *v1alpha1.RepositoryEvent) (bool, error) {
	if c.slow != nil {
		select {
		case <-c.slow:
		case <-ctx.Done():
			return false, ctx.Err()
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.failure != nil {
		return false, c.failure
	}
	_, there := c.stored[e.Name]
	if !there {
		c.stored[e.Name] = e
		c.done <- struct{}{}
	}
	return !there, nil
}

// place is a gateway that listens, and a clock that stands.
type place struct {
	*testing.T
	cluster *cluster
	url     string
	now     time.Time
}

func newPlace(t *testing.T) *place {
	t.Helper()
	p := &place{T: t, cluster: &cluster{secret: "s3cret", stored: map[string]*v1alpha1.RepositoryEvent{}, done: make(chan struct{}, 10)}, now: time.Date(2026, 1, 2, 3, 4, 5, 6000, time.UTC)}
	log := slog.New(slog.DiscardHandler)
	g := New(Options{Cluster: p.cluster, Now: func() time.Time { return p.now }, Log: log, Observe: func(string, time.Duration) {},
		Hook: forges.HookFor})
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- serve(ctx, listener, g.Handler(), log) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	p.url = "http://" + listener.Addr().String()
	return p
}

func sign(body []byte, secret string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write(body)
	return hex.EncodeToString(mac.Sum(nil))
}

const pushed = `{"ref":"refs/heads/main","before":"1111111111111111111111111111111111111111","after":"2222222222222222222222222222222222222222",
"head_commit":{"id":"2222222222222222222222222222222222222222","message":"Say hello\n\nto all"},"commits":[],
"repository":{"full_name":"ada/engine","html_url":"https://forge.example/ada/engine"},"pusher":{"login":"ada"},"sender":{"login":"ada"}}`

// webhook is a push as Gitea sends it.
func (p *place) webhook(to string, body []byte, change func(*http.Request)) (reply, answer) {
	p.Helper()
	r, err := http.NewRequestWithContext(p.Context(), http.MethodPost, p.url+to, bytes.NewReader(body))
	if err != nil {
		p.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("X-Gitea-Event", "push")
	r.Header.Set("X-Gitea-Event-Type", "push")
	r.Header.Set("X-Gitea-Delivery", "d1")
	r.Header.Set("X-Gitea-Signature", sign(body, "s3cret"))
	r.Header.Set("Authorization", "Bearer of secrets")
	if change != nil {
		change(r)
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		p.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		p.Fatal(err)
	}
	var a answer
	if err := json.Unmarshal(text, &a); err != nil {
		p.Fatalf("%s answers %q: %v", to, text, err)
	}
	return reply{res.StatusCode, res.Status, res.Header}, a
}

// reply is a response whose body was read.
type reply struct {
	StatusCode int
	Status     string
	Header     http.Header
}

func TestPushIsStored(t *testing.T) {
	p := newPlace(t)
	res, a := p.webhook("/hooks/ci/engine", []byte(pushed), nil)
	if res.StatusCode != http.StatusAccepted || a.Event == "" {
		t.Fatalf("%s %+v", res.Status, a)
	}
	e := p.cluster.stored[a.Event]
	if e == nil || e.Namespace != "ci" || e.Spec.Repository != "engine" || e.Spec.Origin != v1alpha1.OriginWebhook || e.Spec.Delivery != "d1" ||
		!e.Spec.Received.Equal(&metav1.MicroTime{Time: p.now}) || e.OwnerReferences[0].UID != "u" {
		t.Fatalf("stored is %+v", e)
	}
	if ev := e.Spec.Event; ev.Type != v1alpha1.EventPush || ev.Ref != "refs/heads/main" || ev.Commit[0] != '2' || ev.Title != "Say hello" {
		t.Errorf("the event is %+v", ev)
	}
	if e.Spec.Headers["X-Gitea-Event"] != "push" || e.Spec.Headers["Authorization"] != "" || e.Spec.Headers["X-Gitea-Signature"] != "" {
		t.Errorf("kept are the headers %v", e.Spec.Headers)
	}
	r, err := gzip.NewReader(bytes.NewReader(e.Spec.Payload))
	if err != nil {
		t.Fatal(err)
	}
	if text, err := io.ReadAll(r); err != nil || string(text) != pushed {
		t.Errorf("the payload is %q, %v", text, err)
	}
}

func TestRefusals(t *testing.T) {
	other := func(name, value string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set(name, value) }
	}
	signed := func(body string) ([]byte, func(*http.Request)) {
		return []byte(body), other("X-Gitea-Signature", sign([]byte(body), "s3cret"))
	}
	broken, brokenSigned := signed("{")
	empty, emptySigned := signed("{}")
	deep, deepSigned := signed(strings.Repeat("[", 1<<20))
	for name, tc := range map[string]struct {
		to     string
		body   []byte
		change func(*http.Request)
		code   int
		says   string
	}{
		"no signature":          {"/hooks/ci/engine", []byte(pushed), func(r *http.Request) { r.Header.Del("X-Gitea-Signature") }, 401, "signature"},
		"a wrong signature":     {"/hooks/ci/engine", []byte(pushed), other("X-Gitea-Signature", sign([]byte(pushed), "guess")), 401, "signature"},
		"no hexadecimal":        {"/hooks/ci/engine", []byte(pushed), other("X-Gitea-Signature", "zz"), 401, "signature"},
		"of another body":       {"/hooks/ci/engine", []byte(pushed + " "), other("X-Gitea-Signature", sign([]byte(pushed), "s3cret")), 401, "signature"},
		"signed by nothing":     {"/hooks/ci/engine", []byte(pushed), other("X-Gitea-Signature", sign([]byte(pushed), "")), 401, "signature"},
		"an unknown repository": {"/hooks/ci/none", []byte(pushed), nil, 401, "signature"},
		"an unknown namespace":  {"/hooks/none/engine", []byte(pushed), nil, 401, "signature"},
		"no webhook secret":     {"/hooks/ci/deaf", []byte(pushed), nil, 401, "signature"},
		"a secret that is gone": {"/hooks/ci/broken", []byte(pushed), nil, 401, "signature"},
		"signed and no JSON":    {"/hooks/ci/engine", broken, brokenSigned, 400, ""},
		"signed and no push":    {"/hooks/ci/engine", empty, emptySigned, 400, ""},
		"signed and very deep":  {"/hooks/ci/engine", deep, deepSigned, 400, ""},
		"an event of no concern": {"/hooks/ci/engine", []byte(pushed), func(r *http.Request) {
			r.Header.Set("X-Gitea-Event", "wiki")
			r.Header.Set("X-Gitea-Event-Type", "wiki")
		}, 200, "ignored"},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPlace(t)
			res, a := p.webhook(tc.to, tc.body, tc.change)
			if res.StatusCode != tc.code || !strings.Contains(a.Error+a.Message, tc.says) || a.Event != "" {
				t.Errorf("%s %+v, want %d", res.Status, a, tc.code)
			}
			if len(p.cluster.stored) > 0 {
				t.Error("an event was stored")
			}
		})
	}
}

// Whoever replays a webhook may give it another id, which nobody signed.
func TestReplay(t *testing.T) {
	p := newPlace(t)
	_, first := p.webhook("/hooks/ci/engine", []byte(pushed), nil)
	res, again := p.webhook("/hooks/ci/engine", []byte(pushed), func(r *http.Request) { r.Header.Set("X-Gitea-Delivery", "d2") })
	if res.StatusCode != http.StatusOK || again.Event != first.Event || len(p.cluster.stored) != 1 {
		t.Errorf("%s %+v, and %d events are stored", res.Status, again, len(p.cluster.stored))
	}
}

// Neither a length that is promised nor one that comes is taken.
func TestTooLarge(t *testing.T) {
	p := newPlace(t)
	body := bytes.Repeat([]byte("x"), 100<<20)
	for name, change := range map[string]func(*http.Request){
		"promised": nil,
		"chunked":  func(r *http.Request) { r.ContentLength = -1 },
	} {
		t.Run(name, func(t *testing.T) {
			r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, p.url+"/hooks/ci/engine", bytes.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			if change != nil {
				change(r)
			}
			res, err := http.DefaultClient.Do(r)
			// The gateway may close while the client still sends.
			if err == nil {
				res.Body.Close()
				if res.StatusCode != http.StatusRequestEntityTooLarge {
					t.Error(res.Status)
				}
			}
		})
	}
}

// The forge has its answer within a second, and is told that it was no success.
func TestClusterIsAway(t *testing.T) {
	for name, c := range map[string]*cluster{
		"refuses connections": {failure: errors.New("connection refused")},
		"hangs":               {slow: make(chan struct{})},
		"has no quota":        {failure: apierrors.NewForbidden(schema.GroupResource{}, "e", errors.New("exceeded quota"))},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPlace(t)
			p.cluster.failure, p.cluster.slow = c.failure, c.slow
			started := time.Now()
			res, a := p.webhook("/hooks/ci/engine", []byte(pushed), nil)
			if took := time.Since(started); res.StatusCode != http.StatusServiceUnavailable || res.Header.Get("Retry-After") == "" || took > time.Second {
				t.Errorf("%s %+v after %s", res.Status, a, took)
			}
		})
	}
}

// What the API server takes when the forge has gone is stored all the same.
func TestStoredLate(t *testing.T) {
	p := newPlace(t)
	p.cluster.slow = make(chan struct{})
	if res, _ := p.webhook("/hooks/ci/engine", []byte(pushed), nil); res.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("%s", res.Status)
	}
	close(p.cluster.slow)
	select {
	case <-p.cluster.done:
	case <-time.After(10 * time.Second):
		t.Fatal("it was not stored")
	}
	if res, _ := p.webhook("/hooks/ci/engine", []byte(pushed), nil); res.StatusCode != http.StatusOK {
		t.Errorf("%s, as if it had not been stored", res.Status)
	}
}

// A webhook costs no request beside the one that stores it, and yet a new secret is
// taken at once; wrong signatures do not have the API server asked each time.
func TestSecretsAreKeptShortly(t *testing.T) {
	p := newPlace(t)
	want := func(code, reads int) {
		t.Helper()
		res, _ := p.webhook("/hooks/ci/engine", []byte(pushed), nil)
		if res.StatusCode/100 != code/100 || p.cluster.reads != reads {
			t.Errorf("%s after %d reads of the secret, want %d after %d", res.Status, p.cluster.reads, code, reads)
		}
	}
	want(202, 1)
	want(200, 1)
	p.cluster.secret = "another"
	want(200, 1)
	p.now = p.now.Add(secretTTL)
	want(401, 2)
	want(401, 2)
	p.cluster.secret = "s3cret"
	want(401, 2)
	p.now = p.now.Add(secretDoubt)
	want(200, 3)
}

// Bodies that only trickle in, or are only promised, take no room from others.
func TestSlowLoris(t *testing.T) {
	p := newPlace(t)
	for range 50 {
		conn, err := net.Dial("tcp", strings.TrimPrefix(p.url, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		fmt.Fprintf(conn, "POST /hooks/ci/engine HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n{", maxBody)
	}
	started := time.Now()
	if res, a := p.webhook("/hooks/ci/engine", []byte(pushed), nil); res.StatusCode != http.StatusAccepted || time.Since(started) > time.Second {
		t.Errorf("%s %+v after %s", res.Status, a, time.Since(started))
	}
}

func TestRoom(t *testing.T) {
	m := newRoom(3 * chunk)
	read := func(size int) (func(), error) {
		r := httptest.NewRequest(http.MethodPost, "/", bytes.NewReader(make([]byte, size)))
		body, release, err := m.read(httptest.NewRecorder(), r)
		if err == nil && len(body) != size {
			t.Errorf("%d bytes of %d", len(body), size)
		}
		return release, err
	}
	first, err := read(chunk + 1)
	if err != nil {
		t.Fatal(err)
	}
	release, err := read(chunk + 1)
	if !errors.Is(err, errNoRoom) {
		t.Errorf("there was room: %v", err)
	}
	release()
	first()
	if release, err = read(2 * chunk); err != nil {
		t.Error(err)
	}
	release()
	if left := m.left.Load(); left != 3*chunk {
		t.Errorf("%d bytes are left of %d", left, 3*chunk)
	}
}

// What etcd would refuse is left out, and the event is stored all the same.
func TestLargePayload(t *testing.T) {
	noise := make([]byte, 2<<20)
	if _, err := rand.Read(noise); err != nil {
		t.Fatal(err)
	}
	p := newPlace(t)
	body := []byte(strings.Replace(pushed, "{", `{"noise":"`+base64.StdEncoding.EncodeToString(noise)+`",`, 1))
	res, a := p.webhook("/hooks/ci/engine", body, nil)
	for try := 0; try < 10 && res.StatusCode == http.StatusServiceUnavailable; try++ {
		// A machine so busy that it was late has stored it all the same.
		res, a = p.webhook("/hooks/ci/engine", body, nil)
	}
	if e := p.cluster.stored[a.Event]; res.StatusCode/100 != 2 || e == nil || e.Spec.Payload != nil {
		t.Errorf("%s %+v", res.Status, a)
	}
}
