// Package group decides which tasks of a pipeline share a Pod.
//
// Tasks share one when each of them can, and when all of them wait for the same
// tasks elsewhere: then none begins later than it would alone, and no two Pods
// wait for each other.
package group

import (
	"fmt"
	"slices"
	"strings"

	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
	"github.com/slipway-dev/slipway/pkg/dag"
	"github.com/slipway-dev/slipway/pkg/plan/fill"
	"github.com/slipway-dev/slipway/pkg/share"
)

// maxSteps bounds a shared Pod: its containers share 12 KiB for what they report.
const maxSteps = 64

// Task is one task of the graph, with what is known of it before anything runs.
type Task struct {
	Spec *v1.PipelineTask
	// Body is what it runs; nil when that is not known yet.
	Body *v1.TaskSpec
	// Special says that the run's taskRunSpecs or podTemplate say something of this task
	// alone.
	Special bool
	// Claims says that it uses a volume claim that the user named.
	Claims bool
}

// Of are tasks of a run. known holds what their taskRefs mean, as far as that is known.
func Of(run *v1.PipelineRun, specs []v1.PipelineTask, known map[string]*v1.TaskSpec) []Task {
	var tasks []Task
	// A podTemplate with variables is another for each task.
	special := len(references(run.Spec.TaskRunTemplate.PodTemplate)) > 0
	for i := range specs {
		t := Task{Spec: &specs[i], Body: known[specs[i].Name], Special: special}
		if t.Spec.TaskSpec != nil {
			t.Body = &t.Spec.TaskSpec.TaskSpec
		}
		for _, s := range run.Spec.TaskRunSpecs {
			t.Special = t.Special || s.PipelineTaskName == t.Spec.Name
		}
		for _, w := range fill.Wanted(t.Spec) {
			t.Claims = t.Claims || slices.ContainsFunc(run.Spec.Workspaces, func(b v1.WorkspaceBinding) bool {
				return b.Name == w.Workspace && b.PersistentVolumeClaim != nil
			})
		}
		tasks = append(tasks, t)
	}
	return tasks
}

// Decision says which tasks share a Pod, and of each other task why it does not.
type Decision struct {
	Groups share.Groups
	Alone  map[string]string
}

// Decide spreads the tasks of a graph over Pods, which has an edge for each dependency.
func Decide(tasks []Task, graph *dag.Graph, mode share.Mode) Decision {
	typed := func(t Task) string { return ofTypes(t, tasks) }
	return decide(tasks, graph, func(t Task) string { return reason(t, mode, ofParams, ofResults, typed) })
}

// AtOnce spreads tasks over Pods that start together, when all that they take is known.
func AtOnce(tasks []Task, mode share.Mode) Decision {
	var names []string
	for _, t := range tasks {
		names = append(names, t.Spec.Name)
	}
	graph, err := dag.Build(names, nil)
	if err != nil {
		return Decision{} // two of one name, which validation refuses
	}
	return decide(tasks, graph, func(t Task) string { return reason(t, mode) })
}

func decide(tasks []Task, graph *dag.Graph, reason func(Task) string) Decision {
	d := Decision{Alone: map[string]string{}}
	named := map[string]Task{}
	for _, t := range tasks {
		named[t.Spec.Name] = t
		if why := reason(t); why != "" {
			d.Alone[t.Spec.Name] = why
		}
	}
	for {
		d.Groups = classes(graph, d.Alone)
		name, why := surplus(d.Groups, named)
		if name == "" {
			break
		}
		d.Alone[name] = why
	}
	d.Groups = slices.DeleteFunc(d.Groups, func(g []string) bool {
		if len(g) == 1 {
			d.Alone[g[0]] = "no other task can share a Pod with it"
		}
		return len(g) == 1
	})
	return d
}

// classes are the tasks that can share, by the tasks alone that they wait for.
func classes(graph *dag.Graph, alone map[string]string) share.Groups {
	before := map[string][]string{}
	byKey := map[string]int{}
	var groups share.Groups
	for _, name := range graph.Order() {
		var waits []string
		for _, p := range graph.Parents(name) {
			waits = append(waits, before[p]...)
			if alone[p] != "" {
				waits = append(waits, p)
			}
		}
		slices.Sort(waits)
		before[name] = slices.Compact(waits)
		if alone[name] != "" {
			continue
		}
		key := strings.Join(before[name], "\x00")
		at, ok := byKey[key]
		if !ok {
			at = len(groups)
			byKey[key], groups = at, append(groups, nil)
		}
		groups[at] = append(groups[at], name)
	}
	return groups
}

// surplus is the first task that makes its group's Pod too large or has a container
// that is called as another's.
func surplus(groups share.Groups, tasks map[string]Task) (name, why string) {
	for _, g := range groups {
		steps, seen := 0, map[string]bool{}
		for _, name := range g {
			for i, s := range tasks[name].Body.Steps {
				container := Container(name, i, s.Name)
				if seen[container] {
					return name, fmt.Sprintf("its container %s would be called as another's", container)
				}
				seen[container] = true
			}
			if steps += len(tasks[name].Body.Steps); steps > maxSteps {
				return name, fmt.Sprintf("the Pod would have more than %d steps", maxSteps)
			}
		}
	}
	return "", ""
}
