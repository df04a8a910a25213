package sign

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	ggcr "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/sigstore/cosign/v2/pkg/cosign"
	"github.com/sigstore/sigstore/pkg/cryptoutils"

	"github.com/slipway-dev/slipway/pkg/provenance"
)

// world is a registry with one image in it, and two keys.
type world struct {
	*testing.T
	host        string
	image       string
	ours, other *Key
}

func newWorld(t *testing.T) *world {
	t.Helper()
	server := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	t.Cleanup(server.Close)
	w := &world{T: t, host: strings.TrimPrefix(server.URL, "http://"), ours: keys.of(t, 0), other: keys.of(t, 1)}
	w.image = w.push("team/app:v1")
	return w
}

// keyPairs are shared by all tests: encrypting one is slow on purpose.
type keyPairs struct {
	sync.Mutex
	made [2]*Key
}

var keys keyPairs

func (k *keyPairs) of(t *testing.T, i int) *Key {
	t.Helper()
	k.Lock()
	defer k.Unlock()
	if k.made[i] == nil {
		k.made[i] = newKey(t)
	}
	return k.made[i]
}

func newKey(t *testing.T) *Key {
	t.Helper()
	pair, err := cosign.GenerateKeyPair(func(bool) ([]byte, error) { return []byte("secret"), nil })
	if err != nil {
		t.Fatal(err)
	}
	key, err := KeyFromSecret(map[string][]byte{SecretKey: pair.PrivateBytes, SecretPassword: []byte("secret"), SecretPublic: pair.PublicBytes})
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func public(t *testing.T, key *Key) []byte {
	t.Helper()
	pub, err := key.pair.PublicKey()
	if err != nil {
		t.Fatal(err)
	}
	pem, err := cryptoutils.MarshalPublicKeyToPEM(pub)
	if err != nil {
		t.Fatal(err)
	}
	return pem
}

// push puts a new image under the tag and returns REPOSITORY@DIGEST.
func (w *world) push(tag string) string {
	w.Helper()
	img, err := random.Image(64, 1)
	if err != nil {
		w.Fatal(err)
	}
	ref, err := name.ParseReference(w.host + "/" + tag)
	if err != nil {
		w.Fatal(err)
	}
	if err := remote.Write(ref, img); err != nil {
		w.Fatal(err)
	}
	digest, err := img.Digest()
	if err != nil {
		w.Fatal(err)
	}
	return ref.Context().Digest(digest.String()).String()
}

func (w *world) sign(key *Key, image string) {
	w.Helper()
	if _, err := NewSigner(key, Options{}).Sign(w.Context(), image); err != nil {
		w.Fatal(err)
	}
}

func (w *world) attest(key *Key, image string, st provenance.Statement) {
	w.Helper()
	if _, err := NewSigner(key, Options{}).Attest(w.Context(), image, st); err != nil {
		w.Fatal(err)
	}
}

// copyBeside gives what stands beside one image to another, as one would who has
// the right to push and no key.
func (w *world) copyBeside(suffix, from, to string) {
	w.Helper()
	tag := func(image string) name.Reference {
		repository, digest, _ := strings.Cut(image, "@")
		ref, err := name.ParseReference(repository + ":" + strings.Replace(digest, ":", "-", 1) + "." + suffix)
		if err != nil {
			w.Fatal(err)
		}
		return ref
	}
	img, err := remote.Image(tag(from))
	if err != nil {
		w.Fatal(err)
	}
	if err := remote.Write(tag(to), img); err != nil {
		w.Fatal(err)
	}
}

// beside counts the layers under the image's tag with the suffix.
func (w *world) beside(suffix, image string) int {
	w.Helper()
	repository, digest, _ := strings.Cut(image, "@")
	ref, err := name.ParseReference(repository + ":" + strings.Replace(digest, ":", "-", 1) + "." + suffix)
	if err != nil {
		w.Fatal(err)
	}
	img, err := remote.Image(ref)
	if err != nil {
		w.Fatal(err)
	}
	m, err := img.Manifest()
	if err != nil {
		w.Fatal(err)
	}
	return len(m.Layers)
}

func about(image, invocation string) provenance.Statement {
	repository, digest, _ := strings.Cut(image, "@")
	hash, _ := ggcr.NewHash(digest)
	return provenance.Statement{
		Type:          provenance.StatementType,
		PredicateType: provenance.PredicateType,
		Subject:       []provenance.Descriptor{{Name: repository, Digest: map[string]string{"sha256": hash.Hex}}},
		Predicate: provenance.Predicate{
			BuildDefinition: provenance.BuildDefinition{BuildType: provenance.BuildType, ExternalParameters: map[string]any{}},
			RunDetails: provenance.RunDetails{
				Builder:  provenance.Builder{ID: provenance.DefaultBuilderID},
				Metadata: provenance.Metadata{InvocationID: invocation},
			},
		},
	}
}

func TestVerifyAccepts(t *testing.T) {
	w := newWorld(t)
	w.sign(w.ours, w.image)
	w.attest(w.ours, w.image, about(w.image, "run-1"))
	// What others put beside an image takes nothing away from it.
	w.sign(w.other, w.image)
	w.attest(w.other, w.image, about(w.image, "run-2"))
	for _, asked := range []string{w.image, w.host + "/team/app:v1"} {
		report, err := Verify(t.Context(), asked, public(t, w.ours), Options{})
		if err != nil {
			t.Fatalf("%s: %v", asked, err)
		}
		if report.Image != w.image || report.Signatures != 1 || len(report.Provenance) != 1 || report.Provenance[0].InvocationID() != "run-1" {
			t.Errorf("%s: report is %+v", asked, report)
		}
	}
}

func TestVerifyRefuses(t *testing.T) {
	for name, tc := range map[string]struct {
		arrange func(w *world) (image string)
		want    Reason
	}{
		"nothing beside it": {func(w *world) string { return w.image }, Unsigned},
		"rebuilt under the same tag": {func(w *world) string {
			w.sign(w.ours, w.image)
			w.push("team/app:v1")
			return w.host + "/team/app:v1"
		}, Unsigned},
		"signed by another key": {func(w *world) string {
			w.sign(w.other, w.image)
			return w.image
		}, WrongKey},
		"changed, with the old signature": {func(w *world) string {
			w.sign(w.ours, w.image)
			changed := w.push("team/app:v1")
			w.copyBeside("sig", w.image, changed)
			return changed
		}, Tampered},
		"no attestation": {func(w *world) string {
			w.sign(w.ours, w.image)
			return w.image
		}, NoProvenance},
		"attestation by another key": {func(w *world) string {
			w.sign(w.ours, w.image)
			w.attest(w.other, w.image, about(w.image, "run-1"))
			return w.image
		}, NoProvenance},
		"attestation that is no provenance": {func(w *world) string {
			st := about(w.image, "run-1")
			st.PredicateType = "https://spdx.dev/Document"
			w.sign(w.ours, w.image)
			w.attest(w.ours, w.image, st)
			return w.image
		}, NoProvenance},
		"provenance of another image": {func(w *world) string {
			second := w.push("team/app:v2")
			w.sign(w.ours, second)
			w.attest(w.ours, w.image, about(w.image, "run-1"))
			w.copyBeside("att", w.image, second)
			return second
		}, OtherSubject},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			_, err := Verify(t.Context(), tc.arrange(w), public(t, w.ours), Options{})
			var refusal *Refusal
			if !errors.As(err, &refusal) || refusal.Reason != tc.want {
				t.Fatalf("got %v, want a refusal for %q", err, tc.want)
			}
			if !strings.Contains(refusal.Image, "@sha256:") || refusal.Detail == "" {
				t.Errorf("the refusal does not say of what or why: %q", refusal)
			}
		})
	}
}

