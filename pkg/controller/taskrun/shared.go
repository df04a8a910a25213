package taskrun

import (
	"context"
	"errors"
	"fmt"
	"maps"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
	"github.com/slipway-dev/slipway/api/tekton/v1beta1"
	"github.com/slipway-dev/slipway/pkg/compile"
	"github.com/slipway-dev/slipway/pkg/coschedule"
	"github.com/slipway-dev/slipway/pkg/observe"
	"github.com/slipway-dev/slipway/pkg/plan"
	"github.com/slipway-dev/slipway/pkg/plan/limits"
	"github.com/slipway-dev/slipway/pkg/plan/names"
	"github.com/slipway-dev/slipway/pkg/share"
)

// sharedPod is the Pod that the run has in common with other tasks of its pipeline,
// or "".
func (a *attempt) sharedPod() string {
	if metav1.GetControllerOf(a.run) == nil {
		return ""
	}
	return a.run.Annotations[share.PodAnnotation]
}

// member is the run's name in that Pod.
func (a *attempt) member() string {
	if a.sharedPod() == "" {
		return ""
	}
	return a.run.Labels[v1.LabelPipelineTask]
}

// began is when the attempt did: when its Pod was made or, in a Pod that is older than
// its turn, when the run was or its first step started.
func (a *attempt) began(p observe.Progress) *metav1.Time {
	if a.sharedPod() == "" {
		return a.pod.CreationTimestamp.DeepCopy()
	}
	at := a.run.CreationTimestamp
	for _, s := range p.Steps {
		if s.Terminated != nil && !s.Terminated.StartedAt.IsZero() && s.Terminated.StartedAt.Before(&at) {
			at = s.Terminated.StartedAt
		}
	}
	return &at
}

// allEnded reports whether no step of any task in the Pod goes on.
func allEnded(pod *corev1.Pod) bool {
	for _, m := range observe.Members(pod) {
		if !m.Ended {
			return false
		}
	}
	return true
}

// mates are the runs that go on in a Pod which several share.
func (r *Reconciler) mates(ctx context.Context, pod client.Object) []reconcile.Request {
	owner := metav1.GetControllerOf(pod)
	if owner == nil || pod.GetLabels()[share.PodAnnotation] == "" {
		return nil
	}
	var runs v1.TaskRunList
	if err := r.Client.List(ctx, &runs, ofPipelineRun(pod.GetNamespace(), owner)...); err != nil {
		return nil // the cache cannot fail but at its end
	}
	var out []reconcile.Request
	for i := range runs.Items {
		if run := &runs.Items[i]; run.Annotations[share.PodAnnotation] == pod.GetName() && !run.IsDone() {
			out = append(out, reconcile.Request{NamespacedName: client.ObjectKeyFromObject(run)})
		}
	}
	return out
}

func ofPipelineRun(namespace string, owner *metav1.OwnerReference) []client.ListOption {
	return []client.ListOption{client.InNamespace(namespace), client.MatchingLabels{v1.LabelPipelineRunUID: string(owner.UID)}}
}

// gather makes in, which is for the run alone, the input for the Pod that it shares: with
// all tasks of the Pod, those too whose turn has not come.
func (r *Reconciler) gather(ctx context.Context, a *attempt, in *compile.Input) error {
	of, err := r.pipeline(ctx, a)
	if err != nil {
		return err
	}
	for _, tr := range of.TaskRuns {
		if tr.Annotations[share.PodAnnotation] == a.sharedPod() && tr.Status.PodName == a.sharedPod() {
			return &refusal{observe.ReasonPodDeleted, fmt.Errorf("pod %s was deleted before the turn of this task came", a.sharedPod())}
		}
	}
	mates, err := plan.Mates(of, a.sharedPod())
	if err != nil {
		return &refusal{v1.TaskRunReasonFailedValidation, err}
	}
	self := in.Tasks[0]
	in.Tasks = nil
	for _, m := range mates {
		task := self
		if m.TaskRun.Name != a.run.Name {
			spec, err := r.spec(ctx, m.TaskRun)
			if err != nil {
				return inTask(m.Task, err)
			}
			task = compile.Task{Spec: spec.task, Workspaces: bound(m.TaskRun, spec.workspaces), Resources: m.TaskRun.Spec.ComputeResources}
		}
		task.Name, task.After, task.When, task.Needs = m.Task, m.After, m.When, m.Needs
		task.Ignored, task.Lacks = m.Ignored, m.Lacks
		in.Tasks = append(in.Tasks, task)
	}
	in.Owner, in.Scratch = r.ownerOf(of.Run, a.run), names.Scratch(of.Run)
	in.Timeout = limits.Pipeline(of.Run.Spec.Timeouts, of.Defaults.Timeout)
	return nil
}

func inTask(name string, err error) error {
	var refused *refusal
	if errors.As(err, &refused) {
		return &refusal{refused.reason, fmt.Errorf("task %q, which shares the pod: %w", name, refused.err)}
	}
	return err
}

// ownerOf is the PipelineRun as the owner of a Pod that tasks of it share.
func (r *Reconciler) ownerOf(pr *v1.PipelineRun, run *v1.TaskRun) compile.Owner {
	labels := maps.Clone(pr.Labels)
	if labels == nil {
		labels = map[string]string{}
	}
	for _, name := range []string{v1.LabelPipelineRun, v1.LabelPipelineRunUID, coschedule.Label} {
		if value := run.Labels[name]; value != "" {
			labels[name] = value
		}
	}
	if labels[v1.LabelManagedBy] == "" {
		labels[v1.LabelManagedBy] = r.Settings.Current().ManagedBy
	}
	annotations := maps.Clone(pr.Annotations)
	delete(annotations, share.GroupsAnnotation)
	delete(annotations, share.ScratchAnnotation)
	return compile.Owner{APIVersion: v1.SchemeGroupVersion.String(), Kind: v1.KindPipelineRun,
		Namespace: pr.Namespace, Name: pr.Name, UID: pr.UID, Labels: labels, Annotations: annotations}
}

// pipeline is what is known of the PipelineRun that the run is a task of.
func (r *Reconciler) pipeline(ctx context.Context, a *attempt) (plan.Input, error) {
	owner := metav1.GetControllerOf(a.run)
	in := plan.Input{Run: &v1.PipelineRun{}, Now: a.now, Defaults: r.Settings.Current().Plan()}
	if err := r.Client.Get(ctx, client.ObjectKey{Namespace: a.run.Namespace, Name: owner.Name}, in.Run); err != nil {
		return in, err
	}
	var taskRuns v1.TaskRunList
	var customRuns v1beta1.CustomRunList
	var pipelineRuns v1.PipelineRunList
	for _, list := range []client.ObjectList{&taskRuns, &customRuns, &pipelineRuns} {
		if err := r.Client.List(ctx, list, ofPipelineRun(a.run.Namespace, owner)...); err != nil {
			return in, err
		}
	}
	in.TaskRuns, in.CustomRuns, in.PipelineRuns = pointers(taskRuns.Items), pointers(customRuns.Items), pointers(pipelineRuns.Items)
	return in, nil
}

func pointers[T any](items []T) []*T {
	var out []*T
	for i := range items {
		out = append(out, &items[i])
	}
	return out
}
