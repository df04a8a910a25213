package credentials

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/slipway-dev/slipway/entrypoint/contract"
)

// secrets is what a kubelet mounts: a folder for each Secret, a file for each key.
func secrets(t *testing.T) Places {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"login/username": "al ice", "login/password": "p@ss:w/rd%",
		"key/ssh-privatekey": "PRIVATE\n", "key/known_hosts": "git.example.com ssh-ed25519 AAAA",
		"blind/ssh-privatekey":     "OTHER\n",
		"config/.dockerconfigjson": `{"auths":{"r.example.com":{"auth":"eA=="}}}`,
		"cfg/.dockercfg":           `{"old.example.com":{"auth":"eQ=="}}`,
		"broken/.dockerconfigjson": `{"auths": s3cret`,
		"incomplete/username":      "only",
		"passwd":                   "root:x:0:0:root:/root:/bin/sh\nstep:x:1000:1000::" + filepath.Join(dir, "home") + ":/bin/sh\n",
	} {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return Places{Secrets: dir, Dir: filepath.Join(dir, "creds"), Passwd: filepath.Join(dir, "passwd"), UID: 1000, Env: []string{"HOME=" + filepath.Join(dir, "home")}}
}

var all = []contract.Credential{
	{Kind: contract.CredentialBasicGit, Secret: "login", URLs: []string{"https://git.example.com", "plain.example.com"}},
	{Kind: contract.CredentialSSHGit, Secret: "key", URLs: []string{"git.example.com", "b.example.com:2222"}},
	{Kind: contract.CredentialSSHGit, Secret: "blind", URLs: []string{"git.example.com", "ssh://new.example.com"}},
	{Kind: contract.CredentialBasicDocker, Secret: "login", URLs: []string{"https://d.example.com"}},
	{Kind: contract.CredentialDockerConfig, Secret: "config"},
	{Kind: contract.CredentialDockerCfg, Secret: "cfg"},
}

func TestPlace(t *testing.T) {
	p := secrets(t)
	env, err := Place(all, p)
	if err != nil {
		t.Fatal(err)
	}
	if len(env) != 0 {
		t.Errorf("with everything in the user's home no variable is needed, got %q", env)
	}
	want := map[string]string{
		".gitconfig":       "[credential]\n\thelper = store --file=DIR/.git-credentials\n[credential \"https://git.example.com\"]\n\tusername = \"al ice\"\n[credential \"plain.example.com\"]\n\tusername = \"al ice\"\n",
		".git-credentials": "https://al%20ice:p%40ss%3Aw%2Frd%25@git.example.com\nhttps://al%20ice:p%40ss%3Aw%2Frd%25@plain.example.com\n",
		".ssh/config": "Host b.example.com\n    HostName b.example.com\n    IdentityFile DIR/.ssh/id_key\n    Port 2222\n" +
			"Host git.example.com\n    HostName git.example.com\n    IdentityFile DIR/.ssh/id_key\n    IdentityFile DIR/.ssh/id_blind\n" +
			"Host new.example.com\n    HostName new.example.com\n    IdentityFile DIR/.ssh/id_blind\n    StrictHostKeyChecking accept-new\n",
		".ssh/id_key":      "PRIVATE\n",
		".ssh/id_blind":    "OTHER\n",
		".ssh/known_hosts": "git.example.com ssh-ed25519 AAAA\n",
	}
	home := filepath.Join(p.Secrets, "home")
	for name, text := range want {
		for _, dir := range []string{p.Dir, home} {
			file := filepath.Join(dir, name)
			data, err := os.ReadFile(file)
			if diff := cmp.Diff(text, strings.ReplaceAll(string(data), p.Dir, "DIR")); err != nil || diff != "" {
				t.Errorf("%s: %v %s", file, err, diff)
			}
			if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
				t.Errorf("%s may be read by others: %v %v", file, info.Mode(), err)
			}
		}
	}
	var docker struct {
		Auths map[string]struct{ Auth, Username, Password string }
	}
	data, err := os.ReadFile(filepath.Join(home, ".docker/config.json"))
	if err != nil || json.Unmarshal(data, &docker) != nil || len(docker.Auths) != 3 || docker.Auths["https://d.example.com"].Password != "p@ss:w/rd%" || docker.Auths["old.example.com"].Auth != "eQ==" {
		t.Errorf("%v %s", err, data)
	}
}

