package cloud

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"testing"

	"github.com/slipway-dev/slipway/pkg/forge/forgetest"
)

func event(name string) http.Header { return http.Header{"X-Event-Key": {name}} }

func TestParse(t *testing.T) {
	forgetest.Parse(t, Hook{}, []forgetest.Delivery{
		{Body: "push", Header: event("repo:push")},
		{Body: "push-several", Header: event("repo:push")},
		{Body: "pull-created", Header: event("pullrequest:created")},
		{Body: "pull-updated", Header: event("pullrequest:updated")},
		{Body: "pull-fulfilled", Header: event("pullrequest:fulfilled")},
		{Body: "pull-rejected", Header: event("pullrequest:rejected")},
		{Body: "pull-approved", Header: event("pullrequest:approved"), NotOurs: "pullrequest:approved"},
		{Body: "comment", Header: event("pullrequest:comment_created")},
		{Body: "comment", Header: event("pullrequest:comment_updated"), NotOurs: "comment_updated"},
		{Body: "comment-on-commit", Header: event("repo:commit_comment_created")},
	})
}

func TestParseOfWhatIsWrong(t *testing.T) {
	forgetest.Refuse(t, Hook{}, map[string]forgetest.Wrong{
		"no JSON":         {Header: event("repo:push"), Body: "{", Want: "not JSON"},
		"another shape":   {Header: event("repo:push"), Body: `{"push": 3}`, Want: "not JSON"},
		"nothing in it":   {Header: event("repo:push"), Body: `{}`, Want: "no change"},
		"an empty change": {Header: event("repo:push"), Body: `{"push": {"changes": [{}]}}`, Want: "no full ref"},
		"no pull request": {Header: event("pullrequest:created"), Body: `{}`, Want: "no pull request"},
		"no base":         {Header: event("pullrequest:created"), Body: `{"pullrequest": {"id": 1}}`, Want: "no branch"},
		"no comment":      {Header: event("pullrequest:comment_created"), Body: `{"pullrequest": {"id": 1}}`, Want: "no comment"},
	})
}

func TestVerify(t *testing.T) {
	mac := hmac.New(sha256.New, []byte("s3cret"))
	mac.Write([]byte("{}"))
	good := "sha256=" + hex.EncodeToString(mac.Sum(nil))
	forgetest.Verify(t, Hook{}, "{}", map[string]forgetest.Signature{
		"good":    {Header: http.Header{"X-Hub-Signature": {good}}, Secret: "s3cret"},
		"another": {Header: http.Header{"X-Hub-Signature": {good}}, Secret: "other", Want: "another secret or body"},
		"none":    {Header: http.Header{}, Secret: "s3cret", Want: "no header X-Hub-Signature"},
	})
}
