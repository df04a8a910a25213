//go:build e2e && forge

package e2e

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/slipway-dev/slipway/api/slipway/v1alpha1"
	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
	"github.com/slipway-dev/slipway/test/env"
)

// size is how many there are of something, by default fewer than `make e2e-forge` can
// ask for by a variable.
func size(t *testing.T, variable string, usual int) int {
	t.Helper()
	text := os.Getenv(variable)
	if text == "" {
		return usual
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		t.Fatalf("%s=%q: want a number above 0", variable, text)
	}
	return n
}

// deliver posts a push as Gitea would, and returns the answer's code.
func (c *connected) deliver(ctx context.Context, gateway string, body []byte, signedBy string) (int, error) {
	mac := hmac.New(sha256.New, []byte(signedBy))
	mac.Write(body)
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, gateway+"/hooks/"+c.Namespace+"/ci", bytes.NewReader(body))
	if err != nil {
		return 0, err
	}
	r.Header.Set("X-Gitea-Event", "push")
	r.Header.Set("X-Gitea-Event-Type", "push")
	r.Header.Set("X-Gitea-Signature", hex.EncodeToString(mac.Sum(nil)))
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, err
	}
	defer res.Body.Close()
	_, err = io.Copy(io.Discard, res.Body)
	return res.StatusCode, err
}

func (c *connected) pushBody(ref, before, after string) []byte {
	c.Helper()
	user := map[string]any{"login": c.owner.Name, "username": c.owner.Name}
	body, err := json.Marshal(map[string]any{"ref": ref, "before": before, "after": after, "commits": []any{}, "pusher": user, "sender": user,
		"head_commit": map[string]any{"id": after, "message": "A push"},
		"repository":  map[string]any{"full_name": c.owner.Name + "/engine", "html_url": c.repo.URL(), "owner": user, "name": "engine"}})
	if err != nil {
		c.Fatal(err)
	}
	return body
}

// oneOfMany is a repository with a commit that each of many branches has: its runs wait
// for the first, which is enough to be counted.
func oneOfMany(t *testing.T) (c *connected, head string) {
	t.Helper()
	c = connect(t, v1alpha1.RepositorySpec{Concurrency: &v1alpha1.Concurrency{Limit: 1}})
	head = c.work.Commit("Build", map[string]string{".tekton/build.yaml": c.yaml("build", on("push", "many-*"), "sleep 600")})
	c.work.Push()
	return c, head
}

func branchOfMany(i int) string { return fmt.Sprintf("refs/heads/many-%d", i) }

// Of what the forge sends, 30 % never comes, 30 % comes twice, and all of it in another
// order: each push has its run, once.
func TestLostAndDoubledWebhooks(t *testing.T) {
	t.Parallel()
	c := connect(t, v1alpha1.RepositorySpec{Concurrency: &v1alpha1.Concurrency{Limit: 1}})
	if err := forgeClient(t, c.server, c.repo, c.owner.Token).DeleteHook(t.Context(), c.hook()); err != nil {
		t.Fatal(err)
	}
	gateway := c.Reach(env.SystemNamespace, "gateway", 80)
	yaml, before := c.yaml("build", on("push", "main"), "sleep 600"), "0000000000000000000000000000000000000000"
	var commits []string
	var bodies [][]byte
	for i := range size(t, "E2E_PUSHES", 30) {
		commit := c.work.Commit(fmt.Sprint(i), map[string]string{".tekton/build.yaml": yaml, "n": fmt.Sprint(i)})
		c.work.Push()
		commits = append(commits, commit)
		switch body := c.pushBody("refs/heads/main", before, commit); i % 10 {
		case 0, 3, 6:
		case 1, 4, 7:
			bodies = append(bodies, body, body)
		default:
			bodies = append(bodies, body)
		}
		before = commit
	}
	slices.Reverse(bodies)
	for _, body := range bodies {
		// What the gateway has no time for is lost too.
		if code, err := c.deliver(t.Context(), gateway, body, webhookSecret); err != nil || code/100 != 2 && code != http.StatusServiceUnavailable {
			t.Fatalf("%d, %v", code, err)
		}
	}
	// The forge is asked when the repository changes, and not only every few minutes.
	r := c.repositoryWhen("to be there", func(*v1alpha1.Repository) bool { return true })
	patch := client.MergeFrom(r.DeepCopy())
	r.Spec.Params = []v1alpha1.RepositoryParam{{Name: "x", Value: "y"}}
	if err := c.Client.Patch(t.Context(), r, patch); err != nil {
		t.Fatal(err)
	}
	env.Wait(t, runTimeout, "a run for each push", func() (bool, string) {
		got := map[string]int{}
		for _, run := range c.runs() {
			got[run.Labels[v1alpha1.LabelCommit]]++
		}
		for _, commit := range commits {
			if got[commit] != 1 {
				return false, fmt.Sprintf("%d of %d commits have runs, %s has %d", len(got), len(commits), commit, got[commit])
			}
		}
		return len(got) == len(commits), fmt.Sprint(len(got))
	})
	// None comes after, when all are worked off.
	env.Wait(t, time.Minute, "all events to be worked off", func() (bool, string) {
		return !slices.ContainsFunc(c.events(), func(e v1alpha1.RepositoryEvent) bool { return e.Status.Finished == nil }), ""
	})
	if n := len(c.runs()); n != len(commits) {
		t.Errorf("%d runs of %d pushes", n, len(commits))
	}
}

