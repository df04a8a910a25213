package group

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"sigs.k8s.io/yaml"

	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
	"github.com/slipway-dev/slipway/pkg/dag"
	"github.com/slipway-dev/slipway/pkg/share"
)

// read makes tasks of YAML: pipeline tasks with their taskSpec.
func read(t *testing.T, text string) []Task {
	t.Helper()
	var specs []v1.PipelineTask
	if err := yaml.UnmarshalStrict([]byte(text), &specs); err != nil {
		t.Fatal(err)
	}
	var tasks []Task
	for i := range specs {
		task := Task{Spec: &specs[i]}
		if specs[i].TaskSpec != nil {
			task.Body = &specs[i].TaskSpec.TaskSpec
		}
		tasks = append(tasks, task)
	}
	return tasks
}

// spread goes by runAfter alone.
func spread(t *testing.T, tasks []Task, mode share.Mode) Decision {
	t.Helper()
	var names []string
	var edges []dag.Edge
	for _, task := range tasks {
		names = append(names, task.Spec.Name)
		for _, p := range task.Spec.RunAfter {
			edges = append(edges, dag.Edge{From: p, To: task.Spec.Name})
		}
	}
	graph, err := dag.Build(names, edges)
	if err != nil {
		t.Fatal(err)
	}
	return Decide(tasks, graph, mode)
}

const plain = "taskSpec: {steps: [{name: s, image: i, command: ['true']}]}"

func task(name, fields string, after ...string) string {
	return fmt.Sprintf("- {name: %s, runAfter: [%s], %s}\n", name, strings.Join(after, ", "), fields)
}

// Tasks that share a Pod wait for the same tasks elsewhere.
func TestGroups(t *testing.T) {
	alone := "retries: 1, " + plain
	for name, tc := range map[string]struct {
		tasks string
		want  share.Groups
	}{
		"all":             {task("a", plain) + task("b", plain, "a") + task("c", plain, "a"), share.Groups{{"a", "b", "c"}}},
		"side by side":    {task("a", plain) + task("b", plain), share.Groups{{"a", "b"}}},
		"one":             {task("a", plain), nil},
		"before, after":   {task("a", plain) + task("b", plain, "a") + task("x", alone, "b") + task("c", plain, "x") + task("d", plain, "c"), share.Groups{{"a", "b"}, {"c", "d"}}},
		"beside":          {task("a", plain) + task("x", alone, "a") + task("b", plain, "a") + task("c", plain, "b"), share.Groups{{"a", "b", "c"}}},
		"late, with more": {task("x", alone) + task("y", alone) + task("a", plain, "x") + task("b", plain, "x", "y") + task("c", plain, "a"), share.Groups{{"a", "c"}}},
		"none":            {task("x", alone) + task("y", alone, "x"), nil},
	} {
		got := spread(t, read(t, tc.tasks), share.Pod)
		if diff := cmp.Diff(tc.want, got.Groups, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%s: (-want +got)\n%s", name, diff)
		}
		for _, task := range read(t, tc.tasks) {
			grouped := 0
			for _, g := range got.Groups {
				for _, n := range g {
					if n == task.Spec.Name {
						grouped++
					}
				}
			}
			if (grouped == 1) == (got.Alone[task.Spec.Name] != "") || grouped > 1 {
				t.Errorf("%s: task %s is in %d groups, and alone because %q", name, task.Spec.Name, grouped, got.Alone[task.Spec.Name])
			}
		}
	}
}

