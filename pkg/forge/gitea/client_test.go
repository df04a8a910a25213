package gitea

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/slipway-dev/slipway/pkg/forge"
	"github.com/slipway-dev/slipway/pkg/forge/forgetest"
)

var files = map[string]string{".tekton/build.yaml": "kind: Pipeline\n", ".tekton/tasks/lint.yml": "kind: Task\n"}

const pullJSON = `{"number": 7, "title": "Count in threes", "html_url": "https://forge.example/ada/engine/pulls/7",
	"user": {"login": "bob"}, "labels": [{"name": "bug"}], "created_at": "2026-01-01T00:00:00Z", "updated_at": "2026-01-02T03:04:05Z",
	"base": {"ref": "main", "sha": "` + forgetest.Base + `", "repo": {"id": 1, "html_url": "https://forge.example/ada/engine"}},
	"head": {"ref": "threes", "sha": "` + forgetest.Head + `", "repo": {"id": 2, "html_url": "https://forge.example/bob/engine"}}}`

// feed is the newest first, and ends before the time that is asked for.
const feed = `[
	{"id": 16, "op_type": "push_tag", "act_user": {"login": "ada"}, "ref_name": "refs/tags/v1", "created": "2026-01-02T03:06:00Z",
	 "content": "{\"Commits\":[],\"HeadCommit\":{\"Sha1\":\"` + forgetest.Head + `\",\"Message\":\"Count faster\"},\"CompareURL\":\"\",\"Len\":0}"},
	{"id": 15, "op_type": "comment_pull", "act_user": {"login": "ada"}, "content": "7|hello", "created": "2026-01-02T03:05:00Z"},
	{"id": 14, "op_type": "delete_branch", "act_user": {"login": "ada"}, "ref_name": "refs/heads/old", "content": "", "created": "2026-01-02T03:04:30Z"},
	{"id": 13, "op_type": "commit_repo", "act_user": {"login": "ada"}, "ref_name": "refs/heads/main", "created": "2026-01-02T03:04:00Z",
	 "content": "{\"Commits\":[],\"HeadCommit\":{\"Sha1\":\"` + forgetest.Head + `\",\"Message\":\"Count faster\\n\\nIt was slow.\"},\"CompareURL\":\"ada/engine/compare/` + forgetest.Base + `...` + forgetest.Head + `\",\"Len\":1}"},
	{"id": 12, "op_type": "commit_repo", "act_user": {"login": "ada"}, "ref_name": "refs/heads/main", "content": "", "created": "2026-01-02T03:03:00Z"},
	{"id": 11, "op_type": "commit_repo", "act_user": {"login": "ada"}, "ref_name": "refs/heads/main", "created": "2026-01-02T02:59:59Z",
	 "content": "{\"HeadCommit\":{\"Sha1\":\"` + forgetest.Base + `\"}}"}]`

func authorize(r *http.Request) string {
	if r.Header.Get("Authorization") != "token t0ken" {
		return "no token"
	}
	return ""
}

