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
	"net/http/httptrace"
	"slices"
	"sync"
	"testing"
	"time"

	authorizationv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/slipway-dev/slipway/api/slipway/v1alpha1"
	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
	"github.com/slipway-dev/slipway/test/env"
)

// The gateway can create events and nothing else, and read no Secret but those that a
// Role names.
func TestGatewayMayDoLittle(t *testing.T) {
	t.Parallel()
	e := env.New(t)
	user := "system:serviceaccount:" + env.SystemNamespace + ":gateway"
	config := rest.CopyConfig(e.Config)
	config.Impersonate = rest.ImpersonationConfig{UserName: user, Groups: []string{"system:serviceaccounts", "system:serviceaccounts:" + env.SystemNamespace, "system:authenticated"}}
	as, err := client.New(config, client.Options{Scheme: e.Client.Scheme()})
	if err != nil {
		t.Fatal(err)
	}
	repository := &v1alpha1.Repository{ObjectMeta: metav1.ObjectMeta{Name: "ci"}, Spec: v1alpha1.RepositorySpec{URL: "https://forge.example/ada/engine", Provider: v1alpha1.ProviderGitea, Paused: true}}
	e.Create(repository)
	event := v1alpha1.NewEvent(repository, v1alpha1.OriginWebhook, []byte("x"), time.Now())
	event.Spec.Event = v1alpha1.Event{Type: v1alpha1.EventPush}
	if err := as.Create(t.Context(), event); err != nil {
		t.Fatalf("it may not create an event: %v", err)
	}
	e.Create(&corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "other"}})
	meta := metav1.ObjectMeta{Namespace: e.Namespace, Name: "evil"}
	for _, o := range []client.Object{
		&v1.PipelineRun{ObjectMeta: meta, Spec: v1.PipelineRunSpec{PipelineRef: &v1.PipelineRef{Name: "p"}}}, &v1.TaskRun{ObjectMeta: meta}, &v1.Task{ObjectMeta: meta},
		&corev1.Pod{ObjectMeta: meta}, &corev1.Secret{ObjectMeta: meta}, &corev1.ConfigMap{ObjectMeta: meta}, &corev1.ServiceAccount{ObjectMeta: meta},
		&v1alpha1.Repository{ObjectMeta: meta, Spec: repository.Spec},
	} {
		if err := as.Create(t.Context(), o); !apierrors.IsForbidden(err) {
			t.Errorf("it may create a %T: %v", o, err)
		}
	}
	for what, err := range map[string]error{
		"change a repository":  as.Update(t.Context(), repository),
		"change an event":      as.Update(t.Context(), event),
		"end an event":         as.Status().Update(t.Context(), event),
		"delete an event":      as.Delete(t.Context(), event),
		"read an event":        as.Get(t.Context(), client.ObjectKeyFromObject(event), event),
		"list events":          as.List(t.Context(), &v1alpha1.RepositoryEventList{}),
		"read a secret":        as.Get(t.Context(), client.ObjectKey{Namespace: e.Namespace, Name: "other"}, &corev1.Secret{}),
		"list secrets":         as.List(t.Context(), &corev1.SecretList{}),
		"list runs":            as.List(t.Context(), &v1.PipelineRunList{}),
		"read the signing key": as.Get(t.Context(), client.ObjectKey{Namespace: env.SystemNamespace, Name: "signing-secrets"}, &corev1.Secret{}),
	} {
		if !apierrors.IsForbidden(err) {
			t.Errorf("it may %s: %v", what, err)
		}
	}
	// And of what the rules say, nothing is more than that.
	for _, ask := range []authorizationv1.ResourceAttributes{
		{Verb: "*", Group: "*", Resource: "*"}, {Verb: "create", Group: "*", Resource: "*"}, {Verb: "get", Resource: "secrets"},
		{Verb: "impersonate", Resource: "users"}, {Verb: "create", Group: v1alpha1.GroupName, Resource: "repositories"},
	} {
		review := &authorizationv1.SubjectAccessReview{Spec: authorizationv1.SubjectAccessReviewSpec{User: user, ResourceAttributes: &ask}}
		if err := e.Client.Create(t.Context(), review); err != nil || review.Status.Allowed {
			t.Errorf("%+v is allowed, or %v", ask, err)
		}
	}
}

// deliver posts a push as Gitea would, and returns the answer's code and how long it took
// once somebody was there to answer.
func (c *connected) deliver(ctx context.Context, gateway string, body []byte, signedBy string) (int, time.Duration, error) {
	mac := hmac.New(sha256.New, []byte(signedBy))
	mac.Write(body)
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, gateway+"/hooks/"+c.Namespace+"/ci", bytes.NewReader(body))
	if err != nil {
		return 0, 0, err
	}
	r.Header.Set("X-Gitea-Event", "push")
	r.Header.Set("X-Gitea-Event-Type", "push")
	r.Header.Set("X-Gitea-Signature", hex.EncodeToString(mac.Sum(nil)))
	var started time.Time
	r = r.WithContext(httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { started = time.Now() }}))
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, 0, err
	}
	defer res.Body.Close()
	_, err = io.Copy(io.Discard, res.Body)
	return res.StatusCode, time.Since(started), err
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

