package pipelines

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
)

// repository is a bare repository with the branches main (two commits, the first one tagged v1) and pull (one more).
type repository struct {
	path, first, second, pull string
}

func newRepository(t *testing.T) repository {
	t.Helper()
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("git is not installed")
	}
	work, bare := t.TempDir(), t.TempDir()
	git := func(args ...string) string {
		t.Helper()
		cmd := exec.Command("git", append([]string{"-c", "user.name=a", "-c", "user.email=a@b.c"}, args...)...)
		cmd.Dir = work
		cmd.Env = append(os.Environ(), "GIT_COMMITTER_DATE=2026-01-02T03:04:05Z", "GIT_AUTHOR_DATE=2026-01-02T03:04:05Z", "GIT_CONFIG_GLOBAL=/dev/null")
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, out)
		}
		return strings.TrimSpace(string(out))
	}
	commit := func(content string) string {
		t.Helper()
		if err := os.WriteFile(filepath.Join(work, "file"), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
		git("add", ".")
		git("commit", "--quiet", "-m", content)
		return git("rev-parse", "HEAD")
	}
	git("init", "--quiet", "-b", "main")
	r := repository{path: bare, first: commit("first")}
	git("tag", "v1")
	r.second = commit("second")
	git("checkout", "--quiet", "-b", "pull")
	r.pull = commit("pull")
	git("clone", "--quiet", "--bare", work, bare)
	git("--git-dir="+bare, "symbolic-ref", "HEAD", "refs/heads/main")
	git("--git-dir="+bare, "update-ref", "refs/pull/7/head", r.pull)
	git("--git-dir="+bare, "update-ref", "-d", "refs/heads/pull")
	return r
}

// clone runs the script of the Task as the step would, with the given parameters over the Task's defaults, and returns the
// results by name, the output and whether it succeeded.
func clone(t *testing.T, workspace string, params map[string]string) (map[string]string, string, bool) {
	t.Helper()
	task := load[v1.Task](t, "tasks")["git-clone"]
	results := t.TempDir()
	values := map[string]string{"workspaces.output.path": workspace}
	for _, p := range task.Spec.Params {
		if p.Default != nil {
			values["params."+p.Name] = p.Default.StringVal
		}
	}
	for _, r := range task.Spec.Results {
		values["results."+r.Name+".path"] = filepath.Join(results, r.Name)
	}
	values["params.userHome"] = t.TempDir()
	for name, value := range params {
		values[name] = value
	}
	step := task.Spec.Steps[0]
	cmd := exec.Command("/bin/sh", "-c", step.Script)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH")}
	for _, e := range step.Env {
		value := e.Value
		if name, ok := strings.CutPrefix(value, "$("); ok {
			value = values[strings.TrimSuffix(name, ")")]
		}
		cmd.Env = append(cmd.Env, e.Name+"="+value)
	}
	out, err := cmd.CombinedOutput()
	got := map[string]string{}
	for _, r := range task.Spec.Results {
		if text, err := os.ReadFile(filepath.Join(results, r.Name)); err == nil {
			got[r.Name] = string(text)
		}
	}
	return got, string(out), err == nil
}

