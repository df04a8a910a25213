package fetch

import (
	"archive/tar"
	"bytes"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	ocispec "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

func tarOf(t *testing.T, text string) []byte {
	t.Helper()
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	if err := w.WriteHeader(&tar.Header{Name: "object", Typeflag: tar.TypeReg, Size: int64(len(text)), Mode: 0o600}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// with adds a layer that says what is in it.
func with(t *testing.T, image ocispec.Image, kind, object string, content []byte) ocispec.Image {
	t.Helper()
	image, err := mutate.Append(image, mutate.Addendum{Layer: static.NewLayer(content, types.OCIUncompressedLayer),
		Annotations: map[string]string{annotationName: object, annotationKind: kind, "dev.tekton.image.apiVersion": "v1"}})
	if err != nil {
		t.Fatal(err)
	}
	return image
}

func TestBundles(t *testing.T) {
	server := httptest.NewServer(registry.New())
	t.Cleanup(server.Close)
	host := strings.TrimPrefix(server.URL, "http://")
	push := func(tag string, image ocispec.Image) string {
		ref, err := name.ParseReference(host + "/" + tag)
		if err != nil {
			t.Fatal(err)
		}
		if err := remote.Write(ref, image); err != nil {
			t.Fatal(err)
		}
		digest, err := image.Digest()
		if err != nil {
			t.Fatal(err)
		}
		return digest.String()
	}
	image := with(t, empty.Image, "task", "build", tarOf(t, "the task"))
	image = with(t, image, "pipeline", "build", tarOf(t, "the pipeline"))
	image = with(t, image, "stepaction", "raw", []byte("the action"))
	image = with(t, image, "task", "large", tarOf(t, strings.Repeat("x", MaxSize+1)))
	image = with(t, image, "task", "hollow", tarOf(t, "")[1024:])
	digest := push("bundle:1", image)
	many := empty.Image
	for range maxLayers + 1 {
		many = with(t, many, "task", "build", tarOf(t, "x"))
	}
	push("many", many)
	for name, tc := range map[string]struct {
		params      Params
		found, want string
	}{
		"task":            {Params{"name": "build"}, "the task", ""},
		"same name":       {Params{"name": "build", "kind": "Pipeline"}, "the pipeline", ""},
		"no archive":      {Params{"name": "raw", "kind": "stepaction"}, "the action", ""},
		"by digest":       {Params{"name": "build", "bundle": host + "/bundle@" + digest}, "the task", ""},
		"slip":            {Params{"name": "biuld"}, "", `: the bundle has no task named "biuld"; did you mean "build"?`},
		"too large":       {Params{"name": "large"}, "", "is larger than 1 MiB"},
		"empty":           {Params{"name": "hollow"}, "", "the layer is empty"},
		"too many layers": {Params{"name": "build", "bundle": host + "/many"}, "", "has 21 layers"},
		"not there":       {Params{"name": "build", "bundle": host + "/none"}, "", host + "/none"},
		"bad reference":   {Params{"name": "build", "bundle": "UPPER//"}, "", "is no reference to an image"},
		"no name":         {Params{}, "", "param name is missing"},
		"no secret":       {Params{"name": "build", "secret": "x"}, "", `param secret: no secret "x"`},
	} {
		t.Run(name, func(t *testing.T) {
			p := Params{"bundle": host + "/bundle:1", "kind": "task"}
			maps.Copy(p, tc.params)
			got, err := Bundles{World: world{}, Transport: http.DefaultTransport}.Fetch(t.Context(), Query{Namespace: "ns", Params: p})
			switch {
			case tc.want != "":
				if err == nil || !strings.Contains(err.Error(), tc.want) || MayPass(err) {
					t.Errorf("error %v (may pass: %v)\nwant %s", err, MayPass(err), tc.want)
				}
			case err != nil:
				t.Error(err)
			case string(got.Content) != tc.found || got.Source.URI != host+"/bundle" || "sha256:"+got.Source.Digest["sha256"] != digest || got.Source.EntryPoint != p["name"]:
				t.Errorf("%s %+v", got.Content, got.Source)
			}
		})
	}
}
