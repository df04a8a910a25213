package taskrun

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	ctrl "sigs.k8s.io/controller-runtime"

	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
	"github.com/slipway-dev/slipway/entrypoint/contract"
	"github.com/slipway-dev/slipway/pkg/resolve"
	"github.com/slipway-dev/slipway/pkg/resolve/fetch"
)

// library is a server that answers when it is let.
type library struct {
	open  chan struct{}
	ready chan resolve.Asker
	asked atomic.Int32
	docs  map[string]string
}

func (*library) Origin(fetch.Params) string  { return "" }
func (*library) Immutable(fetch.Params) bool { return false }

func (l *library) Fetch(ctx context.Context, q fetch.Query) (*fetch.Document, error) {
	l.asked.Add(1)
	select {
	case <-l.open:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	text, ok := l.docs[q.Params["url"]]
	if !ok {
		return nil, errors.New(q.Params["url"] + ": not there")
	}
	return &fetch.Document{Content: []byte(text), Source: &v1.RefSource{URI: q.Params["url"], Digest: map[string]string{"sha1": "1"}}}, nil
}

// lend gives the house a resolver named library.
func lend(h *house) *library {
	l := &library{open: make(chan struct{}), ready: make(chan resolve.Asker, 10), docs: map[string]string{
		"/task":   "{apiVersion: tekton.dev/v1, kind: Task, metadata: {name: t}, spec: {params: [{name: who}], steps: [{name: ok, image: a, command: [echo, $(params.who)]}]}}",
		"/action": "{apiVersion: tekton.dev/v1beta1, kind: StepAction, metadata: {name: s}, spec: {image: a, command: [echo]}}",
		"/wrong":  "{apiVersion: tekton.dev/v1, kind: Task, metadata: {name: w}, spec: {steps: []}}",
	}}
	h.References.Desk = resolve.NewDesk(resolve.DeskOptions{Resolvers: map[string]fetch.Resolver{"library": l}, Timeout: time.Minute,
		Pause: time.Second, Parallel: 1, PerOrigin: 1, Now: time.Now, Ready: func(by resolve.Asker) { l.ready <- by }})
	return l
}

// answer lets the library answer, and waits for it.
func (l *library) answer(h *house) {
	h.Helper()
	close(l.open)
	select {
	case by := <-l.ready:
		if by.Kind != v1.KindTaskRun || by.Namespace != "ns" || by.Name != "ci" {
			h.Errorf("the answer is for %+v", by)
		}
	case <-h.Context().Done():
	case <-time.After(10 * time.Second):
		h.Fatal("no answer came")
	}
}

func text(s string) v1.ParamValue { return v1.ParamValue{Type: v1.ParamTypeString, StringVal: s} }

// inLibrary is a run of the Task that the library has there.
func inLibrary(url string) *v1.TaskRun {
	run := taskRun()
	run.Spec.TaskSpec = nil
	run.Spec.Params = v1.Params{{Name: "who", Value: text("ada")}, {Name: "file", Value: text(url)}}
	run.Spec.TaskRef = &v1.TaskRef{ResolverRef: v1.ResolverRef{Resolver: "library", Params: v1.Params{{Name: "url", Value: text("/$(params.file)")}}}}
	return run
}

// A run waits for its Task without holding anybody up, then has it pinned before
// it makes its Pod.
func TestRemoteTask(t *testing.T) {
	h := build(t, inLibrary("task"))
	l := lend(h)
	h.reconcile()
	h.want("Unknown", "ResolvingTaskRef")
	h.reconcile()
	h.wantWrites("patch status of ci")
	l.answer(h)
	h.reconcile()
	h.wantWrites("patch status of ci", "patch status of ci", "patch ci", "create ci-pod")
	run := h.run()
	if run.Labels[v1.LabelTask] != "t" {
		t.Errorf("the run has the labels %v, and its Task is named t", run.Labels)
	}
	if run.Status.TaskSpec == nil || run.Status.TaskSpec.Steps[0].Command[1] != "ada" || run.Status.Provenance.RefSource.URI != "/task" {
		t.Errorf("pinned %+v, from %+v", run.Status.TaskSpec, run.Status.Provenance)
	}
	h.kubelet("ci-pod", h.ended(contract.ReasonCompleted, 0))
	h.reconcile()
	h.want("True", "Succeeded")
	if n := l.asked.Load(); n != 1 {
		t.Errorf("the library was asked %d times", n)
	}
}

// A controller that takes over runs what was pinned, whatever is there now.
func TestRemoteTaskIsFoundOnce(t *testing.T) {
	h := build(t, inLibrary("task"))
	l := lend(h)
	h.reconcile()
	l.answer(h)
	h.refuse = errors.New("connection lost")
	if _, err := h.Reconcile(t.Context(), ctrl.Request{NamespacedName: key}); err == nil {
		t.Fatal("the Pod was made")
	}
	h.refuse = nil
	old := h.Reconciler
	h.Reconciler = &Reconciler{Client: old.Client, Live: old.Live, References: &resolve.Finder{Cluster: old.References.Cluster}, Events: old.Events, Config: old.Config, Settings: old.Settings, Now: old.Now}
	next := lend(h)
	h.reconcile()
	h.pod("ci-pod")
	if n := next.asked.Load(); n != 0 {
		t.Errorf("the library was asked again")
	}
}

func TestRemoteTaskFails(t *testing.T) {
	for name, tc := range map[string]struct{ file, reason, message string }{
		"not there": {"none", "TaskRunResolutionFailed", "taskRef: resolver library: /none: not there"},
		"no Task":   {"action", "TaskRunResolutionFailed", "taskRef: resolver library: /action: what is there is a StepAction, and a Task is needed"},
		"invalid":   {"wrong", "TaskValidationFailed", `task "w": spec.steps: a Task needs at least one step`},
	} {
		t.Run(name, func(t *testing.T) {
			h := build(t, inLibrary(tc.file))
			l := lend(h)
			h.reconcile()
			l.answer(h)
			h.reconcile()
			c := h.run().Status.GetCondition(v1.ConditionSucceeded)
			if !c.IsFalse() || c.Reason != tc.reason || c.Message != tc.message {
				t.Errorf("%s %s: %s", c.Status, c.Reason, c.Message)
			}
		})
	}
}

// The variable of a reference must be one that the run has.
func TestRemoteTaskOfAnUnknownParam(t *testing.T) {
	run := inLibrary("task")
	run.Spec.TaskRef.Params[0].Value.StringVal = "/$(params.flie)"
	h := build(t, run)
	lend(h)
	h.reconcile()
	h.want("False", "TaskRunResolutionFailed")
}

func TestRemoteStepAction(t *testing.T) {
	run := taskRun()
	run.Spec.TaskSpec.Params = v1.ParamSpecs{{Name: "file", Type: v1.ParamTypeString, Default: new(text("action"))}}
	run.Spec.TaskSpec.Steps = []v1.Step{{Name: "ok", Ref: &v1.Ref{ResolverRef: v1.ResolverRef{Resolver: "library",
		Params: v1.Params{{Name: "url", Value: text("/$(params.file)")}}}}}}
	h := build(t, run)
	l := lend(h)
	h.reconcile()
	h.want("Unknown", "ResolvingStepActionRef")
	l.answer(h)
	h.refuse = errors.New("connection lost")
	if _, err := h.Reconcile(t.Context(), ctrl.Request{NamespacedName: key}); err == nil {
		t.Fatal("the Pod was made")
	}
	h.refuse = nil
	h.reconcile()
	h.kubelet("ci-pod", running())
	h.reconcile()
	h.want("Unknown", "Running")
	if p := h.run().Status.Steps[0].Provenance; p == nil || p.RefSource.URI != "/action" {
		t.Errorf("the step's provenance is %+v", p)
	}
}

// A run that is cancelled does not wait for the answer.
func TestCancelWhileResolving(t *testing.T) {
	h := build(t, inLibrary("task"))
	lend(h)
	h.reconcile()
	run := h.run()
	run.Spec.Status = v1.TaskRunSpecStatusCancelled
	if err := h.Client.Update(t.Context(), run); err != nil {
		t.Fatal(err)
	}
	h.reconcile()
	h.want("False", "TaskRunCancelled")
}
