package cache

import (
	"bytes"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/registry"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	caches "github.com/slipway-dev/slipway/pkg/cache"
	"github.com/slipway-dev/slipway/pkg/cli/internal/env"
)

var now = time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)

// saved makes a registry with caches of the keys, the first a day old, the next two, and so on.
func saved(t *testing.T, keys ...string) string {
	t.Helper()
	server := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	t.Cleanup(server.Close)
	repository := strings.TrimPrefix(server.URL, "http://") + "/app/cache"
	for i, key := range keys {
		folder := filepath.Join(t.TempDir(), "deps")
		if err := os.Mkdir(folder, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(folder+"/file", []byte(key), 0o644); err != nil {
			t.Fatal(err)
		}
		at := func() time.Time { return now.AddDate(0, 0, -1-i) }
		if ok, err := caches.Save(t.Context(), caches.Options{Repository: repository, Folders: []caches.Folder{{Name: "deps", Path: folder}},
			Transport: http.DefaultTransport, Now: at, Log: io.Discard}, key); err != nil || !ok {
			t.Fatal(ok, err)
		}
	}
	return repository
}

func slipway(t *testing.T, args ...string) (string, error) {
	t.Helper()
	var out, errOut bytes.Buffer
	cmd := NewCommand(&env.Env{IOStreams: genericiooptions.IOStreams{Out: &out, ErrOut: &errOut}, Now: func() time.Time { return now }})
	cmd.SetArgs(args)
	cmd.SilenceErrors, cmd.SilenceUsage = true, true
	err := cmd.ExecuteContext(t.Context())
	return out.String() + errOut.String(), err
}

func TestListAndPrune(t *testing.T) {
	repository := saved(t, "go-1", "go/\x1b[2J", "go-3")
	out, err := slipway(t, "ls", repository)
	lines := strings.Split(out, "\n")
	if err != nil || len(lines) != 6 || strings.Join(strings.Fields(lines[0]), " ") != "AGE KEY FOLDERS SCOPE SIZE CONTENT" ||
		!strings.HasPrefix(strings.Join(strings.Fields(lines[1]), " "), "24h go-1 deps - ") || !strings.HasSuffix(lines[1], " 4 B") ||
		!strings.Contains(lines[2], `go/\x1b[2J`) || !strings.HasPrefix(lines[4], "3 caches, which take ") {
		t.Errorf("%v\n%s", err, out)
	}
	for _, args := range [][]string{{"--older-than", "60h", "--dry-run"}, {"--older-than", "60h"}} {
		out, err := slipway(t, append([]string{"prune", repository}, args...)...)
		if err != nil || !strings.HasPrefix(out, "go-3 of "+repository+", 3d old, deleted") || !strings.Contains(out, "1 of 3 caches deleted") {
			t.Errorf("%q: %v\n%s", args, err, out)
		}
	}
	if out, err := slipway(t, "prune", repository, "--max-size", "1"); err != nil || !strings.HasSuffix(out, "2 of 2 caches deleted; the others take 0 B\n") {
		t.Errorf("%v\n%s", err, out)
	}
	if out, err := slipway(t, "ls", repository); err != nil || out != "no caches\n" {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestWrongUsage(t *testing.T) {
	for want, args := range map[string][]string{
		"what is too many? give --older-than, --max-size, or both": {"prune", "r.example/c"},
		"--max-size ten: write a number of bytes":                  {"prune", "r.example/c", "--max-size", "ten"},
		"--output xml: it is json":                                 {"ls", "r.example/c", "-o", "xml"},
		`repository "UPPER" is not REGISTRY/REPOSITORY`:            {"ls", "UPPER"},
	} {
		if out, err := slipway(t, args...); err == nil || !strings.HasPrefix(err.Error(), want) || env.Code(err) != env.ExitUsage {
			t.Errorf("%q: %v, want %s\n%s", args, err, want, out)
		}
	}
}
