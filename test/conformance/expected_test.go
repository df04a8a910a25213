//go:build conformance

package conformance

import (
	"cmp"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"

	gocmp "github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/slipway-dev/slipway/test/env"
)

// expected is what Tekton reports for one run.
type expected struct {
	Kind, Name, Status, Reason, Message string
	Results                             []result
	Steps                               []step
	SkippedTasks                        []skipped
	Children                            [][]string
	// Refused is part of what the API server says when it refuses the run.
	Refused string
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
	// WhenExpressions are those that did not hold.
	WhenExpressions []map[string]any
}

func summary(want []expected) string {
	reasons := make([]string, len(want))
	for i, w := range want {
		reasons[i] = w.Reason
		if w.Refused != "" {
			reasons[i] = "refused"
		}
	}
	return strings.Join(reasons, ",")
}

func (x expected) matches(run *unstructured.Unstructured) bool {
	if !strings.EqualFold(x.Kind, run.GetKind()) {
		return false
	}
	return run.GetGenerateName() == x.Name || run.GetName() == x.Name
}

// compareRefusal holds the answer of the API server against what is expected.
func (x expected) compareRefusal(e *env.Env, err error) string {
	e.Helper()
	if err == nil || !strings.Contains(err.Error(), x.Refused) {
		e.Errorf("%s: creating it gave %v; Tekton refuses it: %s", x.Name, err, x.Refused)
		return "accepted"
	}
	return "refused"
}

// compare reports each difference that counts and returns the run's reason. Of
// an own case only what it states counts; of a record all does but the wording.
func (x expected) compare(e *env.Env, run *unstructured.Unstructured, own bool) string {
	e.Helper()
	c := succeeded(run)
	message := fmt.Sprint(c["message"])
	switch {
	case c["status"] != x.Status || c["reason"] != x.Reason:
		e.Errorf("%s: ended %v %v: %s; Tekton: %s %s: %s", run.GetName(), c["status"], c["reason"], message, x.Status, x.Reason, x.Message)
	case own && !strings.Contains(message, x.Message):
		e.Errorf("%s: message %q does not say %q", run.GetName(), message, x.Message)
	case !own && message != x.Message:
		e.Logf("%s: message %q; Tekton: %q", run.GetName(), message, x.Message)
	}
	status, _ := run.Object["status"].(map[string]any)
	diff(e, own, "results", normal(x.Results, own), normal(decode[[]result](e, status["results"]), own))
	if strings.EqualFold(x.Kind, "TaskRun") {
		diff(e, own, "steps", normalSteps(x.Steps, own), normalSteps(stepsOf(e, status["steps"]), own))
		return fmt.Sprint(c["reason"])
	}
	diff(e, own, "skippedTasks", x.SkippedTasks, decode[[]skipped](e, status["skippedTasks"]))
	diff(e, own, "children", sorted(x.Children), sorted(childrenOf(e, status["childReferences"])))
	return fmt.Sprint(c["reason"])
}

// diff reports how two lists differ. A list that an own case does not state is nil.
func diff[T any](e *env.Env, own bool, what string, want, got []T) {
	e.Helper()
	if len(want) == 0 && len(got) == 0 || own && want == nil {
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

func normalSteps(steps []step, own bool) []step {
	for i := range steps {
		steps[i].Results = normal(steps[i].Results, own)
	}
	return steps
}

// What differs from run to run is no difference to a record: digests, dates, uids,
// random suffixes and addresses.
var volatile = regexp.MustCompile(`(?s)GIT_HOST|[A-Za-z0-9+/=\n]{200,}|[0-9a-f]{40,64}|[0-9a-f]{8}-[0-9a-f-]{27}|\b\d{4}-\d\d-\d\d\S*|-[a-z0-9]{5}\b|\d+(\.\d+){3}(:\d+)?|\b\d{6,}\b|[A-Z][a-z]{2} [A-Z][a-z]{2} +\d+ [\d:]+ \w+ \d+`)

func normal(results []result, own bool) []result {
	out := slices.Clone(results)
	for i, r := range out {
		if text, ok := r.Value.(string); ok && !own {
			out[i].Value = volatile.ReplaceAllString(text, "*")
		}
	}
	slices.SortFunc(out, func(a, b result) int { return cmp.Compare(a.Name, b.Name) })
	return out
}