// documented are the routes of Gitea 1.26 that are used, from its API's description.
func documented() []forgetest.Route {
	const repo = "/api/v1/repos/ada/engine"
	paged := []string{"page", "limit"}
	hook := []string{"type", "config.url", "config.content_type", "config.secret", "config", "events", "branch_filter", "authorization_header", "active", "name"}
	return []forgetest.Route{
		{Pattern: "GET " + repo + "/{$}", Reply: forgetest.JSON(`{}`)},
		{Pattern: "GET " + repo, Reply: forgetest.JSON(`{"default_branch": "main", "clone_url": "https://forge.example/ada/engine.git", "private": true}`)},
		{Pattern: "GET " + repo + "/git/trees/{sha}", Query: []string{"recursive", "page", "per_page"}, Reply: tree},
		{Pattern: "GET " + repo + "/git/commits/{sha}", Query: []string{"stat", "verification", "files"}, Reply: tip},
		{Pattern: "GET " + repo + "/file-contents", Query: []string{"ref", "body"}, Required: []string{"body"}, Reply: contents},
		{Pattern: "GET " + repo + "/raw/{filepath...}", Query: []string{"ref"}, Reply: raw},
		{Pattern: "GET " + repo + "/compare/{basehead}", Reply: forgetest.JSON(`{"total_commits": 2, "commits": [
			{"files": [{"filename": "main.go", "status": "modified"}, {"filename": "brief.go", "status": "removed"}, {"filename": "new.go", "status": "modified"}]},
			{"files": [{"filename": "new.go", "status": "added"}, {"filename": "brief.go", "status": "added"}, {"filename": "old.go", "status": "removed"}]}]}`)},
		{Pattern: "GET " + repo + "/pulls/{index}/files", Query: append([]string{"skip-to", "whitespace"}, paged...), Reply: forgetest.JSON(
			`[{"filename": "new.go", "status": "added"}, {"filename": "main.go", "status": "changed"}, {"filename": "old.go", "status": "deleted"},
			{"filename": "to.go", "status": "renamed", "previous_filename": "from.go"}, {"filename": "mode.sh", "status": "unchanged"}]`)},
		{Pattern: "GET " + repo + "/pulls/7", Reply: forgetest.JSON(pullJSON)},
		{Pattern: "GET " + repo + "/pulls", Query: append([]string{"base_branch", "state", "sort", "milestone", "labels", "poster"}, paged...),
			Reply: forgetest.JSON(`[` + pullJSON + `, ` + strings.Replace(pullJSON, "2026-01-02T03:04:05Z", "2026-01-02T02:00:00Z", 1) + `]`)},
		{Pattern: "GET " + repo + "/activities/feeds", Query: append([]string{"date"}, paged...), Reply: forgetest.JSON(feed)},
		{Pattern: "GET " + repo + "/collaborators/ada/permission", Reply: forgetest.JSON(`{"permission": "write", "role_name": "write"}`)},
		{Pattern: "GET " + repo + "/collaborators/bob/permission", Reply: forgetest.JSON(`{"permission": "read", "role_name": "read"}`)},
		{Pattern: "GET /api/v1/orgs/crew/teams", Query: paged, Reply: forgetest.JSON(`[{"id": 4, "name": "core-friends"}, {"id": 5, "name": "Core"}]`)},
		{Pattern: "GET /api/v1/teams/5/members/ada", Reply: forgetest.JSON(`{"login": "ada"}`)},
		{Pattern: "GET /api/v1/teams/5/members/bob", Reply: forgetest.Status(404, `{"message": "not found"}`)},
		{Pattern: "POST " + repo + "/statuses/{sha}", Body: []string{"state", "target_url", "description", "context"}, Reply: forgetest.Status(201, `{}`)},
		{Pattern: "GET " + repo + "/issues/7/comments", Query: []string{"since", "before"}, Reply: forgetest.JSON(
			`[{"id": 30, "body": "hello"}, {"id": 31, "body": "` + forgetest.Mark + ` running"}]`)},
		{Pattern: "GET " + repo + "/issues/8/comments", Query: []string{"since", "before"}, Reply: forgetest.JSON(`[]`)},
		{Pattern: "PATCH " + repo + "/issues/comments/{id}", Body: []string{"body", "updated_at"}, Required: []string{"body"}, Reply: forgetest.JSON(`{}`)},
		{Pattern: "POST " + repo + "/issues/{index}/comments", Body: []string{"body", "updated_at"}, Required: []string{"body"}, Reply: forgetest.Status(201, `{}`)},
		{Pattern: "GET " + repo + "/hooks", Query: paged, Reply: forgetest.JSON(`[{"id": 3, "type": "gitea", "config": {"url": "` + forgetest.HookThere + `"}}]`)},
		{Pattern: "POST " + repo + "/hooks", Body: hook, Required: []string{"type", "config"}, Reply: forgetest.Status(201, `{}`)},
		{Pattern: "PATCH " + repo + "/hooks/{id}", Body: hook[1:], Reply: forgetest.JSON(`{}`)},
		{Pattern: "DELETE " + repo + "/hooks/{id}", Reply: forgetest.Status(204, ``)},
	}
}

func tree(w http.ResponseWriter, r *forgetest.Request) {
	if r.PathValue("sha") != forgetest.Head {
		forgetest.Status(400, `{"message": "sha not found"}`)(w, r)
		return
	}
	forgetest.JSON(`{"truncated": false, "total_count": 7, "tree": [
		{"path": ".tekton", "mode": "040000", "type": "tree"}, {"path": ".tekton/README.md", "mode": "100644", "type": "blob"},
		{"path": ".tekton/build.yaml", "mode": "100644", "type": "blob"}, {"path": ".tekton/elsewhere.yaml", "mode": "120000", "type": "blob"},
		{"path": ".tekton/tasks", "mode": "040000", "type": "tree"}, {"path": ".tekton/tasks/lint.yml", "mode": "100755", "type": "blob"},
		{"path": "main.go", "mode": "100644", "type": "blob"}]}`)(w, r)
}

// tip takes a git ref too, whose slashes are escaped.
func tip(w http.ResponseWriter, r *forgetest.Request) {
	if ref := r.PathValue("sha"); ref != "refs/heads/feature/x" && ref != "refs/tags/v1" {
		forgetest.Status(404, `{"message": "commit doesn't exist"}`)(w, r)
		return
	}
	forgetest.JSON(`{"sha": "`+forgetest.Head+`", "commit": {"message": "Count faster\n\nIt was slow."}}`)(w, r)
}

