//go:build e2e && forge

package e2e

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/slipway-dev/slipway/api/slipway/v1alpha1"
	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
	"github.com/slipway-dev/slipway/test/env"
	"github.com/slipway-dev/slipway/test/gitea"
)

const webhookSecret = "a secret of the test"

// connected is a repository at Gitea, connected with the test's namespace as ci.
type connected struct {
	*env.Env
	server *gitea.Server
	owner  *gitea.User
	repo   *gitea.Repository
	work   *gitea.Work
}

// connect makes a repository and connects it. The spec needs none of what connects it.
func connect(t *testing.T, spec v1alpha1.RepositorySpec) *connected {
	t.Helper()
	c := &connected{Env: env.New(t)}
	c.server = gitea.Open(c.Env)
	c.owner = c.server.User("ada")
	c.repo = c.owner.Repository("engine")
	c.work = c.repo.Clone(c.owner)

	c.Create(&corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "ci-forge"},
		StringData: map[string]string{v1alpha1.CredentialsKey: c.owner.Token, v1alpha1.WebhookSecretKey: webhookSecret}})
	c.Create(&rbacv1.Role{ObjectMeta: metav1.ObjectMeta{Name: "ci-gateway"}, Rules: []rbacv1.PolicyRule{
		{APIGroups: []string{""}, Resources: []string{"secrets"}, ResourceNames: []string{"ci-forge"}, Verbs: []string{"get"}}}})
	c.Create(&rbacv1.RoleBinding{ObjectMeta: metav1.ObjectMeta{Name: "ci-gateway"}, RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: "ci-gateway"},
		Subjects: []rbacv1.Subject{{Kind: "ServiceAccount", Name: "gateway", Namespace: env.SystemNamespace}}})
	spec.URL, spec.Provider = c.repo.URL(), v1alpha1.ProviderGitea
	spec.Credentials, spec.WebhookSecret = &v1alpha1.SecretKey{Name: "ci-forge"}, &v1alpha1.SecretKey{Name: "ci-forge"}
	c.Create(&v1alpha1.Repository{ObjectMeta: metav1.ObjectMeta{Name: "ci"}, Spec: spec})
	if err := forgeClient(t, c.server, c.repo, c.owner.Token).EnsureHook(t.Context(), c.hook(), webhookSecret); err != nil {
		t.Fatal(err)
	}
	c.Cleanup(func() {
		if c.Failed() {
			c.Log(c.seen())
		}
	})
	c.repositoryWhen("to be ready", func(r *v1alpha1.Repository) bool {
		return meta.IsStatusConditionTrue(r.Status.Conditions, v1alpha1.ConditionReady)
	})
	return c
}

// hook is where the forge reaches the gateway.
func (c *connected) hook() string {
	return fmt.Sprintf("http://gateway.%s/hooks/%s/ci", env.SystemNamespace, c.Namespace)
}

func (c *connected) repositoryWhen(what string, when func(*v1alpha1.Repository) bool) *v1alpha1.Repository {
	c.Helper()
	r := &v1alpha1.Repository{}
	env.Wait(c, time.Minute, "the repository "+what, func() (bool, string) {
		err := c.Client.Get(c.Context(), client.ObjectKey{Namespace: c.Namespace, Name: "ci"}, r)
		return err == nil && when(r), fmt.Sprintf("%v %+v", err, r.Status)
	})
	return r
}

// yaml is a file with one run, whose one step runs a script.
func (c *connected) yaml(name, annotations, script string) string {
	return fmt.Sprintf(`apiVersion: tekton.dev/v1
kind: PipelineRun
metadata:
  name: %s
  annotations: {%s}
spec:
  params: [{name: revision, value: "{{ revision }}"}]
  pipelineSpec:
    params: [{name: revision}]
    tasks:
    - name: work
      params: [{name: revision, value: $(params.revision)}]
      taskSpec:
        params: [{name: revision}]
        steps:
        - name: do
          image: %s/busybox
          env: [{name: REVISION, value: $(params.revision)}]
          script: |
            %s
`, name, annotations, c.Registry, strings.ReplaceAll(script, "\n", "\n            "))
}

