//go:build e2e && forge

package e2e

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/slipway-dev/slipway/api/slipway/v1alpha1"
	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
	"github.com/slipway-dev/slipway/test/env"
)

// change patches the Repository.
func (c *connected) change(patch string) {
	c.Helper()
	r := &v1alpha1.Repository{ObjectMeta: metav1.ObjectMeta{Namespace: c.Namespace, Name: "ci"}}
	if err := c.Client.Patch(c.Context(), r, client.RawPatch("application/merge-patch+json", []byte(patch))); err != nil {
		c.Fatal(err)
	}
}

// post sends a body to the gateway, and returns the answer's code.
func (c *connected) post(address string, body []byte, headers ...string) int {
	c.Helper()
	r, err := http.NewRequestWithContext(c.Context(), http.MethodPost, address, bytes.NewReader(body))
	if err != nil {
		c.Fatal(err)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		c.Fatal(err)
	}
	defer res.Body.Close()
	if text, err := io.ReadAll(res.Body); err != nil || res.StatusCode >= 500 {
		c.Fatalf("%s: %s %s %v", address, res.Status, text, err)
	}
	return res.StatusCode
}

// A time that comes runs what waits for it at the head of the branch, and the forge is told.
func TestScheduleRuns(t *testing.T) {
	t.Parallel()
	c := connect(t, v1alpha1.RepositorySpec{Schedules: []v1alpha1.Schedule{{Name: "odd", Cron: "61 2 * * *"}}})
	r := c.repositoryWhen("to say what is wrong with a schedule", func(r *v1alpha1.Repository) bool {
		return meta.IsStatusConditionFalse(r.Status.Conditions, v1alpha1.ConditionScheduled)
	})
	if said := meta.FindStatusCondition(r.Status.Conditions, v1alpha1.ConditionScheduled); !strings.Contains(said.Message, `spec.schedules[0] (odd): cron: "61 2 * * *"`) {
		t.Errorf("it says %q", said.Message)
	}
	commit := c.work.Commit("Audit", map[string]string{".tekton/audit.yaml": c.yaml("audit", on("schedule", "main"), `test "{{ schedule }}" = minutely`),
		".tekton/build.yaml": c.yaml("build", on("push", "next"), "true")})
	c.work.Push()
	c.change(`{"spec": {"schedules": [{"name": "minutely", "cron": "* * * * *", "timeZone": "Europe/Berlin", "jitter": "2s", "concurrencyPolicy": "Forbid"}]}}`)
	e := c.eventWhen("of a time", func(e *v1alpha1.RepositoryEvent) bool { return e.Spec.Origin == v1alpha1.OriginSchedule })
	if tick := e.Spec.Event.Schedule; e.Spec.Event.Type != v1alpha1.EventSchedule || tick.Name != "minutely" || tick.Time.Second() != 0 || e.Status.Commit != commit || e.Status.State != v1alpha1.EventDone {
		t.Errorf("the event is %+v", e)
	}
	if late := e.Spec.Received.Sub(e.Spec.Event.Schedule.Time.Time); late < 0 || late > 20*time.Second {
		t.Errorf("it is late by %s", late)
	}
	c.statusWhen(commit, "slipway/audit", "success")
	if runs := c.runsOf("build", commit); len(runs) > 0 {
		t.Errorf("what waits for pushes of another branch ran: %d", len(runs))
	}
	r = c.repositoryWhen("to tell of its schedule", func(r *v1alpha1.Repository) bool {
		return len(r.Status.Schedules) == 1 && r.Status.Schedules[0].LastScheduleTime != nil
	})
	if s := r.Status.Schedules[0]; s.Expression != "Europe/Berlin * * * * *" || s.NextScheduleTime == nil || !s.NextScheduleTime.After(s.LastScheduleTime.Time) {
		t.Errorf("the status is %+v", s)
	}
	// Each time is an event of its own, once.
	seen := map[int64]int{}
	for _, e := range c.events() {
		if tick := e.Spec.Event.Schedule; tick != nil {
			seen[tick.Time.Unix()]++
		}
	}
	for tick, times := range seen {
		if times != 1 {
			t.Errorf("the time %d is %d events", tick, times)
		}
	}
}

// What a user asks for by a command runs as its event would, each time anew.
func TestTriggerFromTheCommandLine(t *testing.T) {
	t.Parallel()
	c := connect(t, v1alpha1.RepositorySpec{Branches: []string{"release"}, Params: []v1alpha1.RepositoryParam{{Name: "level", Value: "low"}}})
	first := c.work.Commit("Build", map[string]string{".tekton/build.yaml": c.yaml("build", on("push", "main, release"), `test "{{ level }}" = high && echo said`),
		".tekton/other.yaml": c.yaml("other", on("schedule", "nowhere"), "false")})
	c.work.Git("branch", "feature/x")
	c.work.Push("--all")
	trigger := func(code int, args []string, texts ...string) string {
		t.Helper()
		got, out := slipwayCLI(c.Env, "", append([]string{"trigger"}, args...)...)
		if got != code || slices.ContainsFunc(texts, func(text string) bool { return !strings.Contains(out, text) }) {
			t.Fatalf("slipway trigger %s: exit code %d, want %d, with %q:\n%s\n%s", strings.Join(args, " "), got, code, texts, out, c.seen())
		}
		return out
	}
	trigger(1, nil, "nothing was started", `the branch "main" fits none of spec.branches`)
	// The push itself is to start nothing, late as its webhook may be.
	c.eventWhen("of the push", func(e *v1alpha1.RepositoryEvent) bool {
		return e.Spec.Event.Commit == first && e.Spec.Event.Ref == "refs/heads/main"
	})
	c.change(`{"spec": {"branches": null}}`)
	trigger(1, []string{"ci", "--branch", "feature/x"}, "nothing was started", "matches")
	trigger(1, []string{"ci", "nobody"}, "there is no pipeline nobody under")
	trigger(1, []string{"ci", "--branch", "nowhere"}, "the forge has no refs/heads/nowhere")
	trigger(2, []string{"ci", "-p", "levle=high"}, `did you mean "level"?`)

	trigger(0, []string{"ci", "-p", "level=high", "--showlog"}, "said", "succeeded")
	out := trigger(0, []string{"ci", "-p", "level=high", "-o", "name"}, "pipelinerun.tekton.dev/build-")
	if runs := c.runsOf("build", first); len(runs) != 2 || !strings.Contains(out, runs[0].Name) && !strings.Contains(out, runs[1].Name) {
		t.Errorf("%q, and %d runs", out, len(runs))
	}
	trigger(1, []string{"ci", "other", "--showlog"}, "failed")

	// As its user, whose rights decide.
	code, said := slipwayCLI(c.Env, "", "--as", "nobody", "trigger", "ci")
	if code != 5 || !strings.Contains(said, "forbidden") {
		t.Errorf("as nobody: %d %s", code, said)
	}
}

