package datacenter

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/pkg/forge/forgetest"
)

const (
	project = "/rest/api/latest/projects/ADA"
	repo    = project + "/repos/engine"
)

func pullJSON(updated time.Time) string {
	return fmt.Sprintf(`{"id": 7, "title": "Count in threes", "author": {"user": {"name": "bob"}}, "createdDate": %d, "updatedDate": %d,
		"links": {"self": [{"href": "https://bitbucket.example/projects/ADA/repos/engine/pull-requests/7"}]},
		"fromRef": {"id": "refs/heads/threes", "displayId": "threes", "latestCommit": "%s", "repository": {"id": 2, "links": {"self": [{"href": "https://bitbucket.example/users/bob/repos/engine/browse"}]}}},
		"toRef": {"id": "refs/heads/main", "displayId": "main", "latestCommit": "%s", "repository": {"id": 1}}}`,
		forgetest.Since.Add(time.Minute).UnixMilli(), updated.UnixMilli(), forgetest.Head, forgetest.Base)
}

func act(after time.Duration, kind, to string) string {
	return fmt.Sprintf(`{"id": 1, "createdDate": %d, "user": {"name": "ada"}, "refChange": {"ref": {"id": "refs/heads/main", "type": "BRANCH"}, "refId": "refs/heads/main",
		"fromHash": "%s", "toHash": "%s", "type": "%s"}}`, forgetest.Since.Add(after).UnixMilli(), forgetest.Base, to, kind)
}

func list(values string) string {
	return `{"size": 1, "limit": 1000, "isLastPage": true, "values": [` + values + `]}`
}

var none = forgetest.Status(404, `{"errors": [{"context": null, "message": "no such thing", "exceptionName": "com.atlassian.bitbucket.content.NoSuchPathException"}]}`)

func authorize(r *http.Request) string {
	if r.Header.Get("Authorization") != "Bearer t0ken" {
		return "no token"
	}
	return ""
}