// on annotates a run with what starts it.
func on(events, branches string, more ...string) string {
	all := []string{fmt.Sprintf("pipelinesascode.tekton.dev/on-event: %q", "["+events+"]"), fmt.Sprintf("pipelinesascode.tekton.dev/on-target-branch: %q", "["+branches+"]")}
	for i := 0; i+1 < len(more); i += 2 {
		all = append(all, fmt.Sprintf("pipelinesascode.tekton.dev/%s: %q", more[i], more[i+1]))
	}
	return strings.Join(all, ", ")
}

// statusWhen waits until a commit has a status in that state.
func (c *connected) statusWhen(commit, name, state string) gitea.Status {
	c.Helper()
	var s gitea.Status
	env.Wait(c, runTimeout, fmt.Sprintf("status %s of %s to be %s", name, commit, state), func() (bool, string) {
		all := c.repo.Statuses(commit)
		s = all[name]
		return s.State == state, fmt.Sprintf("%+v", all)
	})
	return s
}

// seen is what there is of events and runs.
func (c *connected) seen() string {
	var lines []string
	for _, e := range c.events() {
		lines = append(lines, fmt.Sprintf("event %s %s %s %.10s: %s %s", e.Spec.Origin, e.Spec.Event.Type, e.Spec.Event.Ref, e.Spec.Event.Commit, e.Status.State, e.Status.Message))
	}
	for _, r := range c.runs() {
		lines = append(lines, fmt.Sprintf("run %s of %.10s: %+v", r.Name, r.Labels[v1alpha1.LabelCommit], r.Status.GetCondition(v1.ConditionSucceeded)))
	}
	return strings.Join(lines, "\n")
}

func (c *connected) events() []v1alpha1.RepositoryEvent {
	c.Helper()
	var list v1alpha1.RepositoryEventList
	if err := c.Client.List(context.WithoutCancel(c.Context()), &list, client.InNamespace(c.Namespace)); err != nil {
		c.Fatal(err)
	}
	return list.Items
}

func (c *connected) runs() []v1.PipelineRun {
	c.Helper()
	var list v1.PipelineRunList
	if err := c.Client.List(context.WithoutCancel(c.Context()), &list, client.InNamespace(c.Namespace)); err != nil {
		c.Fatal(err)
	}
	return list.Items
}

// runsOf are the runs of a pipeline at a commit.
func (c *connected) runsOf(pipeline, commit string) (found []v1.PipelineRun) {
	c.Helper()
	for _, r := range c.runs() {
		if r.Labels[v1alpha1.LabelPipeline] == pipeline && r.Labels[v1alpha1.LabelCommit] == commit {
			found = append(found, r)
		}
	}
	return found
}

// runsWhen waits until so many runs of a pipeline at a commit are as they should be.
func (c *connected) runsWhen(pipeline, commit string, n int, when func(*v1.PipelineRun) bool) []v1.PipelineRun {
	c.Helper()
	var found []v1.PipelineRun
	env.Wait(c, runTimeout, fmt.Sprintf("%d runs of %s at %s", n, pipeline, commit), func() (bool, string) {
		found = c.runsOf(pipeline, commit)
		ok := 0
		for i := range found {
			if when(&found[i]) {
				ok++
			}
		}
		return ok == n && len(found) == n, fmt.Sprintf("%d of %d", ok, len(found))
	})
	return found
}

// eventWhen waits until an event is worked off that is as it should be.
func (c *connected) eventWhen(what string, when func(*v1alpha1.RepositoryEvent) bool) v1alpha1.RepositoryEvent {
	c.Helper()
	var found v1alpha1.RepositoryEvent
	env.Wait(c, time.Minute, "an event "+what, func() (bool, string) {
		for _, e := range c.events() {
			if e.Status.Finished != nil && when(&e) {
				found = e
				return true, ""
			}
		}
		return false, ""
	})
	return found
}

func isComment(body string) func(*v1alpha1.RepositoryEvent) bool {
	return func(e *v1alpha1.RepositoryEvent) bool {
		return e.Spec.Event.Comment != nil && strings.TrimSpace(e.Spec.Event.Comment.Body) == body
	}
}

func any1(*v1.PipelineRun) bool { return true }

