//go:build e2e && forge

package e2e

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-dev/slipway/api/slipway/v1alpha1"
	"github.com/slipway-dev/slipway/pkg/forge"
	"github.com/slipway-dev/slipway/pkg/forge/forges"
	"github.com/slipway-dev/slipway/test/env"
	"github.com/slipway-dev/slipway/test/gitea"
)

// forgeClient is the client for a repository as this process reaches its Gitea.
func forgeClient(t *testing.T, s *gitea.Server, r *gitea.Repository, token string) forge.Client {
	t.Helper()
	var repository v1alpha1.Repository
	repository.Spec.URL, repository.Spec.Provider, repository.Spec.API = r.URL(), v1alpha1.ProviderGitea, s.URL+"/api/v1"
	repository.Spec.Credentials = &v1alpha1.SecretKey{Name: "forge"}
	c, err := new(forges.Forges).New(&repository, map[string][]byte{"token": []byte(token)})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// What the fake of the unit tests takes for Gitea's documentation holds at a real one.
func TestForgeReads(t *testing.T) {
	t.Parallel()
	s := gitea.Open(env.New(t))
	ada := s.User("ada")
	r := ada.Repository("engine")
	c := forgeClient(t, s, r, ada.Token)
	start := time.Now()

	info, err := c.Repository(t.Context())
	if want := (forge.Info{DefaultBranch: "main", CloneURL: r.URL() + ".git"}); err != nil || info != want {
		t.Errorf("%+v, %v, want %+v", info, err, want)
	}
	w := r.Clone(ada)
	files := map[string]string{"main.go": "package main\n", "old.go": "package main\n", "docs/a.yaml": "no: 1\n", ".tekton/README.md": "no\n"}
	want := map[string][]byte{}
	for _, name := range []string{".tekton/build.yaml", ".tekton/tasks/lint.yml", ".slipway/ä b.yaml"} {
		files[name] = "name: " + name + "\n"
		want[name] = []byte(files[name])
	}
	for i := range 40 { // more than Gitea gives at once
		name := ".tekton/many/" + strings.Repeat("x", i+1) + ".yaml"
		files[name] = name
		want[name] = []byte(name)
	}
	first := w.Commit("First", files)
	w.Push()
	// Gitea notes a little later than the push that a repository is not empty any more.
	env.Wait(t, 30*time.Second, "Gitea to know of the first push", func() (bool, string) {
		tip, err := c.Tip(t.Context(), "refs/heads/main")
		return tip.Commit == first, errorText(err)
	})
	got, err := c.Files(t.Context(), first, ".tekton", ".slipway")
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v, (-want +got):\n%s", err, diff)
	}
	if one, err := c.File(t.Context(), first, ".slipway/ä b.yaml"); err != nil || string(one) != "name: .slipway/ä b.yaml\n" {
		t.Errorf("%q, %v", one, err)
	}
	const missing = "ddddddddddddddddddddddddddddddddddddddd4"
	for what, err := range map[string]error{
		"the files of no commit": func() error { _, err := c.Files(t.Context(), missing, ".tekton"); return err }(),
		"no file":                func() error { _, err := c.File(t.Context(), first, "nowhere"); return err }(),
		"no branch":              func() error { _, err := c.Tip(t.Context(), "refs/heads/nowhere"); return err }(),
		"no pull request":        func() error { _, err := c.PullRequest(t.Context(), 99); return err }(),
	} {
		if !errors.Is(err, forge.ErrNotFound) {
			t.Errorf("%s: %v", what, err)
		}
	}

	second := w.Commit("Second\n\nWith more to say.", map[string]string{"main.go": "package main // 2\n", "old.go": "", "new.go": "package main\n"})
	w.Push()
	w.Git("tag", "-a", "-m", "one", "v1")
	w.Push("v1")
	w.Push("HEAD:refs/heads/feature/side")
	for _, ref := range []string{"refs/heads/main", "refs/heads/feature/side", "refs/tags/v1"} {
		if tip, err := c.Tip(t.Context(), ref); err != nil || tip.Commit != second || strings.TrimSpace(tip.Message) != "Second\n\nWith more to say." {
			t.Errorf("%s is at %+v, %v, want %s", ref, tip, err, second)
		}
	}
	changes, err := c.Changes(t.Context(), &v1alpha1.Event{Type: v1alpha1.EventPush, Before: first, Commit: second})
	if diff := cmp.Diff(forge.Changes{Added: []string{"new.go"}, Modified: []string{"main.go"}, Deleted: []string{"old.go"}}, changes); err != nil || diff != "" {
		t.Errorf("%v, (-want +got):\n%s", err, diff)
	}
	if alone, err := c.Changes(t.Context(), &v1alpha1.Event{Type: v1alpha1.EventPush, Commit: second}); err != nil || !cmp.Equal(changes, alone) {
		t.Errorf("a new branch changes %+v, %v", alone, err)
	}

	var pushes []string
	env.Wait(t, 30*time.Second, "the feed", func() (bool, string) {
		events, err := c.Happened(t.Context(), start)
		pushes = nil
		for _, e := range events {
			pushes = append(pushes, e.Ref+" "+e.Commit+" "+e.Title+" "+e.Sender)
		}
		return len(pushes) == 4, strings.Join(pushes, "\n") + "; " + errorText(err)
	})
	wantPushes := []string{"refs/heads/main " + first + " First " + ada.Name, "refs/heads/main " + second + " Second " + ada.Name,
		"refs/tags/v1 " + second + " Second " + ada.Name, "refs/heads/feature/side " + second + " Second " + ada.Name}
	if diff := cmp.Diff(wantPushes, pushes); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if later, err := c.Happened(t.Context(), time.Now().Add(time.Minute)); err != nil || len(later) > 0 {
		t.Errorf("%+v, %v: nothing happened after", later, err)
	}
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func TestForgePullRequests(t *testing.T) {
	t.Parallel()
	s := gitea.Open(env.New(t))
	ada, bob := s.User("ada"), s.User("bob")
	r := ada.Repository("engine")
	w := r.Clone(ada)
	w.Commit("First", map[string]string{"main.go": "package main\n"})
	w.Push()
	fork := bob.Fork(r)
	b := fork.Clone(bob)
	b.Git("checkout", "-q", "-b", "threes")
	head := b.Commit("Count in threes", map[string]string{"three.go": "package main\n"})
	b.Push()
	start := time.Now()
	number := r.Pull(bob, bob.Name+":threes", "main", "Count in threes")
	r.Label(number, "bug")
	c := forgeClient(t, s, r, ada.Token)

	want := &v1alpha1.Event{Type: v1alpha1.EventPullRequest, Ref: "refs/heads/main", Commit: head, Title: "Count in threes",
		Sender: bob.Name, URL: r.URL() + "/pulls/1", PullRequest: &v1alpha1.PullRequest{Number: 1, Author: bob.Name,
			SourceBranch: "threes", SourceURL: fork.URL(), Fork: true, Labels: []string{"bug"}}}
	got, err := c.PullRequest(t.Context(), number)
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v, (-want +got):\n%s", err, diff)
	}
	want.PullRequest.Action = v1alpha1.PullRequestOpened
	events, err := c.Happened(t.Context(), start)
	if diff := cmp.Diff([]v1alpha1.Event{*want}, events); err != nil || diff != "" {
		t.Errorf("%v, (-want +got):\n%s", err, diff)
	}
	changes, err := c.Changes(t.Context(), want)
	if diff := cmp.Diff(forge.Changes{Added: []string{"three.go"}}, changes); err != nil || diff != "" {
		t.Errorf("%v, (-want +got):\n%s", err, diff)
	}

	for range 2 {
		if err := c.Comment(t.Context(), number, "<!-- mark -->", "<!-- mark --> it failed"); err != nil {
			t.Error(err)
		}
	}
	if comments := r.Comments(number); !slices.Equal(comments, []string{"<!-- mark --> it failed"}) {
		t.Errorf("the comments are %q", comments)
	}
	for state, want := range map[forge.State]string{forge.StatePending: "pending", forge.StateRunning: "pending", forge.StateSuccess: "success",
		forge.StateFailure: "failure", forge.StateError: "error", forge.StateCancelled: "warning"} {
		name := "slipway/" + string(state)
		if err := c.SetStatus(t.Context(), head, forge.Status{Name: name, State: state, Description: "so", URL: "http://slipway.example/1"}); err != nil {
			t.Error(err)
		}
		if got := r.Statuses(head)[name]; got.State != want || got.Description != "so" || got.TargetURL != "http://slipway.example/1" {
			t.Errorf("%s is %+v, want %s", state, got, want)
		}
	}
}

