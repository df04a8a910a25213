package validation

import (
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/util/validation/field"

	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
	"github.com/slipway-dev/slipway/pkg/expr"
	"github.com/slipway-dev/slipway/pkg/suggest"
)

// PipelineRunFits checks a run against the Pipeline that it runs: parameters, workspaces, and what it sets for single tasks. at is the path of
// the run's spec.
func PipelineRunFits(run *v1.PipelineRunSpec, pipeline *v1.PipelineSpec, at *field.Path) field.ErrorList {
	errs := Params(pipeline.Params, run.Params, at.Child("params"))
	bound := bindingNames(run.Workspaces)
	for _, w := range pipeline.Workspaces {
		if !w.Optional && !slices.Contains(bound, w.Name) {
			errs = append(errs, required(at.Child("workspaces"), fmt.Sprintf("the Pipeline needs workspace %q%s", w.Name, suggest.DidYouMean(w.Name, bound))))
		}
	}
	tasks := append(names(pipeline.Tasks), names(pipeline.Finally)...)
	for i, s := range run.TaskRunSpecs {
		if !slices.Contains(tasks, s.PipelineTaskName) {
			errs = append(errs, unknown(at.Child("taskRunSpecs").Index(i).Child("pipelineTaskName"), "task", s.PipelineTaskName, tasks))
		}
	}
	return errs
}

// PipelineFits checks the tasks of a Pipeline against the Tasks that they run,
// and every result that is taken of one of those. tasks holds what taskRefs mean, by
// the name of the pipeline task; tasks that are not in it are taken on trust.
// at is the path of the Pipeline's spec.
func PipelineFits(spec *v1.PipelineSpec, tasks map[string]*v1.TaskSpec, at *field.Path) (errs field.ErrorList) {
	known := map[string]*v1.PipelineTask{}
	check := func(list []v1.PipelineTask, at *field.Path) {
		for i, t := range list {
			if task := tasks[t.Name]; task != nil && t.TaskRef != nil {
				errs = append(errs, taskFits(&t, task, at.Index(i))...)
				t.TaskSpec = &v1.EmbeddedTask{TaskSpec: *task}
				known[t.Name] = &t
			}
		}
	}
	check(spec.Tasks, at.Child("tasks"))
	check(spec.Finally, at.Child("finally"))
	visit := func(s site) {
		for _, r := range expr.References(s.text) {
			name, _, ok := r.Result()
			if t := known[name]; ok && t != nil {
				if err := resultOf(t, s, r); err != nil {
					errs = append(errs, err)
				}
			}
		}
	}
	visitStrings(spec.Tasks, at.Child("tasks"), visit)
	visitStrings(spec.Finally, at.Child("finally"), visit)
	visitStrings(spec.Results, at.Child("results"), visit)
	return errs
}

// taskFits checks what a pipeline task gives to the Task it refers to.
func taskFits(t *v1.PipelineTask, task *v1.TaskSpec, at *field.Path) field.ErrorList {
	var inMatrix v1.Params
	if t.Matrix != nil {
		inMatrix = slices.Clone(t.Matrix.Params)
		for _, include := range t.Matrix.Include {
			inMatrix = append(inMatrix, include.Params...)
		}
	}
	declared := slices.DeleteFunc(slices.Clone(task.Params), func(p v1.ParamSpec) bool {
		return slices.ContainsFunc(inMatrix, func(m v1.Param) bool { return m.Name == p.Name })
	})
	errs := Params(declared, t.Params, at.Child("params"))
	var given []string
	for _, w := range t.Workspaces {
		given = append(given, w.Name)
	}
	for _, w := range task.Workspaces {
		if !w.Optional && !slices.Contains(given, w.Name) {
			errs = append(errs, required(at.Child("workspaces"), fmt.Sprintf("the Task needs workspace %q%s", w.Name, suggest.DidYouMean(w.Name, given))))
		}
	}
	return errs
}