func contents(w http.ResponseWriter, r *forgetest.Request) {
	var asked struct{ Files []string }
	if err := json.Unmarshal([]byte(r.FormValue("body")), &asked); err != nil {
		forgetest.Status(400, `{"message": "invalid body parameter"}`)(w, r)
		return
	}
	var docs []string
	for _, path := range asked.Files {
		docs = append(docs, fmt.Sprintf(`{"path": %q, "type": "file", "encoding": "base64", "content": %q}`, path,
			base64.StdEncoding.EncodeToString([]byte(files[path]))))
	}
	forgetest.JSON("["+strings.Join(docs, ",")+"]")(w, r)
}

func raw(w http.ResponseWriter, r *forgetest.Request) {
	content, ok := files[r.PathValue("filepath")]
	if !ok {
		forgetest.Status(404, `{"message": "object does not exist"}`)(w, r)
		return
	}
	forgetest.JSON(content)(w, r)
}

func TestClient(t *testing.T) {
	fake := forgetest.New(t, authorize, documented())
	forgetest.Contract(t, fake, New(fake.URL+"/api/v1", "ada", "engine", []byte("t0ken"), nil))
}

// A Gitea before 1.24, and Forgejo, have no batch: they cost a call for each file.
func TestFilesOneByOne(t *testing.T) {
	routes := slices.DeleteFunc(documented(), func(r forgetest.Route) bool { return strings.HasSuffix(r.Pattern, "/file-contents") })
	routes = append(routes, forgetest.Route{Pattern: "GET /api/v1/repos/ada/engine/file-contents", Query: []string{"ref", "body"},
		Reply: forgetest.Status(404, `page not found`)})
	fake := forgetest.New(t, authorize, routes)
	got, err := New(fake.URL+"/api/v1", "ada", "engine", []byte("t0ken"), nil).Files(t.Context(), forgetest.Head, ".tekton")
	if err != nil || len(got) != len(files) {
		t.Fatalf("%q, %v", got, err)
	}
	for path, content := range files {
		if string(got[path]) != content {
			t.Errorf("%s is %q", path, got[path])
		}
	}
}

// A repository of thousands of files is not listed to its end, as what is wanted comes early.
func TestFilesOfALargeRepository(t *testing.T) {
	for name, test := range map[string]struct {
		last  string
		pages int
	}{
		"all that is wanted is on the first page": {last: "docs/a.md", pages: 1},
		"the first page ends within the folder":   {last: ".tekton/a.txt", pages: 2},
		"the first page ends before the folder":   {last: ".github/a.txt", pages: 2},
	} {
		t.Run(name, func(t *testing.T) {
			asked := 0
			fake := forgetest.New(t, authorize, []forgetest.Route{{Pattern: "GET /api/v1/repos/ada/engine/git/trees/{sha}",
				Query: []string{"recursive", "page"}, Reply: func(w http.ResponseWriter, r *forgetest.Request) {
					asked++
					path := test.last
					if r.FormValue("page") == "2" {
						path = "main.go"
					}
					forgetest.JSON(fmt.Sprintf(`{"truncated": true, "tree": [{"path": %q, "mode": "100644", "type": "blob"}]}`, path))(w, r)
				}}})
			got, err := New(fake.URL+"/api/v1", "ada", "engine", []byte("t0ken"), nil).Files(t.Context(), forgetest.Head, ".tekton")
			if err != nil || len(got) > 0 || asked != test.pages {
				t.Errorf("%d calls, %v, %v, want %d", asked, got, err, test.pages)
			}
		})
	}
}

func TestErrors(t *testing.T) {
	for name, test := range map[string]struct {
		status int
		want   error
	}{"a token that is wrong": {401, forge.ErrDenied}, "one that may not": {403, forge.ErrDenied}, "no repository": {404, forge.ErrNotFound}} {
		t.Run(name, func(t *testing.T) {
			fake := forgetest.New(t, authorize, []forgetest.Route{{Pattern: "GET /api/v1/repos/ada/engine",
				Reply: forgetest.Status(test.status, `{"message": "go\naway"}`)}})
			_, err := New(fake.URL+"/api/v1", "ada", "engine", []byte("t0ken"), nil).Repository(t.Context())
			want := fmt.Sprintf("GET %s/api/v1/repos/ada/engine: %d %s: go away", fake.URL, test.status, http.StatusText(test.status))
			if !errors.Is(err, test.want) || err.Error() != want {
				t.Errorf("%v, want %s", err, want)
			}
		})
	}
}

// The paths of a batch are in its address.
func TestBatches(t *testing.T) {
	long := strings.Repeat("x", maxPaths+1)
	for name, test := range map[string]struct {
		paths []string
		want  int
	}{
		"few":          {[]string{"a", "b"}, 2},
		"many":         {slices.Repeat([]string{"a"}, 100), batch},
		"long ones":    {slices.Repeat([]string{strings.Repeat("x", maxPaths/3)}, 9), 3},
		"one too long": {[]string{long, long}, 1},
		"the second":   {[]string{"a", long}, 1},
	} {
		if got := some(test.paths); got != test.want {
			t.Errorf("%s: %d, want %d", name, got, test.want)
		}
	}
}
