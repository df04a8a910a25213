package main

import (
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
	"github.com/slipway-dev/slipway/pkg/share"
)

// tasks is how many a PipelineRun has: all but one side by side, and then the last.
const tasks = 10

// load makes runs that have n TaskRuns together.
type load struct {
	name string
	runs func(n int, to *v1.PodTemplate) []client.Object
	// first is how many of the n TaskRuns run before any has ended.
	first func(n int) int
	// pipelineRuns are made beside the TaskRuns.
	pipelineRuns func(n int) int
}

var loads = []load{
	{"TaskRuns", taskRuns, func(n int) int { return n }, func(int) int { return 0 }},
	{"PipelineRuns", pipelineRuns, func(n int) int { return n / tasks * (tasks - 1) }, func(n int) int { return n / tasks }},
}

func oneStep() *v1.TaskSpec {
	return &v1.TaskSpec{Steps: []v1.Step{{Name: "step", Image: "busybox", Command: []string{"true"}}}}
}

func taskRuns(n int, to *v1.PodTemplate) []client.Object {
	var out []client.Object
	for i := range n {
		out = append(out, &v1.TaskRun{ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprintf("run-%d", i)},
			Spec: v1.TaskRunSpec{TaskSpec: oneStep(), PodTemplate: to}})
	}
	return out
}

func pipelineRuns(n int, to *v1.PodTemplate) []client.Object {
	last := v1.PipelineTask{Name: "last", TaskSpec: &v1.EmbeddedTask{TaskSpec: *oneStep()}}
	spec := &v1.PipelineSpec{}
	for i := range tasks - 1 {
		name := fmt.Sprintf("task-%d", i)
		spec.Tasks = append(spec.Tasks, v1.PipelineTask{Name: name, TaskSpec: &v1.EmbeddedTask{TaskSpec: *oneStep()}})
		last.RunAfter = append(last.RunAfter, name)
	}
	spec.Tasks = append(spec.Tasks, last)
	var out []client.Object
	for i := range n / tasks {
		out = append(out, &v1.PipelineRun{ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprintf("run-%d", i),
			Annotations: map[string]string{share.ExecutionAnnotation: string(share.Tasks)}}, // whatever the installation's default is
			Spec: v1.PipelineRunSpec{PipelineSpec: spec, TaskRunTemplate: v1.PipelineTaskRunTemplate{PodTemplate: to}}})
	}
	return out
}
