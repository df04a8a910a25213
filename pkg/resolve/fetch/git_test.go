package fetch

import (
	"context"
	"net/http"
	"net/http/cgi"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// world has one Secret, named login, in namespace ns.
type world map[string]map[string]string

func (world) Secret(_ context.Context, namespace, name string) (*corev1.Secret, error) {
	if namespace != "ns" || name != "login" {
		return nil, apierrors.NewNotFound(schema.GroupResource{Resource: "secrets"}, name)
	}
	s := &corev1.Secret{Data: map[string][]byte{"token": []byte("s3cret\n"), "password": []byte("pass")}}
	s.Name = name
	return s, nil
}

func (w world) Settings(_ context.Context, configMap string) (map[string]string, error) {
	return w[configMap], nil
}

func git(t *testing.T, dir string, args ...string) string {
	t.Helper()
	c := exec.Command("git", append([]string{"-C", dir, "-c", "user.name=t", "-c", "user.email=t@example.com"}, args...)...)
	c.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_SYSTEM=/dev/null")
	out, err := c.CombinedOutput()
	if err != nil {
		t.Fatalf("git %s: %v\n%s", args, err, out)
	}
	return strings.TrimSpace(string(out))
}

// repo is a repository with two commits on main; the tag v1 is at the first.
type repo struct{ dir, first, second string }

func newRepo(t *testing.T) repo {
	t.Helper()
	r := repo{dir: t.TempDir()}
	write := func(name, text string) {
		file := filepath.Join(r.dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o750); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	git(t, r.dir, "init", "-q", "-b", "main")
	write("task/build.yaml", "old")
	git(t, r.dir, "add", "-A")
	git(t, r.dir, "commit", "-qm", "one")
	git(t, r.dir, "tag", "-a", "v1", "-m", "v1")
	r.first = git(t, r.dir, "rev-parse", "HEAD")
	write("task/build.yaml", "new")
	write("large.yaml", strings.Repeat("x", MaxSize+1))
	git(t, r.dir, "add", "-A")
	git(t, r.dir, "commit", "-qm", "two")
	r.second = git(t, r.dir, "rev-parse", "HEAD")
	return r
}

// serve serves the repository as Git's own server does, to whoever knows the
// token if there is one.
func (r repo) serve(t *testing.T, token string) string {
	t.Helper()
	backend := &cgi.Handler{Path: filepath.Join(git(t, r.dir, "--exec-path"), "git-http-backend"),
		Env: []string{"GIT_PROJECT_ROOT=" + filepath.Dir(r.dir), "GIT_HTTP_EXPORT_ALL=1", "GIT_CONFIG_COUNT=1",
			"GIT_CONFIG_KEY_0=safe.directory", "GIT_CONFIG_VALUE_0=*"}}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		if _, password, _ := q.BasicAuth(); password != token {
			w.Header().Set("WWW-Authenticate", `Basic realm="git"`)
			http.Error(w, "who are you?", http.StatusUnauthorized)
			return
		}
		backend.ServeHTTP(w, q)
	}))
	t.Cleanup(server.Close)
	return server.URL + "/" + filepath.Base(r.dir) + "/.git"
}

func TestGit(t *testing.T) {
	servers := map[string]string{"a server that leaves files out": "true", "a server that does not": "false"}
	for server, can := range servers {
		r := newRepo(t)
		git(t, r.dir, "config", "uploadpack.allowFilter", can)
		git(t, r.dir, "config", "uploadpack.allowAnySHA1InWant", can)
		url := r.serve(t, "")
		for name, tc := range map[string]struct{ revision, want, commit string }{
			"nothing said":    {"", "new", r.second},
			"branch":          {"main", "new", r.second},
			"full ref":        {"refs/heads/main", "new", r.second},
			"head":            {"HEAD", "new", r.second},
			"annotated tag":   {"v1", "old", r.first},
			"commit at a tip": {r.second, "new", r.second},
			"commit below":    {r.first, "old", r.first},
		} {
			t.Run(server+"/"+name, func(t *testing.T) {
				p := Params{"url": url, "pathInRepo": "/task/build.yaml", "revision": tc.revision}
				got, err := Git{World: world{}, Transport: http.DefaultTransport}.Fetch(t.Context(), Query{Namespace: "ns", Params: p})
				if err != nil {
					t.Fatal(err)
				}
				if string(got.Content) != tc.want || got.Source.Digest["sha1"] != tc.commit || got.Source.URI != "git+"+url || got.Source.EntryPoint != "task/build.yaml" {
					t.Errorf("%s %+v", got.Content, got.Source)
				}
			})
		}
	}
}

