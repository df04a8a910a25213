package validation

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"sigs.k8s.io/yaml"

	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
)

// What a Task elsewhere needs is known only when both are looked at.
func TestPipelineFits(t *testing.T) {
	const task = `{params: [{name: p, type: string}, {name: d, type: string, default: x}], workspaces: [{name: w}, {name: o, optional: true}], results: [{name: r}]}`
	for name, tc := range map[string]struct {
		in   string
		want []string
	}{
		"all is given": {in: `{tasks: [{name: a, taskRef: {name: t}, params: [{name: p, value: x}], workspaces: [{name: w}]}],
			results: [{name: x, value: $(tasks.a.results.r)}]}`},
		"a matrix gives one string at a time": {in: `{tasks: [{name: a, taskRef: {name: t}, matrix: {params: [{name: p, value: [x]}]}, workspaces: [{name: w}]}]}`},
		"an include of a matrix gives too":    {in: `{tasks: [{name: a, taskRef: {name: t}, matrix: {include: [{name: i, params: [{name: p, value: x}]}]}, workspaces: [{name: w}]}]}`},
		"a task that is not known is trusted": {in: `{tasks: [{name: b, taskRef: {name: t}}]}`},
		"nothing is given": {`{tasks: [{name: a, taskRef: {name: t}}]}`, []string{
			`spec.tasks[0].params: parameter "p" has no default and must be given`, `spec.tasks[0].workspaces: the Task needs workspace "w"`}},
		"no such result": {`{tasks: [{name: a, taskRef: {name: t}, params: [{name: p, value: x}], workspaces: [{name: w}]}],
			finally: [{name: f, taskSpec: {}, params: [{name: v, value: "$(tasks.a.results.R)"}]}], results: [{name: x, value: $(tasks.a.results.nope)}]}`, []string{
			`spec.finally[0].params[0].value: no result of task "a" named "R"; did you mean "r"?`,
			`spec.results[0].value: no result of task "a" named "nope"`}},
	} {
		t.Run(name, func(t *testing.T) {
			var spec v1.PipelineSpec
			var known v1.TaskSpec
			for text, into := range map[string]any{tc.in: &spec, task: &known} {
				if err := yaml.UnmarshalStrict([]byte(text), into); err != nil {
					t.Fatal(err)
				}
			}
			var got []string
			for _, err := range PipelineFits(&spec, map[string]*v1.TaskSpec{"a": &known}, field.NewPath("spec")) {
				got = append(got, Message(err))
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestPipelineRunFits(t *testing.T) {
	run := &v1.PipelineRunSpec{Workspaces: []v1.WorkspaceBinding{{Name: "sourec"}}, TaskRunSpecs: []v1.PipelineTaskRunSpec{{PipelineTaskName: "b"}}}
	pipeline := &v1.PipelineSpec{
		Params: v1.ParamSpecs{{Name: "p", Type: v1.ParamTypeString}}, Tasks: []v1.PipelineTask{{Name: "a"}},
		Workspaces: []v1.PipelineWorkspaceDeclaration{{Name: "source"}, {Name: "cache", Optional: true}},
	}
	var got []string
	for _, err := range PipelineRunFits(run, pipeline, field.NewPath("spec")) {
		got = append(got, Message(err))
	}
	if diff := cmp.Diff([]string{
		`spec.params: parameter "p" has no default and must be given`,
		`spec.workspaces: the Pipeline needs workspace "source"; did you mean "sourec"?`,
		`spec.taskRunSpecs[0].pipelineTaskName: no task named "b"; did you mean "a"?`,
	}, got); diff != "" {
		t.Error(diff)
	}
}