// A call that names a branch, and no commit, runs on its head.
func TestIncomingCallForABranch(t *testing.T) {
	t.Parallel()
	c := connect(t, v1alpha1.RepositorySpec{})
	commit := c.work.Commit("Deploy", map[string]string{".tekton/deploy.yaml": c.yaml("deploy", on("incoming", "main"), `test "{{ level }}" = high`)})
	c.work.Push()
	c.Create(&v1alpha1.Repository{ObjectMeta: metav1.ObjectMeta{Name: "calls"}, Spec: v1alpha1.RepositorySpec{URL: c.repo.URL(), Provider: v1alpha1.ProviderGeneric,
		WebhookSecret: &v1alpha1.SecretKey{Name: "ci-forge"}, Params: []v1alpha1.RepositoryParam{{Name: "level", Value: "low"}}}})
	gateway := c.Forward(env.SystemNamespace, "gateway", 80)
	body := []byte(`{"ref": "refs/heads/main", "params": {"level": "high"}}`)
	mac := hmac.New(sha256.New, []byte(webhookSecret))
	mac.Write(body)
	call := func(id string) int {
		return c.post(gateway+"/hooks/"+c.Namespace+"/calls", body, "X-Request-Id", id, "X-Hub-Signature-256", "sha256="+hex.EncodeToString(mac.Sum(nil)))
	}
	// The gateway hears of the new repository when its watch does.
	env.Wait(t, time.Minute, "the call to be taken", func() (bool, string) {
		code := call("1")
		return code == http.StatusAccepted, http.StatusText(code)
	})
	c.runsWhen("deploy", commit, 1, func(r *v1.PipelineRun) bool { return r.IsSuccessful() })
	// The id is not signed: who replays the call under another starts nothing.
	if code := call("2"); code != http.StatusAccepted {
		t.Fatalf("again: %d", code)
	}
	c.eventWhen("of the replay", func(e *v1alpha1.RepositoryEvent) bool { return e.Spec.Delivery == "2" })
	if runs := c.runsOf("deploy", commit); len(runs) != 1 {
		t.Errorf("%d runs", len(runs))
	}
}

// An image that a registry tells of runs what waits for it.
func TestImagePushedRuns(t *testing.T) {
	t.Parallel()
	c := connect(t, v1alpha1.RepositorySpec{ImageWebhook: &v1alpha1.ImageWebhook{Secret: v1alpha1.SecretKey{Name: "ci-forge", Key: v1alpha1.WebhookSecretKey},
		Images: []v1alpha1.ImageSource{{Name: "registry.example.com/base/*", Tags: []string{"v*"}}}}})
	commit := c.work.Commit("Rebuild", map[string]string{".tekton/rebuild.yaml": c.yaml("rebuild", on("image", "main"),
		`test "{{ image }}:{{ image_tag }}@{{ image_digest }}" = registry.example.com/base/go:v2@sha256:12`)})
	c.work.Push()
	gateway := c.Forward(env.SystemNamespace, "gateway", 80) + "/images/" + c.Namespace + "/ci"
	image := func(tag string) []byte {
		return []byte(`{"events": [{"action": "push", "target": {"mediaType": "application/vnd.oci.image.index.v1+json", "digest": "sha256:12", "repository": "base/go", "tag": "` + tag +
			`"}, "request": {"host": "registry.example.com"}}]}`)
	}
	for name, tc := range map[string]struct {
		tag, authorization string
		want               int
	}{"without a token": {"v2", "", 401}, "with another": {"v2", "Bearer guess", 401}, "of another tag": {"next", "Bearer " + webhookSecret, 200}} {
		if got := c.post(gateway, image(tc.tag), "Authorization", tc.authorization); got != tc.want {
			t.Errorf("%s: %d, want %d", name, got, tc.want)
		}
	}
	if code := c.post(gateway, image("v2"), "Authorization", "Bearer "+webhookSecret); code != http.StatusAccepted {
		t.Fatalf("the image: %d", code)
	}
	if code := c.post(gateway, image("v2"), "Authorization", "Bearer "+webhookSecret); code != http.StatusOK {
		t.Errorf("the image again: %d", code)
	}
	c.runsWhen("rebuild", commit, 1, func(r *v1.PipelineRun) bool { return r.IsSuccessful() })
	c.statusWhen(commit, "slipway/rebuild", "success")
}
