package logs

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
	"github.com/slipway-dev/slipway/entrypoint/contract"
	"github.com/slipway-dev/slipway/pkg/share"
)

// stepOf is the step that a container runs, if it is one of the task; task is empty
// where it has the Pod to itself.
func stepOf(pod *corev1.Pod, task, container string) (string, bool) {
	if task != "" && !slices.Contains(share.MembersOf(pod.Annotations)[task], container) {
		return "", false
	}
	if step, ok := strings.CutPrefix(container, contract.Container(task, "")); ok {
		return step, true
	}
	return container, task != ""
}

// pipelineRun reads the logs of all tasks. Those that are over when it begins come one after another; the others
// interleave as they run.
func (f *follower) pipelineRun(ctx context.Context) {
	var live sync.WaitGroup
	defer live.Wait()
	begun := map[string]bool{}
	for first := true; ctx.Err() == nil; first = false {
		change := f.state.wait()
		complete := f.complete(ctx)
		run, tasks := f.state.children()
		for _, tr := range tasks {
			if begun[tr.Name] || !f.readable(tr) {
				continue
			}
			begun[tr.Name] = true
			name, label := tr.Name, taskLabel(run, tr)
			if !f.req.Follow || (first && tr.IsDone()) {
				f.taskRun(ctx, name, label)
				continue
			}
			live.Go(func() { f.taskRun(ctx, name, label) })
		}
		if complete || !f.req.Follow {
			return
		}
		select {
		case <-change:
		case <-ctx.Done():
		}
	}
}

// complete reports whether no more TaskRuns will come: the run is over or deleted. It makes sure that every TaskRun
// which a finished run names is known: the watch of TaskRuns may be behind.
func (f *follower) complete(ctx context.Context) bool {
	run, _ := f.state.children()
	if run == nil {
		return true
	}
	if !run.IsDone() {
		return false
	}
	for _, child := range run.Status.ChildReferences {
		if child.Kind != "TaskRun" || f.state.task(child.Name) != nil {
			continue
		}
		tr, err := f.src.TaskRuns.Get(ctx, child.Name, metav1.GetOptions{})
		switch {
		case apierrors.IsNotFound(err):
		case err != nil:
			f.fail(err)
		default:
			f.state.put(tr)
		}
	}
	return true
}

// readable reports whether the TaskRun is asked for and has, or will never have, a Pod.
func (f *follower) readable(tr *v1.TaskRun) bool {
	if len(f.req.Tasks) > 0 && !slices.Contains(f.req.Tasks, tr.Labels[v1.LabelPipelineTask]) {
		return false
	}
	return tr.IsDone() || len(f.state.podNames(tr)) > 0
}

// taskLabel names a task in the log: as in the pipeline, with the index of a matrix's instance.
func taskLabel(run *v1.PipelineRun, tr *v1.TaskRun) string {
	name := tr.Labels[v1.LabelPipelineTask]
	if name == "" || run == nil {
		return name
	}
	index, ok := strings.CutPrefix(tr.Name, run.Name+"-"+name+"-")
	if ok && index != "" && strings.Trim(index, "0123456789") == "" {
		return name + "-" + index
	}
	return name
}

// taskRun reads the logs of one TaskRun, attempt by attempt.
func (f *follower) taskRun(ctx context.Context, name, label string) {
	read := 0
	for ctx.Err() == nil {
		change := f.state.wait()
		tr := f.state.task(name)
		if tr == nil {
			return
		}
		pods := f.state.podNames(tr)
		if read < len(pods) {
			if err := f.attempt(ctx, tr, pods[read], label, read); err != nil {
				f.fail(err)
			}
			read++
			continue
		}
		if tr.IsDone() || !f.req.Follow {
			return
		}
		select {
		case <-change:
		case <-ctx.Done():
		}
	}
}

// attempt reads the logs of one Pod, step by step.
func (f *follower) attempt(ctx context.Context, tr *v1.TaskRun, podName, label string, n int) error {
	if n > 0 {
		if err := f.sink.Note(label, fmt.Sprintf("retry %d", n)); err != nil {
			return err
		}
	}
	pod, err := f.podAppears(ctx, tr.Name, podName)
	if err != nil {
		return err
	}
	if pod == nil {
		return f.sink.Note(label, fmt.Sprintf("pod %s is gone, and its logs with it", podName))
	}
	task := ""
	if share.MembersOf(pod.Annotations) != nil {
		task = tr.Labels[v1.LabelPipelineTask]
	}
	for _, c := range pod.Spec.Containers {
		step, ok := stepOf(pod, task, c.Name)
		if !ok || (len(f.req.Steps) > 0 && !slices.Contains(f.req.Steps, step)) {
			continue
		}
		log := &stepLog{f: f, taskRun: tr.Name, pod: podName, container: c.Name, task: label, step: step}
		if err := f.step(ctx, log); err != nil {
			return err
		}
	}
	return nil
}

// step reads the log of one step, if it ever begins.
func (f *follower) step(ctx context.Context, log *stepLog) error {
	ran, err := f.stepBegins(ctx, log.taskRun, log.pod, log.container)
	if err != nil || !ran {
		return err
	}
	return log.read(ctx)
}

// podAppears waits until the watch shows the Pod; nil means that it no longer exists.
func (f *follower) podAppears(ctx context.Context, taskRun, name string) (*corev1.Pod, error) {
	for {
		change := f.state.wait()
		if pod := f.state.pod(name); pod != nil {
			return pod, nil
		}
		if pod, err := f.state.refreshPod(ctx, f.src, name); pod != nil || err != nil {
			return pod, err
		}
		if !f.req.Follow || f.runOver(taskRun) {
			return nil, nil
		}
		if tr := f.state.task(taskRun); tr != nil && tr.Status.PodName != name {
			return nil, nil // a retry took over
		}
		select {
		case <-change:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// stepBegins waits until the step's container runs or has run; false means that it never will.
func (f *follower) stepBegins(ctx context.Context, taskRun, podName, container string) (bool, error) {
	for {
		change := f.state.wait()
		pod := f.state.pod(podName)
		if pod != nil && started(containerStatus(pod, container)) {
			return true, nil
		}
		if pod == nil || podOver(pod) || !f.req.Follow {
			return false, nil
		}
		if f.runOver(taskRun) {
			fresh, err := f.state.refreshPod(ctx, f.src, podName)
			return fresh != nil && started(containerStatus(fresh, container)), err
		}
		select {
		case <-change:
		case <-ctx.Done():
			return false, context.Cause(ctx)
		}
	}
}

// runOver reports whether the TaskRun is done or deleted.
func (f *follower) runOver(taskRun string) bool {
	tr := f.state.task(taskRun)
	return tr == nil || tr.IsDone()
}

func podOver(pod *corev1.Pod) bool {
	return pod.Status.Phase == corev1.PodSucceeded || pod.Status.Phase == corev1.PodFailed
}

func containerStatus(pod *corev1.Pod, name string) *corev1.ContainerStatus {
	for i := range pod.Status.ContainerStatuses {
		if pod.Status.ContainerStatuses[i].Name == name {
			return &pod.Status.ContainerStatuses[i]
		}
	}
	return nil
}

func byStart(a, b *v1.TaskRun) int {
	if c := startOf(a).Compare(startOf(b).Time); c != 0 {
		return c
	}
	return strings.Compare(a.Name, b.Name)
}

func startOf(tr *v1.TaskRun) metav1.Time {
	if tr.Status.StartTime != nil {
		return *tr.Status.StartTime
	}
	return tr.CreationTimestamp
}
