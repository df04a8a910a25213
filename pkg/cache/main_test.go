package cache

import (
	"bytes"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// step runs the program as a step does, and returns its results by name, its output and its exit status.
func (w *world) step(scope, line string) (map[string]string, string, int) {
	w.t.Helper()
	results := w.t.TempDir()
	args := strings.Fields(line)
	if len(args) > 0 {
		for _, name := range map[string][]string{"restore": {"cache-hit", "matched-key", "key"}, "save": {"saved", "key"}}[args[0]] {
			args = append(args[:1:1], append([]string{"--" + name + "-file=" + filepath.Join(results, name)}, args[1:]...)...)
		}
	}
	var out bytes.Buffer
	o := w.options(scope)
	code := Main(w.t.Context(), args, Env{Stdout: &out, Stderr: &out, Now: o.Now, Transport: http.DefaultTransport, Getenv: func(name string) string {
		return map[string]string{ScopeVariable: scope}[name]
	}})
	return read(w.t, results), out.String(), code
}

func TestStepsOfThreeRuns(t *testing.T) {
	w := newWorld(t)
	source := t.TempDir()
	w.fill(source, map[string]string{"go.sum": "v1"})
	common := " --repository=" + w.host + "/cache --directory=" + source + " --paths .cache/mod .cache/build --key=go"
	first, out, code := w.step("", "restore"+common+" --hash-files **/go.sum --restore-keys")
	if code != 0 || first["cache-hit"] != "false" || first["matched-key"] != "" || !strings.HasPrefix(first["key"], "go-") || !strings.Contains(out, "miss: ") {
		t.Fatalf("%d %v\n%s", code, first, out)
	}
	w.fill(source, map[string]string{".cache/mod/a": "a", ".cache/build/b": "b", ".cache/mod/go.sum": "of another module"})
	saved, out, code := w.step("", "save"+common+" --hash-files **/go.sum")
	if code != 0 || saved["saved"] != "true" || saved["key"] != first["key"] {
		t.Fatalf("%d %v, the key was %s\n%s", code, saved, first["key"], out)
	}

	again := t.TempDir() // of another run, where the workspace is elsewhere
	common = strings.Replace(common, source, again, 1)
	w.fill(again, map[string]string{"go.sum": "v1"})
	got, out, code := w.step("", "restore"+common+" --hash-files **/go.sum")
	if code != 0 || got["cache-hit"] != "true" || got["matched-key"] != first["key"] || read(t, again)[".cache/build/b"] != "b" {
		t.Errorf("%d %v\n%s", code, got, out)
	}

	third := t.TempDir()
	common = strings.Replace(common, again, third, 1)
	w.fill(third, map[string]string{"go.sum": "v2"})
	got, out, code = w.step("pull-7", "restore"+common+" --hash-files **/go.sum")
	if code != 0 || got["cache-hit"] != "false" || got["matched-key"] != first["key"] || got["key"] == first["key"] || read(t, third)[".cache/mod/a"] != "a" {
		t.Errorf("%d %v\n%s", code, got, out)
	}
	if got, out, code = w.step("pull-7", "save"+strings.Replace(common, "--key=go", "--key="+got["key"], 1)); code != 0 || got["saved"] != "true" {
		t.Errorf("%d %v\n%s", code, got, out)
	}
	if got, _, _ = w.step("", "restore"+strings.Replace(strings.Replace(common, third, t.TempDir(), 1), "--key=go", "--key="+got["key"], 1)); got["matched-key"] != "" {
		t.Errorf("the repository's own runs get %q", got["matched-key"])
	}
}

func TestWrongRequests(t *testing.T) {
	w := newWorld(t)
	source := t.TempDir()
	w.fill(source, map[string]string{"go.sum": "v1", "file": "x"})
	wrong := filepath.Join(t.TempDir(), "config.json")
	if err := os.WriteFile(wrong, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	good := " --repository=" + w.host + "/cache --directory=" + source + " --paths deps"
	for line, want := range map[string]string{
		"":                                 "the command is restore or save",
		"resore":                           "the command is restore or save",
		"restore --path=x --repositry=r/c": `unknown option --repositry; did you mean "--repository"?`,
		"restore --path=x":                 "no repository: say where caches are kept with --repository REGISTRY/REPOSITORY",
		"restore --path=x --repository=r.example/UPPER":              `repository "r.example/UPPER" is not REGISTRY/REPOSITORY`,
		"restore --repository=r.example/c":                           "no path: name the folders to keep",
		"restore" + good:                                             "the key is empty",
		"restore" + good + " --key=go --hash-files **/go.sums":       "hash-files: no file below " + source + " matches **/go.sums",
		"restore" + good + " --key=go --hash-files a[":               "hash-files below " + source + ": pattern: ",
		"restore" + good + " --key=" + strings.Repeat("/", 50):       "takes 150 characters in a tag of a registry",
		"restore" + good + "/.. --key=go":                            `path "deps/..": name a folder below`,
		"restore" + good + " --path=deps/x --key=go":                 `path "deps/x": it is in ` + source + "/deps",
		"restore" + good + " --path=file --key=go":                   "file cannot be a cached folder: it is no folder",
		"restore" + good + " --docker-config=" + filepath.Dir(wrong): "registry credentials: " + wrong + " is not a Docker configuration",
		"restore" + good + " --key=go --insecure=perhaps":            `invalid boolean value "perhaps"`,
	} {
		_, out, code := w.step("", line)
		if code != exitUsage || !strings.HasPrefix(out, "error: ") && !strings.Contains(out, "\nerror: ") || !strings.Contains(out, want) {
			t.Errorf("%s: exit %d\n%swant %s", line, code, out, want)
		}
	}
}

// TestOwnFileSystem: what no other step sees is no place for a cache.
func TestOwnFileSystem(t *testing.T) {
	w := newWorld(t)
	var out bytes.Buffer
	folder := t.TempDir()
	code := Main(t.Context(), []string{"restore", "--repository=" + w.host + "/cache", "--directory=" + folder, "--path=deps", "--key=k"},
		Env{Stdout: &out, Stderr: &out, Now: w.options("").Now, Transport: http.DefaultTransport, Getenv: func(string) string { return "" }, Root: folder})
	if code != exitUsage || !strings.Contains(out.String(), "which no other step sees") {
		t.Errorf("exit %d: %s", code, out.String())
	}
}

// TestPassword: credentials in the folder that is named are used.
func TestPassword(t *testing.T) {
	w := newWorld(t)
	w.fail(func(res http.ResponseWriter, req *http.Request) bool {
		user, password, _ := req.BasicAuth()
		if user == "ada" && password == "lovelace" {
			return false
		}
		res.Header().Set("WWW-Authenticate", `Basic realm="r"`)
		res.WriteHeader(http.StatusUnauthorized)
		return true
	})
	config, source := t.TempDir(), t.TempDir()
	w.fill(config, map[string]string{".dockerconfigjson": `{"auths":{"` + w.host + `":{"username":"ada","password":"lovelace"}}}`})
	w.fill(source, map[string]string{"deps/a": "a"})
	line := "save --repository=" + w.host + "/cache --key=k --paths deps --directory=" + source
	if got, out, code := w.step("", line); code != 0 || got["saved"] != "false" || !strings.Contains(out, "warning: k is not saved") {
		t.Errorf("without a password: %d %v\n%s", code, got, out)
	}
	if got, out, code := w.step("", line+" --docker-config="+config); code != 0 || got["saved"] != "true" {
		t.Errorf("with a password: %d %v\n%s", code, got, out)
	}
}
