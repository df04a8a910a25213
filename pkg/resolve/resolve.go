// Package resolve finds what a reference points to: Tasks, Pipelines and
// StepActions, by name in the namespace of who refers to them, or by a resolver.
package resolve

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"

	"github.com/slipway-dev/slipway/api/tekton/malformed"
	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
	"github.com/slipway-dev/slipway/api/tekton/v1beta1"
	"github.com/slipway-dev/slipway/pkg/convert"
	"github.com/slipway-dev/slipway/pkg/suggest"
)

// Cluster reads objects. An error that is not ErrNotFound is worth another try.
type Cluster interface {
	// Get reads one object into the given one, whose type says its kind.
	Get(ctx context.Context, namespace, name string, into runtime.Object) error
	// Names lists the objects of the kind of which that is one.
	Names(ctx context.Context, namespace string, of runtime.Object) ([]string, error)
}

// ErrNotFound is what Cluster.Get wraps when there is no such object.
var ErrNotFound = errors.New("not found")

// Error is a reference that leads nowhere, which no second try will change.
type Error struct{ message string }

func (e *Error) Error() string { return e.message }

// Task is what a TaskRef points to.
type Task struct {
	Name string
	Spec *v1.TaskSpec
	// Labels and Annotations are those of the Task, for its run's Pods.
	Labels, Annotations map[string]string
	// Source pins the content.
	Source *v1.RefSource
}

// Pipeline is what a PipelineRef points to.
type Pipeline struct {
	Name                string
	Spec                *v1.PipelineSpec
	Labels, Annotations map[string]string
	Source              *v1.RefSource
}

// StepAction is what a step's ref points to.
type StepAction struct {
	Spec   *v1beta1.StepActionSpec
	Source *v1.RefSource
}

// Finder finds what references point to. Its methods give an *Error for one that
// leads nowhere, and wrap ErrPending while the answer is under way.
type Finder struct {
	Cluster Cluster
	// Desk asks the resolvers that are built in.
	Desk *Desk
	// Requests ask all others, of which Patience is how long they may take.
	Requests Requests
	Patience func() time.Duration
	// Now is the clock.
	Now func() time.Time
	// Settings is the content of a ConfigMap in Slipway's own namespace; empty when
	// there is none.
	Settings func(ctx context.Context, configMap string) (map[string]string, error)
}

// Task finds the Task that ref names.
func (f *Finder) Task(ctx context.Context, by Asker, ref *v1.TaskRef) (*Task, error) {
	if ref.Kind == convert.ClusterTask {
		return nil, &Error{"taskRef.kind: " + convert.NoClusterTask}
	}
	var task v1.Task
	source, err := f.find(ctx, by, ref.Name, ref.ResolverRef, wanted{kind: v1.KindTask, noun: "task",
		apiVersion: v1.SchemeGroupVersion.String(), field: "taskRef", into: &task, spec: &task.Spec})
	if err != nil {
		return nil, err
	}
	return &Task{Name: task.Name, Spec: &task.Spec, Labels: task.Labels, Annotations: own(task.Annotations), Source: source}, nil
}

// Pipeline finds the Pipeline that ref names.
func (f *Finder) Pipeline(ctx context.Context, by Asker, ref *v1.PipelineRef) (*Pipeline, error) {
	var pipeline v1.Pipeline
	source, err := f.find(ctx, by, ref.Name, ref.ResolverRef, wanted{kind: v1.KindPipeline, noun: "pipeline",
		apiVersion: v1.SchemeGroupVersion.String(), field: "pipelineRef", into: &pipeline, spec: &pipeline.Spec})
	if err != nil {
		return nil, err
	}
	return &Pipeline{Name: pipeline.Name, Spec: &pipeline.Spec, Labels: pipeline.Labels, Annotations: own(pipeline.Annotations), Source: source}, nil
}

// StepAction finds the StepAction that a step's ref names.
func (f *Finder) StepAction(ctx context.Context, by Asker, ref *v1.Ref) (*StepAction, error) {
	var action v1beta1.StepAction
	source, err := f.find(ctx, by, ref.Name, ref.ResolverRef, wanted{kind: v1beta1.KindStepAction, noun: "step action",
		apiVersion: v1beta1.SchemeGroupVersion.String(), field: "ref", into: &action, spec: &action.Spec})
	if err != nil {
		return nil, err
	}
	return &StepAction{Spec: &action.Spec, Source: source}, nil
}