// Not parallel: others would take its time.
func TestPushHasItsRunWithinASecond(t *testing.T) {
	c, head := oneOfMany(t)
	gateway := c.Reach(env.SystemNamespace, "gateway", 80)
	var runs v1.PipelineRunList
	if err := c.Client.List(t.Context(), &runs, client.InNamespace(c.Namespace)); err != nil {
		t.Fatal(err)
	}
	watch, err := c.Client.Watch(t.Context(), &v1.PipelineRunList{}, client.InNamespace(c.Namespace),
		&client.ListOptions{Raw: &metav1.ListOptions{ResourceVersion: runs.ResourceVersion}})
	if err != nil {
		t.Fatal(err)
	}
	defer watch.Stop()
	var took []time.Duration
	for i := range 21 {
		sent := time.Now()
		if code, err := c.deliver(t.Context(), gateway, c.pushBody(branchOfMany(i), "", head), webhookSecret); err != nil || code != http.StatusAccepted {
			t.Fatalf("%d, %v", code, err)
		}
		deadline := time.After(time.Minute)
		for made := false; !made; {
			select {
			case e, open := <-watch.ResultChan():
				run, ok := e.Object.(*v1.PipelineRun)
				if !open || !ok {
					t.Fatalf("the watch ended: %+v", e)
				}
				made = run.Annotations[v1alpha1.AnnotationRef] == branchOfMany(i)
			case <-deadline:
				t.Fatal("no run after a minute")
			}
		}
		took = append(took, time.Since(sent))
	}
	slices.Sort(took)
	t.Logf("from the webhook to the run: median %s, from %s to %s", took[len(took)/2], took[0], took[len(took)-1])
	if median := took[len(took)/2]; median > time.Second {
		t.Errorf("the median is %s", median)
	}
}

// Not parallel, as long as something is killed. A flood is answered in time, whoever is
// killed meanwhile, and what was answered has its run, once.
func TestFloodOfWebhooks(t *testing.T) {
	c, head := oneOfMany(t)
	if c.AuditLog == "" {
		t.Skip("the cluster is not on this machine: a port that is forwarded ends with the Pod")
	}
	webhooks, address := size(t, "E2E_FLOOD", 200), c.Reach(env.SystemNamespace, "gateway", 80)
	const within = 10 * time.Second
	var mu sync.Mutex
	var answers []time.Duration
	broken, refused := 0, 0
	var group sync.WaitGroup
	send := func(i int) {
		body, sent, answered := c.pushBody(branchOfMany(i), "", head), time.Now(), false
		for ctx := t.Context(); ctx.Err() == nil && time.Since(sent) < time.Minute; {
			code, err := c.deliver(ctx, address, body, webhookSecret)
			mu.Lock()
			switch {
			case err != nil: // whoever held the connection was killed
				broken++
			case !answered:
				answers, answered = append(answers, time.Since(sent)), true
			}
			if err == nil && code/100 != 2 {
				refused++
			}
			mu.Unlock()
			if err == nil && code/100 == 2 {
				return
			}
		}
		t.Errorf("webhook %d was not taken within a minute", i)
	}
	group.Go(func() {
		every := time.NewTicker(within / time.Duration(webhooks))
		defer every.Stop()
		for i := range webhooks {
			<-every.C
			group.Go(func() { send(i) })
		}
	})
	c.KillNow("controller", "gateway")
	before := c.countRuns()
	c.KillNow("gateway")
	env.Wait(t, time.Minute, "the next controller to make a run", func() (bool, string) { return c.countRuns() > before, "" })
	c.KillNow("controller")
	group.Wait()
	slices.Sort(answers)
	p99 := answers[len(answers)*99/100]
	t.Logf("%d webhooks: answers took %s at the median, %s at p99, %s at most; %d connections broke, %d answers were refusals",
		webhooks, answers[len(answers)/2], p99, answers[len(answers)-1], broken, refused)
	if p99 > time.Second {
		t.Errorf("99 %% of the answers took up to %s", p99)
	}

	t.Parallel() // nobody is killed any more
	env.Wait(t, 3*time.Minute+time.Duration(webhooks)*time.Second/2, "a run for each webhook", func() (bool, string) {
		n := c.countRuns()
		return n >= webhooks, fmt.Sprintf("%d runs of %d", n, webhooks)
	})
	seen := map[string]bool{}
	for _, r := range c.runs() {
		ref := r.Annotations[v1alpha1.AnnotationRef]
		if seen[ref] {
			t.Errorf("%s has two runs", ref)
		}
		seen[ref] = true
	}
	if len(seen) != webhooks {
		t.Errorf("%d refs have runs, of %d", len(seen), webhooks)
	}
}

// countRuns has the API server count, as to read hundreds again and again takes the
// time that they are waited for.
func (c *connected) countRuns() int {
	c.Helper()
	var list v1.PipelineRunList
	if err := c.Client.List(c.Context(), &list, client.InNamespace(c.Namespace), client.Limit(1)); err != nil {
		c.Fatal(err)
	}
	n := len(list.Items)
	if list.RemainingItemCount != nil {
		n += int(*list.RemainingItemCount)
	}
	return n
}
