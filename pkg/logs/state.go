package logs

import (
	"context"
	"slices"
	"sync"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/tools/cache"

	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
)

// state is what is known of a run, its TaskRuns and their Pods: kept up to date by watches when following.
type state struct {
	mu           sync.Mutex
	pipelineName string
	pipelineRun  *v1.PipelineRun // nil for a TaskRun of its own, and once deleted
	taskRuns     map[string]*v1.TaskRun
	pods         map[string]*corev1.Pod
	changes      chan struct{} // closed and replaced at each change
	last         *Outcome      // kept when the run is deleted
}

// open reads the run and what belongs to it, and starts to watch them if the request follows.
func open(ctx context.Context, src Source, req Request) (*state, error) {
	s := &state{
		pipelineName: req.PipelineRun,
		taskRuns:     map[string]*v1.TaskRun{},
		pods:         map[string]*corev1.Pod{},
		changes:      make(chan struct{}),
	}
	if req.PipelineRun != "" {
		pr, err := src.PipelineRuns.Get(ctx, req.PipelineRun, metav1.GetOptions{})
		if err != nil {
			return nil, err
		}
		s.put(pr)
	} else {
		tr, err := src.TaskRuns.Get(ctx, req.TaskRun, metav1.GetOptions{})
		if err != nil {
			return nil, err
		}
		s.put(tr)
	}
	watches := s.watches(src, req)
	for _, w := range watches {
		if err := w.load(ctx, s); err != nil {
			return nil, err
		}
	}
	if !req.Follow {
		return s, nil
	}
	for _, w := range watches {
		if err := w.start(ctx, s); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// source is one list of objects that belong to the run.
type source struct {
	example runtime.Object
	lw      *cache.ListWatch
	options metav1.ListOptions
}

func (s *state) watches(src Source, req Request) []source {
	pods := func(label, run string) source {
		return newSource(&corev1.Pod{}, src.Pods, labels.Set{label: run}.String(), "")
	}
	if req.PipelineRun == "" {
		return []source{
			newSource(&v1.TaskRun{}, src.TaskRuns, "", fields.OneTermEqualSelector("metadata.name", req.TaskRun).String()),
			pods(v1.LabelTaskRun, req.TaskRun),
		}
	}
	return []source{
		newSource(&v1.PipelineRun{}, src.PipelineRuns, "", fields.OneTermEqualSelector("metadata.name", req.PipelineRun).String()),
		newSource(&v1.TaskRun{}, src.TaskRuns, labels.Set{v1.LabelPipelineRun: req.PipelineRun}.String(), ""),
		pods(v1.LabelPipelineRun, req.PipelineRun),
	}
}

func newSource[T any, L runtime.Object](example runtime.Object, r Reader[T, L], label, field string) source {
	return source{
		example: example,
		options: metav1.ListOptions{LabelSelector: label, FieldSelector: field},
		lw: &cache.ListWatch{
			ListWithContextFunc: func(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) {
				o.LabelSelector, o.FieldSelector = label, field
				return r.List(ctx, o)
			},
			WatchFuncWithContext: func(ctx context.Context, o metav1.ListOptions) (watch.Interface, error) {
				o.LabelSelector, o.FieldSelector = label, field
				return r.Watch(ctx, o)
			},
		},
	}
}

// load lists once, so that a missing right shows as an error instead of as a watch that retries for ever.
func (w source) load(ctx context.Context, s *state) error {
	list, err := w.lw.ListWithContextFunc(ctx, w.options)
	if err != nil {
		return err
	}
	return meta.EachListItem(list, func(o runtime.Object) error {
		s.put(o)
		return nil
	})
}

// start keeps the state up to date until ctx ends. It returns once what was loaded is known to be still there.
func (w source) start(ctx context.Context, s *state) error {
	store, controller := cache.NewInformerWithOptions(cache.InformerOptions{
		ListerWatcher: w.lw,
		ObjectType:    w.example,
		Handler: cache.ResourceEventHandlerFuncs{
			AddFunc:    func(o any) { s.put(o.(runtime.Object)) },
			UpdateFunc: func(_, o any) { s.put(o.(runtime.Object)) },
			DeleteFunc: s.remove,
		},
	})
	go controller.RunWithContext(ctx)
	if !cache.WaitForCacheSync(ctx.Done(), controller.HasSynced) {
		return context.Cause(ctx)
	}
	for _, o := range s.loaded(w.example) {
		if _, there, err := store.Get(o); err == nil && !there {
			s.remove(o)
		}
	}
	return nil
}

// loaded returns the known objects of the example's kind.
func (s *state) loaded(example runtime.Object) (all []any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch example.(type) {
	case *v1.PipelineRun:
		if s.pipelineRun != nil {
			all = append(all, s.pipelineRun)
		}
	case *v1.TaskRun:
		for _, tr := range s.taskRuns {
			all = append(all, tr)
		}
	case *corev1.Pod:
		for _, pod := range s.pods {
			all = append(all, pod)
		}
	}
	return all
}

func (s *state) put(o runtime.Object) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch o := o.(type) {
	case *v1.PipelineRun:
		s.pipelineRun = o
	case *v1.TaskRun:
		s.taskRuns[o.Name] = o
	case *corev1.Pod:
		s.pods[o.Name] = o
	}
	s.last = s.judge()
	s.changed()
}

func (s *state) remove(o any) {
	if gone, ok := o.(cache.DeletedFinalStateUnknown); ok {
		o = gone.Obj
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch o := o.(type) {
	case *v1.PipelineRun:
		s.pipelineRun = nil
		s.last.Deleted = true
	case *v1.TaskRun:
		delete(s.taskRuns, o.Name)
		s.last.Deleted = s.last.Deleted || s.pipelineName == ""
	case *corev1.Pod:
		delete(s.pods, o.Name)
	}
	s.changed()
}

func (s *state) changed() {
	close(s.changes)
	s.changes = make(chan struct{})
}

// wait returns a channel that is closed at the next change. Take it before looking at the state, so that a change in
// between is not missed.
func (s *state) wait() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.changes
}

func (s *state) outcome() *Outcome {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.last
}

func (s *state) task(name string) *v1.TaskRun {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.taskRuns[name]
}

func (s *state) pod(name string) *corev1.Pod {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.pods[name]
}

// children returns the run and its TaskRuns, those that started first first. The run is nil once deleted. TaskRuns
// that an earlier run of the same name left behind are not among them.
func (s *state) children() (*v1.PipelineRun, []*v1.TaskRun) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.pipelineRun == nil {
		return nil, nil
	}
	return s.pipelineRun, s.owned()
}