// rewrite changes the bodies of manifests on their way from the registry.
type rewrite func(path string, body []byte) []byte

func (r rewrite) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil || req.Method != http.MethodGet {
		return resp, err
	}
	body, err := io.ReadAll(resp.Body)
	resp.Body.Close()
	if err != nil {
		return nil, err
	}
	body = r(req.URL.Path, body)
	resp.Body, resp.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	resp.Header.Set("Content-Length", fmt.Sprint(len(body)))
	resp.Header.Del("Docker-Content-Digest")
	return resp, nil
}

func TestVerifyRefusesWhatTheRegistryChanges(t *testing.T) {
	for name, tc := range map[string]struct {
		path, from, to string
	}{
		"the manifest":            {"/manifests/sha256:", `"schemaVersion":2`, `"schemaVersion": 2`},
		"the signature's content": {"/blobs/sha256:", `container image signature`, `container image Signature`},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.sign(w.ours, w.image)
			w.attest(w.ours, w.image, about(w.image, "run-1"))
			changed := false
			_, err := Verify(t.Context(), w.image, public(t, w.ours), Options{Transport: rewrite(func(path string, body []byte) []byte {
				if strings.Contains(path, tc.path) && bytes.Contains(body, []byte(tc.from)) {
					changed = true
					return bytes.ReplaceAll(body, []byte(tc.from), []byte(tc.to))
				}
				return body
			})})
			var refusal *Refusal
			if !changed || !errors.As(err, &refusal) || refusal.Reason != Tampered {
				t.Errorf("changed: %v; got %v, want a refusal for %q", changed, err, Tampered)
			}
		})
	}
}