func TestGitCloneChecksOut(t *testing.T) {
	r := newRepository(t)
	tests := []struct {
		why    string
		params map[string]string
		commit string
		dir    string
	}{
		{"the default branch", nil, r.second, "."},
		{"a branch", map[string]string{"params.revision": "main"}, r.second, "."},
		{"a tag", map[string]string{"params.revision": "v1"}, r.first, "."},
		{"a commit no ref points to", map[string]string{"params.revision": r.first}, r.first, "."},
		{"a short commit, which no server knows", map[string]string{"params.revision": r.first[:8]}, r.first, "."},
		{"a full ref", map[string]string{"params.revision": "refs/pull/7/head"}, r.pull, "."},
		{"a refspec and its revision", map[string]string{"params.refspec": "refs/pull/7/head:refs/heads/pull-7", "params.revision": "pull-7"}, r.pull, "."},
		{"a subdirectory", map[string]string{"params.subdirectory": "a/b"}, r.second, "a/b"},
		{"all history", map[string]string{"params.depth": "0"}, r.second, "."},
	}
	for _, tt := range tests {
		t.Run(tt.why, func(t *testing.T) {
			workspace := t.TempDir()
			stale := filepath.Join(workspace, tt.dir, "stale")
			if err := os.MkdirAll(stale, 0o755); err != nil {
				t.Fatal(err)
			}
			params := map[string]string{"params.url": "file://" + r.path}
			for k, v := range tt.params {
				params[k] = v
			}
			got, out, ok := clone(t, workspace, params)
			if !ok {
				t.Fatal(out)
			}
			if got["commit"] != tt.commit || got["url"] != "file://"+r.path || got["committer-date"] != "1767323045" {
				t.Errorf("results %v, want commit %s\n%s", got, tt.commit, out)
			}
			if _, err := os.Stat(filepath.Join(workspace, tt.dir, "file")); err != nil {
				t.Error(err)
			}
			if _, err := os.Stat(stale); err == nil {
				t.Error("what was there before is still there")
			}
		})
	}
}

// TestGitCloneRefuses: each wrong or hostile value ends in one line that says what is wrong, and runs nothing.
func TestGitCloneRefuses(t *testing.T) {
	r := newRepository(t)
	trap := filepath.Join(t.TempDir(), "trap")
	tests := []struct {
		why    string
		params map[string]string
		want   string
	}{
		{"no such revision", map[string]string{"params.revision": "nope"}, "error: revision 'nope' is not in file://" + r.path},
		{"no such repository", map[string]string{"params.url": "file:///nowhere"}, "error: file:///nowhere cannot be fetched"},
		{"a password is not printed", map[string]string{"params.url": "http://me:secret@127.0.0.1:1/x"}, "error: http://127.0.0.1:1/x cannot be fetched"},
		{"a command in the revision", map[string]string{"params.revision": "$(touch " + trap + ")`touch " + trap + "`;touch " + trap}, "error: revision '$(touch "},
		{"an option as the revision", map[string]string{"params.revision": "--upload-pack=touch " + trap}, "error: revision '--upload-pack="},
		{"an option as the refspec", map[string]string{"params.refspec": "--upload-pack=touch " + trap}, "error: refspec '--upload-pack="},
		{"an option as the URL", map[string]string{"params.url": "--upload-pack=touch " + trap}, "error: param url: '--upload-pack="},
		{"a transport that is a command", map[string]string{"params.url": "ext::touch " + trap}, "cannot be fetched"},
		{"a way out of the workspace", map[string]string{"params.subdirectory": "../../etc"}, "error: param subdirectory: '../../etc' leaves the workspace"},
		{"no number", map[string]string{"params.depth": "all"}, "error: param depth: 'all' is not a number of commits"},
		{"an empty URL", map[string]string{"params.url": ""}, "error: param url is empty"},
		{"keys without known hosts", map[string]string{"workspaces.ssh-directory.bound": "true", "workspaces.ssh-directory.path": t.TempDir()},
			"error: workspace ssh-directory has no file known_hosts, so the server cannot be trusted; make one with ssh-keyscan HOST"},
	}
	for _, tt := range tests {
		t.Run(tt.why, func(t *testing.T) {
			params := map[string]string{"params.url": "file://" + r.path}
			for k, v := range tt.params {
				params[k] = v
			}
			_, out, ok := clone(t, t.TempDir(), params)
			lines := strings.Split(strings.TrimSpace(out), "\n")
			if last := lines[len(lines)-1]; ok || !strings.Contains(last, tt.want) {
				t.Errorf("succeeded: %t, last line %q, want %q\n%s", ok, last, tt.want, out)
			}
			if strings.Contains(out, "secret") {
				t.Errorf("a password is in the log:\n%s", out)
			}
			if _, err := os.Stat(trap); err == nil {
				t.Error("a value was run as a command")
			}
		})
	}
}
