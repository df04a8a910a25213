package gitlab

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/slipway-dev/slipway/pkg/forge"
	"github.com/slipway-dev/slipway/pkg/forge/forgetest"
)

// The routes have the path of the project in one part, as ada%2Fengine.
const project = "/api/v4/projects/{project}"

const requestJSON = `{"iid": 7, "title": "Count in threes", "sha": "` + forgetest.Head + `", "author": {"username": "bob"}, "source_branch": "threes",
	"target_branch": "main", "source_project_id": 2, "target_project_id": 1, "labels": ["bug"], "draft": false, "state": "opened",
	"web_url": "https://gitlab.example/ada/engine/-/merge_requests/7", "created_at": "2026-01-02T03:01:00.000Z", "updated_at": "2026-01-02T03:04:05.000Z"}`

func pushJSON(at, action, kind, ref string) string {
	return fmt.Sprintf(`{"created_at": "%s", "action_name": "pushed to", "author_username": "ada", "push_data": {"commit_count": 1, "action": "%s",
		"ref_type": "%s", "ref": "%s", "commit_from": "%s", "commit_to": "%s", "commit_title": "Count faster"}}`, at, action, kind, ref, forgetest.Base, forgetest.Head)
}

func authorize(r *http.Request) string {
	if r.Header.Get("Authorization") != "Bearer t0ken" {
		return "no token"
	}
	if p := r.PathValue("project"); p != "" && p != "ada/engine" {
		return "another project: " + p
	}
	return ""
}

var none = forgetest.Status(404, `{"message": "404 Not Found"}`)

// documented are the routes of GitLab's REST API, version 4, and of its GraphQL API.
func documented() []forgetest.Route {
	paged := []string{"page", "per_page"}
	hook := []string{"url", "token", "push_events", "tag_push_events", "merge_requests_events", "note_events", "enable_ssl_verification", "name", "push_events_branch_filter"}
	return []forgetest.Route{
		{Pattern: "GET " + project, Query: []string{"license", "statistics"}, Reply: forgetest.JSON(
			`{"id": 1, "default_branch": "main", "http_url_to_repo": "https://gitlab.example/ada/engine.git", "visibility": "internal"}`)},
		{Pattern: "GET /api/v4/projects/2", Reply: forgetest.JSON(`{"id": 2, "web_url": "https://gitlab.example/bob/engine"}`)},
		{Pattern: "GET " + project + "/repository/tree", Query: append([]string{"path", "ref", "recursive", "pagination"}, paged...), Reply: func(w http.ResponseWriter, r *forgetest.Request) {
			if r.FormValue("ref") != forgetest.Head || r.FormValue("path") != ".tekton" {
				forgetest.Status(404, `{"message": "404 Tree Not Found"}`)(w, r)
				return
			}
			forgetest.JSON(`[{"path": ".tekton/tasks", "type": "tree", "mode": "040000"}, {"path": ".tekton/README.md", "type": "blob", "mode": "100644"},
				{"path": ".tekton/build.yaml", "type": "blob", "mode": "100644"}, {"path": ".tekton/elsewhere.yaml", "type": "blob", "mode": "120000"},
				{"path": ".tekton/tasks/lint.yml", "type": "blob", "mode": "100755"}]`)(w, r)
		}},
		{Pattern: "GET " + project + "/repository/commits/{sha}", Reply: func(w http.ResponseWriter, r *forgetest.Request) {
			if r.PathValue("sha") != forgetest.Head {
				none(w, r)
				return
			}
			forgetest.JSON(`{"id": "1"}`)(w, r)
		}},
		{Pattern: "POST /api/graphql", Body: []string{"query", "variables", "variables.project", "variables.paths", "variables.ref"}, Reply: forgetest.JSON(
			`{"data": {"project": {"repository": {"blobs": {"nodes": [{"path": ".tekton/tasks/lint.yml", "rawBlob": "kind: Task\n"}, {"path": ".tekton/build.yaml", "rawBlob": null}]}}}}}`)},
		{Pattern: "GET " + project + "/repository/files/{path}/raw", Query: []string{"ref", "lfs"}, Reply: func(w http.ResponseWriter, r *forgetest.Request) {
			if r.PathValue("path") != ".tekton/build.yaml" {
				none(w, r)
				return
			}
			forgetest.JSON("kind: Pipeline\n")(w, r)
		}},
		{Pattern: "GET " + project + "/repository/compare", Query: []string{"from", "to", "straight", "from_project_id", "unidiff"}, Required: []string{"from", "to"}, Reply: forgetest.JSON(
			`{"diffs": [{"old_path": "new.go", "new_path": "new.go", "new_file": true}, {"old_path": "main.go", "new_path": "main.go"}, {"old_path": "old.go", "new_path": "old.go", "deleted_file": true}]}`)},
		{Pattern: "GET " + project + "/merge_requests/{iid}/diffs", Query: append([]string{"unidiff"}, paged...), Reply: forgetest.JSON(
			`[{"old_path": "from.go", "new_path": "to.go", "renamed_file": true}, {"old_path": "new.go", "new_path": "new.go", "new_file": true}]`)},
		{Pattern: "GET " + project + "/merge_requests/{iid}", Reply: forgetest.JSON(requestJSON)},
		{Pattern: "GET " + project + "/merge_requests", Query: append([]string{"state", "updated_after", "order_by", "sort"}, paged...), Reply: forgetest.JSON("[" + requestJSON + "]")},
		{Pattern: "GET " + project + "/events", Query: append([]string{"action", "target_type", "before", "after", "sort"}, paged...), Reply: forgetest.JSON("[" +
			pushJSON("2026-01-02T03:06:00Z", "created", "tag", "v1") + "," + pushJSON("2026-01-02T03:05:00Z", "removed", "branch", "old") + "," +
			pushJSON("2026-01-02T03:04:00Z", "pushed", "branch", "main") + "," + pushJSON("2026-01-02T02:00:00Z", "pushed", "branch", "main") + "]")},
		{Pattern: "GET " + project + "/repository/tags/{tag}", Reply: forgetest.JSON(`{"name": "v1", "target": "` + forgetest.Base + `", "commit": {"id": "` + forgetest.Head + `", "message": "Count faster\n\nIt was slow."}}`)},
		{Pattern: "GET " + project + "/repository/branches/{branch}", Reply: func(w http.ResponseWriter, r *forgetest.Request) {
			if r.PathValue("branch") != "feature/x" {
				forgetest.Status(404, `{"message": "404 Branch Not Found"}`)(w, r)
				return
			}
			forgetest.JSON(`{"name": "feature/x", "commit": {"id": "`+forgetest.Head+`", "message": "Count faster\n\nIt was slow."}}`)(w, r)
		}},
		{Pattern: "GET " + project + "/members/all", Query: append([]string{"query", "user_ids", "state"}, paged...), Reply: func(w http.ResponseWriter, r *forgetest.Request) {
			level := map[string]int{"ada": 30, "bob": 20}[r.FormValue("query")]
			forgetest.JSON(fmt.Sprintf(`[{"username": "%s", "state": "active", "access_level": %d}, {"username": "xada", "state": "active", "access_level": 50}]`, r.FormValue("query"), level))(w, r)
		}},
		{Pattern: "GET /api/v4/groups/{group}/members/all", Query: append([]string{"query", "user_ids", "state"}, paged...), Reply: func(w http.ResponseWriter, r *forgetest.Request) {
			if r.PathValue("group") != "crew/core" {
				none(w, r)
				return
			}
			forgetest.JSON(`[{"username": "ada", "state": "active", "access_level": 20}]`)(w, r)
		}},
		{Pattern: "POST " + project + "/statuses/{sha}", Body: []string{"state", "ref", "name", "context", "target_url", "description", "coverage", "pipeline_id"}, Required: []string{"state"}, Reply: forgetest.Status(201, `{}`)},
		{Pattern: "GET " + project + "/merge_requests/7/notes", Query: append([]string{"sort", "order_by"}, paged...), Reply: forgetest.JSON(
			`[{"id": 29, "system": true, "body": "quotes ` + forgetest.Mark + `"}, {"id": 30, "body": "hello"}, {"id": 31, "body": "` + forgetest.Mark + ` running"}]`)},
		{Pattern: "GET " + project + "/merge_requests/8/notes", Query: append([]string{"sort", "order_by"}, paged...), Reply: forgetest.JSON(`[]`)},
		{Pattern: "PUT " + project + "/merge_requests/7/notes/{id}", Body: []string{"body"}, Required: []string{"body"}, Reply: forgetest.JSON(`{}`)},
		{Pattern: "POST " + project + "/merge_requests/8/notes", Body: []string{"body", "created_at", "internal"}, Required: []string{"body"}, Reply: forgetest.Status(201, `{}`)},
		{Pattern: "GET " + project + "/hooks", Query: paged, Reply: forgetest.JSON(`[{"id": 3, "url": "` + forgetest.HookThere + `"}]`)},
		{Pattern: "POST " + project + "/hooks", Body: hook, Required: []string{"url"}, Reply: forgetest.Status(201, `{}`)},
		{Pattern: "PUT " + project + "/hooks/{id}", Body: hook, Required: []string{"url"}, Reply: forgetest.JSON(`{}`)},
		{Pattern: "DELETE " + project + "/hooks/{id}", Reply: forgetest.Status(204, ``)},
	}
}