// Every task that has a Pod of its own is told why.
func TestReasons(t *testing.T) {
	taking := func(param string) string {
		return "params: [{name: p, value: " + param + "}], taskSpec: {params: [{name: p}], steps: [{name: s, image: i, command: [echo, $(params.p)]}]}"
	}
	for name, tc := range map[string]struct{ fields, want string }{
		"nothing":            {plain, ""},
		"a text":             {taking("$(tasks.o.results.r)"), ""},
		"a text in a text":   {taking("'v$(tasks.o.results.r)'"), ""},
		"in place":           {"taskSpec: {steps: [{name: s, image: i, script: 'echo $(tasks.o.results.r)'}]}", ""},
		"a pipeline":         {"pipelineRef: {name: p}", "it is a pipeline"},
		"a custom task":      {"taskRef: {apiVersion: example.dev/v1, kind: Wait}", "it is a custom task"},
		"a resolver":         {"taskRef: {resolver: git}", "its Task comes from a resolver"},
		"unknown":            {"taskRef: {name: $(tasks.o.results.r)}", "what it runs is known only when it starts"},
		"a matrix":           {"matrix: {params: [{name: p, value: [a, b]}]}, " + plain, "it has a matrix"},
		"retries":            {"retries: 2, " + plain, "its retries need a fresh file system"},
		"timeout":            {"timeout: 1m, " + plain, "it has a timeout of its own"},
		"onError":            {"onError: continue, " + plain, ""},
		"when":               {"when: [{input: a, operator: in, values: [a]}], " + plain, ""},
		"when of a text":     {"when: [{input: $(tasks.o.results.r), operator: in, values: [a]}], " + plain, ""},
		"when in CEL":        {"when: [{cel: \"'$(tasks.o.results.r)' == 'a'\"}], " + plain, ""},
		"when of an array":   {"when: [{input: a, operator: in, values: ['$(tasks.o.results.r[*])']}], " + plain, "its when expressions take another task's result other than a text"},
		"labels":             {"taskSpec: {metadata: {labels: {a: b}}, steps: [{name: s, image: i, command: [a]}]}", "its taskSpec has labels or annotations of its own"},
		"sidecar":            {"taskSpec: {sidecars: [{name: d, image: i}], steps: [{name: s, image: i, command: [a]}]}", "it has sidecars"},
		"volume":             {"taskSpec: {volumes: [{name: v}], steps: [{name: s, image: i, command: [a]}]}", "it has volumes of its own"},
		"array result":       {"taskSpec: {results: [{name: r, type: array}], steps: [{name: s, image: i, command: [a]}]}", ""},
		"result of a step":   {"taskSpec: {results: [{name: r, value: $(steps.s.results.x)}], steps: [{name: s, image: i, command: [a]}]}", "it has a result that is one of a step"},
		"image's own":        {"taskSpec: {steps: [{name: s, image: i}]}", "what the image of a step runs is known only to its registry"},
		"uid":                {"taskSpec: {steps: [{name: s, image: i, script: 'echo $(context.taskRun.uid)'}]}", "it asks for the uid of its run or the name of a volume"},
		"takes an array":     {taking("['$(tasks.o.results.r[*])']"), `param "p" takes another task's result other than a text`},
		"takes an element":   {taking("'$(tasks.o.results.r[0])'"), `param "p" takes another task's result other than a text`},
		"takes an artifact":  {taking("'$(tasks.o.outputs.image)'"), `param "p" takes another task's result other than a text`},
		"into an enum":       {"params: [{name: p, value: $(tasks.o.results.r)}], taskSpec: {params: [{name: p, enum: [a]}], steps: [{name: s, image: i, command: [echo]}]}", `param "p" takes a result and has an enum`},
		"for an image":       {"params: [{name: p, value: $(tasks.o.results.r)}], taskSpec: {params: [{name: p}], steps: [{name: s, image: $(params.p), command: [echo]}]}", "a result of another task decides more than what a step runs"},
		"for a folder":       {"params: [{name: p, value: $(tasks.o.results.r)}], taskSpec: {params: [{name: p}], steps: [{name: s, image: i, workingDir: $(params.p), command: [echo]}]}", "a result of another task decides more than what a step runs"},
		"for a subPath":      {"workspaces: [{name: w, subPath: $(tasks.o.results.r)}], " + plain, "a result of another task decides more than what a step runs"},
		"in place, an image": {"taskSpec: {steps: [{name: s, image: $(tasks.o.results.r), command: [a]}]}", "a result of another task decides more than what a step runs"},
	} {
		tasks := read(t, task("o", "taskSpec: {results: [{name: r}], steps: [{name: s, image: i, command: ['true']}]}")+task("t", tc.fields, "o"))
		if got := spread(t, tasks, share.Pod).Alone["t"]; got != tc.want {
			t.Errorf("%s: alone because %q, want %q", name, got, tc.want)
		}
	}
}

