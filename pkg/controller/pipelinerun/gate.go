package pipelinerun

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
	"github.com/slipway-dev/slipway/pkg/concurrency"
	"github.com/slipway-dev/slipway/pkg/kube"
	"github.com/slipway-dev/slipway/pkg/plan"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
)

// Reasons of a run that its group has no room for.
const (
	reasonQueued  v1.PipelineRunReason = "Queued"
	reasonNoRoom  v1.PipelineRunReason = "ConcurrencyLimitReached"
	eventReplaced                      = "Replaced"
)

// queued is the error of a run that waits for others of its group.
type queued struct{ message string }

func (e *queued) Error() string { return e.message }

// groupField is the index of running PipelineRuns by the key of their group.
const groupField = "concurrency.group"

// groupIndex is the index function of groupField. A run that has started carries the
// annotations of its Pipeline.
func groupIndex(o client.Object) []string {
	run, ok := o.(*v1.PipelineRun)
	if !ok || !run.HasStarted() || run.IsDone() || isChild(run) {
		return nil
	}
	if g, err := groupOf(run, nil); err == nil && g != nil {
		return []string{g.Key}
	}
	return nil
}

func isChild(run *v1.PipelineRun) bool {
	owner := metav1.GetControllerOf(run)
	return owner != nil && owner.Kind == v1.KindPipelineRun
}

// groupOf is the group of a run; pipeline is what it refers to while its status does
// not say so yet.
func groupOf(run *v1.PipelineRun, pipeline *v1.Pipeline) (*concurrency.Group, error) {
	annotations, name, spec := map[string]string{}, "", run.Spec.PipelineSpec
	if pipeline != nil {
		maps.Copy(annotations, pipeline.Annotations)
		name, spec = pipeline.Name, &pipeline.Spec
	} else if run.Spec.PipelineRef != nil {
		name, spec = run.Labels[v1.LabelPipeline], run.Status.PipelineSpec
	}
	maps.Copy(annotations, run.Annotations)
	var params v1.ParamSpecs
	if spec != nil {
		params = spec.Params
	}
	vars, err := runVars(params, run)
	if err != nil {
		return nil, err
	}
	vars.Close("params", "context")
	return concurrency.Of(annotations, name, vars)
}

// gate remembers what the cache does not show: who waits, and who was let in a moment
// ago. After a restart it fills again as the runs are looked at, and those that run are
// counted from the cache.
type gate struct {
	mu     sync.Mutex
	groups map[groupKey]*group
	// of is the group of each run that waits or was let in.
	of map[types.NamespacedName]groupKey
	// wake brings back the runs whose turn may have come.
	wake chan event.GenericEvent
}

type groupKey struct{ namespace, key string }

type group struct{ waiting, admitted map[string]concurrency.Run }

func newGate() *gate {
	return &gate{groups: map[groupKey]*group{}, of: map[types.NamespacedName]groupKey{}, wake: make(chan event.GenericEvent, 1024)}
}

// wakeAhead is how many runs at the head of a queue are told when it moves; the place
// of those behind is that of when they were last looked at.
const wakeAhead = 10

// leave forgets a run that has ended, and wakes those that wait for its room.
func (g *gate) leave(name types.NamespacedName) {
	g.mu.Lock()
	at, ok := g.of[name]
	var next []concurrency.Run
	if ok {
		delete(g.of, name)
		delete(g.groups[at].waiting, name.Name)
		delete(g.groups[at].admitted, name.Name)
		next = concurrency.First(slices.Collect(maps.Values(g.groups[at].waiting)), wakeAhead)
		if len(g.groups[at].waiting)+len(g.groups[at].admitted) == 0 {
			delete(g.groups, at)
		}
	}
	g.mu.Unlock()
	for _, run := range next {
		g.wake <- event.GenericEvent{Object: &v1.PipelineRun{ObjectMeta: metav1.ObjectMeta{Namespace: at.namespace, Name: run.Name}}}
	}
}

// moved says whether a run that waits is now of another group.
func (g *gate) moved(name types.NamespacedName, to groupKey) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	at, ok := g.of[name]
	return ok && at != to
}

// join notes that a run is of a group.
func (g *gate) join(name types.NamespacedName, key groupKey) *group {
	if g.groups[key] == nil {
		g.groups[key] = &group{waiting: map[string]concurrency.Run{}, admitted: map[string]concurrency.Run{}}
	}
	g.of[name] = key
	return g.groups[key]
}

