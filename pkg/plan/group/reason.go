package group

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
	"github.com/slipway-dev/slipway/entrypoint/contract"
	"github.com/slipway-dev/slipway/pkg/expr"
	"github.com/slipway-dev/slipway/pkg/share"
)

// Container is the name of the container of the i-th step of a task.
func Container(task string, i int, step string) string {
	if step == "" {
		step = fmt.Sprintf("unnamed-%d", i)
	}
	return contract.Container(task, step)
}

// reason is why a task needs a Pod of its own, or "". more are rules for tasks that may
// take what others of their Pod are yet to give.
func reason(t Task, mode share.Mode, more ...func(Task) string) string {
	for _, rule := range append([]func(Task) string{ofKind, ofPipeline, ofBody}, more...) {
		if why := rule(t); why != "" {
			return why
		}
	}
	if mode == share.Auto && t.Claims {
		return "it uses a volume claim that the run names"
	}
	return ""
}

// ofKind looks at what kind of task it is.
func ofKind(t Task) string {
	s := t.Spec
	switch {
	case s.PipelineRef != nil || s.PipelineSpec != nil:
		return "it is a pipeline"
	case s.IsCustomTask():
		return "it is a custom task"
	case s.TaskRef != nil && s.TaskRef.Resolver != "":
		return "its Task comes from a resolver"
	case s.Matrix != nil:
		return "it has a matrix"
	}
	return ""
}

// ofPipeline looks at what the pipeline says of the task.
func ofPipeline(t Task) string {
	s := t.Spec
	switch {
	case s.Retries > 0:
		return "its retries need a fresh file system"
	case s.Timeout != nil:
		return "it has a timeout of its own"
	case t.Special:
		return "the run says something of it alone"
	case s.TaskSpec != nil && len(s.TaskSpec.Metadata.Labels)+len(s.TaskSpec.Metadata.Annotations) > 0:
		return "its taskSpec has labels or annotations of its own"
	}
	return ""
}

// ofBody looks at what the task runs.
func ofBody(t Task) string {
	b := t.Body
	switch {
	case b == nil:
		return "what it runs is known only when it starts"
	case len(b.Sidecars) > 0:
		return "it has sidecars"
	case len(b.Volumes) > 0:
		return "it has volumes of its own"
	case slices.ContainsFunc(b.Results, func(r v1.TaskResult) bool { return r.Value != nil }):
		return "it has a result that is one of a step"
	case slices.ContainsFunc(references(b), func(r expr.Reference) bool { return r.Name() == "context.taskRun.uid" || isVolume(r) }):
		return "it asks for the uid of its run or the name of a volume"
	case slices.ContainsFunc(b.Steps, func(s v1.Step) bool { return needsImage(b, s) }):
		return "what the image of a step runs is known only to its registry"
	}
	return ""
}

func isVolume(r expr.Reference) bool {
	return r.Path[0] == "workspaces" && r.Path[len(r.Path)-1] == "volume"
}

// needsImage reports whether the step leaves to its image what it runs.
func needsImage(b *v1.TaskSpec, s v1.Step) bool {
	return s.Ref == nil && s.Script == "" && len(s.Command) == 0 && (b.StepTemplate == nil || len(b.StepTemplate.Command) == 0)
}

// moreThanRun is why a task that takes a result waits for it before it has a Pod.
const moreThanRun = "a result of another task decides more than what a step runs"

// ofParams finds params that take what cannot be put in when a step starts.
func ofParams(t Task) string {
	for _, p := range t.Spec.Params {
		refs := ofTasks(p.Value)
		if len(refs) == 0 {
			continue
		}
		at := slices.IndexFunc(t.Body.Params, func(d v1.ParamSpec) bool { return d.Name == p.Name })
		if at >= 0 && len(t.Body.Params[at].Enum) > 0 {
			return fmt.Sprintf("param %q takes a result and has an enum", p.Name)
		}
		if p.Value.Type != v1.ParamTypeString || slices.ContainsFunc(refs, notText) {
			return fmt.Sprintf("param %q takes another task's result other than a text", p.Name)
		}
	}
	return ""
}

// ofResults finds other uses of results that cannot be put in then.
func ofResults(t Task) string {
	rest := t.Spec.DeepCopy()
	rest.Params, rest.TaskSpec, rest.When = nil, nil, nil
	if len(ofTasks(rest)) > 0 {
		return moreThanRun
	}
	if slices.ContainsFunc(ofTasks(t.Spec.When), notText) {
		return "its when expressions take another task's result other than a text"
	}
	if slices.ContainsFunc(ofTasks(t.Body), notText) {
		return "it takes another task's result other than a text"
	}
	body := t.Body.DeepCopy()
	withoutRun(body)
	for _, r := range references(body) {
		param, isParam := r.Param()
		if r.Path[0] == "tasks" || (isParam && t.takes(param)) {
			return moreThanRun
		}
	}
	return ""
}

// ofTypes finds results of others, taken as a whole, that are arrays or objects.
func ofTypes(t Task, others []Task) string {
	for _, r := range ofTasks(t.Spec) {
		task, result, ok := r.Result()
		if ok && slices.ContainsFunc(others, func(o Task) bool { return o.Spec.Name == task && o.gives(result) }) {
			return "it takes another task's result other than a text"
		}
	}
	return ""
}

// gives reports whether the task declares the result as an array or an object.
func (t Task) gives(result string) bool {
	return t.Body != nil && slices.ContainsFunc(t.Body.Results, func(r v1.TaskResult) bool {
		return r.Name == result && (r.Properties != nil || (r.Type != "" && r.Type != v1.ResultsTypeString))
	})
}

// takes reports whether the value of a param holds a result of another task.
func (t Task) takes(param string) bool {
	return slices.ContainsFunc(t.Spec.Params, func(p v1.Param) bool { return p.Name == param && len(ofTasks(p.Value)) > 0 })
}

// When are the expressions that take results of the given tasks, or those that do not.
func When(when v1.WhenExpressions, tasks []string, taking bool) v1.WhenExpressions {
	return slices.DeleteFunc(slices.Clone(when), func(w v1.WhenExpression) bool {
		return taking != slices.ContainsFunc(ofTasks(w), func(r expr.Reference) bool {
			name, _, ok := r.Result()
			return ok && slices.Contains(tasks, name)
		})
	})
}

// notText reports whether a reference is anything but a result as a whole.
func notText(r expr.Reference) bool {
	_, _, ok := r.Result()
	return !ok || len(r.Path) != 4 || r.Selector != expr.Plain
}

// withoutRun takes out of a body where the entrypoint can put a value in.
func withoutRun(b *v1.TaskSpec) {
	for i := range b.Steps {
		s := &b.Steps[i]
		s.Script, s.Command, s.Args = "", nil, nil
		for j := range s.Env {
			s.Env[j].Value = ""
		}
	}
	if t := b.StepTemplate; t != nil {
		t.Command, t.Args = nil, nil
		for j := range t.Env {
			t.Env[j].Value = ""
		}
	}
}

func ofTasks(part any) []expr.Reference {
	return slices.DeleteFunc(references(part), func(r expr.Reference) bool { return r.Path[0] != "tasks" })
}

// references are those in every text of what came as JSON, and so goes as JSON. Its
// quotes are in the way of references, and those of names are as good single.
func references(part any) []expr.Reference {
	text, _ := json.Marshal(part)
	return expr.References(strings.ReplaceAll(string(text), `\"`, "'"))
}