func TestVerifyTellsTroubleFromRefusal(t *testing.T) {
	w := newWorld(t)
	if _, err := Verify(t.Context(), w.host+"/team/none:v1", public(t, w.ours), Options{}); !errors.Is(err, ErrNoImage) {
		t.Errorf("missing image: %v", err)
	}
	if _, err := Verify(t.Context(), "Not An Image", public(t, w.ours), Options{}); !errors.Is(err, ErrBadName) {
		t.Errorf("bad name: %v", err)
	}
	if _, err := Verify(t.Context(), w.image, []byte("no key"), Options{}); err == nil || !strings.HasPrefix(err.Error(), "public key: ") {
		t.Errorf("bad key: %v", err)
	}
}

// A signer that is killed between any two of its writes starts again from the top,
// with a new process: the sum of all tries is one signature and one attestation.
func TestSigningAgainWritesNothing(t *testing.T) {
	for name, before := range map[string]func(*world){
		"from nothing":        func(*world) {},
		"signed already":      func(w *world) { w.sign(w.ours, w.image) },
		"attested already":    func(w *world) { w.attest(w.ours, w.image, about(w.image, "run-1")) },
		"both already":        func(w *world) { w.sign(w.ours, w.image); w.attest(w.ours, w.image, about(w.image, "run-1")) },
		"three times already": func(w *world) { w.sign(w.ours, w.image); w.sign(w.ours, w.image); w.sign(w.ours, w.image) },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			before(w)
			w.sign(w.ours, w.image)
			w.attest(w.ours, w.image, about(w.image, "run-1"))
			if n := w.beside("sig", w.image); n != 1 {
				t.Errorf("%d signatures", n)
			}
			if n := w.beside("att", w.image); n != 1 {
				t.Errorf("%d attestations", n)
			}
			if wrote, err := NewSigner(w.ours, Options{}).Sign(t.Context(), w.image); wrote || err != nil {
				t.Errorf("sign wrote %v, %v", wrote, err)
			}
			if wrote, err := NewSigner(w.ours, Options{}).Attest(t.Context(), w.image, about(w.image, "run-1")); wrote || err != nil {
				t.Errorf("attest wrote %v, %v", wrote, err)
			}
		})
	}
}

// dying is the network of a process that is killed: it lets some requests through,
// then none; the last one may still arrive, with nobody left to hear the answer.
type dying struct {
	left    atomic.Int32
	arrives bool
	died    atomic.Bool
}

func (d *dying) RoundTrip(req *http.Request) (*http.Response, error) {
	left := d.left.Add(-1)
	if left > 0 {
		return http.DefaultTransport.RoundTrip(req)
	}
	d.died.Store(true)
	if left == 0 && d.arrives {
		resp, err := http.DefaultTransport.RoundTrip(req)
		if err == nil {
			resp.Body.Close()
		}
	}
	return nil, errors.New("killed")
}

func TestKilledAtEachRequestSignsOnce(t *testing.T) {
	w := newWorld(t)
	both := func(s *Signer, image string) error {
		if _, err := s.Sign(t.Context(), image); err != nil {
			return err
		}
		_, err := s.Attest(t.Context(), image, about(image, "run-1"))
		return err
	}
	killed := 0
	for _, arrives := range []bool{false, true} {
		for n, dead := int32(1), true; dead; n++ {
			image := w.push(fmt.Sprintf("team/app-%v-%d:v1", arrives, n))
			d := &dying{arrives: arrives}
			d.left.Store(n)
			err := both(NewSigner(w.ours, Options{Transport: d}), image)
			if dead = d.died.Load(); dead {
				killed++
			} else if err != nil {
				t.Fatal(err)
			}
			if err := both(NewSigner(w.ours, Options{}), image); err != nil {
				t.Fatal(err)
			}
			if sigs, atts := w.beside("sig", image), w.beside("att", image); sigs != 1 || atts != 1 {
				t.Errorf("killed at request %d (arrives: %v): %d signatures, %d attestations", n, arrives, sigs, atts)
			}
		}
	}
	if killed < 20 {
		t.Errorf("killed %d times only: the test no longer meets the writes", killed)
	}
}

