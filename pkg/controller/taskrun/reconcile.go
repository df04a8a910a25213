// Package taskrun runs TaskRuns: it makes one Pod for each attempt, watches it,
// and records how it went.
//
// An attempt's Pod has a name that follows from the run, and is made once. The
// status is written when the steps start and when they end, and between only
// when there is something a user needs to know.
package taskrun

import (
	"context"
	"errors"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/events"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"

	config "github.com/slipway-dev/slipway/api/config/v1alpha1"
	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
	"github.com/slipway-dev/slipway/pkg/compile"
	"github.com/slipway-dev/slipway/pkg/kube"
	"github.com/slipway-dev/slipway/pkg/kube/settings"
	"github.com/slipway-dev/slipway/pkg/registry"
	"github.com/slipway-dev/slipway/pkg/resolve"
	"github.com/slipway-dev/slipway/pkg/share"
)

// Reconciler runs TaskRuns.
type Reconciler struct {
	// Client reads from the cache, but Secrets live, and writes.
	Client client.Client
	// Live reads past the cache.
	Live client.Reader
	// References finds what references point to.
	References *resolve.Finder
	// Resolved brings the runs whose references were found.
	Resolved <-chan event.GenericEvent
	// Logs reads what a container wrote.
	Logs LogReader
	// Images knows what images run by themselves.
	Images *registry.Cache
	// Events tells users what happened.
	Events events.EventRecorder
	// Observers are told of what was written.
	Observers []Observer
	// Config is that of the installation, with its defaults set.
	Config *config.ControllerConfig
	// Settings is what users set for all runs.
	Settings *settings.Store
	// Now tells the time.
	Now func() time.Time

	made   made
	behind kube.Behind
	// waiters are the runs whose Pods a quota has no room for. They are told of room by
	// the quota, and look for themselves in case that is not heard.
	waiters kube.Waiters
	delays  kube.Delays
}

// Reconcile takes one run a step further.
func (r *Reconciler) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	a, err := r.load(ctx, req.NamespacedName)
	next := time.Duration(0)
	if a != nil && err == nil {
		next, err = r.decide(a)(ctx, a)
	}
	if kube.IsStale(err) || errors.Is(err, errBehind) {
		next, err = kube.Settle, nil // the change that made it so is on its way here
	}
	return ctrl.Result{RequeueAfter: next}, err
}

// errBehind says that the cache shows a run as it was before the last write here.
var errBehind = errors.New("the cache is behind")

// attempt is one attempt to run a TaskRun, as it is found.
type attempt struct {
	// before is the run as the cache has it, run what becomes of it.
	before, run *v1.TaskRun
	// pod of this attempt; nil when there is none.
	pod *corev1.Pod
	// made is what this process remembers of the attempt; nil when it did not
	// make the Pod.
	made *madePod
	now  time.Time
}

func (a *attempt) number() int { return len(a.run.Status.RetriesStatus) }

func (a *attempt) podName() string {
	if pod := a.sharedPod(); pod != "" {
		return pod
	}
	return compile.PodName(a.run.Name, a.number())
}

// load finds the run and its Pod; nil when there is nothing to do for it.
func (r *Reconciler) load(ctx context.Context, key client.ObjectKey) (*attempt, error) {
	var run v1.TaskRun
	if err := r.Client.Get(ctx, key, &run); err != nil {
		r.behind.Forget(key)
		r.waiters.Leave(key)
		return nil, client.IgnoreNotFound(err)
	}
	if r.behind.Is(&run, r.Now()) {
		return nil, errBehind
	}
	if run.IsDone() || run.DeletionTimestamp != nil {
		r.made.forget(run.UID)
		r.waiters.Leave(key)
		r.References.Forget(run.UID)
		return nil, nil
	}
	r.Settings.Current().TaskRun(&run)
	a := &attempt{before: &run, run: run.DeepCopy(), now: r.Now()}
	a.made = r.made.get(run.UID, a.number())
	var pod corev1.Pod
	err := r.Client.Get(ctx, client.ObjectKey{Namespace: run.Namespace, Name: a.podName()}, &pod)
	if kube.IsGone(err) && a.mayBeStale() {
		err = r.Live.Get(ctx, client.ObjectKey{Namespace: run.Namespace, Name: a.podName()}, &pod)
	}
	if err != nil {
		return a, client.IgnoreNotFound(err)
	}
	if isOwned(&pod, &run) {
		a.pod = &pod
		r.made.seen(run.UID, a.number())
	}
	return a, nil
}

