package taskrun

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/validation"
	"sigs.k8s.io/controller-runtime/pkg/client"

	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
	"github.com/slipway-dev/slipway/pkg/resolve"
)

// inherited are the labels and annotations that a run takes from its Task, and the
// label with the Task's name, by which clients list the runs of a Task. The run's
// own come first.
func inherited(run *v1.TaskRun, task *resolve.Task) (labels, annotations map[string]string) {
	labels, annotations = map[string]string{}, map[string]string{}
	maps.Copy(labels, task.Labels)
	maps.Copy(annotations, task.Annotations)
	delete(annotations, corev1.LastAppliedConfigAnnotation)
	if task.Name != "" && len(validation.IsValidLabelValue(task.Name)) == 0 {
		labels[v1.LabelTask] = task.Name
	}
	maps.DeleteFunc(labels, func(k, _ string) bool { _, has := run.Labels[k]; return has })
	maps.DeleteFunc(annotations, func(k, _ string) bool { _, has := run.Annotations[k]; return has })
	return labels, annotations
}

// label gives the run what it takes from its Task. A run that has it all, as those
// of a Pipeline do unless the Task has labels of its own, costs no request.
func (r *Reconciler) label(ctx context.Context, a *attempt, spec *resolvedSpec) error {
	if len(spec.labels) == 0 && len(spec.annotations) == 0 {
		return nil
	}
	patch, err := json.Marshal(map[string]any{"metadata": map[string]any{"labels": spec.labels, "annotations": spec.annotations}})
	if err != nil {
		return err
	}
	target := &v1.TaskRun{ObjectMeta: metav1.ObjectMeta{Namespace: a.run.Namespace, Name: a.run.Name}}
	if err := r.Client.Patch(ctx, target, client.RawPatch(types.MergePatchType, patch)); err != nil {
		return fmt.Errorf("labels of taskrun %s: %w", a.run.Name, err)
	}
	return nil
}

// podLabels are the run's, those of its Task, and who manages the Pod.
func podLabels(run *v1.TaskRun, spec *resolvedSpec, managedBy string) map[string]string {
	labels := map[string]string{}
	maps.Copy(labels, spec.labels)
	maps.Copy(labels, run.Labels)
	if labels[v1.LabelManagedBy] == "" {
		labels[v1.LabelManagedBy] = managedBy
	}
	return labels
}

// podAnnotations are the run's and those of its Task.
func podAnnotations(run *v1.TaskRun, spec *resolvedSpec) map[string]string {
	annotations := maps.Clone(spec.annotations)
	if annotations == nil {
		annotations = map[string]string{}
	}
	maps.Copy(annotations, run.Annotations)
	return annotations
}