// Where the home will not do, variables lead to the folder, and nothing is said.
func TestPlaceWithoutHome(t *testing.T) {
	for _, tc := range []struct {
		why  string
		env  []string
		want []string
	}{
		{"no home", nil, []string{"GIT_CONFIG_GLOBAL=DIR/.gitconfig", "DOCKER_CONFIG=DIR/.docker", "GIT_SSH_COMMAND=ssh -F DIR/.ssh/config -o UserKnownHostsFile=DIR/.ssh/known_hosts"}},
		{"a home that cannot be written", []string{"HOME=/dev/null"}, []string{"GIT_CONFIG_GLOBAL=DIR/.gitconfig", "DOCKER_CONFIG=DIR/.docker", "GIT_SSH_COMMAND=ssh -F DIR/.ssh/config -o UserKnownHostsFile=DIR/.ssh/known_hosts"}},
		{"another home than the password file's, which ssh goes by", []string{"HOME=TMP"}, []string{"GIT_SSH_COMMAND=ssh -F DIR/.ssh/config -o UserKnownHostsFile=DIR/.ssh/known_hosts"}},
		{"what the step sets is left alone", []string{"HOME=/dev/null", "GIT_SSH_COMMAND=mine", "DOCKER_CONFIG=/mine"}, []string{"GIT_CONFIG_GLOBAL=DIR/.gitconfig"}},
	} {
		p := secrets(t)
		for _, kv := range tc.env {
			p.Env = append(p.Env, strings.ReplaceAll(kv, "TMP", t.TempDir()))
		}
		if tc.env == nil {
			p.Env = nil
		}
		got, err := Place(all, p)
		for i := range got {
			got[i] = strings.ReplaceAll(got[i], p.Dir, "DIR")
		}
		if diff := cmp.Diff(tc.want, got); err != nil || diff != "" {
			t.Errorf("%s: %v %s", tc.why, err, diff)
		}
	}
}

func TestPlaceRefuses(t *testing.T) {
	p := secrets(t)
	for _, tc := range []struct {
		why, want string
		c         contract.Credential
	}{
		{"a key is missing", `secret "incomplete": it has no key "password"`, contract.Credential{Kind: contract.CredentialBasicGit, Secret: "incomplete", URLs: []string{"x"}}},
		{"a secret of another kind", `it has no key "ssh-privatekey"`, contract.Credential{Kind: contract.CredentialSSHGit, Secret: "login", URLs: []string{"x"}}},
		{"not JSON", `its key ".dockerconfigjson" is not the JSON`, contract.Credential{Kind: contract.CredentialDockerConfig, Secret: "broken"}},
		{"a kind of a newer compiler", `kind "vault" is unknown`, contract.Credential{Kind: "vault", Secret: "login"}},
	} {
		_, err := Place([]contract.Credential{tc.c}, p)
		if err == nil || !strings.Contains(err.Error(), tc.want) || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%s: got %v, want %q", tc.why, err, tc.want)
		}
	}
	if env, err := Place(nil, Places{}); env != nil || err != nil {
		t.Error("no credentials need nothing", env, err)
	}
}

// The real git must find what was written, for a user whose password holds
// every character that could break the file.
func TestGitReadsIt(t *testing.T) {
	git, err := exec.LookPath("git")
	if err != nil {
		t.Skip("no git on this machine")
	}
	p := secrets(t)
	p.Env = []string{"HOME=/dev/null"}
	env, err := Place(all[:1], p)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(git, "credential", "fill")
	cmd.Env = slices.Concat(env, []string{"PATH=" + os.Getenv("PATH"), "GIT_TERMINAL_PROMPT=0"})
	cmd.Stdin = strings.NewReader("protocol=https\nhost=git.example.com\n\n")
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "username=al ice\npassword=p@ss:w/rd%\n") {
		t.Errorf("%v\n%s", err, out)
	}
}