func TestManyRunsOfOneImageLoseNothing(t *testing.T) {
	w := newWorld(t)
	s := NewSigner(w.ours, Options{})
	var wg sync.WaitGroup
	var signed atomic.Int32
	for i := range 8 {
		wg.Go(func() {
			if wrote, err := s.Sign(t.Context(), w.image); err != nil {
				t.Error(err)
			} else if wrote {
				signed.Add(1)
			}
			if _, err := s.Attest(t.Context(), w.image, about(w.image, fmt.Sprintf("run-%d", i))); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	report, err := Verify(t.Context(), w.image, public(t, w.ours), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if signed.Load() != 1 || report.Signatures != 1 || len(report.Provenance) != 8 {
		t.Errorf("wrote %d signatures; there are %d, and %d statements", signed.Load(), report.Signatures, len(report.Provenance))
	}
}

// failing answers reads of what matches with a server error while it is on.
type failing struct {
	match string
	on    atomic.Bool
}

func (f *failing) RoundTrip(req *http.Request) (*http.Response, error) {
	if f.on.Load() && req.Method == http.MethodGet && strings.Contains(req.URL.Path, f.match) {
		return nil, errors.New("connection refused")
	}
	return http.DefaultTransport.RoundTrip(req)
}

// What cannot be read must not be taken for what is not there.
func TestUnreadableListIsNotEmpty(t *testing.T) {
	for _, match := range []string{".sig", "/blobs/", "/v2/"} {
		t.Run(match, func(t *testing.T) {
			w := newWorld(t)
			w.sign(w.ours, w.image)
			f := &failing{match: match}
			s := NewSigner(w.ours, Options{Transport: f})
			f.on.Store(true)
			if wrote, err := s.Sign(t.Context(), w.image); wrote || err == nil {
				t.Errorf("wrote %v, %v", wrote, err)
			}
			f.on.Store(false)
			if wrote, err := s.Sign(t.Context(), w.image); wrote || err != nil {
				t.Errorf("back again: wrote %v, %v", wrote, err)
			}
			if n := w.beside("sig", w.image); n != 1 {
				t.Errorf("%d signatures", n)
			}
		})
	}
}

func TestNothingIsSaidOfAnImageThatIsNotThere(t *testing.T) {
	w := newWorld(t)
	missing := w.host + "/team/app@sha256:" + strings.Repeat("ab", 32)
	if _, err := NewSigner(w.ours, Options{}).Sign(t.Context(), missing); !errors.Is(err, ErrNoImage) {
		t.Errorf("got %v", err)
	}
	if _, err := NewSigner(w.ours, Options{}).Attest(t.Context(), missing, about(missing, "run-1")); !errors.Is(err, ErrNoImage) {
		t.Errorf("got %v", err)
	}
}

func TestKeyFromSecretSaysWhatIsWrong(t *testing.T) {
	pair, err := cosign.GenerateKeyPair(func(bool) ([]byte, error) { return []byte("secret"), nil })
	if err != nil {
		t.Fatal(err)
	}
	for want, data := range map[string]map[string][]byte{
		`it has no entry "cosign.key"`:                     {},
		"cosign.key cannot be read with cosign.password: ": {SecretKey: pair.PrivateBytes, SecretPassword: []byte("other")},
	} {
		if _, err := KeyFromSecret(data); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

// The signed bytes are those cosign writes: the claim names the digest.
func TestClaimNamesTheDigest(t *testing.T) {
	w := newWorld(t)
	w.sign(w.ours, w.image)
	e, err := Options{}.find(t.Context(), w.image)
	if err != nil {
		t.Fatal(err)
	}
	all, err := records(w.image, e.signed.Signatures)
	if err != nil || len(all) != 1 {
		t.Fatalf("%d records, %v", len(all), err)
	}
	text, err := all[0].Payload()
	if err != nil {
		t.Fatal(err)
	}
	var claim struct {
		Critical struct {
			Type  string
			Image struct {
				Digest string `json:"docker-manifest-digest"`
			}
		}
	}
	if err := json.Unmarshal(text, &claim); err != nil {
		t.Fatal(err)
	}
	if claim.Critical.Image.Digest != e.hash.String() || claim.Critical.Type != "cosign container image signature" {
		t.Errorf("claim is %s", text)
	}
}
