// Package lab starts Pods and runs on a cluster and tells, from watches alone, when
// each began and ended.
package lab

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/kubernetes"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
)

// UserAgent is the lab's own, by which its requests are told from what is measured.
const UserAgent = "slipway-bench"

// Mark is a moment in the life of a Pod or a run, as a watch showed it.
type Mark string

// The marks.
const (
	Made    Mark = "made"    // of anything: it is there
	Started Mark = "started" // of a Pod: a container runs or has run
	Ended   Mark = "ended"   // of a Pod: no container that is not a sidecar runs any more
	Phase   Mark = "phase"   // of a Pod: Succeeded
	Done    Mark = "done"    // of a run: the condition Succeeded is True
)

// Lab is a namespace that is watched.
type Lab struct {
	Client    client.WithWatch
	Kube      kubernetes.Interface
	Namespace string
	// Registry is the HOST:PORT that holds the image busybox.
	Registry string

	mu   sync.Mutex
	seen map[key]map[Mark]time.Time
	// reached counts, by kind, the objects with each mark.
	reached map[string]map[Mark]int
	bad     map[key]string
	wake    chan struct{}
	err     error
}

type key struct{ kind, name string }

// Open makes a namespace and watches it until ctx ends. Close deletes it.
func Open(ctx context.Context, config *rest.Config, registry string) (*Lab, error) {
	config = rest.CopyConfig(config)
	config.QPS, config.Burst, config.UserAgent = -1, -1, UserAgent
	scheme := runtime.NewScheme()
	if err := errors.Join(clientgoscheme.AddToScheme(scheme), v1.AddToScheme(scheme)); err != nil {
		return nil, err
	}
	c, err := client.NewWithWatch(config, client.Options{Scheme: scheme})
	if err != nil {
		return nil, err
	}
	kube, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, err
	}
	ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "bench-"}}
	if err := c.Create(ctx, ns); err != nil {
		return nil, err
	}
	l := &Lab{Client: c, Kube: kube, Namespace: ns.Name, Registry: registry,
		seen: map[key]map[Mark]time.Time{}, reached: map[string]map[Mark]int{}, bad: map[key]string{}, wake: make(chan struct{})}
	for _, list := range []client.ObjectList{&corev1.PodList{}, &v1.TaskRunList{}, &v1.PipelineRunList{}} {
		w, err := l.watch(ctx, list)
		if err != nil {
			return nil, errors.Join(err, l.Close())
		}
		go l.follow(ctx, list, w)
	}
	if err := l.account(ctx); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return l, nil
}

// watch begins with what comes after a list: without one, the API server may refuse
// until its cache has caught up.
func (l *Lab) watch(ctx context.Context, list client.ObjectList) (watch.Interface, error) {
	here := client.InNamespace(l.Namespace)
	if err := l.Client.List(ctx, list, here); err != nil {
		return nil, err
	}
	return l.Client.Watch(ctx, list, here, &client.ListOptions{Raw: &metav1.ListOptions{ResourceVersion: list.GetResourceVersion()}})
}

// account waits for the service account that Pods need.
func (l *Lab) account(ctx context.Context) error {
	accounts := &corev1.ServiceAccountList{}
	w, err := l.watch(ctx, accounts)
	if err != nil {
		return err
	}
	defer w.Stop()
	if len(accounts.Items) > 0 {
		return nil
	}
	for e := range w.ResultChan() {
		if e.Type == watch.Added {
			return nil
		}
	}
	return errors.New("the namespace has no service account: is the controller manager running?")
}

// Close deletes the namespace with all that is in it.
func (l *Lab) Close() error {
	return l.Client.Delete(context.Background(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: l.Namespace}})
}

func (l *Lab) follow(ctx context.Context, list client.ObjectList, w watch.Interface) {
	for {
		for e := range w.ResultChan() {
			at := time.Now()
			if obj, ok := e.Object.(client.Object); ok && e.Type != watch.Deleted {
				l.observe(obj, at)
			}
		}
		if ctx.Err() != nil {
			return
		}
		// The server ends each watch after some minutes.
		var err error
		if w, err = l.watch(ctx, list); err != nil {
			l.mu.Lock()
			l.err = err
			close(l.wake)
			l.wake = make(chan struct{})
			l.mu.Unlock()
			return
		}
		at := time.Now()
		_ = meta.EachListItem(list, func(o runtime.Object) error { // of what is passed here, each item is one
			l.observe(o.(client.Object), at)
			return nil
		})
	}
}

