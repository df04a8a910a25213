package forgetest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-dev/slipway/api/slipway/v1alpha1"
	"github.com/slipway-dev/slipway/pkg/forge"
)

// What every fake knows.
const (
	Base    = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa1"
	Head    = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb2"
	Missing = "ddddddddddddddddddddddddddddddddddddddd4"
	// Message is that of Head.
	Message = "Count faster\n\nIt was slow."
	Mark    = "<!-- slipway: build -->"
	// HookThere is the address of a webhook that the forge has, HookNew of one that it has not.
	HookThere = "https://slipway.example/hooks/there"
	HookNew   = "https://slipway.example/hooks/new"
)

// Since is the time that Happened is asked for.
var Since = time.Date(2026, 1, 2, 3, 0, 0, 0, time.UTC)

// Contract asks a client everything, of a fake whose repository ada/engine is private and
// has these: the branch feature/x and the tag v1 at Head; .tekton/build.yaml and .tekton/tasks/lint.yml at Head beside a README and
// no .slipway; the open pull request 7 of bob's fork with the label bug and a comment
// with Mark, 8 without one; ada who may push and is in crew/core, and bob. What it
// answers is checked here; what it asks is testdata/client.golden. Without are the
// methods that the forge's API has nothing for.
func Contract(t *testing.T, fake *Fake, client forge.Client, without ...string) {
	t.Helper()
	var transcript strings.Builder
	for _, s := range steps(client) {
		if method, _, _ := strings.Cut(s.name, ","); slices.Contains(without, method) {
			continue
		}
		got, err := s.do(t.Context())
		fmt.Fprintf(&transcript, "# %s\n%s\n", s.name, strings.Join(fake.Lines(), "\n"))
		switch {
		case s.err != nil:
			if !errors.Is(err, s.err) {
				t.Errorf("%s: %v, want %v", s.name, err, s.err)
			}
		case err != nil:
			t.Errorf("%s: %v", s.name, err)
		case s.want == nil:
			text, err := json.Marshal(got)
			if err != nil {
				t.Error(err)
			}
			if string(text) != "null" {
				fmt.Fprintf(&transcript, "→ %s\n", strings.ReplaceAll(string(text), fake.URL, "FORGE"))
			}
		default:
			if diff := cmp.Diff(s.want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", s.name, diff)
			}
		}
		transcript.WriteString("\n")
	}
	golden(t, "client.golden", transcript.String())
}

type step struct {
	name string
	do   func(context.Context) (any, error)
	// want is what it answers, where that does not depend on the forge.
	want any
	err  error
}

func steps(c forge.Client) []step {
	pull := &v1alpha1.Event{Type: v1alpha1.EventPullRequest, Commit: Head, PullRequest: &v1alpha1.PullRequest{Number: 7}}
	push := &v1alpha1.Event{Type: v1alpha1.EventPush, Ref: "refs/heads/main", Before: Base, Commit: Head}
	all := []step{
		{name: "Repository", do: func(ctx context.Context) (any, error) { return c.Repository(ctx) }},
		{name: "Tip of a branch", do: func(ctx context.Context) (any, error) { return c.Tip(ctx, "refs/heads/feature/x") },
			want: forge.Tip{Commit: Head, Message: Message}},
		{name: "Tip of a tag", do: func(ctx context.Context) (any, error) { return c.Tip(ctx, "refs/tags/v1") },
			want: forge.Tip{Commit: Head, Message: Message}},
		{name: "Tip of what is not there", do: func(ctx context.Context) (any, error) { return c.Tip(ctx, "refs/heads/nowhere") },
			err: forge.ErrNotFound},
		{name: "Tip of what is no branch", do: func(ctx context.Context) (any, error) { return c.Tip(ctx, "main") },
			err: forge.ErrNotFound},
		{name: "Files", do: func(ctx context.Context) (any, error) { return c.Files(ctx, Head, ".tekton", ".slipway") },
			want: map[string][]byte{".tekton/build.yaml": []byte("kind: Pipeline\n"), ".tekton/tasks/lint.yml": []byte("kind: Task\n")}},
		{name: "Files of no folder", do: func(ctx context.Context) (any, error) { return c.Files(ctx, Head, "nowhere") },
			want: map[string][]byte{}},
		{name: "Files of no commit", do: func(ctx context.Context) (any, error) { return c.Files(ctx, Missing, ".tekton") },
			err: forge.ErrNotFound},
		{name: "File", do: func(ctx context.Context) (any, error) { return c.File(ctx, Head, ".tekton/build.yaml") },
			want: []byte("kind: Pipeline\n")},
		{name: "File that is not there", do: func(ctx context.Context) (any, error) { return c.File(ctx, Head, "nowhere.yaml") },
			err: forge.ErrNotFound},
		{name: "Changes of a push", do: func(ctx context.Context) (any, error) { return c.Changes(ctx, push) }},
		{name: "Changes of a pull request", do: func(ctx context.Context) (any, error) { return c.Changes(ctx, pull) }},
		{name: "PullRequest", do: func(ctx context.Context) (any, error) { return c.PullRequest(ctx, 7) }},
		{name: "MayPush, who may", do: func(ctx context.Context) (any, error) { return c.MayPush(ctx, "ada") }, want: true},
		{name: "MayPush, who may not", do: func(ctx context.Context) (any, error) { return c.MayPush(ctx, "bob") }, want: false},
		{name: "InTeam, who is", do: func(ctx context.Context) (any, error) { return c.InTeam(ctx, "crew/core", "ada") }, want: true},
		{name: "InTeam, who is not", do: func(ctx context.Context) (any, error) { return c.InTeam(ctx, "crew/core", "bob") }, want: false},
		{name: "Comment again", do: func(ctx context.Context) (any, error) { return nil, c.Comment(ctx, 7, Mark, Mark+" it failed") }},
		{name: "Comment", do: func(ctx context.Context) (any, error) { return nil, c.Comment(ctx, 8, Mark, Mark+" it failed") }},
		{name: "Happened", do: func(ctx context.Context) (any, error) { return c.Happened(ctx, Since) }},
		{name: "EnsureHook that is there", do: func(ctx context.Context) (any, error) { return nil, c.EnsureHook(ctx, HookThere, "s3cret") }},
		{name: "EnsureHook", do: func(ctx context.Context) (any, error) { return nil, c.EnsureHook(ctx, HookNew, "s3cret") }},
		{name: "DeleteHook", do: func(ctx context.Context) (any, error) { return nil, c.DeleteHook(ctx, HookThere) }},
		{name: "DeleteHook that is not there", do: func(ctx context.Context) (any, error) { return nil, c.DeleteHook(ctx, HookNew) }},
	}
	for _, state := range []forge.State{forge.StatePending, forge.StateRunning, forge.StateSuccess, forge.StateFailure,
		forge.StateError, forge.StateCancelled} {
		all = append(all, step{name: "SetStatus " + string(state), do: func(ctx context.Context) (any, error) {
			return nil, c.SetStatus(ctx, Head, forge.Status{Name: "slipway/build", State: state, Description: "3 of 5 tasks",
				Text: "| task | time |", URL: "https://slipway.example/runs/1", Number: 7,
				Annotations: []forge.Annotation{{Path: "main.go", Line: 3, Message: "undefined: x"}}})
		}})
	}
	return all
}
