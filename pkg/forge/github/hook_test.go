package github

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"testing"

	"github.com/slipway-dev/slipway/pkg/forge/forgetest"
)

func event(name string) http.Header { return http.Header{"X-Github-Event": {name}} }

func TestParse(t *testing.T) {
	forgetest.Parse(t, Hook{}, []forgetest.Delivery{
		{Body: "push", Header: event("push")},
		{Body: "push-force", Header: event("push")},
		{Body: "push-new-branch", Header: event("push")},
		{Body: "push-annotated-tag", Header: event("push")},
		{Body: "push-branch-gone", Header: event("push")},
		{Body: "pull-opened", Header: event("pull_request")},
		{Body: "pull-reopened", Header: event("pull_request")},
		{Body: "pull-synchronize", Header: event("pull_request")},
		{Body: "pull-labeled", Header: event("pull_request")},
		{Body: "pull-unlabeled", Header: event("pull_request")},
		{Body: "pull-ready", Header: event("pull_request")},
		{Body: "pull-closed", Header: event("pull_request")},
		{Body: "pull-other-base", Header: event("pull_request")},
		{Body: "pull-title", Header: event("pull_request"), NotOurs: "text was edited"},
		{Body: "pull-assigned", Header: event("pull_request"), NotOurs: "assigned"},
		{Body: "comment", Header: event("issue_comment")},
		{Body: "comment-on-commit", Header: event("commit_comment")},
		{Body: "comment-edited", Header: event("issue_comment"), NotOurs: "only new comments"},
		{Body: "comment-on-issue", Header: event("issue_comment"), NotOurs: "only new comments"},
		{Body: "ping", Header: event("ping"), NotOurs: "ping"},
	})
}

func TestParseOfWhatIsWrong(t *testing.T) {
	forgetest.Refuse(t, Hook{}, map[string]forgetest.Wrong{
		"a form":            {Header: event("push"), Body: "payload=%7B%7D", Want: "content type"},
		"another shape":     {Header: event("push"), Body: `{"ref": 3}`, Want: "content type"},
		"nothing in it":     {Header: event("push"), Body: `{}`, Want: "no full ref"},
		"no pull request":   {Header: event("pull_request"), Body: `{"action": "opened"}`, Want: "no pull request"},
		"no base":           {Header: event("pull_request"), Body: `{"action": "opened", "pull_request": {"number": 1}}`, Want: "no branch"},
		"no number":         {Header: event("issue_comment"), Body: `{"action": "created", "issue": {"pull_request": {}}, "comment": {"id": 1}}`, Want: "no number"},
		"no comment at all": {Header: event("commit_comment"), Body: `{"action": "created"}`, Want: "no comment"},
	})
}

func TestVerify(t *testing.T) {
	body := `{"ref": "refs/heads/main"}`
	mac := hmac.New(sha256.New, []byte("s3cret"))
	mac.Write([]byte(body))
	good := hex.EncodeToString(mac.Sum(nil))
	forgetest.Verify(t, Hook{}, body, map[string]forgetest.Signature{
		"good":              {Header: http.Header{"X-Hub-Signature-256": {"sha256=" + good}}, Secret: "s3cret"},
		"another secret":    {Header: http.Header{"X-Hub-Signature-256": {"sha256=" + good}}, Secret: "other", Want: "another secret or body"},
		"without its kind":  {Header: http.Header{"X-Hub-Signature-256": {good}}, Secret: "s3cret", Want: "is not sha256=HEX"},
		"the old one alone": {Header: http.Header{"X-Hub-Signature": {"sha1=" + good[:40]}}, Secret: "s3cret", Want: "no header X-Hub-Signature-256"},
		"not signed":        {Header: http.Header{}, Secret: "s3cret", Want: "no header X-Hub-Signature-256"},
	})
}