// documented are the routes of Bitbucket Data Center's REST API, version 8.
func documented() []forgetest.Route {
	paged := []string{"limit", "start"}
	hook := []string{"name", "url", "active", "events", "configuration", "configuration.secret", "sslVerificationRequired", "credentials"}
	const zeros = "0000000000000000000000000000000000000000"
	return []forgetest.Route{
		{Pattern: "GET " + repo, Reply: forgetest.JSON(`{"public": false, "links": {"clone": [{"name": "ssh", "href": "ssh://git@bitbucket.example/ada/engine.git"},
			{"name": "http", "href": "https://bitbucket.example/scm/ada/engine.git"}]}}`)},
		{Pattern: "GET " + repo + "/default-branch", Reply: forgetest.JSON(`{"id": "refs/heads/main", "displayId": "main"}`)},
		{Pattern: "GET " + repo + "/files/{path...}", Query: append([]string{"at"}, paged...), Reply: func(w http.ResponseWriter, r *forgetest.Request) {
			switch {
			case r.FormValue("at") != forgetest.Head || r.PathValue("path") != ".tekton":
				none(w, r)
			case r.FormValue("start") == "":
				forgetest.JSON(`{"isLastPage": false, "nextPageStart": 2, "values": ["README.md", "build.yaml"]}`)(w, r)
			default:
				forgetest.JSON(list(`"tasks/lint.yml"`))(w, r)
			}
		}},
		{Pattern: "GET " + repo + "/commits", Query: append([]string{"until", "since", "path", "followRenames", "ignoreMissing", "merges", "withCounts"}, paged...), Reply: func(w http.ResponseWriter, r *forgetest.Request) {
			if ref := r.FormValue("until"); ref != "refs/heads/feature/x" && ref != "refs/tags/v1" {
				none(w, r)
				return
			}
			forgetest.JSON(list(`{"id": "`+forgetest.Head+`", "message": "Count faster\n\nIt was slow."}`))(w, r)
		}},
		{Pattern: "GET " + repo + "/commits/{id}", Query: []string{"path"}, Reply: func(w http.ResponseWriter, r *forgetest.Request) {
			if r.PathValue("id") != forgetest.Head {
				none(w, r)
				return
			}
			forgetest.JSON(`{"id": "`+forgetest.Head+`", "message": "Count faster\n\nIt was slow."}`)(w, r)
		}},
		{Pattern: "GET " + repo + "/raw/{path...}", Query: []string{"at"}, Reply: func(w http.ResponseWriter, r *forgetest.Request) {
			content := map[string]string{".tekton/build.yaml": "kind: Pipeline\n", ".tekton/tasks/lint.yml": "kind: Task\n"}[r.PathValue("path")]
			if content == "" {
				none(w, r)
				return
			}
			forgetest.JSON(content)(w, r)
		}},
		{Pattern: "GET " + repo + "/commits/{id}/changes", Query: append([]string{"since", "withComments"}, paged...), Reply: forgetest.JSON(list(
			`{"type": "ADD", "path": {"toString": "new.go"}}, {"type": "MODIFY", "path": {"toString": "main.go"}}, {"type": "DELETE", "path": {"toString": "old.go"}}`))},
		{Pattern: "GET " + repo + "/pull-requests/{id}/changes", Query: append([]string{"changeScope", "sinceId", "untilId", "withComments"}, paged...), Reply: forgetest.JSON(list(
			`{"type": "MOVE", "path": {"toString": "to.go"}, "srcPath": {"toString": "from.go"}}, {"type": "COPY", "path": {"toString": "copy.go"}}`))},
		{Pattern: "GET " + repo + "/pull-requests/{id}", Reply: forgetest.JSON(pullJSON(forgetest.Since))},
		{Pattern: "GET " + repo + "/pull-requests", Query: append([]string{"state", "order", "at", "direction"}, paged...), Reply: forgetest.JSON(list(
			pullJSON(forgetest.Since.Add(-time.Hour)) + "," + pullJSON(forgetest.Since.Add(time.Hour))))},
		{Pattern: "GET " + repo + "/ref-change-activities", Query: append([]string{"ref"}, paged...), Reply: forgetest.JSON(list(
			act(3*time.Minute, "DELETE", zeros) + "," + act(2*time.Minute, "UPDATE", forgetest.Missing) + "," + act(time.Minute, "UPDATE", forgetest.Head) + "," + act(-time.Minute, "UPDATE", forgetest.Base)))},
		{Pattern: "GET " + repo + "/permissions/users", Query: append([]string{"filter"}, paged...), Reply: forgetest.JSON(list(`{"permission": "REPO_READ", "user": {"name": "bob"}}`))},
		{Pattern: "GET " + project + "/permissions/users", Query: append([]string{"filter"}, paged...), Reply: forgetest.JSON(list(`{"permission": "PROJECT_WRITE", "user": {"name": "ada"}}`))},
		{Pattern: "GET /rest/api/latest/admin/groups/more-members", Query: append([]string{"context", "filter"}, paged...), Reply: forgetest.JSON(list(`{"name": "ada"}, {"name": "bobby"}`))},
		{Pattern: "POST " + repo + "/commits/{id}/builds", Body: []string{"key", "state", "url", "name", "description", "parent", "ref", "buildNumber", "duration"}, Required: []string{"key", "state", "url"}, Reply: forgetest.Status(204, ``)},
		{Pattern: "GET " + repo + "/pull-requests/7/activities", Query: append([]string{"fromId", "fromType"}, paged...), Reply: forgetest.JSON(list(
			`{"action": "OPENED"}, {"action": "COMMENTED", "comment": {"id": 30, "text": "hello"}}, {"action": "COMMENTED", "comment": {"id": 31, "version": 4, "text": "` + forgetest.Mark + ` running"}}`))},
		{Pattern: "GET " + repo + "/pull-requests/8/activities", Query: append([]string{"fromId", "fromType"}, paged...), Reply: forgetest.JSON(list(`{"action": "OPENED"}`))},
		{Pattern: "PUT " + repo + "/pull-requests/7/comments/{id}", Body: []string{"text", "version"}, Required: []string{"text", "version"}, Reply: forgetest.JSON(`{}`)},
		{Pattern: "POST " + repo + "/pull-requests/8/comments", Body: []string{"text"}, Required: []string{"text"}, Reply: forgetest.Status(201, `{}`)},
		{Pattern: "GET " + repo + "/webhooks", Query: append([]string{"event", "statistics"}, paged...), Reply: forgetest.JSON(list(`{"id": 3, "url": "` + forgetest.HookThere + `"}`))},
		{Pattern: "POST " + repo + "/webhooks", Body: hook, Required: []string{"name", "url", "events"}, Reply: forgetest.Status(201, `{}`)},
		{Pattern: "PUT " + repo + "/webhooks/{id}", Body: hook, Required: []string{"name", "url", "events"}, Reply: forgetest.JSON(`{}`)},
		{Pattern: "DELETE " + repo + "/webhooks/{id}", Reply: forgetest.Status(204, ``)},
	}
}

func TestClient(t *testing.T) {
	fake := forgetest.New(t, authorize, documented())
	forgetest.Contract(t, fake, New(fake.URL+"/rest/api/latest", "ADA", "engine", []byte("t0ken"), nil))
}
