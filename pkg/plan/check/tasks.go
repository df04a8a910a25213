package check

import (
	"fmt"
	"slices"

	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
	"github.com/slipway-dev/slipway/pkg/expr"
	"github.com/slipway-dev/slipway/pkg/plan/fill"
	"github.com/slipway-dev/slipway/pkg/suggest"
)

// Bindings compares what a run binds and overrides with what its pipeline has.
func Bindings(run *v1.PipelineRun, spec *v1.PipelineSpec) (v1.PipelineRunReason, error) {
	var bound []string
	for _, b := range run.Spec.Workspaces {
		bound = append(bound, b.Name)
	}
	for _, w := range spec.Workspaces {
		if !w.Optional && !slices.Contains(bound, w.Name) {
			return v1.PipelineRunReasonInvalidWorkspaceBinding,
				fmt.Errorf("spec.workspaces: the pipeline needs a workspace named %q and none is bound%s", w.Name, suggest.DidYouMean(w.Name, bound))
		}
	}
	tasks := taskNames(spec)
	for i, s := range run.Spec.TaskRunSpecs {
		if !slices.Contains(tasks, s.PipelineTaskName) {
			return v1.PipelineRunReasonInvalidTaskRunSpec,
				fmt.Errorf("spec.taskRunSpecs[%d].pipelineTaskName: no task named %q%s", i, s.PipelineTaskName, suggest.DidYouMean(s.PipelineTaskName, tasks))
		}
	}
	return "", nil
}

func taskNames(spec *v1.PipelineSpec) []string {
	var names []string
	for _, t := range slices.Concat(spec.Tasks, spec.Finally) {
		names = append(names, t.Name)
	}
	return names
}

// Given is what surrounds a run.
type Given struct {
	// Tasks holds what taskRefs mean, by the name of the pipeline task.
	Tasks map[string]*v1.TaskSpec
	// Workspace says that TaskRuns get a volume for workspaces that have none.
	Workspace bool
}

// Tasks checks each task against the Task that it runs, as far as that is known,
// and the results that tasks and pipeline take from each other.
func Tasks(run *v1.PipelineRun, spec *v1.PipelineSpec, given Given) (v1.PipelineRunReason, error) {
	known := map[string]*v1.TaskSpec{}
	for _, t := range slices.Concat(spec.Tasks, spec.Finally) {
		if t.TaskSpec != nil && !t.TaskSpec.IsCustomTask() {
			known[t.Name] = &t.TaskSpec.TaskSpec
		} else if s := given.Tasks[t.Name]; s != nil {
			known[t.Name] = s
		}
	}
	for _, t := range slices.Concat(spec.Tasks, spec.Finally) {
		if reason, err := checkTask(run, spec, &t, known); err != nil {
			if given.Workspace && reason == v1.PipelineRunReasonInvalidWorkspaceBinding {
				continue
			}
			return reason, fmt.Errorf("task %q: %w", t.Name, err)
		}
	}
	for _, r := range spec.Results {
		if err := checkResults(fill.ReferencesIn(r.Value), spec, known); err != nil {
			return v1.PipelineRunReasonInvalidPipelineResultReference, fmt.Errorf("spec.results.%s: %w", r.Name, err)
		}
	}
	return "", nil
}

func checkTask(run *v1.PipelineRun, spec *v1.PipelineSpec, t *v1.PipelineTask, known map[string]*v1.TaskSpec) (v1.PipelineRunReason, error) {
	if err := checkResults(fill.References(t), spec, known); err != nil {
		return v1.PipelineRunReasonInvalidTaskResultReference, err
	}
	task := known[t.Name]
	if task == nil {
		return "", nil
	}
	if err := checkTaskParams(t, task); err != nil {
		return v1.PipelineRunReasonFailedValidation, err
	}
	return checkTaskWorkspaces(run, spec, t, task)
}

// checkResults makes sure that each result referred to is one that its task declares.
func checkResults(refs []expr.Reference, spec *v1.PipelineSpec, known map[string]*v1.TaskSpec) error {
	names := taskNames(spec)
	for _, r := range refs {
		task, result, ok := r.Result()
		if !ok {
			continue
		}
		if !slices.Contains(names, task) {
			return fmt.Errorf("%s: no task named %q%s", r, task, suggest.DidYouMean(task, names))
		}
		decl := known[task]
		if decl == nil {
			continue
		}
		var results []string
		for _, d := range decl.Results {
			results = append(results, d.Name)
		}
		if !slices.Contains(results, result) {
			return fmt.Errorf("%s: task %q has no result named %q%s", r, task, result, suggest.DidYouMean(result, results))
		}
	}
	return nil
}

func checkTaskParams(t *v1.PipelineTask, task *v1.TaskSpec) error {
	given := fill.AllParams(t)
	for i := range task.Params {
		p := &task.Params[i]
		at := slices.IndexFunc(given, func(g v1.Param) bool { return g.Name == p.Name })
		if at < 0 {
			if p.Default == nil && t.TaskSpec == nil {
				return missingTaskParam(p, given)
			}
			continue
		}
		v := given[at].Value
		inMatrix := at >= len(t.Params)
		// A string may become anything once its variables are known.
		if want := typeOf(p); !inMatrix && v.Type != want && (v.Type != v1.ParamTypeString || len(expr.References(v.StringVal)) == 0) {
			return fmt.Errorf("params.%s must be of type %s, and %s is given", p.Name, want, v.Type)
		}
	}
	return nil
}

func missingTaskParam(p *v1.ParamSpec, given v1.Params) error {
	var names []string
	for _, g := range given {
		names = append(names, g.Name)
	}
	hint := ""
	if near := suggest.Nearest(p.Name, names); near != "" {
		hint = fmt.Sprintf("; %q is given, is it a slip?", near)
	}
	return fmt.Errorf("params.%s has no default in the Task and must be given%s", p.Name, hint)
}

func checkTaskWorkspaces(run *v1.PipelineRun, spec *v1.PipelineSpec, t *v1.PipelineTask, task *v1.TaskSpec) (v1.PipelineRunReason, error) {
	for _, w := range task.Workspaces {
		source := w.Name
		at := slices.IndexFunc(t.Workspaces, func(b v1.WorkspacePipelineTaskBinding) bool { return b.Name == w.Name })
		if at >= 0 && t.Workspaces[at].Workspace != "" {
			source = t.Workspaces[at].Workspace
		}
		if w.Optional {
			continue
		}
		optional := slices.ContainsFunc(spec.Workspaces, func(d v1.PipelineWorkspaceDeclaration) bool { return d.Name == source && d.Optional })
		if at >= 0 && optional {
			return v1.PipelineRunReasonRequiredWorkspaceMarkedOptional,
				fmt.Errorf("workspaces.%s: the Task needs it, and the pipeline's workspace %q is optional", w.Name, source)
		}
		bound := slices.ContainsFunc(run.Spec.Workspaces, func(b v1.WorkspaceBinding) bool { return b.Name == source })
		if reaches := at >= 0 || t.TaskSpec != nil; !reaches || !bound {
			return v1.PipelineRunReasonInvalidWorkspaceBinding,
				fmt.Errorf("workspaces.%s: the Task needs it and the pipeline gives it none%s", w.Name, suggest.DidYouMean(w.Name, boundNames(t)))
		}
	}
	return "", nil
}

func boundNames(t *v1.PipelineTask) []string {
	var names []string
	for _, b := range t.Workspaces {
		names = append(names, b.Name)
	}
	return names
}
