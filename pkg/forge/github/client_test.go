package github

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/slipway-dev/slipway/pkg/forge"
	"github.com/slipway-dev/slipway/pkg/forge/forgetest"
)

const repo = "/api/v3/repos/ada/engine"

func pullJSON(updated string) string {
	return `{"number": 7, "title": "Count in threes", "html_url": "https://github.com/ada/engine/pull/7", "user": {"login": "bob"},
	"labels": [{"name": "bug"}], "draft": false, "created_at": "2026-01-02T03:01:00Z", "updated_at": "` + updated + `",
	"base": {"ref": "main", "sha": "` + forgetest.Base + `", "repo": {"id": 1, "html_url": "https://github.com/ada/engine"}},
	"head": {"ref": "threes", "sha": "` + forgetest.Head + `", "repo": {"id": 2, "html_url": "https://github.com/bob/engine"}}}`
}

func act(kind, at string) string {
	return fmt.Sprintf(`{"id": 1, "before": "%s", "after": "%s", "ref": "refs/heads/main", "timestamp": "%s", "activity_type": "%s", "actor": {"login": "ada"}}`,
		forgetest.Base, forgetest.Head, at, kind)
}

func authorize(r *http.Request) string {
	if r.Header.Get("Authorization") != "Bearer t0ken" {
		return "no token"
	}
	if r.Header.Get("X-GitHub-Api-Version") != "2022-11-28" {
		return "no version of the API"
	}
	return ""
}

