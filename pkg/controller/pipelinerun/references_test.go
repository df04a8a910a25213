package pipelinerun

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
	"github.com/slipway-dev/slipway/pkg/resolve"
	"github.com/slipway-dev/slipway/pkg/resolve/fetch"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// library has one pipeline, and answers when it is let.
type library struct{ open chan struct{} }

func (library) Origin(fetch.Params) string  { return "" }
func (library) Immutable(fetch.Params) bool { return false }

func (l library) Fetch(ctx context.Context, q fetch.Query) (*fetch.Document, error) {
	select {
	case <-l.open:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if q.Params["url"] == "/task" {
		return &fetch.Document{Source: &v1.RefSource{URI: "/task"}, Content: []byte(
			"{apiVersion: tekton.dev/v1, kind: Task, metadata: {name: remote}, spec: {steps: [{image: x}]}}")}, nil
	}
	if q.Params["url"] != "/main" {
		return nil, errors.New(q.Params["url"] + ": not there")
	}
	return &fetch.Document{Source: &v1.RefSource{URI: "/main"}, Content: []byte(
		"{apiVersion: tekton.dev/v1, kind: Pipeline, metadata: {name: remote}, spec: {tasks: [{name: a, taskSpec: {steps: [{image: x}]}}]}}")}, nil
}

func TestRemotePipeline(t *testing.T) {
	for name, tc := range map[string]struct{ branch, reason, message string }{
		"found":     {"main", "Started", ""},
		"not there": {"next", "CouldntGetPipeline", "[User error] spec.pipelineRef: resolver library: /next: not there"},
	} {
		t.Run(name, func(t *testing.T) {
			value := func(s string) v1.ParamValue { return v1.ParamValue{Type: v1.ParamTypeString, StringVal: s} }
			b := newBench(t, &v1.PipelineRun{ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: "ci", UID: "1"}, Spec: v1.PipelineRunSpec{
				Params: v1.Params{{Name: "branch", Value: value(tc.branch)}},
				PipelineRef: &v1.PipelineRef{ResolverRef: v1.ResolverRef{Resolver: "library",
					Params: v1.Params{{Name: "url", Value: value("/$(params.branch)")}}}}}})
			l, ready := library{make(chan struct{})}, make(chan resolve.Asker, 1)
			b.References.Desk = resolve.NewDesk(resolve.DeskOptions{Resolvers: map[string]fetch.Resolver{"library": l}, Timeout: time.Minute,
				Pause: time.Second, Parallel: 1, PerOrigin: 1, Now: time.Now, Ready: func(by resolve.Asker) { ready <- by }})
			b.must(2)
			c := b.run().Status.GetCondition(v1.ConditionSucceeded)
			if !c.IsUnknown() || c.Reason != "ResolvingPipelineRef" || c.Message != "PipelineRun ns/ci awaiting remote resource" || len(b.writes) != 1 {
				t.Fatalf("%s %s: %s, after %v", c.Status, c.Reason, c.Message, b.writes)
			}
			close(l.open)
			select {
			case by := <-ready:
				if by.Kind != v1.KindPipelineRun || by.Name != "ci" {
					t.Errorf("the answer is for %+v", by)
				}
			case <-time.After(10 * time.Second):
				t.Fatal("no answer came")
			}
			b.must(2)
			status := b.run().Status
			if c := status.GetCondition(v1.ConditionSucceeded); c.Reason != tc.reason || !strings.HasPrefix(c.Message, tc.message) {
				t.Errorf("%s %s: %s", c.Status, c.Reason, c.Message)
			}
			if tc.message == "" && (status.PipelineSpec == nil || status.Provenance.RefSource.URI != "/main") {
				t.Errorf("pinned %+v from %+v", status.PipelineSpec, status.Provenance)
			}
		})
	}
}

// A Task that is not there is found missing before anything runs, wherever the
// reference gets its params from; one that needs a result is left to its run.
func TestRemoteTasksAreFoundFirst(t *testing.T) {
	for name, tc := range map[string]struct{ ref, reason, message string }{
		"there":             {"$(params.where)", "Started", ""},
		"not there":         {"$(params.where)-$(context.pipelineRun.name)", "CouldntGetTask", `[User error] task "b": taskRef: resolver library: /task-ci: not there`},
		"by another's end":  {"$(tasks.a.results.r)", "Started", ""},
		"unknown parameter": {"$(params.wher)", "PipelineValidationFailed", `no parameter named "wher"; did you mean "where"?`},
	} {
		t.Run(name, func(t *testing.T) {
			run := parse[v1.PipelineRun](t, `{metadata: {name: ci, namespace: ns, uid: u-1}, spec: {pipelineSpec: {
  params: [{name: where, default: /task}],
  tasks: [{name: a, taskSpec: {results: [{name: r}], steps: [{name: s, image: i}]}}],
  finally: [{name: b, taskRef: {resolver: library, params: [{name: url, value: `+tc.ref+`}]}}]}}}`)
			b := newBench(t, run)
			l, ready := library{make(chan struct{})}, make(chan resolve.Asker, 1)
			close(l.open)
			b.References.Desk = resolve.NewDesk(resolve.DeskOptions{Resolvers: map[string]fetch.Resolver{"library": l}, Timeout: time.Minute,
				Pause: time.Second, Parallel: 1, PerOrigin: 1, Now: time.Now, Ready: func(by resolve.Asker) { ready <- by }})
			b.must(1)
			if c := b.run().Status.GetCondition(v1.ConditionSucceeded); c != nil && c.Reason == "ResolvingTaskRef" {
				<-ready
				b.must(1)
			}
			if len(b.run().Labels) > 0 {
				b.must(1)
			}
			c := b.run().Status.GetCondition(v1.ConditionSucceeded)
			if c == nil || c.Reason != tc.reason || !strings.Contains(c.Message, tc.message) {
				t.Errorf("got %+v", c)
			}
		})
	}
}
