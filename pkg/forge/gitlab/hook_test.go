package gitlab

import (
	"net/http"
	"testing"

	"github.com/slipway-dev/slipway/pkg/forge/forgetest"
)

func event(name string) http.Header { return http.Header{"X-Gitlab-Event": {name}} }

func TestParse(t *testing.T) {
	forgetest.Parse(t, Hook{}, []forgetest.Delivery{
		{Body: "push", Header: event("Push Hook")},
		{Body: "push-new-branch", Header: event("Push Hook")},
		{Body: "push-branch-gone", Header: event("Push Hook")},
		{Body: "tag-annotated", Header: event("Tag Push Hook")},
		{Body: "tag-gone", Header: event("Tag Push Hook")},
		{Body: "merge-open", Header: event("Merge Request Hook")},
		{Body: "merge-reopen", Header: event("Merge Request Hook")},
		{Body: "merge-commits", Header: event("Merge Request Hook")},
		{Body: "merge-labels", Header: event("Merge Request Hook")},
		{Body: "merge-ready", Header: event("Merge Request Hook")},
		{Body: "merge-other-target", Header: event("Merge Request Hook")},
		{Body: "merge-merged", Header: event("Merge Request Hook")},
		{Body: "merge-closed", Header: event("Merge Request Hook")},
		{Body: "merge-title", Header: event("Merge Request Hook"), NotOurs: "as before (update)"},
		{Body: "merge-approved", Header: event("Merge Request Hook"), NotOurs: "as before (approved)"},
		{Body: "note-on-merge", Header: event("Note Hook")},
		{Body: "note-on-commit", Header: event("Note Hook")},
		{Body: "note-updated", Header: event("Note Hook"), NotOurs: "only new comments"},
		{Body: "note-by-gitlab", Header: event("Note Hook"), NotOurs: "only new comments"},
		{Body: "note-on-issue", Header: event("Note Hook"), NotOurs: "only comments on merge requests"},
		{Body: "push", Header: event("Pipeline Hook"), NotOurs: "Pipeline Hook"},
	})
}

func TestParseOfWhatIsWrong(t *testing.T) {
	forgetest.Refuse(t, Hook{}, map[string]forgetest.Wrong{
		"no JSON":       {Header: event("Push Hook"), Body: "{", Want: "not JSON"},
		"another shape": {Header: event("Push Hook"), Body: `{"ref": 3}`, Want: "not JSON"},
		"nothing in it": {Header: event("Push Hook"), Body: `{}`, Want: "no full ref"},
		"no branch":     {Header: event("Merge Request Hook"), Body: `{"object_attributes": {"action": "open", "iid": 1}}`, Want: "no branch"},
		"no number":     {Header: event("Note Hook"), Body: `{"object_attributes": {"noteable_type": "MergeRequest"}, "merge_request": {}}`, Want: "no number"},
	})
}

func TestVerify(t *testing.T) {
	forgetest.Verify(t, Hook{}, "{}", map[string]forgetest.Signature{
		"good":      {Header: http.Header{"X-Gitlab-Token": {"s3cret"}}, Secret: "s3cret"},
		"another":   {Header: http.Header{"X-Gitlab-Token": {"s3cre"}}, Secret: "s3cret", Want: "is another"},
		"none":      {Header: http.Header{}, Secret: "s3cret", Want: "no header X-Gitlab-Token"},
		"no secret": {Header: http.Header{"X-Gitlab-Token": {""}}, Want: "there is no secret"},
	})
}

func TestDelivery(t *testing.T) {
	h := http.Header{"Idempotency-Key": {"same"}, "X-Gitlab-Event-Uuid": {"each"}}
	if got := (Hook{}).Delivery(h); got != "same" {
		t.Errorf("%s, want the one that stays when it is sent again", got)
	}
	h.Del("Idempotency-Key")
	if got := (Hook{}).Delivery(h); got != "each" {
		t.Errorf("%s", got)
	}
}