// documented are the routes of GitHub's REST API, version 2022-11-28, and of its GraphQL API.
func documented() []forgetest.Route {
	paged := []string{"page", "per_page"}
	hook := []string{"name", "config", "config.url", "config.content_type", "config.secret", "config.insecure_ssl", "events", "active"}
	none := forgetest.Status(404, `{"message": "Not Found", "documentation_url": "https://docs.github.com/rest"}`)
	return []forgetest.Route{
		{Pattern: "GET " + repo, Reply: forgetest.JSON(`{"default_branch": "main", "clone_url": "https://github.com/ada/engine.git", "private": true}`)},
		{Pattern: "GET " + repo + "/git/trees/{sha}", Query: []string{"recursive"}, Reply: func(w http.ResponseWriter, r *forgetest.Request) {
			if r.PathValue("sha") != forgetest.Head {
				none(w, r)
				return
			}
			forgetest.JSON(`{"sha": "e", "truncated": false, "tree": [{"path": ".tekton", "mode": "040000", "type": "tree", "sha": "1"},
				{"path": ".tekton/README.md", "mode": "100644", "type": "blob", "sha": "2"}, {"path": ".tekton/build.yaml", "mode": "100644", "type": "blob", "sha": "3"},
				{"path": ".tekton/elsewhere.yaml", "mode": "120000", "type": "blob", "sha": "4"}, {"path": ".tekton/tasks/lint.yml", "mode": "100755", "type": "blob", "sha": "5"}]}`)(w, r)
		}},
		{Pattern: "GET " + repo + "/commits/{ref...}", Query: paged, Reply: func(w http.ResponseWriter, r *forgetest.Request) {
			if ref := r.PathValue("ref"); ref != "heads/feature/x" && ref != "tags/v1" {
				forgetest.Status(422, `{"message": "No commit found for SHA: heads/nowhere"}`)(w, r)
				return
			}
			forgetest.JSON(`{"sha": "`+forgetest.Head+`", "commit": {"message": "Count faster\n\nIt was slow."}}`)(w, r)
		}},
		{Pattern: "POST /api/graphql", Body: []string{"query", "variables", "variables.owner", "variables.name"}, Required: []string{"query"}, Reply: graph},
		{Pattern: "GET " + repo + "/contents/{path...}", Query: []string{"ref"}, Reply: func(w http.ResponseWriter, r *forgetest.Request) {
			if r.Header.Get("Accept") != "application/vnd.github.raw+json" || r.PathValue("path") != ".tekton/build.yaml" {
				none(w, r)
				return
			}
			forgetest.JSON("kind: Pipeline\n")(w, r)
		}},
		{Pattern: "GET " + repo + "/compare/{basehead}", Query: paged, Reply: forgetest.JSON(`{"files": [{"filename": "new.go", "status": "added"},
			{"filename": "main.go", "status": "modified"}, {"filename": "old.go", "status": "removed"}, {"filename": "to.go", "status": "renamed"}, {"filename": "same.go", "status": "unchanged"}]}`)},
		{Pattern: "GET " + repo + "/pulls/{n}/files", Query: paged, Reply: func(w http.ResponseWriter, r *forgetest.Request) {
			if r.FormValue("page") == "" {
				w.Header().Set("Link", `<https://elsewhere.example/x?per_page=100&page=2>; rel="next", <https://elsewhere.example/x?page=2>; rel="last"`)
				forgetest.JSON(`[{"filename": "new.go", "status": "added"}]`)(w, r)
				return
			}
			forgetest.JSON(`[{"filename": "copy.go", "status": "copied"}, {"filename": "mode.sh", "status": "changed"}]`)(w, r)
		}},
		{Pattern: "GET " + repo + "/pulls/{n}", Reply: forgetest.JSON(pullJSON("2026-01-02T03:04:05Z"))},
		{Pattern: "GET " + repo + "/pulls", Query: append([]string{"state", "head", "base", "sort", "direction"}, paged...),
			Reply: forgetest.JSON("[" + pullJSON("2026-01-02T03:04:05Z") + "," + pullJSON("2026-01-02T02:00:00Z") + "]")},
		{Pattern: "GET " + repo + "/activity", Query: []string{"direction", "per_page", "before", "after", "ref", "actor", "time_period", "activity_type"},
			Reply: forgetest.JSON("[" + act("force_push", "2026-01-02T03:05:00Z") + "," + act("branch_deletion", "2026-01-02T03:04:30Z") + "," +
				act("push", "2026-01-02T03:04:00Z") + "," + act("push", "2026-01-02T02:00:00Z") + "]")},
		{Pattern: "GET " + repo + "/collaborators/ada/permission", Reply: forgetest.JSON(`{"permission": "write", "role_name": "maintain"}`)},
		{Pattern: "GET " + repo + "/collaborators/bob/permission", Reply: forgetest.JSON(`{"permission": "read", "role_name": "triage"}`)},
		{Pattern: "GET /api/v3/orgs/crew/teams/core/memberships/ada", Reply: forgetest.JSON(`{"state": "active", "role": "member"}`)},
		{Pattern: "GET /api/v3/orgs/crew/teams/core/memberships/bob", Reply: forgetest.JSON(`{"state": "pending", "role": "member"}`)},
		{Pattern: "POST " + repo + "/statuses/{sha}", Body: []string{"state", "target_url", "description", "context"}, Required: []string{"state"}, Reply: forgetest.Status(201, `{}`)},
		{Pattern: "GET " + repo + "/issues/7/comments", Query: append([]string{"since"}, paged...), Reply: forgetest.JSON(
			`[{"id": 30, "body": "hello"}, {"id": 31, "body": "` + forgetest.Mark + ` running"}]`)},
		{Pattern: "GET " + repo + "/issues/8/comments", Query: append([]string{"since"}, paged...), Reply: forgetest.JSON(`[]`)},
		{Pattern: "PATCH " + repo + "/issues/comments/{id}", Body: []string{"body"}, Required: []string{"body"}, Reply: forgetest.JSON(`{}`)},
		{Pattern: "POST " + repo + "/issues/{n}/comments", Body: []string{"body"}, Required: []string{"body"}, Reply: forgetest.Status(201, `{}`)},
		{Pattern: "GET " + repo + "/hooks", Query: paged, Reply: forgetest.JSON(`[{"id": 3, "name": "web", "config": {"url": "` + forgetest.HookThere + `"}}]`)},
		{Pattern: "POST " + repo + "/hooks", Body: hook, Reply: forgetest.Status(201, `{}`)},
		{Pattern: "PATCH " + repo + "/hooks/{id}", Body: append([]string{"add_events", "remove_events"}, hook[1:]...), Reply: forgetest.JSON(`{}`)},
		{Pattern: "DELETE " + repo + "/hooks/{id}", Reply: forgetest.Status(204, ``)},
	}
}

