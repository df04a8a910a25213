package forge

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"path"
	"strings"

	"github.com/slipway-dev/slipway/api/slipway/v1alpha1"
)

// CheckHMAC compares a header that holds prefix and the hexadecimal HMAC-SHA256 of the
// body, in constant time. The error is ErrSignature.
func CheckHMAC(header http.Header, name, prefix string, body, secret []byte) error {
	if len(secret) == 0 {
		return fmt.Errorf("%w: there is no secret to check it by; set the repository's webhookSecret", ErrSignature)
	}
	value := header.Get(name)
	if value == "" {
		return fmt.Errorf("%w: there is no header %s; give the webhook its secret at the forge", ErrSignature, name)
	}
	got, err := hex.DecodeString(strings.TrimPrefix(value, prefix))
	if err != nil || !strings.HasPrefix(value, prefix) {
		return fmt.Errorf("%w: the header %s is not %sHEX", ErrSignature, name, prefix)
	}
	mac := hmac.New(sha256.New, secret)
	mac.Write(body)
	if !hmac.Equal(got, mac.Sum(nil)) {
		return fmt.Errorf("%w: the header %s is of another secret or body", ErrSignature, name)
	}
	return nil
}

// Commit is empty for the zeros by which git says that there is none.
func Commit(id string) string {
	if strings.Trim(id, "0") == "" {
		return ""
	}
	return id
}

// BranchRef is the full name of a branch; empty for none.
func BranchRef(branch string) string {
	if branch == "" {
		return ""
	}
	return "refs/heads/" + branch
}

// Ref splits the full name of a branch or tag. The error says what is neither.
func Ref(ref string) (name string, tag bool, err error) {
	if name, ok := strings.CutPrefix(ref, "refs/heads/"); ok && name != "" {
		return name, false, nil
	}
	if name, ok := strings.CutPrefix(ref, "refs/tags/"); ok && name != "" {
		return name, true, nil
	}
	return "", false, fmt.Errorf("%w: %q is no full name of a branch or tag, such as refs/heads/main", ErrNotFound, ref)
}

// FirstLine is what a message is about.
func FirstLine(message string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(message), "\n")
	return strings.TrimSpace(line)
}

// Pick says whether the path of a file is one of YAML in one of the folders, or below.
func Pick(file string, folders []string) bool {
	if e := path.Ext(file); e != ".yaml" && e != ".yml" {
		return false
	}
	for _, folder := range folders {
		if strings.HasPrefix(file, strings.Trim(folder, "/")+"/") {
			return true
		}
	}
	return false
}

// Check says what a webhook's event lacks to be worked off. Those that read events
// of a forge call it, so that a body of another shape is refused and not half read.
func Check(e *v1alpha1.Event) error {
	switch {
	case e.Type == v1alpha1.EventPush && !strings.HasPrefix(e.Ref, "refs/"):
		return fmt.Errorf("the body says no full ref of the push, but %q", e.Ref)
	case e.Type == v1alpha1.EventPullRequest && e.Ref == "":
		return fmt.Errorf("the body says no branch that the pull request is for")
	case e.PullRequest != nil && e.PullRequest.Number <= 0:
		return fmt.Errorf("the body says no number of the pull request")
	case e.Type == v1alpha1.EventComment && e.Comment == nil:
		return fmt.Errorf("the body says no comment")
	}
	return nil
}

// Cut bounds a text in characters, the last of which is … if there were more.
func Cut(s string, most int) string {
	if runes := []rune(s); len(runes) > most {
		return string(runes[:most-1]) + "…"
	}
	return s
}

// CutBytes bounds a text in bytes, and cuts no character in two.
func CutBytes(s string, most int) string {
	const more = "…"
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most-len(more)], "") + more
}
