// Package credentials turns the Secrets of a run's service account into the
// files by which git, ssh and registry clients find them.
//
// The files are made in one folder, [contract.CredsDir], and copied into the
// user's home. Where that cannot be done (a read-only root, another user's
// home) or would not help (ssh goes by the password file, not by HOME), the
// tools are pointed at the folder by their environment variables instead: no
// warning, and nothing for the Task's author to do.
package credentials

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/slipway-dev/slipway/entrypoint/contract"
)

// Places is where things are.
type Places struct {
	Secrets string   // one folder for each Secret
	Dir     string   // where the files are made
	Passwd  string   // the password file
	UID     int      // of the step
	Env     []string // of the process
}

// Default is the places of a step's container.
func Default(env []string) Places {
	return Places{Secrets: contract.CredsSecretDir, Dir: contract.CredsDir, Passwd: "/etc/passwd", UID: os.Getuid(), Env: env}
}

// Place makes the files and returns the environment variables that the process
// needs besides its own, if any. An error names the Secret.
func Place(list []contract.Credential, p Places) ([]string, error) {
	if len(list) == 0 {
		return nil, nil
	}
	var s set
	for _, c := range list {
		if err := s.add(c, filepath.Join(p.Secrets, c.Secret)); err != nil {
			return nil, fmt.Errorf("credentials of secret %q: %w", c.Secret, err)
		}
	}
	files, err := s.files(p.Dir)
	if err != nil {
		return nil, err
	}
	if err := write(p.Dir, files); err != nil {
		return nil, fmt.Errorf("credentials cannot be written: %w", err)
	}
	home := value(p.Env, "HOME")
	copied := home != "" && write(home, files) == nil
	return p.pointers(s, copied, home), nil
}

// pointers are the variables for what the home does not serve. One that the
// step sets itself is left alone.
func (p Places) pointers(s set, copied bool, home string) []string {
	var out []string
	set := func(name, v string) {
		if value(p.Env, name) == "" {
			out = append(out, name+"="+v)
		}
	}
	if !copied && len(s.git) > 0 {
		set("GIT_CONFIG_GLOBAL", filepath.Join(p.Dir, ".gitconfig"))
	}
	if !copied && len(s.auths) > 0 {
		set("DOCKER_CONFIG", filepath.Join(p.Dir, ".docker"))
	}
	if len(s.ssh) > 0 && (!copied || p.loginHome() != filepath.Clean(home)) {
		dir := filepath.Join(p.Dir, ".ssh")
		set("GIT_SSH_COMMAND", "ssh -F "+filepath.Join(dir, "config")+" -o UserKnownHostsFile="+filepath.Join(dir, "known_hosts"))
	}
	return out
}

// loginHome is the home that the password file names: the one ssh goes by.
func (p Places) loginHome() string {
	data, err := os.ReadFile(p.Passwd)
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(data)) {
		f := strings.Split(strings.TrimSpace(line), ":")
		if len(f) >= 6 && f[2] == strconv.Itoa(p.UID) {
			return filepath.Clean(f[5])
		}
	}
	return ""
}

func value(env []string, name string) string {
	for _, kv := range slices.Backward(env) {
		if v, ok := strings.CutPrefix(kv, name+"="); ok {
			return v
		}
	}
	return ""
}

// file is one to be made, relative to a folder.
type file struct {
	name string
	data []byte
}

func write(dir string, files []file) error {
	for _, f := range files {
		path := filepath.Join(dir, f.name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			return err
		}
		if err := os.WriteFile(path, f.data, 0o600); err != nil {
			return err
		}
	}
	return nil
}

// set is what the Secrets hold, sorted by who needs it.
type set struct {
	git   []gitLogin
	ssh   []sshKey
	auths map[string]json.RawMessage
}

type gitLogin struct{ url, user, password string }

type sshKey struct {
	secret, host, port string
	key, knownHosts    []byte
}

func (s *set) add(c contract.Credential, dir string) error {
	switch c.Kind {
	case contract.CredentialBasicGit:
		user, password, err := login(dir)
		for _, u := range c.URLs {
			s.git = append(s.git, gitLogin{u, user, password})
		}
		return err
	case contract.CredentialSSHGit:
		return s.addSSH(c, dir)
	case contract.CredentialBasicDocker:
		user, password, err := login(dir)
		for _, u := range c.URLs {
			s.addAuth(u, user, password)
		}
		return err
	case contract.CredentialDockerConfig:
		var config struct {
			Auths map[string]json.RawMessage `json:"auths"`
		}
		err := readJSON(filepath.Join(dir, ".dockerconfigjson"), &config)
		s.merge(config.Auths)
		return err
	case contract.CredentialDockerCfg:
		var auths map[string]json.RawMessage
		err := readJSON(filepath.Join(dir, ".dockercfg"), &auths)
		s.merge(auths)
		return err
	}
	return fmt.Errorf("kind %q is unknown", c.Kind)
}