func (s *state) owned() []*v1.TaskRun {
	var all []*v1.TaskRun
	for _, tr := range s.taskRuns {
		if owner := metav1.GetControllerOf(tr); owner == nil || owner.UID == s.pipelineRun.UID {
			all = append(all, tr)
		}
	}
	slices.SortFunc(all, byStart)
	return all
}

// podNames returns the Pods of a TaskRun, one an attempt, first attempt first.
func (s *state) podNames(tr *v1.TaskRun) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var names []string
	add := func(name string) {
		if name != "" && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	for _, try := range tr.Status.RetriesStatus {
		add(try.PodName)
	}
	add(tr.Status.PodName)
	var extra []*corev1.Pod // Pods the status does not name yet
	for _, pod := range s.pods {
		if owner := metav1.GetControllerOf(pod); owner != nil && owner.UID == tr.UID {
			extra = append(extra, pod)
		}
	}
	slices.SortFunc(extra, func(a, b *corev1.Pod) int {
		return a.CreationTimestamp.Compare(b.CreationTimestamp.Time)
	})
	for _, pod := range extra {
		add(pod.Name)
	}
	return names
}

// refreshPod asks for the Pod as it is now: the watch may be behind the one that told of the run's end.
func (s *state) refreshPod(ctx context.Context, src Source, name string) (*corev1.Pod, error) {
	pod, err := src.Pods.Get(ctx, name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	s.put(pod)
	return pod, nil
}
