package resolve

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
	"github.com/slipway-dev/slipway/api/tekton/v1beta1"
	"github.com/slipway-dev/slipway/pkg/resolve/fetch"
)

// shelf is a cluster with one object of each kind in namespace ns, named "build".
type shelf struct{ down error }

func (s shelf) Get(_ context.Context, namespace, name string, into runtime.Object) error {
	if s.down != nil {
		return s.down
	}
	if namespace != "ns" || name != "build" {
		return ErrNotFound
	}
	meta := metav1.ObjectMeta{Namespace: namespace, Name: name, Labels: map[string]string{"a": "b"},
		Annotations: map[string]string{"mine": "1", "slipway.dev/v1beta1": `{"spec.steps[0].tty":true}`}}
	switch o := into.(type) {
	case *v1.Task:
		*o = v1.Task{ObjectMeta: meta, Spec: v1.TaskSpec{Description: "d"}}
	case *v1.Pipeline:
		*o = v1.Pipeline{ObjectMeta: meta}
	case *v1beta1.StepAction:
		*o = v1beta1.StepAction{ObjectMeta: meta}
	}
	return nil
}

func (shelf) Names(context.Context, string, runtime.Object) ([]string, error) {
	return []string{"build"}, nil
}

var by = Asker{Kind: v1.KindTaskRun, Namespace: "ns", Name: "run", UID: "1"}

// finder looks into the cluster; its one resolver is never asked.
func finder(c Cluster) *Finder {
	return &Finder{Cluster: c, Desk: NewDesk(DeskOptions{Resolvers: map[string]fetch.Resolver{"git": nil}, Now: time.Now}),
		Settings: func(context.Context, string) (map[string]string, error) { return nil, nil }}
}

func TestFindTask(t *testing.T) {
	task, err := finder(shelf{}).Task(t.Context(), by, &v1.TaskRef{Name: "build"})
	if err != nil {
		t.Fatal(err)
	}
	if task.Spec.Description != "d" || task.Labels["a"] != "b" || task.Source.URI != "k8s://ns/Task/build" || len(task.Source.Digest["sha256"]) != 64 ||
		len(task.Annotations) != 1 || task.Annotations["mine"] != "1" {
		t.Errorf("%+v %+v", task, task.Source)
	}
}

func TestLeadsNowhere(t *testing.T) {
	for name, tc := range map[string]struct {
		find func(*Finder) error
		want string
	}{
		"task": {func(f *Finder) error {
			_, err := f.Task(t.Context(), by, &v1.TaskRef{Name: "biuld"})
			return err
		}, `taskRef.name: no task named "biuld" in namespace "ns"; did you mean "build"?`},
		"cluster task": {func(f *Finder) error {
			_, err := f.Task(t.Context(), by, &v1.TaskRef{Name: "build", Kind: "ClusterTask"})
			return err
		}, "taskRef.kind: ClusterTasks are not served: make it a Task, and refer to it by resolver: cluster with the params kind, name and namespace"},
		"pipeline": {func(f *Finder) error {
			_, err := f.Pipeline(t.Context(), by, &v1.PipelineRef{Name: "deploy"})
			return err
		}, `pipelineRef.name: no pipeline named "deploy" in namespace "ns"`},
		"step action": {func(f *Finder) error {
			_, err := f.StepAction(t.Context(), by, &v1.Ref{Name: "biuld"})
			return err
		}, `ref.name: no step action named "biuld" in namespace "ns"; did you mean "build"?`},
		"no name": {func(f *Finder) error {
			_, err := f.Task(t.Context(), by, &v1.TaskRef{})
			return err
		}, "taskRef.name: missing"},
	} {
		t.Run(name, func(t *testing.T) {
			err := tc.find(finder(shelf{}))
			var nowhere *Error
			if !errors.As(err, &nowhere) || err.Error() != tc.want {
				t.Errorf("error %v\n want %s", err, tc.want)
			}
		})
	}
}

// A cluster that does not answer is no reason to end a run.
func TestClusterIsDown(t *testing.T) {
	_, err := finder(shelf{errors.New("connection refused")}).Task(t.Context(), by, &v1.TaskRef{Name: "build"})
	var nowhere *Error
	if err == nil || errors.As(err, &nowhere) || !strings.Contains(err.Error(), "connection refused") {
		t.Errorf("error %v", err)
	}
}