// mayBeStale reports whether there should be a Pod though the cache has none:
// before it is called lost, the API server is asked.
func (a *attempt) mayBeStale() bool {
	if a.made != nil && !a.made.seen {
		return a.now.Sub(a.made.at) > kube.Settle
	}
	return a.run.Status.PodName == a.podName()
}

func isOwned(pod *corev1.Pod, run *v1.TaskRun) bool {
	owner := run.UID
	if c := metav1.GetControllerOf(run); c != nil && run.Annotations[share.PodAnnotation] == pod.Name {
		owner = c.UID
	}
	for _, o := range pod.OwnerReferences {
		if o.UID == owner {
			return true
		}
	}
	return false
}

// act does something about an attempt, and says how long to wait before
// looking again; 0 waits for an event.
type act func(context.Context, *attempt) (time.Duration, error)

// decide says what to do.
func (r *Reconciler) decide(a *attempt) act {
	switch {
	case a.pod != nil:
		return r.follow
	case a.made != nil && !a.made.seen && a.now.Sub(a.made.at) <= kube.Settle:
		return func(context.Context, *attempt) (time.Duration, error) { return kube.Settle, nil }
	case a.made != nil || a.run.Status.PodName == a.podName():
		return r.lose
	case a.run.IsCancelled():
		return r.cancel
	case a.run.IsPending():
		return r.hold
	case r.isOver(a):
		return r.expire
	case a.run.Malformed != nil:
		return r.refuse
	}
	return r.start
}

// refuse ends a run of which a field could not be read.
func (r *Reconciler) refuse(ctx context.Context, a *attempt) (time.Duration, error) {
	refused := refusal{v1.TaskRunReasonFailedValidation, a.run.Malformed}
	return r.finish(ctx, a, refused.verdict())
}

// lose ends an attempt whose Pod somebody deleted.
func (r *Reconciler) lose(ctx context.Context, a *attempt) (time.Duration, error) {
	if a.run.IsCancelled() {
		return r.cancel(ctx, a)
	}
	if r.isOver(a) {
		return r.expire(ctx, a)
	}
	return r.finish(ctx, a, podDeleted(a.podName()))
}

func (r *Reconciler) cancel(ctx context.Context, a *attempt) (time.Duration, error) {
	return r.finish(ctx, a, cancelled(a.run))
}

func (r *Reconciler) expire(ctx context.Context, a *attempt) (time.Duration, error) {
	v := timedOut(a.run, r.timeout(a.run))
	if c := a.before.Status.GetCondition(v1.ConditionSucceeded); c != nil && c.Reason == v1.TaskRunReasonExceededResourceQuota.String() {
		v.message += ": " + c.Message
	}
	return r.finish(ctx, a, v)
}

// hold records that the run waits for spec.status to be cleared.
func (r *Reconciler) hold(ctx context.Context, a *attempt) (time.Duration, error) {
	return 0, r.record(ctx, a, held(a.run))
}

// timeout of an attempt; 0 is none.
func (r *Reconciler) timeout(run *v1.TaskRun) time.Duration {
	if run.Spec.Timeout != nil {
		return run.Spec.Timeout.Duration
	}
	return r.Settings.Current().Timeout.Duration
}

// isOver reports whether the attempt's time is up.
func (r *Reconciler) isOver(a *attempt) bool {
	end := r.deadline(a)
	return !end.IsZero() && !a.now.Before(end)
}

// deadline is when the attempt's time is up; zero is never.
func (r *Reconciler) deadline(a *attempt) time.Time {
	timeout, started := r.timeout(a.run), a.started()
	if timeout <= 0 || started.IsZero() {
		return time.Time{}
	}
	return started.Add(timeout)
}

// started is when the attempt began: as recorded, or when its Pod was made.
func (a *attempt) started() time.Time {
	switch {
	case a.run.Status.StartTime != nil:
		return a.run.Status.StartTime.Time
	case a.pod != nil:
		return a.pod.CreationTimestamp.Time
	}
	return time.Time{}
}
