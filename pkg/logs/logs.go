package logs

import (
	"context"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"
	typedcorev1 "k8s.io/client-go/kubernetes/typed/core/v1"

	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
)

// Reader reads one kind of object in one namespace. T is the object's pointer type, L its list's.
type Reader[T, L any] interface {
	Get(ctx context.Context, name string, opts metav1.GetOptions) (T, error)
	List(ctx context.Context, opts metav1.ListOptions) (L, error)
	Watch(ctx context.Context, opts metav1.ListOptions) (watch.Interface, error)
}

// Source is where runs, their Pods and the Pods' logs are read. All of it belongs to one namespace.
type Source struct {
	Pods         typedcorev1.PodInterface
	TaskRuns     Reader[*v1.TaskRun, *v1.TaskRunList]
	PipelineRuns Reader[*v1.PipelineRun, *v1.PipelineRunList]
}

// Request says which logs to read.
type Request struct {
	// Exactly one of PipelineRun and TaskRun names the run.
	PipelineRun, TaskRun string
	// Follow waits for the end of the run. Without it the logs written so far are read, and the request ends.
	Follow bool
	// Tasks are names of pipeline tasks, Steps names of steps; empty means all.
	Tasks, Steps []string
	// Retry is the pause before a dropped stream is opened again; it doubles up to 16 times as long. Default 250 ms.
	Retry time.Duration
}

// Line is one line of a step's log.
type Line struct {
	// Task is the name in the pipeline, with the index of a matrix's instance (build-2); empty for a TaskRun of its own.
	Task string
	Step string
	Time time.Time
	// Text has no newline. It is valid during the call only.
	Text []byte
}

// Sink receives lines. Its methods are called from several goroutines. An error ends the stream.
type Sink interface {
	Line(Line) error
	// Note is a remark about the log of a task, not a part of it: a retry, a Pod that is gone.
	Note(task, text string) error
}

// Stream sends the logs of a run to sink and returns what became of the run. An error means that logs may be missing;
// a run that failed is not an error.
func Stream(ctx context.Context, src Source, req Request, sink Sink) (*Outcome, error) {
	if req.Retry == 0 {
		req.Retry = 250 * time.Millisecond
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	state, err := open(ctx, src, req)
	if err != nil {
		return nil, err
	}
	f := &follower{src: src, req: req, sink: sink, state: state, fail: cancel}
	if req.PipelineRun != "" {
		f.pipelineRun(ctx)
	} else {
		f.taskRun(ctx, req.TaskRun, "")
	}
	if err := context.Cause(ctx); err != nil {
		return state.outcome(), err
	}
	return state.outcome(), nil
}

// follower is one call of Stream.
type follower struct {
	src   Source
	req   Request
	sink  Sink
	state *state
	fail  context.CancelCauseFunc // ends everything with its cause
}

// started reports whether a container's process has begun, and ended whether it is over.
func started(s *corev1.ContainerStatus) bool {
	return s != nil && (s.State.Running != nil || s.State.Terminated != nil)
}

func ended(s *corev1.ContainerStatus) bool { return s != nil && s.State.Terminated != nil }
