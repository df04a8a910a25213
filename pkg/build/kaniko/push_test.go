package kaniko

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"log"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/google/go-containerregistry/pkg/v1/validate"
	"github.com/osscontainertools/kaniko/pkg/config"
	"github.com/osscontainertools/kaniko/pkg/constants"

	"github.com/slipway-dev/slipway/pkg/build"
)

func TestPushCounts(t *testing.T) {
	server := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	t.Cleanup(server.Close)
	host := strings.TrimPrefix(server.URL, "http://")
	img, err := random.Image(4096, 2)
	if err != nil {
		t.Fatal(err)
	}
	var total int64
	layers, err := img.Layers()
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range layers {
		size, err := l.Size()
		if err != nil {
			t.Fatal(err)
		}
		total += size
	}
	sent, err := push(t.Context(), host+"/app:1", img, config.RegistryOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if sent.Sent < total {
		t.Errorf("sent %d bytes of layers of %d", sent.Sent, total)
	}
	again, err := push(t.Context(), host+"/app:2", img, config.RegistryOptions{})
	if err != nil || again.Sent != 0 {
		t.Errorf("the second push of the same layers sent %d bytes (%v), want none", again.Sent, err)
	}
	ref, err := name.ParseReference(host + "/app:2")
	if err != nil {
		t.Fatal(err)
	}
	pulled, err := remote.Image(ref)
	if err != nil {
		t.Fatal(err)
	}
	if err := validate.Image(pulled); err != nil {
		t.Error(err)
	}
}

// TestSettle: two builds at different times of the same files are one image, and the base's layers stay untouched.
func TestSettle(t *testing.T) {
	base, err := random.Image(1024, 1)
	if err != nil {
		t.Fatal(err)
	}
	base = mutate.MediaType(mutate.ConfigMediaType(base, types.OCIConfigJSON), types.OCIManifestSchema1)
	created := time.Unix(1700000000, 0).UTC()
	finish := func(builtAt time.Time, o build.Options) v1.Image {
		t.Helper()
		img, err := mutate.Append(base, mutate.Addendum{Layer: layerOf(t, "app", builtAt),
			History: v1.History{Author: constants.Author, CreatedBy: "RUN make"}})
		if err != nil {
			t.Fatal(err)
		}
		if img, err = mutate.CreatedAt(img, v1.Time{Time: builtAt}); err != nil {
			t.Fatal(err)
		}
		if img, err = settle(img, o); err != nil {
			t.Fatal(err)
		}
		return img
	}
	o := build.Options{Created: created, Reproducible: true}
	first, second := finish(time.Unix(1800000000, 0), o), finish(time.Unix(1900000000, 0), o)
	if a, b := digest(t, first), digest(t, second); a != b {
		t.Errorf("digests differ: %s and %s", a, b)
	}
	layers, err := first.Layers()
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range layers {
		if err := validate.Layer(l); err != nil {
			t.Error(err)
		}
	}
	if got := modTime(t, first, "app"); !got.Equal(created) {
		t.Errorf("the file's time is %s, want %s", got, created)
	}
	if kind, err := first.MediaType(); err != nil || kind != types.OCIManifestSchema1 {
		t.Errorf("the manifest became %s (%v)", kind, err)
	}
	want, got := firstLayer(t, base), firstLayer(t, first)
	if want != got {
		t.Errorf("the base's layer changed from %s to %s", want, got)
	}
	o.Reproducible = false
	cachedTwice := []v1.Image{finish(created, o), finish(created, o)}
	if digest(t, cachedTwice[0]) != digest(t, cachedTwice[1]) {
		t.Error("the same layers made two digests")
	}
}

func digest(t *testing.T, img v1.Image) v1.Hash {
	t.Helper()
	d, err := img.Digest()
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func firstLayer(t *testing.T, img v1.Image) v1.Hash {
	t.Helper()
	layers, err := img.Layers()
	if err != nil {
		t.Fatal(err)
	}
	d, err := layers[0].Digest()
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func modTime(t *testing.T, img v1.Image, file string) time.Time {
	t.Helper()
	content := mutate.Extract(img)
	defer content.Close()
	for r := tar.NewReader(content); ; {
		header, err := r.Next()
		if errors.Is(err, io.EOF) {
			t.Fatalf("no file %s", file)
		}
		if err != nil {
			t.Fatal(err)
		}
		if header.Name == file {
			return header.ModTime
		}
	}
}

func layerOf(t *testing.T, file string, at time.Time) v1.Layer {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	// With the times of a PAX header, as Kaniko's layers have them.
	header := &tar.Header{Name: file, Mode: 0o755, ModTime: at, AccessTime: at, ChangeTime: at, Format: tar.FormatPAX}
	if err := w.WriteHeader(header); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	layer, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(b.Bytes())), nil })
	if err != nil {
		t.Fatal(err)
	}
	return layer
}
