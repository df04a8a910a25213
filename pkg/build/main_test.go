package build

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// engineFunc is an Engine made of its method.
type engineFunc func(Options, *Progress) (Result, error)

func (f engineFunc) Build(_ context.Context, o Options, p *Progress) (Result, error) { return f(o, p) }

func testEnv(t *testing.T, vars map[string]string) (env Env, stdout, stderr *strings.Builder) {
	stdout, stderr = &strings.Builder{}, &strings.Builder{}
	// gatherCredentials sets it for the process; the test's end brings back what was.
	t.Setenv("DOCKER_CONFIG", "")
	return Env{Stdout: stdout, Stderr: stderr, StateDir: t.TempDir(), Now: time.Now,
		Getenv: func(name string) string { return vars[name] }}, stdout, stderr
}

func TestMainWritesResults(t *testing.T) {
	env, stdout, _ := testEnv(t, nil)
	dir := t.TempDir()
	done := engineFunc(func(o Options, _ *Progress) (Result, error) {
		return Result{Image: o.Destinations[0], Digest: "sha256:d"}, nil
	})
	args := []string{"--destination=r.example/a:1", "--image-url-file=" + dir + "/url", "--image-digest-file=" + dir + "/digest"}
	if code := Main(t.Context(), args, env, done); code != ExitOK {
		t.Fatalf("exit code %d", code)
	}
	// Without a line's end: a result is used inside of references.
	for file, want := range map[string]string{"url": "r.example/a:1", "digest": "sha256:d"} {
		if got, err := os.ReadFile(filepath.Join(dir, file)); err != nil || string(got) != want {
			t.Errorf("%s is %q, %v, want %q", file, got, err, want)
		}
	}
	if !strings.Contains(stdout.String(), "r.example/a:1@sha256:d") {
		t.Errorf("the log does not name the image:\n%s", stdout)
	}
}

func TestMainExitCodes(t *testing.T) {
	tests := []struct {
		why  string
		args []string
		err  error
		want ExitCode
		line string
	}{
		{"a wrong option", []string{"--nope"}, nil, ExitUsage, "error: unknown option --nope\n"},
		{"an error with a code", nil, &Error{Code: ExitRefused, Message: "registry r refused"}, ExitRefused, "error: registry r refused\n"},
		{"an error without one", nil, errors.New("odd"), ExitInternal, "error: odd\n"},
	}
	for _, tt := range tests {
		t.Run(tt.why, func(t *testing.T) {
			env, _, stderr := testEnv(t, nil)
			engine := engineFunc(func(Options, *Progress) (Result, error) { return Result{}, tt.err })
			code := Main(t.Context(), append(tt.args, "--destination=r.example/a:1"), env, engine)
			if code != tt.want || stderr.String() != tt.line {
				t.Errorf("got %d %q, want %d %q", code, stderr, tt.want, tt.line)
			}
		})
	}
}

// TestCredentialsMerge: the workspace's registry wins over the service account's, and both are there.
func TestCredentialsMerge(t *testing.T) {
	home := t.TempDir()
	env, _, _ := testEnv(t, map[string]string{"HOME": home})
	files := map[string]string{
		env.StateDir + "/.docker/.dockerconfigjson": `{"auths":{"a.example":{"auth":"workspace"}},"credHelpers":{"g.example":"gcr"}}`,
		home + "/.docker/config.json":               `{"auths":{"a.example":{"auth":"account"},"b.example":{"auth":"account"}}}`,
	}
	for path, content := range files {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := gatherCredentials(env); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(filepath.Join(os.Getenv("DOCKER_CONFIG"), "config.json"))
	if err != nil {
		t.Fatal(err)
	}
	var got map[string]any
	if err := json.Unmarshal(data, &got); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"auths": map[string]any{
			"a.example": map[string]any{"auth": "workspace"},
			"b.example": map[string]any{"auth": "account"},
		},
		"credHelpers": map[string]any{"g.example": "gcr"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if !strings.HasPrefix(os.Getenv("DOCKER_CONFIG"), env.StateDir) {
		t.Errorf("DOCKER_CONFIG %s would not outlive the build", os.Getenv("DOCKER_CONFIG"))
	}
}

func TestCredentialsErrors(t *testing.T) {
	home := t.TempDir()
	env, _, _ := testEnv(t, map[string]string{"DOCKER_CONFIG": home})
	if err := os.WriteFile(home+"/config.json", []byte("user:password"), 0o600); err != nil {
		t.Fatal(err)
	}
	err := gatherCredentials(env)
	if exitCodeOf(err) != ExitUsage || !strings.HasPrefix(err.Error(), "registry credentials: "+home+"/config.json is not a Docker configuration") {
		t.Errorf("got %v", err)
	}
}