// The way of a push: the run of its commit, and a status that turns green.
func TestPushTurnsGreen(t *testing.T) {
	t.Parallel()
	c := connect(t, v1alpha1.RepositorySpec{})
	commit := c.work.Commit("Build", map[string]string{".tekton/build.yaml": c.yaml("build", on("push", "main"), `test "$REVISION" = "{{ revision }}"`)})
	c.work.Push()
	c.statusWhen(commit, "slipway/build", "success")
	if got := c.repo.History(commit); len(got) != 2 || got[0].State != "pending" {
		t.Errorf("the forge was told %+v, want that it runs and that it succeeded", got)
	}
	runs := c.runsOf("build", commit)
	if len(runs) != 1 {
		t.Fatalf("%d runs", len(runs))
	}
	r := c.repositoryWhen("to list its run", func(r *v1alpha1.Repository) bool { return len(r.Status.Runs) == 1 && r.Status.Runs[0].Finished != nil })
	if last := r.Status.Runs[0]; last.Name != runs[0].Name || last.Pipeline != "build" || last.Commit != commit || last.Event != v1alpha1.EventPush || last.Reason != "Succeeded" || last.Started == nil {
		t.Errorf("the status lists %+v", last)
	}
	if r.Status.DefaultBranch != "main" || r.Status.CaughtUp == nil || r.Status.ObservedGeneration != r.Generation {
		t.Errorf("the status is %+v", r.Status)
	}
	e := c.eventWhen("of the push", func(e *v1alpha1.RepositoryEvent) bool { return e.Spec.Event.Commit == commit })
	if e.Status.State != v1alpha1.EventDone || len(e.Status.Runs) != 1 || e.Spec.Origin != v1alpha1.OriginWebhook {
		t.Errorf("the event is %+v", e)
	}

	c.work.Git("tag", "v1")
	c.work.Push("v1")
	c.eventWhen("of the tag", func(e *v1alpha1.RepositoryEvent) bool {
		return e.Spec.Event.Ref == "refs/tags/v1" && e.Status.State == v1alpha1.EventIgnored
	})
}

// The way of a pull request: red where its test fails, with the end of the log, and
// green once that is mended.
func TestPullRequestTurnsRed(t *testing.T) {
	t.Parallel()
	c := connect(t, v1alpha1.RepositorySpec{})
	c.work.Commit("Start", map[string]string{"README.md": "engine\n"})
	c.work.Push()
	c.work.Git("checkout", "-q", "-b", "fix")
	c.Create(&corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "login"}, StringData: map[string]string{"password": "correct-horse"}})
	leaks := strings.Replace(c.yaml("test", on("pull_request", "main"), "echo it is broken by $PASSWORD\necho /retest\nexit 3"),
		"env: [", "env: [{name: PASSWORD, valueFrom: {secretKeyRef: {name: login, key: password}}}, ", 1)
	bad := c.work.Commit("Break", map[string]string{".tekton/test.yaml": leaks})
	c.work.Push()
	number := c.repo.Pull(c.owner, "fix", "main", "A fix")
	s := c.statusWhen(bad, "slipway/test", "failure")
	if !strings.Contains(s.Description, "work: step \"do\" exited with code 3") {
		t.Errorf("the status says %q", s.Description)
	}
	env.Wait(t, time.Minute, "the comment", func() (bool, string) {
		comments := c.repo.Comments(number)
		return len(comments) == 1 && strings.Contains(comments[0], "```\nit is broken by ***\n/retest\n```") && strings.Contains(comments[0], "| work |"), fmt.Sprintf("%q", comments)
	})
	good := c.work.Commit("Mend", map[string]string{".tekton/test.yaml": c.yaml("test", on("pull_request", "main"), "echo fine")})
	c.work.Push()
	c.statusWhen(good, "slipway/test", "success")
	env.Wait(t, time.Minute, "the comment to be mended", func() (bool, string) {
		comments := c.repo.Comments(number)
		return len(comments) == 1 && strings.Contains(comments[0], "succeeded") && strings.Contains(comments[0], good), fmt.Sprintf("%q", comments)
	})
	// What a run prints is in a comment, and no command.
	if runs := c.runsOf("test", bad); len(runs) != 1 {
		t.Errorf("%d runs of the broken commit", len(runs))
	}
}
