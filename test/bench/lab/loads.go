package lab

import (
	"context"
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
	"github.com/slipway-dev/slipway/pkg/share"
)

// Sample is how long after the first request each mark was reached.
type Sample map[Mark]time.Duration

// sleeps is what a sidecar runs: until it is told to end, and no longer.
var sleeps = []string{"sh", "-c", "trap 'exit 0' TERM; sleep 3600 & wait"}

// Load does one piece of work. id is unused so far in the namespace.
type Load func(ctx context.Context, l *Lab, id string) (Sample, error)

// Pods are bare Pods in waves: as many at once as widths says, each wave after the
// phase of the one before. Each has that many containers `true`; with a sidecar, one
// more that sleeps.
func Pods(containers int, sidecar bool, widths ...int) Load {
	return func(ctx context.Context, l *Lab, id string) (Sample, error) {
		start, sample := time.Now(), Sample{}
		for wave, width := range widths {
			var pods []client.Object
			for i := range width {
				pods = append(pods, l.pod(fmt.Sprintf("%s-%d-%d", id, wave, i), containers, sidecar))
			}
			if err := l.Create(ctx, pods...); err != nil {
				return nil, err
			}
			for _, mark := range []Mark{Started, Ended, Phase} {
				at, err := l.Await(ctx, mark, pods...)
				if err != nil {
					return nil, err
				}
				sample[mark] = at.Sub(start)
			}
		}
		return sample, nil
	}
}

func (l *Lab) pod(name string, containers int, sidecar bool) *corev1.Pod {
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: corev1.PodSpec{
		RestartPolicy: corev1.RestartPolicyNever, AutomountServiceAccountToken: new(bool), EnableServiceLinks: new(bool)}}
	image := l.Registry + "/busybox"
	for i := range containers {
		pod.Spec.Containers = append(pod.Spec.Containers, corev1.Container{Name: fmt.Sprintf("c%d", i), Image: image, Command: []string{"true"}})
	}
	if sidecar {
		always := corev1.ContainerRestartPolicyAlways
		pod.Spec.InitContainers = []corev1.Container{{Name: "sidecar", Image: image, Command: sleeps, RestartPolicy: &always}}
	}
	return pod
}

// TaskRuns are n at once, with the steps `true`.
func TaskRuns(n, steps int, sidecar bool, managedBy string) Load {
	return func(ctx context.Context, l *Lab, id string) (Sample, error) {
		var runs []client.Object
		for i := range n {
			spec := l.task(steps)
			if sidecar {
				spec.Sidecars = []v1.Sidecar{{Name: "sidecar", Image: l.Registry + "/busybox", Command: sleeps}}
			}
			runs = append(runs, &v1.TaskRun{ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprintf("%s-%d", id, i)},
				Spec: v1.TaskRunSpec{TaskSpec: spec, ManagedBy: manager(managedBy)}})
		}
		return l.runs(ctx, runs)
	}
}

func (l *Lab) task(steps int) *v1.TaskSpec {
	spec := &v1.TaskSpec{}
	for i := range steps {
		spec.Steps = append(spec.Steps, v1.Step{Name: fmt.Sprintf("s%d", i), Image: l.Registry + "/busybox", Command: []string{"true"}})
	}
	return spec
}

func manager(name string) *string {
	if name == "" {
		return nil
	}
	return &name
}

func (l *Lab) runs(ctx context.Context, runs []client.Object) (Sample, error) {
	start := time.Now()
	if err := l.Create(ctx, runs...); err != nil {
		return nil, err
	}
	at, err := l.Await(ctx, Done, runs...)
	return Sample{Done: at.Sub(start)}, err
}

// Pipeline is one PipelineRun of tasks with a step `true` each, in waves as Pods makes
// them: each task runs after all of the wave before. execution says whether the tasks
// share a Pod.
func Pipeline(execution share.Mode, managedBy string, widths ...int) Load {
	return func(ctx context.Context, l *Lab, id string) (Sample, error) {
		spec := &v1.PipelineSpec{}
		var before []string
		for wave, width := range widths {
			var names []string
			for i := range width {
				name := fmt.Sprintf("t%d-%d", wave, i)
				names = append(names, name)
				spec.Tasks = append(spec.Tasks, v1.PipelineTask{Name: name, RunAfter: before, TaskSpec: &v1.EmbeddedTask{TaskSpec: *l.task(1)}})
			}
			before = names
		}
		return l.pipeline(ctx, id, spec, execution, managedBy)
	}
}

// Handover is a PipelineRun of two tasks of which one consumes a result of the other.
func Handover(managedBy string) Load {
	return func(ctx context.Context, l *Lab, id string) (Sample, error) {
		image := l.Registry + "/busybox"
		give := v1.TaskSpec{Results: []v1.TaskResult{{Name: "word"}},
			Steps: []v1.Step{{Image: image, Script: "printf word >$(results.word.path)"}}}
		take := v1.TaskSpec{Params: []v1.ParamSpec{{Name: "word"}},
			Steps: []v1.Step{{Image: image, Env: []corev1.EnvVar{{Name: "WORD", Value: "$(params.word)"}}, Script: `[ "$WORD" = word ]`}}}
		return l.pipeline(ctx, id, &v1.PipelineSpec{Tasks: []v1.PipelineTask{
			{Name: "give", TaskSpec: &v1.EmbeddedTask{TaskSpec: give}},
			{Name: "take", TaskSpec: &v1.EmbeddedTask{TaskSpec: take},
				Params: v1.Params{{Name: "word", Value: v1.ParamValue{Type: v1.ParamTypeString, StringVal: "$(tasks.give.results.word)"}}}},
		}}, share.Tasks, managedBy)
	}
}

func (l *Lab) pipeline(ctx context.Context, id string, spec *v1.PipelineSpec, execution share.Mode, managedBy string) (Sample, error) {
	annotations := map[string]string{share.ExecutionAnnotation: string(execution)}
	return l.runs(ctx, []client.Object{&v1.PipelineRun{ObjectMeta: metav1.ObjectMeta{Name: id, Annotations: annotations},
		Spec: v1.PipelineRunSpec{PipelineSpec: spec, ManagedBy: manager(managedBy)}}})
}

// Clear deletes all that loads made, and returns when the Pods are gone.
func (l *Lab) Clear(ctx context.Context) error {
	here := client.InNamespace(l.Namespace)
	for _, o := range []client.Object{&v1.PipelineRun{}, &v1.TaskRun{}, &corev1.Pod{}} {
		if err := l.Client.DeleteAllOf(ctx, o, here, client.GracePeriodSeconds(0), client.PropagationPolicy(metav1.DeletePropagationBackground)); err != nil {
			return err
		}
	}
	var pods corev1.PodList
	if err := l.Client.List(ctx, &pods, here); err != nil || len(pods.Items) == 0 {
		return err
	}
	left := map[string]bool{}
	for i := range pods.Items {
		left[pods.Items[i].Name] = true
	}
	w, err := l.Client.Watch(ctx, &corev1.PodList{}, here, &client.ListOptions{Raw: &metav1.ListOptions{ResourceVersion: pods.ResourceVersion}})
	if err != nil {
		return err
	}
	defer w.Stop()
	for e := range w.ResultChan() {
		if pod, ok := e.Object.(*corev1.Pod); ok && e.Type == "DELETED" {
			delete(left, pod.Name)
		}
		if len(left) == 0 {
			return nil
		}
	}
	return fmt.Errorf("pods that stay: %s", strings.Join(keys(left), ", "))
}

func keys(m map[string]bool) []string {
	var out []string
	for k := range m {
		out = append(out, k)
	}
	return out
}
