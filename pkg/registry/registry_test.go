package registry

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	corev1 "k8s.io/api/core/v1"
)

func image(t *testing.T, arch string, entrypoint, cmd []string) v1.Image {
	t.Helper()
	img, err := mutate.ConfigFile(empty.Image, &v1.ConfigFile{OS: "linux", Architecture: arch, Config: v1.Config{Entrypoint: entrypoint, Cmd: cmd}})
	if err != nil {
		t.Fatal(err)
	}
	return img
}

func push(t *testing.T, host, tag string, img remote.Taggable) {
	t.Helper()
	ref, err := name.ParseReference(host + "/" + tag)
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.Push(ref, img); err != nil {
		t.Fatal(err)
	}
}

func TestCommand(t *testing.T) {
	server := httptest.NewServer(registry.New())
	t.Cleanup(server.Close)
	host := strings.TrimPrefix(server.URL, "http://")
	amd, arm := image(t, "amd64", []string{"/tool"}, []string{"help"}), image(t, "arm64", []string{"/arm"}, nil)
	push(t, host, "one", amd)
	push(t, host, "many", mutate.AppendManifests(empty.Index,
		mutate.IndexAddendum{Add: amd, Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "linux", Architecture: "amd64"}}},
		mutate.IndexAddendum{Add: arm, Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "linux", Architecture: "arm64", Variant: "v8"}}},
		mutate.IndexAddendum{Add: image(t, "", nil, nil), Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "unknown", Architecture: "unknown"}}}))
	c := New(http.DefaultTransport)
	for ref, want := range map[string]map[string]Exec{
		"one":  {"linux/amd64": {[]string{"/tool"}, []string{"help"}}},
		"many": {"linux/amd64": {[]string{"/tool"}, []string{"help"}}, "linux/arm64/v8": {[]string{"/arm"}, nil}},
	} {
		got, err := c.Command(t.Context(), host+"/"+ref, nil)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got.Platforms); diff != "" {
			t.Errorf("%s (-want +got):\n%s", ref, diff)
		}
		if !strings.HasPrefix(got.Digest, "sha256:") {
			t.Errorf("%s: digest %q", ref, got.Digest)
		}
		if _, ok := got.For("linux/s390x"); ok {
			t.Errorf("%s is made for a platform it is not made for", ref)
		}
	}
	if _, err := c.Command(t.Context(), host+"/none", nil); !errors.Is(err, ErrRefused) {
		t.Errorf("no such image: %v", err)
	}
	if _, err := c.Command(t.Context(), "UPPER//x", nil); !errors.Is(err, ErrBadName) {
		t.Errorf("bad name: %v", err)
	}
}

// Pull secrets are used for the registry that they name.
func TestCommandWithCredentials(t *testing.T) {
	behind := registry.New()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if user, password, _ := r.BasicAuth(); user != "u" || password != "p" {
			w.Header().Set("WWW-Authenticate", `Basic realm="r"`)
			http.Error(w, "who are you?", http.StatusUnauthorized)
			return
		}
		behind.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	open := httptest.NewServer(behind)
	t.Cleanup(open.Close)
	push(t, strings.TrimPrefix(open.URL, "http://"), "private", image(t, "amd64", []string{"/x"}, nil))
	host := strings.TrimPrefix(server.URL, "http://")
	secret := corev1.Secret{Type: corev1.SecretTypeDockerConfigJson, Data: map[string][]byte{
		corev1.DockerConfigJsonKey: []byte(`{"auths":{"` + host + `":{"username":"u","password":"p"}}}`)}}
	c := New(http.DefaultTransport)
	if _, err := c.Command(t.Context(), host+"/private", nil); !errors.Is(err, ErrRefused) {
		t.Errorf("without credentials: %v", err)
	}
	if _, err := c.Command(t.Context(), host+"/private", []corev1.Secret{secret}); err != nil {
		t.Errorf("with credentials: %v", err)
	}
}

func noSecrets(context.Context) ([]corev1.Secret, error) { return nil, nil }

func TestCache(t *testing.T) {
	clock, asked := time.Unix(0, 0), map[string]int{}
	c := NewCache(func(_ context.Context, image string, _ []corev1.Secret) (Command, error) {
		asked[image]++
		if image == "bad" {
			return Command{}, errors.New("down")
		}
		return Command{Digest: image}, nil
	}, CacheOptions{TTL: time.Minute, Size: 2, Now: func() time.Time { return clock }})
	ask := func(scope, image string) {
		t.Helper()
		if got, err := c.Command(t.Context(), scope, image, noSecrets); image != "bad" && (err != nil || got.Digest != image) {
			t.Fatalf("%s: %+v, %v", image, got, err)
		}
	}
	want := func(why, image string, n int) {
		t.Helper()
		if asked[image] != n {
			t.Errorf("%s: %s was asked for %d times, want %d", why, image, asked[image], n)
		}
	}
	ask("ns", "a:1")
	ask("ns", "a:1")
	want("a tag is remembered", "a:1", 1)
	ask("other", "a:1")
	want("each scope asks with its own credentials", "a:1", 2)
	clock = clock.Add(2 * time.Minute)
	ask("ns", "a:1")
	want("a tag may move", "a:1", 3)
	ask("ns", "b@sha256:1")
	clock = clock.Add(time.Hour)
	ask("ns", "b@sha256:1")
	want("a digest cannot", "b@sha256:1", 1)
	ask("ns", "c:1")
	ask("ns", "d:1")
	ask("ns", "b@sha256:1")
	want("the oldest makes room", "b@sha256:1", 2)
	ask("ns", "bad")
	ask("ns", "bad")
	want("a failure is not remembered", "bad", 2)
}

// A burst of runs of one image asks its registry once.
func TestCacheSharesOneRequest(t *testing.T) {
	const callers = 20
	var asked atomic.Int32
	answer := make(chan struct{})
	c := NewCache(func(context.Context, string, []corev1.Secret) (Command, error) {
		asked.Add(1)
		<-answer
		return Command{}, nil
	}, CacheOptions{TTL: time.Minute, Size: 2, Now: time.Now})
	var started, done sync.WaitGroup
	for range callers {
		started.Add(1)
		done.Go(func() {
			started.Done()
			_, _ = c.Command(t.Context(), "ns", "a", noSecrets)
		})
	}
	started.Wait()
	close(answer)
	done.Wait()
	if n := asked.Load(); n > 2 {
		t.Errorf("%d requests", n)
	}
}
