package gitea

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Work is a clone on this machine.
type Work struct {
	server *Server
	// Dir is its folder.
	Dir string
}

// Clone clones a repository as a user, who pushes too.
func (r *Repository) Clone(as *User) *Work {
	as.server.Helper()
	w := &Work{server: as.server, Dir: filepath.Join(as.server.TempDir(), "work")}
	origin := strings.Replace(as.server.URL, "://", "://"+as.Name+":"+as.Token+"@", 1) + "/" + r.Owner.Name + "/" + r.Name + ".git"
	w.run("", "clone", "-q", origin, w.Dir)
	w.Git("config", "user.name", as.Name)
	w.Git("config", "user.email", as.Name+"@forge.example")
	w.Git("config", "push.default", "current")
	return w
}

// Git runs git there and returns what it prints.
func (w *Work) Git(args ...string) string {
	w.server.Helper()
	return w.run(w.Dir, args...)
}

func (w *Work) run(dir string, args ...string) string {
	w.server.Helper()
	cmd := exec.CommandContext(w.server.Context(), "git", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=/dev/null", "GIT_TERMINAL_PROMPT=0",
		"GIT_CONFIG_COUNT=1", "GIT_CONFIG_KEY_0=init.defaultBranch", "GIT_CONFIG_VALUE_0=main")
	out, err := cmd.CombinedOutput()
	if err != nil {
		w.server.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(string(out))
}

// Commit writes files, by path, removes those that are empty, and returns the new commit.
func (w *Work) Commit(message string, files map[string]string) string {
	w.server.Helper()
	for name, content := range files {
		path := filepath.Join(w.Dir, name)
		if content == "" {
			if err := os.Remove(path); err != nil {
				w.server.Fatal(err)
			}
			continue
		}
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			w.server.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			w.server.Fatal(err)
		}
	}
	w.Git("add", "-A")
	w.Git("commit", "-q", "--allow-empty", "-m", message)
	return w.Git("rev-parse", "HEAD")
}

// Push pushes the branch that is checked out, or what the arguments say.
func (w *Work) Push(args ...string) {
	w.server.Helper()
	if len(args) == 0 {
		args = []string{"HEAD"}
	}
	w.Git(append([]string{"push", "-q", "origin"}, args...)...)
}