// A result that is an array is none that can be put in as a text.
func TestReasonOfTypes(t *testing.T) {
	tasks := read(t, task("o", "taskSpec: {results: [{name: r, type: array}], steps: [{name: s, image: i, command: ['true']}]}")+
		task("t", "params: [{name: p, value: $(tasks.o.results.r)}], taskSpec: {params: [{name: p}], steps: [{name: s, image: i, command: [echo]}]}", "o"))
	if got := spread(t, tasks, share.Pod).Alone["t"]; got != "it takes another task's result other than a text" {
		t.Errorf("alone because %q", got)
	}
}

// What the run says of a task alone, and the claims that it names, are no part of the pipeline.
func TestReasonsOfTheRun(t *testing.T) {
	tasks := read(t, task("a", plain)+task("b", plain)+task("c", plain)+task("d", plain))
	tasks[0].Special, tasks[1].Claims = true, true
	for mode, want := range map[share.Mode]map[string]string{
		share.Pod:  {"a": "the run says something of it alone"},
		share.Auto: {"a": "the run says something of it alone", "b": "it uses a volume claim that the run names"},
	} {
		if diff := cmp.Diff(want, spread(t, tasks, mode).Alone); diff != "" {
			t.Errorf("%s: (-want +got)\n%s", mode, diff)
		}
	}
}

// A Pod has a bounded number of steps, and no two containers of one name.
func TestSurplus(t *testing.T) {
	var text strings.Builder
	for i := range maxSteps + 2 {
		text.WriteString(task(fmt.Sprintf("t%02d", i), plain))
	}
	got := spread(t, read(t, text.String()), share.Pod)
	if len(got.Groups) != 1 || len(got.Groups[0]) != maxSteps || len(got.Alone) != 2 {
		t.Errorf("%d groups, %v alone", len(got.Groups), got.Alone)
	}
	got = spread(t, read(t, task("a", "taskSpec: {steps: [{name: b-c, image: i, command: [a]}]}")+
		task("a-b", "taskSpec: {steps: [{name: c, image: i, command: [a]}]}")+task("d", plain)), share.Pod)
	if diff := cmp.Diff(map[string]string{"a-b": "its container step-a-b-c would be called as another's"}, got.Alone); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// A workspace needs no claim where one Pod alone uses it, and by its files alone.
func TestScratch(t *testing.T) {
	run := &v1.PipelineRun{}
	if err := yaml.UnmarshalStrict([]byte("spec: {workspaces: [{name: src, volumeClaimTemplate: {spec: {}}}, {name: mine, persistentVolumeClaim: {claimName: c}}]}"), run); err != nil {
		t.Fatal(err)
	}
	const uses = "workspaces: [{name: src}, {name: mine}], "
	naming := "taskSpec: {steps: [{name: s, image: i, script: 'echo $(workspaces.src.claim)'}]}"
	for name, tc := range map[string]struct {
		tasks string
		want  []string
	}{
		"one Pod":        {task("a", uses+plain) + task("b", uses+plain, "a"), []string{"src"}},
		"by its name":    {task("a", "taskSpec: {steps: [{name: s, image: i, workingDir: $(workspaces.src.path), command: [a]}]}") + task("b", plain), []string{"src"}},
		"used by none":   {task("a", plain) + task("b", plain, "a"), nil},
		"two Pods":       {task("a", uses+plain) + task("b", plain) + task("x", "retries: 1, "+plain, "b") + task("c", uses+plain, "x") + task("d", plain, "c"), nil},
		"a Pod of a's":   {task("a", uses+plain) + task("b", plain) + task("x", "retries: 1, "+uses+plain, "b"), nil},
		"names its name": {task("a", uses+plain) + task("b", naming, "a"), nil},
	} {
		tasks := read(t, tc.tasks)
		if diff := cmp.Diff(tc.want, Scratch(run, tasks, spread(t, tasks, share.Pod).Groups)); diff != "" {
			t.Errorf("%s: (-want +got)\n%s", name, diff)
		}
	}
}

// Tasks that start together share a Pod though they take what others gave.
func TestAtOnce(t *testing.T) {
	taking := "params: [{name: p, value: '$(tasks.o.results.r[*])'}], taskSpec: {params: [{name: p}], steps: [{name: s, image: $(params.p), command: [a]}]}"
	got := AtOnce(read(t, task("a", plain)+task("b", taking)+task("c", "timeout: 1m, "+plain)), share.Pod)
	if diff := cmp.Diff(Decision{Groups: share.Groups{{"a", "b"}}, Alone: map[string]string{"c": "it has a timeout of its own"}}, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}
