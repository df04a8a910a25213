package generic

import (
	"errors"
	"io"
	"net/http"
	"net/http/cgi"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-dev/slipway/api/slipway/v1alpha1"
	"github.com/slipway-dev/slipway/pkg/forge"
)

// serve has git's own server offer a folder of repositories to who knows the password.
func serve(t *testing.T, dir string) string {
	t.Helper()
	path, err := exec.Command("git", "--exec-path").Output()
	if err != nil {
		t.Fatal(err)
	}
	backend := &cgi.Handler{Path: filepath.Join(strings.TrimSpace(string(path)), "git-http-backend"),
		Env: []string{"GIT_PROJECT_ROOT=" + dir, "GIT_HTTP_EXPORT_ALL=1"}, Stderr: io.Discard}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if user, password, _ := r.BasicAuth(); user != "git" || password != "t0ken" {
			w.Header().Set("WWW-Authenticate", "Basic")
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		backend.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// commit writes files, removes those that are empty, and returns the new commit.
func commit(t *testing.T, dir string, files map[string]string) string {
	t.Helper()
	for name, content := range files {
		path := filepath.Join(dir, name)
		if content == "" {
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	git(t, dir, "add", "-A")
	git(t, dir, "commit", "-q", "-m", "change")
	return git(t, dir, "rev-parse", "HEAD")
}

func git(t *testing.T, dir string, args ...string) string {
	t.Helper()
	cmd := exec.Command("git", append([]string{"-C", dir, "-c", "user.name=ada", "-c", "user.email=ada@example.com"}, args...)...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(string(out))
}

func TestClient(t *testing.T) {
	root := t.TempDir()
	dir := filepath.Join(root, "engine")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	git(t, dir, "init", "-q", "-b", "trunk")
	git(t, dir, "config", "uploadpack.allowReachableSHA1InWant", "true")
	first := commit(t, dir, map[string]string{".tekton/build.yaml": "kind: Pipeline\n", ".tekton/README.md": "no\n", "main.go": "1\n", "old.go": "1\n"})
	if err := os.Symlink("build.yaml", filepath.Join(dir, ".tekton/elsewhere.yaml")); err != nil {
		t.Fatal(err)
	}
	second := commit(t, dir, map[string]string{".tekton/tasks/lint.yml": "kind: Task\n", "main.go": "2\n", "old.go": ""})
	url := serve(t, root) + "/engine/.git"
	c := New(url, "", []byte("t0ken"), nil)

	info, err := c.Repository(t.Context())
	if want := (forge.Info{DefaultBranch: "trunk", CloneURL: url, Private: true}); err != nil || info != want {
		t.Errorf("%+v, %v, want %+v", info, err, want)
	}
	git(t, dir, "-c", "user.name=ada", "tag", "-a", "-m", "the first", "v1", first)
	for ref, want := range map[string]string{"refs/heads/trunk": second, "refs/tags/v1": first} {
		if tip, err := c.Tip(t.Context(), ref); err != nil || tip.Commit != want {
			t.Errorf("%s is at %+v, %v, want %s", ref, tip, err, want)
		}
	}
	for commit, want := range map[string]map[string][]byte{
		first:  {".tekton/build.yaml": []byte("kind: Pipeline\n")},
		second: {".tekton/build.yaml": []byte("kind: Pipeline\n"), ".tekton/tasks/lint.yml": []byte("kind: Task\n")},
	} {
		got, err := c.Files(t.Context(), commit, ".tekton", ".slipway")
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("%v, (-want +got):\n%s", err, diff)
		}
	}
	if got, err := c.File(t.Context(), first, "main.go"); err != nil || string(got) != "1\n" {
		t.Errorf("%q, %v", got, err)
	}
	changes, err := c.Changes(t.Context(), &v1alpha1.Event{Before: first, Commit: second})
	want := forge.Changes{Added: []string{".tekton/elsewhere.yaml", ".tekton/tasks/lint.yml"}, Modified: []string{"main.go"}, Deleted: []string{"old.go"}}
	if diff := cmp.Diff(want, changes); err != nil || diff != "" {
		t.Errorf("%v, (-want +got):\n%s", err, diff)
	}
	if changes, err := c.Changes(t.Context(), &v1alpha1.Event{Commit: second}); err != nil || !cmp.Equal(changes, forge.Changes{}) {
		t.Errorf("%+v, %v: what it was before is not known", changes, err)
	}

	_, noFile := c.File(t.Context(), first, "nowhere")
	_, noCommit := c.Files(t.Context(), strings.Repeat("d", 40), ".tekton")
	_, noRepository := New(strings.Replace(url, "engine", "other", 1), "", []byte("t0ken"), nil).Repository(t.Context())
	_, denied := New(url, "", []byte("wrong"), nil).Repository(t.Context())
	_, noBranch := c.Tip(t.Context(), "refs/heads/nowhere")
	for name, test := range map[string]struct{ got, want error }{"a branch": {noBranch, forge.ErrNotFound}, "a file": {noFile, forge.ErrNotFound}, "a commit": {noCommit, forge.ErrNotFound},
		"a repository": {noRepository, forge.ErrNotFound}, "a token": {denied, forge.ErrDenied}} {
		if !errors.Is(test.got, test.want) {
			t.Errorf("%s that is none: %v", name, test.got)
		}
	}
}
