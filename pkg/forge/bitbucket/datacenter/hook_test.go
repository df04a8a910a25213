package datacenter

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
		{Body: "push", Header: event("repo:refs_changed")},
		{Body: "push-several", Header: event("repo:refs_changed")},
		{Body: "pull-opened", Header: event("pr:opened")},
		{Body: "pull-updated", Header: event("pr:from_ref_updated")},
		{Body: "pull-other-target", Header: event("pr:modified")},
		{Body: "pull-title", Header: event("pr:modified"), NotOurs: "text was edited"},
		{Body: "pull-merged", Header: event("pr:merged")},
		{Body: "pull-declined", Header: event("pr:declined")},
		{Body: "comment", Header: event("pr:comment:added")},
		{Body: "comment", Header: event("pr:comment:edited"), NotOurs: "edited"},
		{Body: "comment-on-commit", Header: event("repo:comment:added")},
		{Body: "ping", Header: event("diagnostics:ping"), NotOurs: "ping"},
	})
}

func TestParseOfWhatIsWrong(t *testing.T) {
	forgetest.Refuse(t, Hook{}, map[string]forgetest.Wrong{
		"no JSON":         {Header: event("repo:refs_changed"), Body: "{", Want: "not JSON"},
		"another shape":   {Header: event("repo:refs_changed"), Body: `{"changes": 3}`, Want: "not JSON"},
		"nothing in it":   {Header: event("repo:refs_changed"), Body: `{}`, Want: "no change"},
		"an empty change": {Header: event("repo:refs_changed"), Body: `{"changes": [{}]}`, Want: "no full ref"},
		"no pull request": {Header: event("pr:opened"), Body: `{}`, Want: "no pull request"},
		"no base":         {Header: event("pr:opened"), Body: `{"pullRequest": {"id": 1}}`, Want: "no branch"},
		"no comment":      {Header: event("pr:comment:added"), Body: `{"pullRequest": {"id": 1}}`, Want: "no comment"},
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
