package entrypoint

import (
	"encoding/base64"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/slipway-dev/slipway/entrypoint/mask"
)

// maxSecret is the most that a Secret can hold.
const maxSecret = 1 << 20

// loadSecrets reads, in the container, the values that must not be in its log.
// What cannot be read here the step cannot read either.
func (e *entry) loadSecrets() *mask.Set {
	var values []string
	for _, kv := range e.environ {
		if name, value, _ := strings.Cut(kv, "="); slices.Contains(e.SecretEnv, name) {
			values = append(values, value)
		}
	}
	for _, path := range e.SecretPaths {
		values = append(values, filesBelow(path, nil)...)
	}
	for _, v := range slices.Clone(values) {
		values = append(values, logins(v)...)
	}
	return mask.New(values)
}

// filesBelow returns the content of the file, or of all files in the folder. The
// kubelet's own entries start with two dots; those of users are links to them.
// What else is mounted further down is not part of the volume.
func filesBelow(path string, volume *syscall.Stat_t) []string {
	info, err := os.Stat(path)
	if err != nil {
		return nil
	}
	here, ok := info.Sys().(*syscall.Stat_t)
	if !ok || volume != nil && volume.Dev != here.Dev {
		return nil
	}
	if !info.IsDir() {
		if value, ok := readSecret(path, info); ok {
			return []string{value}
		}
		return nil
	}
	entries, err := os.ReadDir(path)
	if err != nil {
		return nil
	}
	var values []string
	for _, entry := range entries {
		if !strings.HasPrefix(entry.Name(), "..") {
			values = append(values, filesBelow(filepath.Join(path, entry.Name()), here)...)
		}
	}
	return values
}

func readSecret(path string, info os.FileInfo) (string, bool) {
	if !info.Mode().IsRegular() {
		return "", false
	}
	f, err := os.Open(path)
	if err != nil {
		return "", false
	}
	defer func() { _ = f.Close() }()
	data, err := io.ReadAll(io.LimitReader(f, maxSecret))
	return string(data), err == nil
}

// logins are the passwords and tokens in what docker login writes, which is one
// value of a Secret, and which no tool prints as a whole.
func logins(value string) []string {
	var config struct {
		Auths map[string]login `json:"auths"`
	}
	if !strings.HasPrefix(strings.TrimSpace(value), "{") || json.Unmarshal([]byte(value), &config) != nil {
		return nil
	}
	if config.Auths == nil { // the older form has no such level
		_ = json.Unmarshal([]byte(value), &config.Auths)
	}
	var out []string
	for _, l := range config.Auths {
		out = append(out, l.Password, l.Auth, l.IdentityToken, l.RegistryToken)
		if auth, err := base64.StdEncoding.DecodeString(l.Auth); err == nil {
			_, password, _ := strings.Cut(string(auth), ":")
			out = append(out, password)
		}
	}
	return out
}

type login struct {
	Password, Auth, IdentityToken, RegistryToken string
}
