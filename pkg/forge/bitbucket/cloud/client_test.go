package cloud

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/slipway-dev/slipway/pkg/forge"
	"github.com/slipway-dev/slipway/pkg/forge/forgetest"
)

const repo = "/2.0/repositories/ada/engine"

var pullJSON = `{"id": 7, "title": "Count in threes", "state": "OPEN", "author": {"account_id": "bob"}, "created_on": "2026-01-02T03:01:00.000000+00:00",
	"links": {"html": {"href": "https://bitbucket.org/ada/engine/pull-requests/7"}},
	"source": {"branch": {"name": "threes"}, "commit": {"hash": "` + forgetest.Head[:12] + `"}, "repository": {"full_name": "bob/engine", "links": {"html": {"href": "https://bitbucket.org/bob/engine"}}}},
	"destination": {"branch": {"name": "main"}, "commit": {"hash": "` + forgetest.Base[:12] + `"}, "repository": {"full_name": "ada/engine"}}}`

var none = forgetest.Status(404, `{"type": "error", "error": {"message": "no such thing"}}`)

func authorize(r *http.Request) string {
	if user, token, ok := r.BasicAuth(); !ok || user != "ada" || token != "t0ken" {
		return "no token"
	}
	return ""
}

// documented are the routes of Bitbucket Cloud's REST API, version 2.0.
func documented() []forgetest.Route {
	paged := []string{"page", "pagelen"}
	filtered := append([]string{"q", "sort"}, paged...)
	hook := []string{"description", "url", "active", "secret", "events", "skip_cert_verification"}
	content := []string{"content", "content.raw"}
	return []forgetest.Route{
		{Pattern: "GET " + repo, Reply: forgetest.JSON(`{"is_private": true, "mainbranch": {"name": "main"}, "links": {"clone": [
			{"name": "https", "href": "https://ada@bitbucket.org/ada/engine.git"}, {"name": "ssh", "href": "git@bitbucket.org:ada/engine.git"}]}}`)},
		{Pattern: "GET " + repo + "/src/{commit}/{path...}", Query: append([]string{"max_depth", "format"}, filtered...), Reply: func(w http.ResponseWriter, r *forgetest.Request) {
			answer := map[string]string{".tekton/": `{"values": [{"type": "commit_directory", "path": ".tekton/tasks"}, {"type": "commit_file", "path": ".tekton/README.md"},
				{"type": "commit_file", "path": ".tekton/build.yaml", "attributes": []}, {"type": "commit_file", "path": ".tekton/elsewhere.yaml", "attributes": ["link"]}],
				"next": "https://elsewhere.example/2.0/x?max_depth=10&pagelen=100&page=two"}`,
				".tekton/build.yaml": "kind: Pipeline\n", ".tekton/tasks/lint.yml": "kind: Task\n"}[r.PathValue("path")]
			if r.FormValue("page") == "two" {
				answer = `{"values": [{"type": "commit_file", "path": ".tekton/tasks/lint.yml", "attributes": ["executable"]}]}`
			}
			if r.PathValue("commit") != forgetest.Head || answer == "" {
				none(w, r)
				return
			}
			forgetest.JSON(answer)(w, r)
		}},
		{Pattern: "GET /2.0/repositories/{owner}/engine/commit/{commit}", Reply: func(w http.ResponseWriter, r *forgetest.Request) {
			if !strings.HasPrefix(forgetest.Head, r.PathValue("commit")) {
				none(w, r)
				return
			}
			forgetest.JSON(fmt.Sprintf(`{"hash": "%s"}`, forgetest.Head))(w, r)
		}},
		{Pattern: "GET " + repo + "/diffstat/{spec}", Query: append([]string{"ignore_whitespace", "merge", "path", "renames", "topic"}, paged...), Reply: forgetest.JSON(
			`{"values": [{"status": "added", "new": {"path": "new.go"}, "old": null}, {"status": "modified", "new": {"path": "main.go"}, "old": {"path": "main.go"}},
			{"status": "removed", "new": null, "old": {"path": "old.go"}}, {"status": "renamed", "new": {"path": "to.go"}, "old": {"path": "from.go"}}]}`)},
		{Pattern: "GET " + repo + "/pullrequests/{id}/diffstat", Query: paged, Reply: func(w http.ResponseWriter, r *forgetest.Request) {
			http.Redirect(w, r.Request, repo+"/diffstat/ada/engine:1..2?topic=true", http.StatusFound)
		}},
		{Pattern: "GET " + repo + "/diffstat/ada/{spec}", Query: []string{"topic"}, Reply: forgetest.JSON(`{"values": [{"status": "added", "new": {"path": "new.go"}}]}`)},
		{Pattern: "GET " + repo + "/pullrequests/{id}", Reply: forgetest.JSON(pullJSON)},
		{Pattern: "GET " + repo + "/pullrequests", Query: append([]string{"state"}, filtered...), Reply: forgetest.JSON(`{"values": [` + pullJSON + `]}`)},
		{Pattern: "GET " + repo + "/refs/{kind}/{name}", Reply: func(w http.ResponseWriter, r *forgetest.Request) {
			if at := r.PathValue("kind") + " " + r.PathValue("name"); at != "branches feature/x" && at != "tags v1" {
				none(w, r)
				return
			}
			forgetest.JSON(`{"target": {"hash": "`+forgetest.Head+`", "message": "Count faster\n\nIt was slow."}}`)(w, r)
		}},
		{Pattern: "GET " + repo + "/refs", Query: filtered, Reply: forgetest.JSON(`{"values": [
			{"type": "branch", "name": "main", "target": {"hash": "` + forgetest.Head + `", "message": "Count faster\n\nIt was slow.", "author": {"user": {"account_id": "ada"}}}},
			{"type": "tag", "name": "v1", "target": {"hash": "` + forgetest.Head + `", "message": "Count faster", "author": {"raw": "x"}}}]}`)},
		{Pattern: "GET /2.0/workspaces/ada/permissions/repositories/engine", Query: filtered, Reply: forgetest.JSON(
			`{"values": [{"permission": "admin", "user": {"account_id": "eve"}}, {"permission": "write", "user": {"account_id": "ada"}}]}`)},
		{Pattern: "POST " + repo + "/commit/{sha}/statuses/build", Body: []string{"key", "state", "name", "url", "description", "refname"}, Required: []string{"key", "state", "url"}, Reply: forgetest.Status(201, `{}`)},
		{Pattern: "GET " + repo + "/pullrequests/7/comments", Query: filtered, Reply: forgetest.JSON(`{"values": [{"id": 29, "deleted": true, "content": {"raw": "` + forgetest.Mark + `"}},
			{"id": 30, "content": {"raw": "hello"}}, {"id": 31, "content": {"raw": "` + forgetest.Mark + ` running"}}]}`)},
		{Pattern: "GET " + repo + "/pullrequests/8/comments", Query: filtered, Reply: forgetest.JSON(`{"values": []}`)},
		{Pattern: "PUT " + repo + "/pullrequests/7/comments/{id}", Body: content, Required: content, Reply: forgetest.JSON(`{}`)},
		{Pattern: "POST " + repo + "/pullrequests/8/comments", Body: content, Required: content, Reply: forgetest.Status(201, `{}`)},
		{Pattern: "GET " + repo + "/hooks", Query: paged, Reply: forgetest.JSON(`{"values": [{"uuid": "{3}", "url": "` + forgetest.HookThere + `"}]}`)},
		{Pattern: "POST " + repo + "/hooks", Body: hook, Required: []string{"description", "url", "events"}, Reply: forgetest.Status(201, `{}`)},
		{Pattern: "PUT " + repo + "/hooks/{uid}", Body: hook, Required: []string{"description", "url", "events"}, Reply: forgetest.JSON(`{}`)},
		{Pattern: "DELETE " + repo + "/hooks/{uid}", Reply: forgetest.Status(204, ``)},
	}
}