// ask judges a run; running are those of its group that the cache shows.
func (g *gate) ask(run *v1.PipelineRun, of concurrency.Group, running []v1.PipelineRun) concurrency.Verdict {
	name, key := client.ObjectKeyFromObject(run), groupKey{run.Namespace, of.Key}
	if g.moved(name, key) {
		g.leave(name)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	group := g.join(name, key)
	if _, in := group.admitted[run.Name]; in {
		return concurrency.Verdict{Start: true}
	}
	self := concurrency.Run{Name: run.Name, Priority: of.Priority, Created: run.CreationTimestamp.Time}
	others := maps.Clone(group.waiting)
	delete(others, run.Name)
	for i := range running {
		others[running[i].Name] = concurrency.Run{Name: running[i].Name, Running: true, Created: running[i].CreationTimestamp.Time}
		g.join(client.ObjectKeyFromObject(&running[i]), key)
	}
	maps.Copy(others, group.admitted)
	verdict := of.Decide(self, slices.Collect(maps.Values(others)))
	if verdict.Start {
		delete(group.waiting, run.Name)
		self.Running = true
		group.admitted[run.Name] = self
	} else {
		group.waiting[run.Name] = self
	}
	return verdict
}

// enter lets a run in that is about to start, if its group has room. The error is a
// userError or queued where it has none.
func (r *Reconciler) enter(ctx context.Context, in plan.Input) error {
	run := in.Run
	if run.HasStarted() || run.IsDone() || run.IsCancelled() || isChild(run) {
		return nil
	}
	if run.IsPending() {
		r.gate.leave(client.ObjectKeyFromObject(run))
		return nil
	}
	of, err := groupOf(run, in.Pipeline)
	if err != nil {
		return &userError{v1.PipelineRunReasonFailedValidation, err}
	}
	if of == nil {
		r.gate.leave(client.ObjectKeyFromObject(run))
		return nil
	}
	return r.admit(ctx, run, *of)
}

func (r *Reconciler) admit(ctx context.Context, run *v1.PipelineRun, of concurrency.Group) error {
	var running v1.PipelineRunList
	if err := r.Client.List(ctx, &running, client.InNamespace(run.Namespace), client.MatchingFields{groupField: of.Key}); err != nil {
		return fmt.Errorf("list the runs of concurrency group %q: %w", of.Key, err)
	}
	verdict := r.gate.ask(run, of, running.Items)
	if err := r.replace(ctx, run, verdict.Cancel); err != nil {
		return err
	}
	room := fmt.Sprintf("%s %q", atOnce(of.Limit), of.Key)
	if len(verdict.Running) > 0 {
		room += " (now: " + strings.Join(verdict.Running, ", ") + ")"
	}
	switch {
	case verdict.Start:
		return nil
	case verdict.Refused:
		return &userError{reasonNoRoom, fmt.Errorf("%s: start it again later, or let it wait by the annotation slipway.dev/concurrency-policy: Queue", room)}
	}
	return &queued{fmt.Sprintf("is number %d in the queue: %s", verdict.Place, room)}
}

func atOnce(limit int) string {
	if limit == 1 {
		return "one run at once of concurrency group"
	}
	return fmt.Sprintf("%d runs at once of concurrency group", limit)
}

// replace cancels the runs in whose place this one runs.
func (r *Reconciler) replace(ctx context.Context, by *v1.PipelineRun, names []string) error {
	for _, name := range names {
		old := &v1.PipelineRun{}
		if err := r.Client.Get(ctx, client.ObjectKey{Namespace: by.Namespace, Name: name}, old); err != nil {
			if client.IgnoreNotFound(err) != nil {
				return err
			}
			continue
		}
		if old.IsDone() || old.IsCancelled() {
			continue
		}
		kube.Tell(r.Events, old, false, eventReplaced, fmt.Sprintf("cancelled, because %s is a newer run of its concurrency group", by.Name))
		if err := r.cancel(ctx, by.Namespace, plan.Cancel{Kind: v1.KindPipelineRun, Name: name, Status: string(v1.PipelineRunSpecStatusCancelled)}); err != nil {
			return fmt.Errorf("cancel %s: %w", name, err)
		}
	}
	return nil
}
