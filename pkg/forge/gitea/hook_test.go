package gitea

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"testing"

	"github.com/slipway-dev/slipway/pkg/forge/forgetest"
)

func TestParse(t *testing.T) {
	for _, prefix := range []string{"X-Gitea-", "X-Forgejo-"} {
		event := func(name string) http.Header { return http.Header{prefix + "Event": {name}} }
		forgetest.Parse(t, Hook{}, []forgetest.Delivery{
			{Body: "push", Header: event("push")},
			{Body: "push-new-branch", Header: event("push")},
			{Body: "push-annotated-tag", Header: event("push")},
			{Body: "push-tag-gone", Header: event("push")},
			{Body: "create-branch", Header: event("create"), NotOurs: "create"},
			{Body: "delete-branch", Header: event("delete")},
			{Body: "delete-tag", Header: event("delete"), NotOurs: "a push says it too"},
			{Body: "pull-opened", Header: event("pull_request")},
			{Body: "pull-reopened", Header: event("pull_request")},
			{Body: "pull-synchronized", Header: event("pull_request")},
			{Body: "pull-label-updated", Header: event("pull_request")},
			{Body: "pull-closed", Header: event("pull_request")},
			{Body: "pull-other-base", Header: event("pull_request")},
			{Body: "pull-fork-gone", Header: event("pull_request")},
			{Body: "pull-title", Header: event("pull_request"), NotOurs: "text was edited"},
			{Body: "pull-assigned", Header: event("pull_request"), NotOurs: "assigned"},
			{Body: "comment", Header: event("issue_comment")},
			{Body: "comment-of-older", Header: event("issue_comment")},
			{Body: "comment-edited", Header: event("issue_comment"), NotOurs: "only new comments"},
			{Body: "comment-on-issue", Header: event("issue_comment"), NotOurs: "only new comments"},
		})
	}
}

func TestParseOfWhatIsWrong(t *testing.T) {
	event := func(name string) http.Header { return http.Header{"X-Gitea-Event": {name}} }
	forgetest.Refuse(t, Hook{}, map[string]forgetest.Wrong{
		"no JSON":           {Header: event("push"), Body: "payload=%7B%7D", Want: "content type"},
		"another shape":     {Header: event("push"), Body: `{"ref": 3}`, Want: "content type"},
		"nothing in it":     {Header: event("push"), Body: `{}`, Want: "no full ref"},
		"a short ref":       {Header: event("push"), Body: `{"ref": "main"}`, Want: "no full ref"},
		"no pull request":   {Header: event("pull_request"), Body: `{"action": "opened"}`, Want: "no pull request"},
		"no base":           {Header: event("pull_request"), Body: `{"action": "opened", "pull_request": {"number": 1}}`, Want: "no branch"},
		"no number":         {Header: event("issue_comment"), Body: `{"action": "created", "is_pull": true, "comment": {"id": 1}}`, Want: "no number"},
		"no comment at all": {Header: event("issue_comment"), Body: `{"action": "created", "is_pull": true, "issue": {"number": 1}}`, Want: "no comment"},
	})
}

func TestVerify(t *testing.T) {
	body := `{"ref": "refs/heads/main"}`
	mac := hmac.New(sha256.New, []byte("s3cret"))
	mac.Write([]byte(body))
	good := hex.EncodeToString(mac.Sum(nil))
	forgetest.Verify(t, Hook{}, body, map[string]forgetest.Signature{
		"Gitea":            {Header: http.Header{"X-Gitea-Signature": {good}}, Secret: "s3cret"},
		"Forgejo alone":    {Header: http.Header{"X-Forgejo-Signature": {good}}, Secret: "s3cret"},
		"another secret":   {Header: http.Header{"X-Gitea-Signature": {good}}, Secret: "other", Want: "another secret or body"},
		"not signed":       {Header: http.Header{}, Secret: "s3cret", Want: "no header X-Gitea-Signature"},
		"half a signature": {Header: http.Header{"X-Gitea-Signature": {good[:32]}}, Secret: "s3cret", Want: "another secret or body"},
		"no hexadecimal":   {Header: http.Header{"X-Gitea-Signature": {"zzz"}}, Secret: "s3cret", Want: "is not HEX"},
		"no secret":        {Header: http.Header{"X-Gitea-Signature": {good}}, Want: "there is no secret"},
	})
}
