package plan

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"
)

func diff(want, got any) string { return cmp.Diff(want, got) }

var start = time.Unix(1_700_000_000, 0)

// outcome is how the runs of a task end: with a failure, or with results.
type outcome struct {
	fail    bool
	results map[string]any
	outputs []v1.Artifact
	// never: they run until they are cancelled.
	never bool
}

// play is a run with a cluster that does as the script says.
type play struct {
	t        *testing.T
	run      *v1.PipelineRun
	taskRuns []*v1.TaskRun
	claims   []*corev1.PersistentVolumeClaim
	script   map[string]outcome
	now      time.Time
	order    []string
	// on is called before each decision with its number.
	on func(n int, p *play)
}

func newPlay(t *testing.T, spec string, script map[string]outcome) *play {
	t.Helper()
	p := &play{t: t, script: script, now: start, run: &v1.PipelineRun{ObjectMeta: metav1.ObjectMeta{Name: "ci", Namespace: "ns", UID: "u-1"}}}
	if err := yaml.UnmarshalStrict([]byte(strings.ReplaceAll(spec, "\t", "  ")), &p.run.Spec); err != nil {
		t.Fatal(err)
	}
	return p
}

func (p *play) input() Input {
	return Input{Run: p.run, TaskRuns: p.taskRuns, Now: p.now, Defaults: Defaults{Timeout: time.Hour}}
}

// step takes one decision, carries it out and lets children end.
func (p *play) step() Decision {
	d := Next(p.input())
	p.run = p.run.DeepCopy()
	p.run.Status = d.Status
	p.claims = append(p.claims, d.Claims...)
	for _, tr := range d.TaskRuns {
		p.order = append(p.order, tr.Name)
		p.taskRuns = append(p.taskRuns, tr)
	}
	for _, c := range d.Cancel {
		at := slices.IndexFunc(p.taskRuns, func(tr *v1.TaskRun) bool { return tr.Name == c.Name })
		p.taskRuns[at].Spec.Status = v1.TaskRunSpecStatus(c.Status)
		p.taskRuns[at].Spec.StatusMessage = v1.TaskRunSpecStatusMessage(c.Message)
	}
	return d
}

func (p *play) finishChildren() {
	for _, tr := range p.taskRuns {
		o := p.script[tr.Labels[v1.LabelPipelineTask]]
		c := v1.Condition{Type: v1.ConditionSucceeded, Status: corev1.ConditionTrue, Reason: "Succeeded"}
		switch {
		case tr.IsDone():
			continue
		case tr.IsCancelled():
			c.Status, c.Reason = corev1.ConditionFalse, "TaskRunCancelled"
		case o.never:
			continue
		case o.fail:
			c.Status, c.Reason = corev1.ConditionFalse, "StepFailed"
		}
		for name, value := range o.results {
			text, _ := yaml.Marshal(map[string]any{"name": name, "value": value})
			var r v1.TaskRunResult
			if err := yaml.Unmarshal(text, &r); err != nil {
				p.t.Fatal(err)
			}
			tr.Status.Results = append(tr.Status.Results, r)
		}
		if o.outputs != nil {
			tr.Status.Artifacts = &v1.Artifacts{Outputs: o.outputs}
		}
		tr.Status.SetCondition(c)
	}
}

// end plays until the run has ended.
func (p *play) end() *v1.PipelineRun {
	p.t.Helper()
	for n := range 50 {
		if p.on != nil {
			p.on(n, p)
		}
		p.step()
		if p.run.IsDone() {
			return p.run
		}
		p.finishChildren()
		p.now = p.now.Add(time.Second)
	}
	p.t.Fatalf("the run does not end: %+v", p.run.Status)
	return nil
}

func (p *play) taskRun(task string) *v1.TaskRun {
	p.t.Helper()
	at := slices.IndexFunc(p.taskRuns, func(tr *v1.TaskRun) bool { return tr.Labels[v1.LabelPipelineTask] == task })
	if at < 0 {
		p.t.Fatalf("no run of %s among %v", task, p.order)
	}
	return p.taskRuns[at]
}

// outcomeOf writes the end of a run on one line.
func outcomeOf(run *v1.PipelineRun) string {
	c := run.Status.GetCondition(v1.ConditionSucceeded)
	return fmt.Sprintf("%s %s: %s", c.Status, c.Reason, c.Message)
}