func graph(w http.ResponseWriter, r *forgetest.Request) {
	query, _ := r.Body["query"].(string)
	if strings.Contains(query, "on Blob") {
		forgetest.JSON(`{"data": {"repository": {"o0": {"text": "kind: Pipeline\n", "isTruncated": false}, "o1": {"text": "kind: Task\n", "isTruncated": false}}}}`)(w, r)
		return
	}
	forgetest.JSON(`{"data": {"repository": {"o0": {"message": "Count faster\n\nIt was slow.", "url": "https://github.com/ada/engine/commit/1"}, "o1": null}}}`)(w, r)
}

func TestClient(t *testing.T) {
	fake := forgetest.New(t, authorize, documented())
	forgetest.Contract(t, fake, New(fake.URL+"/api/v3", "ada", "engine", []byte("t0ken"), nil))
}

// GitHub does not list a tree of more than 100,000 entries whole.
func TestFilesOfALargeRepository(t *testing.T) {
	trees := map[string]string{
		forgetest.Head + "?recursive=1": `{"truncated": true, "tree": []}`,
		forgetest.Head + "?":            `{"tree": [{"path": ".tekton", "type": "tree", "sha": "t"}, {"path": "main.go", "type": "blob", "sha": "m"}]}`,
		"t?recursive=1":                 `{"tree": [{"path": "tasks/lint.yml", "mode": "100644", "type": "blob", "sha": "l"}]}`,
	}
	routes := slices.DeleteFunc(documented(), func(r forgetest.Route) bool {
		return strings.Contains(r.Pattern, "/git/trees/") || strings.Contains(r.Pattern, "/graphql")
	})
	routes = append(routes, forgetest.Route{Pattern: "GET " + repo + "/git/trees/{sha}", Query: []string{"recursive"}, Reply: func(w http.ResponseWriter, r *forgetest.Request) {
		forgetest.JSON(trees[r.PathValue("sha")+"?"+r.URL.RawQuery])(w, r)
	}}, forgetest.Route{Pattern: "POST /api/graphql", Body: []string{"query", "variables.*", "variables"},
		Reply: forgetest.JSON(`{"data": {"repository": {"o0": {"text": "kind: Task\n"}}}}`)})
	fake := forgetest.New(t, authorize, routes)
	got, err := New(fake.URL+"/api/v3", "ada", "engine", []byte("t0ken"), nil).Files(t.Context(), forgetest.Head, ".tekton", ".slipway")
	if err != nil || len(got) != 1 || string(got[".tekton/tasks/lint.yml"]) != "kind: Task\n" {
		t.Errorf("%q, %v", got, err)
	}
}

func TestGraphErrors(t *testing.T) {
	for kind, want := range map[string]error{"NOT_FOUND": forge.ErrNotFound, "FORBIDDEN": forge.ErrDenied} {
		fake := forgetest.New(t, authorize, []forgetest.Route{{Pattern: "POST /api/graphql", Body: []string{"query", "variables", "variables.*"},
			Reply: forgetest.JSON(`{"data": null, "errors": [{"type": "` + kind + `", "message": "go away"}]}`)}})
		c := New(fake.URL+"/api/v3", "ada", "engine", []byte("t0ken"), nil)
		if _, err := objects[blob](t.Context(), c, []string{"1"}, "id"); !errors.Is(err, want) || !strings.Contains(err.Error(), "go away") {
			t.Errorf("%s: %v", kind, err)
		}
	}
}

