//go:build conformance

package conformance

import (
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"
)

// hosts are the addresses that the placeholders of the cases stand for; git may
// be "" where there are only own cases, as these use none.
type hosts struct{ registry, git string }

func hostsFromEnv(t *testing.T) hosts {
	t.Helper()
	h := hosts{os.Getenv("SLIPWAY_REGISTRY"), os.Getenv("CONFORMANCE_GIT_HOST")}
	if h.registry == "" || h.git == "" && os.Getenv("CONFORMANCE_DIR") != "" {
		t.Fatal("SLIPWAY_REGISTRY and CONFORMANCE_GIT_HOST must name the registry and the git server of the cases")
	}
	return h
}

var digestOf = regexp.MustCompile(`DIGEST_OF_([a-z/-]+)`)

func (h hosts) replace(t *testing.T, text string) string {
	t.Helper()
	text = digestOf.ReplaceAllStringFunc(text, func(m string) string {
		return h.digest(t, strings.TrimPrefix(m, "DIGEST_OF_"))
	})
	return strings.NewReplacer("REGISTRY_HOST", h.registry, "GIT_HOST", h.git, "namespace: default", "").Replace(text)
}

func (h hosts) digest(t *testing.T, image string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodHead, "http://"+h.registry+"/v2/"+image+"/manifests/latest", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Accept", "application/vnd.docker.distribution.manifest.v2+json, application/vnd.oci.image.manifest.v1+json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	digest := resp.Header.Get("Docker-Content-Digest")
	if digest == "" {
		t.Fatalf("the registry has no image %s: %s", image, resp.Status)
	}
	return digest
}