// A file too many is not sent where the server can leave it out.
func TestGitFetchesOneFile(t *testing.T) {
	r := newRepo(t)
	git(t, r.dir, "config", "uploadpack.allowFilter", "true")
	git(t, r.dir, "config", "uploadpack.allowAnySHA1InWant", "true")
	if err := os.WriteFile(filepath.Join(r.dir, "noise"), noise(1<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	git(t, r.dir, "add", "-A")
	git(t, r.dir, "commit", "-qm", "three")
	counted := &measured{http.DefaultTransport, 64 << 10}
	p := Params{"url": r.serve(t, ""), "pathInRepo": "task/build.yaml", "revision": "main"}
	if _, err := (Git{World: world{}, Transport: counted}).Fetch(t.Context(), Query{Params: p}); err != nil {
		t.Error(err)
	}
}

// noise does not compress.
func noise(n int) []byte {
	out, x := make([]byte, n), uint32(1)
	for i := range out {
		x ^= x << 13
		x ^= x >> 17
		x ^= x << 5
		out[i] = byte(x)
	}
	return out
}

func TestGitSays(t *testing.T) {
	r := newRepo(t)
	url := r.serve(t, "")
	private := r.serve(t, "s3cret")
	for name, tc := range map[string]struct {
		params Params
		want   string
	}{
		"no url":       {Params{"pathInRepo": "x"}, "param url is missing"},
		"slip":         {Params{"url": url, "pathInRepos": "x"}, `param pathInRepo is missing; "pathInRepos" is given, is it a slip?`},
		"forge":        {Params{"repo": "x", "pathInRepo": "x"}, "give the param url"},
		"file scheme":  {Params{"url": "file://" + r.dir, "pathInRepo": "x"}, "is no URL of http or https"},
		"token in url": {Params{"url": strings.Replace(url, "://", "://u:secret@", 1), "pathInRepo": "x"}, "name that by gitToken"},
		"no branch":    {Params{"url": url, "revision": "mian", "pathInRepo": "x"}, `: no branch, tag or commit "mian"; did you mean "main"?`},
		"no file":      {Params{"url": url, "pathInRepo": "task/biuld.yaml"}, ` at main: no file "task/biuld.yaml"; did you mean "task/build.yaml"?`},
		"folder":       {Params{"url": url, "pathInRepo": "task"}, "task is not a file"},
		"too large":    {Params{"url": url, "pathInRepo": "large.yaml"}, "large.yaml is larger than 1 MiB"},
		"no repo":      {Params{"url": url + "x", "pathInRepo": "x"}, "no such repository, or it is private"},
		"no token":     {Params{"url": private, "pathInRepo": "x"}, "name a secret with a valid token by gitToken"},
		"no secret":    {Params{"url": private, "pathInRepo": "x", "gitToken": "logni"}, `param gitToken: no secret "logni" in namespace "ns"`},
		"no key":       {Params{"url": private, "pathInRepo": "x", "gitToken": "login", "gitTokenKey": "tokne"}, `has no key "tokne"; did you mean "token"?`},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Git{World: world{}, Transport: http.DefaultTransport}.Fetch(t.Context(), Query{Namespace: "ns", Params: tc.params})
			if err == nil || !strings.Contains(err.Error(), tc.want) || strings.Contains(err.Error(), "secret@") || MayPass(err) {
				t.Errorf("error %v\nwant %s", err, tc.want)
			}
		})
	}
	p := Params{"url": private, "pathInRepo": "task/build.yaml", "gitToken": "login"}
	if got, err := (Git{World: world{}, Transport: http.DefaultTransport}).Fetch(t.Context(), Query{Namespace: "ns", Params: p}); err != nil || string(got.Content) != "new" {
		t.Errorf("with a token: %v", err)
	}
}

// A server that is down may be up again soon.
func TestGitMayPass(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	server.Close()
	_, err := Git{World: world{}, Transport: http.DefaultTransport}.Fetch(t.Context(), Query{Params: Params{"url": server.URL + "/r.git", "pathInRepo": "x"}})
	if !MayPass(err) || !strings.Contains(err.Error(), server.URL) {
		t.Errorf("error %v", err)
	}
}

// A repository that sends without end is cut off.
func TestGitTooMuch(t *testing.T) {
	r := newRepo(t)
	few := &measured{http.DefaultTransport, 100}
	_, err := Git{World: world{}, Transport: few}.Fetch(t.Context(), Query{Params: Params{"url": r.serve(t, ""), "pathInRepo": "x"}})
	if err == nil || !strings.Contains(err.Error(), "sends more than") {
		t.Errorf("error %v", err)
	}
}