// An App makes itself a token for the one repository, once, and shows checks.
func TestApp(t *testing.T) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	app, err := ParseApp([]byte("123"), pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)}))
	if err != nil {
		t.Fatal(err)
	}
	byApp := func(r *http.Request) string {
		signed := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
		if strings.HasSuffix(r.URL.Path, "/check-runs") {
			return map[bool]string{true: "", false: "not the installation's token"}[signed == "installed"]
		}
		var claims jwt.RegisteredClaims
		_, err := jwt.ParseWithClaims(signed, &claims, func(*jwt.Token) (any, error) { return &key.PublicKey, nil },
			jwt.WithIssuer("123"), jwt.WithIssuedAt(), jwt.WithExpirationRequired(), jwt.WithValidMethods([]string{"RS256"}))
		if err != nil {
			return err.Error()
		}
		if time.Until(claims.ExpiresAt.Time) > 10*time.Minute {
			return "GitHub takes no JWT of more than ten minutes"
		}
		return ""
	}
	expires := time.Now().Add(time.Hour).Format(time.RFC3339)
	var runs []map[string]any
	fake := forgetest.New(t, byApp, []forgetest.Route{
		{Pattern: "GET " + repo + "/installation", Reply: forgetest.JSON(`{"id": 77, "app_id": 123}`)},
		{Pattern: "POST /api/v3/app/installations/77/access_tokens", Body: []string{"repositories", "repository_ids", "permissions", "permissions.*"},
			Reply: forgetest.Status(201, `{"token": "installed", "expires_at": "`+expires+`"}`)},
		{Pattern: "POST " + repo + "/check-runs", Required: []string{"name", "head_sha", "output.title", "output.summary"},
			Body: []string{"name", "head_sha", "details_url", "external_id", "status", "started_at", "conclusion", "completed_at", "output", "output.title",
				"output.summary", "output.text", "output.annotations", "output.annotations.path", "output.annotations.start_line", "output.annotations.end_line",
				"output.annotations.annotation_level", "output.annotations.message", "output.annotations.title", "actions", "actions.*"},
			Reply: func(w http.ResponseWriter, r *forgetest.Request) {
				runs = append(runs, r.Body)
				forgetest.Status(201, `{}`)(w, r)
			}},
	})
	var tokens Tokens
	for state, want := range map[forge.State]string{forge.StatePending: "queued <nil>", forge.StateRunning: "in_progress <nil>", forge.StateSuccess: "completed success",
		forge.StateFailure: "completed failure", forge.StateError: "completed failure", forge.StateCancelled: "completed cancelled"} {
		client, err := NewApp(Place{API: fake.URL + "/api/v3", Owner: "ada", Name: "engine"}, app, &tokens, nil)
		if err != nil {
			t.Fatal(err)
		}
		runs = nil
		s := forge.Status{Name: "slipway/build", State: state, Description: "3 of 5 tasks", Text: strings.Repeat("é", maxText), URL: "https://slipway.example/runs/1"}
		for range 60 {
			s.Annotations = append(s.Annotations, forge.Annotation{Path: "main.go", Line: 0, Message: "undefined: x"})
		}
		if err := client.SetStatus(t.Context(), forgetest.Head, s); err != nil {
			t.Fatal(err)
		}
		got := fmt.Sprint(runs[0]["status"], " ", runs[0]["conclusion"])
		out, _ := runs[0]["output"].(map[string]any)
		summary, _ := out["summary"].(string)
		annotations, _ := out["annotations"].([]any)
		if got != want || len(summary) > maxText || len(annotations) != maxAnnotations {
			t.Errorf("%s is %s, with %d bytes and %d annotations, want %s", state, got, len(summary), len(annotations), want)
		}
	}
	made := 0
	for _, line := range fake.Lines() {
		if strings.Contains(line, "access_tokens") {
			made++
			if !strings.Contains(line, `{"repositories":["engine"]}`) {
				t.Errorf("the token is not for the one repository: %s", line)
			}
		}
	}
	if made != 1 {
		t.Errorf("%d tokens were made, want one for the hour", made)
	}
}
