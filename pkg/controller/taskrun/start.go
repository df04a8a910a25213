package taskrun

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
	"github.com/slipway-dev/slipway/pkg/compile"
	"github.com/slipway-dev/slipway/pkg/kube"
)

// accountGrace is how long a service account that is missing may still be on
// its way: a new namespace gets its default one a little later.
const accountGrace = 30 * time.Second

// start makes the attempt's Pod.
func (r *Reconciler) start(ctx context.Context, a *attempt) (time.Duration, error) {
	pod, spec, err := r.compile(ctx, a)
	if err == nil && spec.elsewhere {
		err = r.pin(ctx, a, spec)
	}
	if err == nil {
		err = r.label(ctx, a, spec)
	}
	if err == nil {
		err = r.create(ctx, a, pod)
	}
	var refused *refusal
	var waits awaiting
	switch {
	case errors.As(err, &waits):
		return r.await(ctx, a, waits)
	case err == nil:
		r.waiters.Leave(client.ObjectKeyFromObject(a.run))
		r.References.Forget(a.run.UID)
		r.made.put(a.run.UID, &madePod{attempt: a.number(), at: a.now, spec: spec})
		kube.Tell(r.Events, a.run, true, v1.TaskRunReasonStarted.String(), "pod "+pod.Name+" is made")
		return kube.Settle, nil
	case errors.As(err, &refused):
		return r.finish(ctx, a, refused.verdict())
	case kube.IsQuota(err):
		if err := r.record(ctx, a, quota(err)); err != nil {
			return 0, err
		}
		return r.within(a, quotaRetry+time.Duration(r.waiters.Add(a.run))*quotaStep), nil
	}
	return 0, err
}

// within is how long to wait for at most d, but not past the deadline.
func (r *Reconciler) within(a *attempt, d time.Duration) time.Duration {
	if end := r.deadline(a); !end.IsZero() {
		return min(d, kube.Until(a.now, end))
	}
	return d
}

// create makes the Pod. One that is there already is this run's own from before,
// or the run cannot have one.
func (r *Reconciler) create(ctx context.Context, a *attempt, pod *corev1.Pod) error {
	err := r.Client.Create(ctx, pod)
	switch {
	case apierrors.IsAlreadyExists(err):
		return r.adopt(ctx, a, pod.Name)
	case missingAccount(err) && a.now.Sub(a.run.CreationTimestamp.Time) < accountGrace:
		return err
	case kube.IsRefused(err):
		return &refusal{v1.TaskRunReasonPodCreationFailed, fmt.Errorf("the pod was refused: %w", err)}
	}
	return err
}

func missingAccount(err error) bool {
	return apierrors.IsForbidden(err) && strings.Contains(err.Error(), "error looking up service account")
}

func (r *Reconciler) adopt(ctx context.Context, a *attempt, name string) error {
	var there corev1.Pod
	if err := r.Live.Get(ctx, client.ObjectKey{Namespace: a.run.Namespace, Name: name}, &there); err != nil {
		return err
	}
	if !isOwned(&there, a.run) {
		return &refusal{v1.TaskRunReasonPodCreationFailed,
			fmt.Errorf("a pod named %s exists and is not of this run; delete it, or run under another name", name)}
	}
	return nil
}

// compile finds what the attempt runs and makes its Pod, not yet in the cluster.
func (r *Reconciler) compile(ctx context.Context, a *attempt) (*corev1.Pod, *resolvedSpec, error) {
	if err := permitted(r.Settings.Current(), a.run); err != nil {
		return nil, nil, &refusal{v1.TaskRunReasonFailedValidation, err}
	}
	spec, err := r.spec(ctx, a.run)
	if err != nil {
		return nil, nil, worded(a.run, err)
	}
	in, err := r.input(ctx, a, spec)
	if err != nil {
		return nil, nil, err
	}
	in.Tasks[0].Workspaces = bound(a.run, spec.workspaces)
	if a.sharedPod() != "" {
		if err := r.gather(ctx, a, in); err != nil {
			return nil, nil, err
		}
	}
	pod, err := compile.Pod(*in)
	if err != nil {
		return nil, nil, &refusal{v1.TaskRunReasonTaskFailedValidation, err}
	}
	return pod, spec, r.claims(ctx, a.run, spec.workspaces)
}

// bound is a run's workspaces with the claims that are made from their templates
// in their place.
func bound(run *v1.TaskRun, workspaces []v1.WorkspaceBinding) []v1.WorkspaceBinding {
	list := slices.Clone(workspaces)
	for i := range list {
		if w := &list[i]; w.VolumeClaimTemplate != nil {
			w.PersistentVolumeClaim = &corev1.PersistentVolumeClaimVolumeSource{ClaimName: compile.ClaimName(string(run.UID), *w)}
			w.VolumeClaimTemplate = nil
		}
	}
	return list
}

// claims makes the volume claims that templates of a run's workspaces ask for,
// where they are not there yet.
func (r *Reconciler) claims(ctx context.Context, run *v1.TaskRun, workspaces []v1.WorkspaceBinding) error {
	for _, w := range workspaces {
		if w.VolumeClaimTemplate == nil {
			continue
		}
		claim := w.VolumeClaimTemplate.DeepCopy()
		claim.Name, claim.Namespace = compile.ClaimName(string(run.UID), w), run.Namespace
		claim.OwnerReferences = []metav1.OwnerReference{*metav1.NewControllerRef(run, v1.SchemeGroupVersion.WithKind(v1.KindTaskRun))}
		err := r.Client.Create(ctx, claim)
		if kube.IsRefused(err) {
			return &refusal{v1.TaskRunReasonFailedValidation, fmt.Errorf("workspaces %q: the volume claim was refused: %w", w.Name, err)}
		}
		if err != nil && !apierrors.IsAlreadyExists(err) {
			return err
		}
	}
	return nil
}