func TestClient(t *testing.T) {
	fake := forgetest.New(t, authorize, documented())
	forgetest.Contract(t, fake, New(fake.URL+"/2.0", "ada", "engine", Login{User: "ada", Token: []byte("t0ken")}, nil), "InTeam")
}

// A key has room for forty characters, and two names do not get one key.
func TestStatusOfALongName(t *testing.T) {
	var keys []string
	fake := forgetest.New(t, authorize, []forgetest.Route{{Pattern: "POST " + repo + "/commit/{sha}/statuses/build", Body: []string{"key", "state", "name", "url", "description"},
		Required: []string{"url"}, Reply: func(w http.ResponseWriter, r *forgetest.Request) {
			key, _ := r.Body["key"].(string)
			keys = append(keys, key)
			forgetest.Status(201, `{}`)(w, r)
		}}})
	c := New(fake.URL+"/2.0", "ada", "engine", Login{User: "ada", Token: []byte("t0ken")}, nil)
	for _, end := range []string{"one", "two"} {
		if err := c.SetStatus(t.Context(), forgetest.Head, forge.Status{Name: "slipway/" + strings.Repeat("x", 40) + end, State: forge.StateSuccess}); err != nil {
			t.Error(err)
		}
	}
	if len(keys) != 2 || len(keys[0]) > maxKey || keys[0] == keys[1] {
		t.Errorf("the keys are %q", keys)
	}
}