func skips(run *v1.PipelineRun) []string {
	var out []string
	for _, s := range run.Status.SkippedTasks {
		out = append(out, s.Name+": "+string(s.Reason))
	}
	return out
}

const steps = `taskSpec: {steps: [{name: s, image: i}]}`

func TestOutcomes(t *testing.T) {
	for name, tc := range map[string]struct {
		spec   string
		script map[string]outcome
		want   string
		order  []string
		skips  []string
	}{
		"tasks in a row": {
			spec:  `pipelineSpec: {tasks: [{name: b, runAfter: [a], ` + steps + `}, {name: a, ` + steps + `}]}`,
			want:  "True Succeeded: Tasks Completed: 2 (Failed: 0, Cancelled 0), Skipped: 0",
			order: []string{"ci-a", "ci-b"},
		},
		"a failure stops what follows and not finally": {
			spec:   `pipelineSpec: {tasks: [{name: a, ` + steps + `}, {name: b, runAfter: [a], ` + steps + `}], finally: [{name: f, ` + steps + `}]}`,
			script: map[string]outcome{"a": {fail: true}},
			want:   "False Failed: Tasks Completed: 2 (Failed: 1, Cancelled 0), Skipped: 1",
			order:  []string{"ci-a", "ci-f"}, skips: []string{"b: PipelineRun was stopping"},
		},
		"an ignored failure does not": {
			spec:   `pipelineSpec: {tasks: [{name: a, onError: continue, ` + steps + `}, {name: b, runAfter: [a], ` + steps + `}]}`,
			script: map[string]outcome{"a": {fail: true}},
			want:   "True Succeeded: Tasks Completed: 2 (Failed: 1 (Ignored: 1), Cancelled 0), Skipped: 0",
			order:  []string{"ci-a", "ci-b"},
		},
		"a guard that is false skips the task and not those ordered after it": {
			spec: `
params: [{name: deploy, value: "no"}]
pipelineSpec:
  tasks:
  - {name: a, when: [{input: $(params.deploy), operator: in, values: ["yes"]}], ` + steps + `}
  - {name: b, runAfter: [a], ` + steps + `}
`,
			want:  "True Completed: Tasks Completed: 1 (Failed: 0, Cancelled 0), Skipped: 1",
			order: []string{"ci-b"}, skips: []string{"a: When Expressions evaluated to false"},
		},
		"but those that need its results, and then those after them": {
			spec: `
pipelineSpec:
  tasks:
  - {name: a, when: [{input: x, operator: in, values: ["y"]}], taskSpec: {results: [{name: r}], steps: [{name: s, image: i}]}}
  - {name: b, params: [{name: p, value: $(tasks.a.results.r)}], ` + steps + `}
  - {name: c, runAfter: [b], ` + steps + `}
  finally:
  - {name: f, params: [{name: p, value: $(tasks.a.results.r)}], ` + steps + `}
`,
			want:  "True Completed: Tasks Completed: 0 (Failed: 0, Cancelled 0), Skipped: 4",
			skips: []string{"a: When Expressions evaluated to false", "b: Results were missing", "c: Parent Tasks were skipped", "f: Results were missing"},
		},
		"a task that ends well without its result": {
			spec: `
pipelineSpec:
  tasks:
  - {name: a, taskSpec: {results: [{name: r}], steps: [{name: s, image: i}]}}
  - {name: b, params: [{name: p, value: $(tasks.a.results.r)}], ` + steps + `}
  - {name: c, runAfter: [b], ` + steps + `}
`,
			want:  `False PipelineValidationFailed: Tasks Completed: 1 (Failed: 0, Cancelled 0), Skipped: 1, Failed Validation: 1 (task "b" needs $(tasks.a.results.r), and task "a" has ended without it)`,
			order: []string{"ci-a"}, skips: []string{"c: PipelineRun was stopping"},
		},
		"an index that a result does not have": {
			spec: `
pipelineSpec:
  tasks:
  - {name: a, taskSpec: {results: [{name: r, type: array}], steps: [{name: s, image: i}]}}
  - {name: b, params: [{name: p, value: "$(tasks.a.results.r[2])"}], ` + steps + `}
`,
			script: map[string]outcome{"a": {results: map[string]any{"r": []string{"x"}}}},
			want:   `False PipelineValidationFailed: Tasks Completed: 1 (Failed: 0, Cancelled 0), Skipped: 0, Failed Validation: 1 (task "b": params.p: $(tasks.a.results.r[2]): index 2 is out of bounds: the array has 1 elements)`,
			order:  []string{"ci-a"},
		},
		"a matrix with an empty array": {
			spec:  `pipelineSpec: {tasks: [{name: a, matrix: {params: [{name: v, value: []}]}, ` + steps + `}]}`,
			want:  "True Completed: Tasks Completed: 0 (Failed: 0, Cancelled 0), Skipped: 1",
			skips: []string{"a: Matrix Parameters have an empty array"},
		},
		"guards in CEL": {
			spec: `
params: [{name: branch, value: main}]
pipelineSpec:
  tasks:
  - {name: a, when: [{cel: "'$(params.branch)'.startsWith('ma')"}], ` + steps + `}
  - {name: b, when: [{cel: "'$(params.branch)' in ['dev']"}], ` + steps + `}
`,
			want:  "True Completed: Tasks Completed: 1 (Failed: 0, Cancelled 0), Skipped: 1",
			order: []string{"ci-a"}, skips: []string{"b: When Expressions evaluated to false"},
		},
		"a guard that is no question": {
			spec: `pipelineSpec: {tasks: [{name: a, when: [{cel: "1 + 1"}], ` + steps + `}]}`,
			want: `False CELEvaluationFailed: Tasks Completed: 0 (Failed: 0, Cancelled 0), Skipped: 0, Failed Validation: 1 (task "a": when[0]: cel "1 + 1": the answer must be true or false)`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPlay(t, tc.spec, tc.script)
			run := p.end()
			if got := outcomeOf(run); got != tc.want {
				t.Errorf("got  %s\nwant %s", got, tc.want)
			}
			if d := diff(tc.order, p.order); d != "" {
				t.Errorf("order of creation: %s", d)
			}
			if d := diff(tc.skips, skips(run)); d != "" {
				t.Errorf("skipped: %s", d)
			}
			if len(run.Status.ChildReferences) != len(p.order) {
				t.Errorf("%d children are listed, %d were created", len(run.Status.ChildReferences), len(p.order))
			}
		})
	}
}