func (l *Lab) observe(obj client.Object, at time.Time) {
	k := key{fmt.Sprintf("%T", obj), obj.GetName()}
	marks, bad := marksOf(obj)
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.seen[k] == nil {
		l.seen[k] = map[Mark]time.Time{}
	}
	if l.reached[k.kind] == nil {
		l.reached[k.kind] = map[Mark]int{}
	}
	for _, m := range append(marks, Made) {
		if _, ok := l.seen[k][m]; !ok {
			l.seen[k][m] = at
			l.reached[k.kind][m]++
		}
	}
	if bad != "" {
		l.bad[k] = bad
	}
	close(l.wake)
	l.wake = make(chan struct{})
}

// marksOf are those that obj has reached; bad says how it failed.
func marksOf(obj client.Object) (marks []Mark, bad string) {
	switch o := obj.(type) {
	case *corev1.Pod:
		return podMarks(o)
	case *v1.TaskRun:
		return runMarks(o.Status.GetCondition(v1.ConditionSucceeded))
	case *v1.PipelineRun:
		return runMarks(o.Status.GetCondition(v1.ConditionSucceeded))
	}
	return nil, ""
}

func podMarks(pod *corev1.Pod) (marks []Mark, bad string) {
	started, ended := 0, 0
	for _, s := range pod.Status.ContainerStatuses {
		if s.State.Running != nil || s.State.Terminated != nil {
			started++
		}
		if s.State.Terminated != nil {
			ended++
		}
	}
	if started > 0 {
		marks = append(marks, Started)
	}
	if ended == len(pod.Spec.Containers) {
		marks = append(marks, Ended)
	}
	switch pod.Status.Phase {
	case corev1.PodSucceeded:
		marks = append(marks, Phase)
	case corev1.PodFailed:
		bad = "the pod failed: " + pod.Status.Message
	}
	return marks, bad
}

func runMarks(c *v1.Condition) (marks []Mark, bad string) {
	switch {
	case c == nil:
	case c.Status == corev1.ConditionTrue:
		marks = append(marks, Done)
	case c.Status == corev1.ConditionFalse:
		bad = c.Message
	}
	return marks, bad
}

// Create posts the objects side by side.
func (l *Lab) Create(ctx context.Context, objects ...client.Object) error {
	errs := make([]error, len(objects))
	var wg sync.WaitGroup
	for i, o := range objects {
		o.SetNamespace(l.Namespace)
		wg.Go(func() { errs[i] = l.Client.Create(ctx, o) })
	}
	wg.Wait()
	return errors.Join(errs...)
}

// Await returns when the last of the objects had reached the mark.
func (l *Lab) Await(ctx context.Context, mark Mark, objects ...client.Object) (time.Time, error) {
	var last time.Time
	for _, o := range objects {
		at, err := l.await(ctx, mark, key{fmt.Sprintf("%T", o), o.GetName()})
		if err != nil {
			return at, err
		}
		if at.After(last) {
			last = at
		}
	}
	return last, nil
}

func (l *Lab) await(ctx context.Context, mark Mark, k key) (time.Time, error) {
	for {
		l.mu.Lock()
		at, ok := l.seen[k][mark]
		bad, err, wake := l.bad[k], l.err, l.wake
		l.mu.Unlock()
		switch {
		case err != nil:
			return at, fmt.Errorf("watching: %w", err)
		case bad != "":
			return at, fmt.Errorf("%s %s: %s", k.kind, k.name, bad)
		case ok:
			return at, nil
		}
		select {
		case <-wake:
		case <-ctx.Done():
			return at, fmt.Errorf("%s %s: not %s: %w", k.kind, k.name, mark, context.Cause(ctx))
		}
	}
}