// Of what the forge sends, a third never comes, a third comes twice, and all of it in
// another order: each push has its run, once.
func TestLostAndDoubledWebhooks(t *testing.T) {
	t.Parallel()
	// One runs and the others wait, which is enough to be counted.
	c := connect(t, v1alpha1.RepositorySpec{Concurrency: &v1alpha1.Concurrency{Limit: 1}})
	if err := forgeClient(t, c.server, c.repo, c.owner.Token).DeleteHook(t.Context(), c.hook()); err != nil {
		t.Fatal(err)
	}
	gateway := c.Forward(env.SystemNamespace, "gateway", 80)
	const zero = "0000000000000000000000000000000000000000"
	yaml, before := c.yaml("build", on("push", "main"), "sleep 600"), zero
	var commits []string
	var bodies [][]byte
	for i := range 30 {
		commit := c.work.Commit(fmt.Sprint(i), map[string]string{".tekton/build.yaml": yaml, "n": fmt.Sprint(i)})
		c.work.Push()
		commits = append(commits, commit)
		switch body := c.pushBody("refs/heads/main", before, commit); i % 3 {
		case 0:
		case 1:
			bodies = append(bodies, body)
		case 2:
			bodies = append(bodies, body, body)
		}
		before = commit
	}
	slices.Reverse(bodies)
	for _, body := range bodies {
		if code, _, err := c.deliver(t.Context(), gateway, body, webhookSecret); err != nil || code/100 != 2 {
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
		return !slices.ContainsFunc(c.events(), func(e v1alpha1.RepositoryEvent) bool { return e.Status.Finished == nil }), c.seen()
	})
	if n := len(c.runs()); n != len(commits) {
		t.Errorf("%d runs of %d pushes", n, len(commits))
	}
}

// A flood is answered, whoever is killed meanwhile: what was answered has its run, once.
func TestFloodOfWebhooks(t *testing.T) {
	c := connect(t, v1alpha1.RepositorySpec{Concurrency: &v1alpha1.Concurrency{Limit: 1}})
	head := c.work.Commit("Build", map[string]string{".tekton/build.yaml": c.yaml("build", on("push", "flood-*"), "sleep 600")})
	c.work.Push()
	const webhooks, senders = 300, 20
	address := "http://" + c.gatewayIP()
	var mu sync.Mutex
	var took []time.Duration
	var group sync.WaitGroup
	started := time.Now()
	for s := range senders {
		group.Go(func() {
			for i := s; i < webhooks; i += senders {
				body := c.pushBody(fmt.Sprintf("refs/heads/flood-%d", i), "", head)
				// A forge that gets no answer sends no more; a gateway behind a Service would be
				// another replica. Here there is one, so that the test is the one that repeats.
				env.Wait(t, time.Minute, fmt.Sprintf("an answer to webhook %d", i), func() (bool, string) {
					ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
					defer cancel()
					code, d, err := c.deliver(ctx, address, body, webhookSecret)
					if err == nil {
						mu.Lock()
						took = append(took, d)
						mu.Unlock()
					}
					return err == nil && code/100 == 2, fmt.Sprint(code, err)
				})
			}
		})
	}
	c.KillNow("gateway")
	c.KillNow("controller")
	c.KillNow("gateway")
	c.KillNow("controller")
	group.Wait()
	t.Logf("%d webhooks were taken within %s", webhooks, time.Since(started))
	slices.Sort(took)
	if p99 := took[len(took)*99/100]; p99 > time.Second {
		t.Errorf("99 %% of the answers took up to %s", p99)
	}
	env.Wait(t, 3*time.Minute, "a run for each webhook", func() (bool, string) {
		return len(c.runs()) >= webhooks, fmt.Sprintf("%d runs of %d", len(c.runs()), webhooks)
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

// gatewayIP is an address of the Service that this machine reaches where it is the
// node; elsewhere the test is skipped.
func (c *connected) gatewayIP() string {
	c.Helper()
	service, err := c.Kube.CoreV1().Services(env.SystemNamespace).Get(c.Context(), "gateway", metav1.GetOptions{})
	if err != nil {
		c.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(c.Context(), 2*time.Second)
	defer cancel()
	if _, _, err := c.deliver(ctx, "http://"+service.Spec.ClusterIP, nil, "wrong"); err != nil {
		c.Skipf("this machine does not reach Services of the cluster: %v", err)
	}
	return service.Spec.ClusterIP
}