func login(dir string) (user, password string, err error) {
	u, err1 := read(dir, "username")
	p, err2 := read(dir, "password")
	return string(u), string(p), errors.Join(err1, err2)
}

func read(dir, key string) ([]byte, error) {
	data, err := os.ReadFile(filepath.Join(dir, key))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("it has no key %q", key)
	}
	return data, err
}

func readJSON(path string, into any) error {
	data, err := read(filepath.Dir(path), filepath.Base(path))
	if err != nil {
		return err
	}
	if json.Unmarshal(data, into) != nil {
		return fmt.Errorf("its key %q is not the JSON that docker login writes", filepath.Base(path)) // the parser's message would quote the secret
	}
	return nil
}

func (s *set) addSSH(c contract.Credential, dir string) error {
	key, err := read(dir, "ssh-privatekey")
	if err != nil {
		return err
	}
	known, err := os.ReadFile(filepath.Join(dir, "known_hosts"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for _, u := range c.URLs {
		host, port, _ := strings.Cut(strings.TrimPrefix(u, "ssh://"), ":")
		s.ssh = append(s.ssh, sshKey{c.Secret, host, port, key, known})
	}
	return nil
}

func (s *set) addAuth(url, user, password string) {
	auth, err := json.Marshal(map[string]string{
		"username": user, "password": password,
		"auth": base64.StdEncoding.EncodeToString([]byte(user + ":" + password)),
	})
	if err == nil {
		s.merge(map[string]json.RawMessage{url: auth})
	}
}

func (s *set) merge(auths map[string]json.RawMessage) {
	if s.auths == nil {
		s.auths = map[string]json.RawMessage{}
	}
	maps.Copy(s.auths, auths)
}

// files renders the set; dir is where the files that others name will be.
func (s *set) files(dir string) ([]file, error) {
	var out []file
	if len(s.git) > 0 {
		config, store := s.gitFiles(dir)
		out = append(out, file{".gitconfig", config}, file{".git-credentials", store})
	}
	if len(s.ssh) > 0 {
		out = append(out, s.sshFiles(dir)...)
	}
	if len(s.auths) > 0 {
		data, err := json.Marshal(map[string]any{"auths": s.auths})
		if err != nil {
			return nil, err
		}
		out = append(out, file{".docker/config.json", data})
	}
	return out, nil
}

func (s *set) gitFiles(dir string) (config, store []byte) {
	config = fmt.Appendf(nil, "[credential]\n\thelper = store --file=%s\n", filepath.Join(dir, ".git-credentials"))
	for _, l := range s.git {
		config = fmt.Appendf(config, "[credential %q]\n\tusername = %s\n", l.url, gitQuote(l.user))
		scheme, rest, ok := strings.Cut(l.url, "://")
		if !ok {
			scheme, rest = "https", l.url
		}
		store = fmt.Appendf(store, "%s://%s:%s@%s\n", scheme, percent(l.user), percent(l.password), rest)
	}
	return config, store
}

func gitQuote(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`).Replace(s) + `"`
}

// percent encodes all but unreserved characters, as git's store helper reads it.
func percent(s string) string {
	var b strings.Builder
	for _, c := range []byte(s) {
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("-._~", c) >= 0 {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}

// sshFiles gives each host one entry with every key that is for it. A host for
// which no Secret has known_hosts is trusted on first use.
func (s *set) sshFiles(dir string) []file {
	var out []file
	var config, known []byte
	hosts := map[string][]sshKey{}
	keys := map[string]bool{}
	for _, k := range s.ssh {
		hosts[k.host] = append(hosts[k.host], k)
		if keys[k.secret] {
			continue
		}
		keys[k.secret] = true
		out = append(out, file{".ssh/id_" + k.secret, k.key})
		if len(k.knownHosts) > 0 {
			known = append(append(known, k.knownHosts...), '\n')
		}
	}
	for _, host := range slices.Sorted(maps.Keys(hosts)) {
		config = fmt.Appendf(config, "Host %s\n    HostName %s\n", host, host)
		trusted := false
		for _, k := range hosts[host] {
			config = fmt.Appendf(config, "    IdentityFile %s\n", filepath.Join(dir, ".ssh", "id_"+k.secret))
			trusted = trusted || len(k.knownHosts) > 0
			if k.port != "" {
				config = fmt.Appendf(config, "    Port %s\n", k.port)
			}
		}
		if !trusted {
			config = append(config, "    StrictHostKeyChecking accept-new\n"...)
		}
	}
	if len(known) > 0 {
		out = append(out, file{".ssh/known_hosts", known})
	}
	return append(out, file{".ssh/config", config})
}
