package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"syscall"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	coordination "k8s.io/api/coordination/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"

	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
	"github.com/slipway-dev/slipway/test/bench/lab"
	"github.com/slipway-dev/slipway/test/env"
)

// lease is what the controller's replicas elect their leader by.
const lease = "controller.slipway.dev"

// takeover kills the leader of two replicas with SIGKILL when a third of the TaskRuns of
// PipelineRuns has ended.
func (b *bench) takeover(ctx context.Context, n int) (Trial, error) {
	trial := Trial{TaskRuns: n}
	err := b.in(ctx, n, func(ctx context.Context, p *place) error {
		if err := p.scale(ctx, 2); err != nil {
			return errors.Join(err, p.scale(context.WithoutCancel(ctx), 1))
		}
		start := time.Now()
		over := make(chan error, 1)
		go func() { over <- p.flow(ctx, pipelineRuns(n, p.fleet.Template()), n) }()
		err := p.AwaitN(ctx, lab.Done, &v1.TaskRun{}, n/3)
		if err == nil {
			trial.Elected, trial.TakeOver, err = p.kill(ctx)
		}
		err = errors.Join(err, <-over)
		if err == nil {
			err = p.AwaitN(ctx, lab.Done, &v1.PipelineRun{}, n/tasks)
		}
		trial.Seconds = time.Since(start).Seconds()
		if err = errors.Join(err, p.scale(context.WithoutCancel(ctx), 1)); err != nil {
			return err
		}
		return p.complete(ctx, n, n/tasks)
	})
	return trial, err
}

// scale sets how many replicas the controller has, and waits for them.
func (p *place) scale(ctx context.Context, replicas int) error {
	progress("scaling the controller to %d", replicas)
	patch := client.RawPatch("application/merge-patch+json", fmt.Appendf(nil, `{"spec":{"replicas":%d}}`, replicas))
	if err := p.Client.Patch(ctx, &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Namespace: system, Name: app}}, patch); err != nil {
		return err
	}
	return p.Ready(ctx, system, client.MatchingLabels{"app.kubernetes.io/name": app}, replicas)
}

// kill ends the leader, and returns how long after it another was elected, and how long
// after it the other had first done something.
func (p *place) kill(ctx context.Context) (elected, did float64, err error) {
	leases := p.Kube.CoordinationV1().Leases(system)
	held, err := leases.Get(ctx, lease, metav1.GetOptions{})
	if err != nil {
		return 0, 0, err
	}
	if held.Spec.HolderIdentity == nil {
		return 0, 0, fmt.Errorf("nobody holds the lease %s", lease)
	}
	leader := *held.Spec.HolderIdentity
	pod, err := p.Kube.CoreV1().Pods(system).Get(ctx, strings.Split(leader, "_")[0], metav1.GetOptions{})
	if err != nil {
		return 0, 0, err
	}
	pids := env.Processes(string(pod.UID), "/"+app)
	if len(pids) == 0 {
		return 0, 0, fmt.Errorf("the leader %s has no process on this machine", pod.Name)
	}
	w, err := leases.Watch(ctx, metav1.ListOptions{FieldSelector: "metadata.name=" + lease, ResourceVersion: held.ResourceVersion})
	if err != nil {
		return 0, 0, err
	}
	defer w.Stop()
	progress("killing the leader %s", pod.Name)
	killed := time.Now()
	for _, pid := range pids {
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
			return 0, 0, fmt.Errorf("kill -9 %d: %w", pid, err)
		}
	}
	at, err := other(w, leader)
	if err != nil {
		return 0, 0, err
	}
	first, err := p.firstAfter(ctx, at)
	return at.Sub(killed).Seconds(), first.Sub(killed).Seconds(), err
}

// other returns when the lease has another holder.
func other(w watch.Interface, leader string) (time.Time, error) {
	for e := range w.ResultChan() {
		if l, ok := e.Object.(*coordination.Lease); ok && l.Spec.HolderIdentity != nil && *l.Spec.HolderIdentity != "" && *l.Spec.HolderIdentity != leader {
			return time.Now(), nil
		}
	}
	return time.Time{}, errors.New("the lease has no other holder")
}

// firstAfter returns when the next TaskRun was done.
func (p *place) firstAfter(ctx context.Context, at time.Time) (time.Time, error) {
	done := 0
	for _, marks := range p.Marks(&v1.TaskRun{}) {
		if when, ok := marks[lab.Done]; ok && when.Before(at) {
			done++
		}
	}
	err := p.AwaitN(ctx, lab.Done, &v1.TaskRun{}, done+1)
	return time.Now(), err
}