// What a user got wrong is said at the start, with its reason, place and way out.
func TestRefusals(t *testing.T) {
	task := `{name: a, ` + steps + `}`
	for name, tc := range map[string]struct{ spec, want string }{
		"a cycle": {`pipelineSpec: {tasks: [{name: a, runAfter: [b], ` + steps + `}, {name: b, runAfter: [a], ` + steps + `}]}`,
			"PipelineInvalidGraph: [User error] spec.pipelineSpec.tasks: dependency cycle a → b → a"},
		"a param that is not given": {`{params: [{name: rev, value: x}], pipelineSpec: {params: [{name: revs}], tasks: [` + task + `]}}`,
			`ParameterMissing: [User error] spec.params: parameter "revs" has no default and must be given; "rev" is given, which is not declared`},
		"a wrong type": {`{params: [{name: a, value: x}], pipelineSpec: {params: [{name: a, type: array}], tasks: [` + task + `]}}`,
			`ParameterTypeMismatch: [User error] spec.params[0].value: parameter "a" is array, but the value is string`},
		"a key that is missing": {`{params: [{name: o, value: {x: "1"}}], pipelineSpec: {params: [{name: o, type: object, properties: {x: {}, z: {}}}], tasks: [` + task + `]}}`,
			`ObjectParameterMissKeys: [User error] spec.params[0].value: parameter "o" needs the key "z"`},
		"a value that is not allowed": {`{params: [{name: e, value: z}], pipelineSpec: {params: [{name: e, enum: [v, w]}], tasks: [` + task + `]}}`,
			`InvalidParamValue: [User error] spec.params[0].value: parameter "e" cannot be "z": it is one of v, w`},
		"an index out of bounds": {`{params: [{name: l, value: [x]}], pipelineSpec: {tasks: [{name: a, params: [{name: p, value: "$(params.l[1])"}], ` + steps + `}]}}`,
			"ParamArrayIndexingInvalid: [User error] spec.tasks[0] (a): params.p: $(params.l[1]): index 1 is out of bounds: the array has 1 elements"},
		"an unknown param": {`{params: [{name: image, value: x}], pipelineSpec: {tasks: [{name: a, params: [{name: p, value: $(params.imgae)}], ` + steps + `}]}}`,
			`PipelineValidationFailed: [User error] spec.pipelineSpec.tasks[0].params[0].value: no parameter named "imgae"; did you mean "image"?`},
		"an unknown workspace": {`{workspaces: [{name: sorce, emptyDir: {}}], pipelineSpec: {workspaces: [{name: source}], tasks: [` + task + `]}}`,
			`InvalidWorkspaceBindings: [User error] spec.workspaces: the Pipeline needs workspace "source"; did you mean "sorce"?`},
		"settings for a task that is not": {`{taskRunSpecs: [{pipelineTaskName: b}], pipelineSpec: {tasks: [` + task + `]}}`,
			`InvalidTaskRunSpecs: [User error] spec.taskRunSpecs[0].pipelineTaskName: no task named "b"; did you mean "a"?`},
		"an unknown result": {`pipelineSpec: {tasks: [{name: a, taskSpec: {results: [{name: digest}], steps: [{name: s, image: i}]}}, {name: b, params: [{name: p, value: $(tasks.a.results.digset)}], ` + steps + `}]}`,
			`InvalidTaskResultReference: [User error] spec.pipelineSpec.tasks[1].params[0].value: no result of task "a" named "digset"; did you mean "digest"?`},
		"a pipeline result of nobody": {`pipelineSpec: {results: [{name: r, value: $(tasks.b.results.x)}], tasks: [` + task + `]}`,
			`InvalidPipelineResultReference: [User error] spec.pipelineSpec.results[0].value: no task named "b"; did you mean "a"?`},
		"a workspace that may be missing where it is needed": {`pipelineSpec: {workspaces: [{name: w, optional: true}], tasks: [{name: a, workspaces: [{name: w}], taskSpec: {workspaces: [{name: w}], steps: [{name: s, image: i}]}}]}`,
			`RequiredWorkspaceMarkedOptional: [User error] task "a": workspaces.w: the Task needs it, and the pipeline's workspace "w" is optional`},
		"a workspace that nobody binds": {`pipelineSpec: {tasks: [{name: a, workspaces: [{name: src}], ` + steps + `}]}`,
			`PipelineValidationFailed: [User error] spec.pipelineSpec.tasks[0].workspaces[0].name: no workspace named "src"`},
		"an unknown task": {`pipelineSpec: {tasks: [{name: build, ` + steps + `}, {name: b, runAfter: [biuld], ` + steps + `}]}`,
			`PipelineInvalidGraph: [User error] spec.pipelineSpec.tasks[1].runAfter: no task named "biuld"; did you mean "build"?`},
		"a result of an unknown task": {`pipelineSpec: {tasks: [{name: b, params: [{name: p, value: $(tasks.a.results.r)}], ` + steps + `}]}`,
			`PipelineInvalidGraph: [User error] spec.pipelineSpec.tasks[0].params[0].value: no task named "a"; did you mean "b"?`},
		"parts longer than the whole": {`{timeouts: {pipeline: 1m, tasks: 2m}, pipelineSpec: {tasks: [` + task + `]}}`,
			`PipelineValidationFailed: [User error] spec.timeouts: tasks and finally take 2m0s together, but the whole pipeline 1m0s`},
		"defaults that go round": {`pipelineSpec: {params: [{name: v, default: $(params.w)}, {name: w, default: $(params.v)}], tasks: [` + task + `]}`,
			"PipelineValidationFailed: [User error] params.v: the defaults refer to each other: v → w → v"},
		"a matrix without end": {`{params: [{name: l, value: [` + strings.Repeat("x,", 20) + `x]}], pipelineSpec: {tasks: [{name: a, matrix: {params: [{name: p, value: ["$(params.l[*])"]}, {name: q, value: ["$(params.l[*])"]}]}, ` + steps + `}]}}`,
			`PipelineValidationFailed: [User error] task "a": matrix: 441 combinations, and 256 is the limit`},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPlay(t, tc.spec, nil)
			run := p.end()
			if got := outcomeOf(run); got != "False "+tc.want {
				t.Errorf("got  %s\nwant False %s", got, tc.want)
			}
			if len(p.order) > 0 {
				t.Errorf("%v were created all the same", p.order)
			}
		})
	}
}
