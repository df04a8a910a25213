//go:build e2e && forge

package e2e

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/slipway-dev/slipway/api/slipway/v1alpha1"
	"github.com/slipway-dev/slipway/pkg/cli"
	"github.com/slipway-dev/slipway/test/env"
	"github.com/slipway-dev/slipway/test/gitea"
)

// slipwayCLI runs the command in the test's namespace, and returns its exit code and what
// it printed.
func slipwayCLI(e *env.Env, stdin string, args ...string) (int, string) {
	e.Helper()
	var out bytes.Buffer
	streams := genericiooptions.IOStreams{In: strings.NewReader(stdin), Out: &out, ErrOut: &out}
	code := cli.Main(append([]string{"-n", e.Namespace}, args...), streams, func(string) string { return "" }, "test")
	return code, out.String()
}

// One command connects a repository, and one disconnects it; in between a push runs.
func TestRepoCommands(t *testing.T) {
	t.Parallel()
	c := &connected{Env: env.New(t)}
	c.server = gitea.Open(c.Env)
	c.owner = c.server.User("ada")
	c.repo = c.owner.Repository("engine")
	c.work = c.repo.Clone(c.owner)
	api := c.server.URL + "/api/v1"
	want := func(code int, stdin string, args []string, texts ...string) {
		t.Helper()
		got, out := slipwayCLI(c.Env, stdin, args...)
		if got != code || slices.ContainsFunc(texts, func(text string) bool { return !strings.Contains(out, text) }) {
			t.Fatalf("slipway %s: exit code %d, want %d, with %q:\n%s", strings.Join(args, " "), got, code, texts, out)
		}
	}
	create := []string{"repo", "create", "ci", "--url", c.repo.URL() + ".git", "--provider", "gitea", "--local-api", api, "--token-file", "-",
		"--gateway", "http://gateway." + env.SystemNamespace}
	want(2, "", []string{"repo", "create"}, "--url is missing")
	want(5, "wrong", create, "401 Unauthorized")
	want(5, "", []string{"repo", "check", "ci"}, `no repository "ci"`)
	want(0, c.owner.Token, create, "its default branch is main", "repository ci is connected", c.hook())
	if hooks := c.repo.Hooks(); !slices.Equal(hooks, []string{c.hook()}) {
		t.Fatalf("the forge has the webhooks %q", hooks)
	}
	secret := func() string {
		s, err := c.Kube.CoreV1().Secrets(c.Namespace).Get(t.Context(), "ci-forge", metav1.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		return string(s.Data[v1alpha1.WebhookSecretKey])
	}
	before := secret()
	want(0, c.owner.Token, create, "repository ci is connected")
	if secret() != before || len(c.repo.Hooks()) != 1 {
		t.Errorf("connecting again changes the secret, or makes another webhook: %q", c.repo.Hooks())
	}
	env.Wait(t, time.Minute, "the connection to stand", func() (bool, string) {
		code, out := slipwayCLI(c.Env, "", "repo", "check", "ci")
		return code == 0, out
	})
	commit := c.work.Commit("Build", map[string]string{".slipway/build.yaml": c.yaml("build", "", "true")})
	c.work.Push()
	c.statusWhen(commit, "slipway/build", "success")
	c.repositoryWhen("to list its run", func(r *v1alpha1.Repository) bool { return len(r.Status.Runs) == 1 && r.Status.Runs[0].Finished != nil })
	run := c.runsOf("build", commit)[0].Name
	want(0, "", []string{"repo", "list"}, "ci", c.repo.URL(), "True", run)
	want(0, "", []string{"repo", "describe", "ci"}, "Default branch:", run, "Succeeded")
	want(0, "", []string{"events", "ci"}, "push", commit[:10], "Done", run)
	want(0, "", []string{"events", "-o", "json"}, `"origin": "webhook"`)
	want(0, "", []string{"events", "other"}, "no events")

	if err := c.Kube.CoreV1().Secrets(c.Namespace).Delete(t.Context(), "ci-git-auth", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	want(1, "", []string{"repo", "check", "ci"}, "there is no secret ci-git-auth", "1 of 4 checks failed")

	want(0, "", []string{"repo", "delete", "ci", "--local-api", api}, "repository ci is disconnected")
	if hooks := c.repo.Hooks(); len(hooks) > 0 {
		t.Errorf("the forge has the webhooks %q", hooks)
	}
	env.Wait(t, 2*time.Minute, "what belongs to it to be gone", func() (bool, string) {
		secrets, err := c.Kube.CoreV1().Secrets(c.Namespace).List(t.Context(), metav1.ListOptions{})
		if err != nil {
			return false, err.Error()
		}
		left := slices.DeleteFunc(secrets.Items, func(s corev1.Secret) bool { return !strings.HasPrefix(s.Name, "ci-") })
		return len(left)+len(c.runs())+len(c.events()) == 0, fmt.Sprintf("%d secrets", len(left))
	})
}
