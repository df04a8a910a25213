//go:build conformance

package conformance

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/slipway-dev/slipway/test/env"
)

// expected is what Tekton reported for one run.
type expected struct {
	Kind, Name, Status, Reason, Message string
	Results                             []result
	Steps                               []step
	SkippedTasks                        []skipped
	Children                            [][]string
}

type result struct {
	Name  string `json:"name"`
	Type  string `json:"type"`
	Value any    `json:"value"`
}

type step struct {
	Name              string
	Exit              int
	Reason            string
	TerminationReason string
	Results           []result
}

type skipped struct {
	Name, Reason string
}

func readExpected(t *testing.T, path string) []expected {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var want []expected
	if err := json.Unmarshal(text, &want); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return want
}

func summary(want []expected) string {
	reasons := make([]string, len(want))
	for i, w := range want {
		reasons[i] = w.Reason
	}
	return strings.Join(reasons, ",")
}

func (x expected) matches(run *unstructured.Unstructured) bool {
	if !strings.EqualFold(x.Kind, run.GetKind()) {
		return false
	}
	return run.GetGenerateName() == x.Name || run.GetName() == x.Name
}

// compare reports each difference that counts, logs a difference in wording,
// and returns the run's reason.
func (x expected) compare(e *env.Env, run *unstructured.Unstructured) string {
	e.Helper()
	c := succeeded(run)
	if c["status"] != x.Status || c["reason"] != x.Reason {
		e.Errorf("%s: ended %v %v: %v; Tekton: %s %s: %s", run.GetName(), c["status"], c["reason"], c["message"], x.Status, x.Reason, x.Message)
	} else if c["message"] != x.Message {
		e.Logf("%s: message %q; Tekton: %q", run.GetName(), c["message"], x.Message)
	}
	status, _ := run.Object["status"].(map[string]any)
	diff(e, "results", normal(x.Results), normal(decode[[]result](e, status["results"])))
	if x.Kind == "taskrun" {
		diff(e, "steps", normalSteps(x.Steps), normalSteps(stepsOf(e, status["steps"])))
		return fmt.Sprint(c["reason"])
	}
	diff(e, "skippedTasks", x.SkippedTasks, decode[[]skipped](e, status["skippedTasks"]))
	diff(e, "children", sorted(x.Children), sorted(childrenOf(e, status["childReferences"])))
	return fmt.Sprint(c["reason"])
}

func diff[T any](e *env.Env, what string, want, got []T) {
	e.Helper()
	if len(want) == 0 && len(got) == 0 {
		return
	}
	if d := gocmp.Diff(want, got); d != "" {
		e.Errorf("%s differ (-Tekton +Slipway):\n%s", what, d)
	}
}

func decode[T any](e *env.Env, from any) T {
	e.Helper()
	var to T
	text, err := json.Marshal(from)
	if err == nil {
		err = json.Unmarshal(text, &to)
	}
	if err != nil {
		e.Fatal(err)
	}
	return to
}

func stepsOf(e *env.Env, from any) []step {
	type state struct {
		Name              string
		TerminationReason string
		Terminated        struct {
			ExitCode int
			Reason   string
		}
		Results []result
	}
	var steps []step
	for _, s := range decode[[]state](e, from) {
		steps = append(steps, step{s.Name, s.Terminated.ExitCode, s.Terminated.Reason, s.TerminationReason, s.Results})
	}
	return steps
}

func childrenOf(e *env.Env, from any) [][]string {
	type ref struct{ Kind, PipelineTaskName string }
	var children [][]string
	for _, r := range decode[[]ref](e, from) {
		children = append(children, []string{r.Kind, r.PipelineTaskName})
	}
	return children
}

func sorted(children [][]string) [][]string {
	out := slices.Clone(children)
	slices.SortFunc(out, func(a, b []string) int { return cmp.Compare(strings.Join(a, "/"), strings.Join(b, "/")) })
	return out
}

func normalSteps(steps []step) []step {
	for i := range steps {
		steps[i].Results = normal(steps[i].Results)
	}
	return steps
}

// What differs from run to run is no difference: digests, dates, uids, random
// suffixes and addresses.
var volatile = regexp.MustCompile(`(?s)GIT_HOST|[A-Za-z0-9+/=\n]{200,}|[0-9a-f]{40,64}|[0-9a-f]{8}-[0-9a-f-]{27}|\b\d{4}-\d\d-\d\d\S*|-[a-z0-9]{5}\b|\d+(\.\d+){3}(:\d+)?|\b\d{6,}\b|[A-Z][a-z]{2} [A-Z][a-z]{2} +\d+ [\d:]+ \w+ \d+`)

func normal(results []result) []result {
	out := slices.Clone(results)
	for i, r := range out {
		if text, ok := r.Value.(string); ok {
			out[i].Value = volatile.ReplaceAllString(text, "*")
		}
	}
	slices.SortFunc(out, func(a, b result) int { return cmp.Compare(a.Name, b.Name) })
	return out
}

// hosts are the addresses that the placeholders of the cases stand for.
type hosts struct{ registry, git string }

func hostsFromEnv(t *testing.T) hosts {
	t.Helper()
	h := hosts{os.Getenv("SLIPWAY_REGISTRY"), os.Getenv("CONFORMANCE_GIT_HOST")}
	if h.registry == "" || h.git == "" {
		t.Fatal("SLIPWAY_REGISTRY and CONFORMANCE_GIT_HOST must name the registry and the git server of the cases")
	}
	return h
}

var digestOf = regexp.MustCompile(`DIGEST_OF_([a-z/-]+)`)

func (h hosts) replace(t *testing.T, text string) string {
	t.Helper()
	text = digestOf.ReplaceAllStringFunc(text, func(m string) string {
		return h.digest(t, strings.TrimPrefix(m, "DIGEST_OF_"))
	})
	return strings.NewReplacer("REGISTRY_HOST", h.registry, "GIT_HOST", h.git, "namespace: default", "").Replace(text)
}

func (h hosts) digest(t *testing.T, image string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodHead, "http://"+h.registry+"/v2/"+image+"/manifests/latest", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Accept", "application/vnd.docker.distribution.manifest.v2+json, application/vnd.oci.image.manifest.v1+json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	digest := resp.Header.Get("Docker-Content-Digest")
	if digest == "" {
		t.Fatalf("the registry has no image %s: %s", image, resp.Status)
	}
	return digest
}