func TestClient(t *testing.T) {
	fake := forgetest.New(t, authorize, documented())
	forgetest.Contract(t, fake, New(fake.URL+"/api/v4", "ada/engine", []byte("t0ken"), nil))
}

func TestStatusOfAFork(t *testing.T) {
	for name, test := range map[string]struct {
		first func(http.ResponseWriter, *forgetest.Request)
		lines int
		bad   bool
	}{
		"its commit is on no branch":    {forgetest.Status(404, `{"message": "404 References for commit Not Found"}`), 2, false},
		"it is in that state already":   {forgetest.Status(400, `{"message": "Cannot transition status via :run from :running"}`), 1, false},
		"something else is wrong there": {forgetest.Status(400, `{"error": "state does not have a valid value"}`), 1, true},
	} {
		t.Run(name, func(t *testing.T) {
			fake := forgetest.New(t, authorize, []forgetest.Route{{Pattern: "POST " + project + "/statuses/{sha}", Body: []string{"state", "ref", "name", "description"},
				Reply: func(w http.ResponseWriter, r *forgetest.Request) {
					if r.Body["ref"] == "refs/merge-requests/7/head" {
						forgetest.Status(201, `{}`)(w, r)
						return
					}
					test.first(w, r)
				}}})
			err := New(fake.URL+"/api/v4", "ada/engine", []byte("t0ken"), nil).SetStatus(t.Context(), forgetest.Head, forge.Status{
				Name: "slipway/build", State: forge.StateRunning, Description: strings.Repeat("é", 300), Number: 7})
			if lines := fake.Lines(); len(lines) != test.lines || (err != nil) != test.bad {
				t.Errorf("%v after %q", err, lines)
			}
		})
	}
}