func TestForgeRights(t *testing.T) {
	t.Parallel()
	s := gitea.Open(env.New(t))
	ada, bob, eve := s.User("ada"), s.User("bob"), s.User("eve")
	r := ada.Repository("engine")
	r.Collaborator(bob, "write")
	team := ada.Team("crew", "core", bob)
	c := forgeClient(t, s, r, ada.Token)
	for user, want := range map[string]bool{ada.Name: true, bob.Name: true, eve.Name: false, "nobody-at-all": false} {
		if may, err := c.MayPush(t.Context(), user); err != nil || may != want {
			t.Errorf("%s may push: %t, %v", user, may, err)
		}
	}
	for user, want := range map[string]bool{bob.Name: true, eve.Name: false} {
		if in, err := c.InTeam(t.Context(), team, user); err != nil || in != want {
			t.Errorf("%s is in the team: %t, %v", user, in, err)
		}
	}
	if _, err := c.InTeam(t.Context(), team+"-no", bob.Name); !errors.Is(err, forge.ErrNotFound) {
		t.Errorf("a team that is not there: %v", err)
	}
	if _, err := forgeClient(t, s, r, "wrong").Repository(t.Context()); !errors.Is(err, forge.ErrDenied) {
		t.Errorf("a wrong token: %v", err)
	}
	if err := forgeClient(t, s, r, eve.Token).SetStatus(t.Context(), "0123456789012345678901234567890123456789", forge.Status{Name: "x", State: forge.StateSuccess}); !errors.Is(err, forge.ErrDenied) {
		t.Errorf("a token that may not: %v", err)
	}

	const address = "http://slipway.example/hooks/1"
	for range 2 {
		if err := c.EnsureHook(t.Context(), address, "s3cret"); err != nil {
			t.Error(err)
		}
	}
	if hooks := r.Hooks(); !slices.Equal(hooks, []string{address}) {
		t.Errorf("the webhooks are %q", hooks)
	}
	for range 2 {
		if err := c.DeleteHook(t.Context(), address); err != nil {
			t.Error(err)
		}
	}
	if hooks := r.Hooks(); len(hooks) > 0 {
		t.Errorf("the webhooks are %q", hooks)
	}
}