// own are the annotations that speak of more than their object's own fields.
func own(annotations map[string]string) map[string]string {
	out := maps.Clone(annotations)
	maps.DeleteFunc(out, func(name, _ string) bool { return convert.IsNote(name) })
	return out
}

// Forget drops what is remembered for a run, which has all that it asked for.
func (f *Finder) Forget(run types.UID) { f.Desk.Forget(run) }

// wanted says what a reference is to lead to.
type wanted struct {
	kind, noun, apiVersion string
	// field is the name of the reference's field.
	field string
	into  object
	// spec points to the spec of into.
	spec any
}

type object interface {
	runtime.Object
	metav1.Object
	SetDefaults()
}

// find fills w.into.
func (f *Finder) find(ctx context.Context, by Asker, name string, r v1.ResolverRef, w wanted) (*v1.RefSource, error) {
	switch {
	case r.Resolver != "":
		source, err := f.byResolver(ctx, by, name, r, w)
		if nowhere := new(Error); errors.As(err, &nowhere) {
			return nil, &Error{w.field + ": " + nowhere.message}
		}
		return source, err
	case name == "":
		return nil, &Error{w.field + ".name: missing"}
	}
	if err := find(ctx, f.Cluster, query{by.Namespace, name, w.noun, w.field + ".name"}, w.into); err != nil {
		return nil, err
	}
	digest, err := digestOf(w)
	return &v1.RefSource{URI: fmt.Sprintf("k8s://%s/%s/%s", by.Namespace, w.kind, name), Digest: digest}, err
}

func (f *Finder) byResolver(ctx context.Context, by Asker, name string, r v1.ResolverRef, w wanted) (*v1.RefSource, error) {
	if r.Resolver != clusterResolver && !slices.Contains(f.Desk.names(), string(r.Resolver)) {
		return f.fromForeign(ctx, by, r, name, w)
	}
	q, err := questionOf(by, name, r, w.kind)
	if err != nil {
		return nil, err
	}
	if q.resolver == clusterResolver {
		return f.fromCluster(ctx, q, w)
	}
	document, err := f.Desk.ask(by, q)
	if err != nil {
		return nil, err
	}
	if err := decode(document.Content, w.kind, w.into); err != nil {
		return nil, &Error{fmt.Sprintf("resolver %s: %s: what is there %s", q.resolver, describe(q.params), oneLine(err.Error()))}
	}
	return document.Source, nil
}

type query struct{ namespace, name, kind, field string }

func find(ctx context.Context, c Cluster, q query, into runtime.Object) error {
	err := c.Get(ctx, q.namespace, q.name, into)
	if err == nil {
		if f := unread(into); f != nil {
			return &Error{fmt.Sprintf("%s: %s %q: %s", q.field, q.kind, q.name, f)}
		}
		return nil
	}
	if !errors.Is(err, ErrNotFound) {
		return err
	}
	names, err := c.Names(ctx, q.namespace, into)
	if err != nil {
		return err
	}
	return &Error{fmt.Sprintf("%s: no %s named %q in namespace %q%s", q.field, q.kind, q.name, q.namespace, suggest.DidYouMean(q.name, names))}
}

// unread returns the field of an object that could not be read, if there is one.
func unread(o runtime.Object) *malformed.Field {
	switch o := o.(type) {
	case *v1.Task:
		return o.Malformed
	case *v1.Pipeline:
		return o.Malformed
	case *v1beta1.StepAction:
		return o.Malformed
	}
	return nil
}

// digestOf pins an object of the cluster by the digest of its spec: an object
// that changes later is not what was run.
func digestOf(w wanted) (map[string]string, error) {
	text, err := json.Marshal(w.spec)
	if err != nil {
		return nil, fmt.Errorf("digest of %s %s: %w", w.kind, w.into.GetName(), err)
	}
	sum := sha256.Sum256(text)
	return map[string]string{"sha256": hex.EncodeToString(sum[:])}, nil
}
