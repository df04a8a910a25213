package manifest

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
	"github.com/slipway-dev/slipway/api/tekton/v1beta1"
)

func TestDecode(t *testing.T) {
	objects, err := Decode([]byte(`
# a comment alone is no document
---
apiVersion: tekton.dev/v1
kind: TaskRun
metadata: {generateName: hello-}
spec:
  timeout: 90s
  params:
  - {name: count, value: 3}
  - {name: day, value: 2024-01-01}
  taskSpec:
    params: [{name: count, default: "1"}]
    steps:
    - &step
      name: one
      image: a
      computeResources: {limits: {cpu: 500m, memory: 1Gi}}
    - <<: *step
      name: two
---
apiVersion: v1
kind: ConfigMap
metadata: {name: settings}
data: {key: value}
---
apiVersion: tekton.dev/v1alpha1
kind: StepAction
metadata: {name: old}
spec: {image: a}
`), "run.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if len(objects) != 3 {
		t.Fatalf("got %d objects", len(objects))
	}
	tr := objects[0].(*v1.TaskRun)
	got := []string{tr.Spec.Timeout.Duration.String(), tr.Spec.Params[0].Value.StringVal, tr.Spec.Params[1].Value.StringVal,
		string(tr.Spec.TaskSpec.Params[0].Type), tr.Spec.TaskSpec.Steps[1].Name, tr.Spec.TaskSpec.Steps[1].Image,
		tr.Spec.TaskSpec.Steps[1].ComputeResources.Limits.Cpu().String()}
	if diff := cmp.Diff([]string{"1m30s", "3", "2024-01-01", "string", "two", "a", "500m"}, got); diff != "" {
		t.Error(diff)
	}
	if cm, ok := objects[1].(*unstructured.Unstructured); !ok || cm.GetName() != "settings" {
		t.Errorf("the ConfigMap came as %v", objects[1])
	}
	if sa, ok := objects[2].(*v1beta1.StepAction); !ok || sa.APIVersion != "tekton.dev/v1beta1" {
		t.Errorf("the StepAction came as %v", objects[2])
	}
}

// Each message is what a user reads, in full: where, what, and the way out.
func TestDecodeErrors(t *testing.T) {
	const task = "apiVersion: tekton.dev/v1\nkind: Task\nmetadata: {name: t}\n"
	for name, tc := range map[string]struct {
		in   string
		want []string
	}{
		"unknown field": {task + "spec:\n  steps:\n  - image: a\n    comand: [b]\n",
			[]string{`f.yaml:7: spec.steps[0].comand: unknown field; did you mean "command"?`}},
		"unknown field in another's type": {task + "spec:\n  steps:\n  - image: a\n    env:\n    - {name: a, vlaue: b}\n",
			[]string{`f.yaml:8: spec.steps[0].env[0].vlaue: unknown field; did you mean "value"?`}},
		"unknown field in metadata": {"apiVersion: tekton.dev/v1\nkind: Task\nmetadata:\n  nmae: t\n",
			[]string{`f.yaml:4: metadata.nmae: unknown field; did you mean "name"?`}},
		"case matters": {task + "spec:\n  steps:\n  - image: a\n    workspaces: [{name: w, mountpath: /w}]\n",
			[]string{`f.yaml:7: spec.steps[0].workspaces[0].mountpath: unknown field; did you mean "mountPath"?`}},
		"wrong types, all at once": {task + "spec:\n  steps:\n  - image: 5\n    args: x\n    timeout: soon\n    computeResources: {limits: {cpu: lots}}\n    env: {a: b}\n  - a\n",
			[]string{
				"f.yaml:6: spec.steps[0].image: must be a string, and is a number: quote it",
				"f.yaml:7: spec.steps[0].args: must be a list, and is a string",
				`f.yaml:8: spec.steps[0].timeout: "soon" is not a duration, such as 90s or 1h30m`,
				`f.yaml:9: spec.steps[0].computeResources.limits[cpu]: "lots" is not a quantity, such as 500m or 2Gi`,
				"f.yaml:10: spec.steps[0].env: must be a list, and is an object",
				"f.yaml:11: spec.steps[1]: must be an object, and is a string",
			}},
		"a number too large": {strings.Replace(task, "Task", "TaskRun", 1) + "spec: {retries: 99999999999999999999}\n",
			[]string{`f.yaml:4: spec.retries: "99999999999999999999" is out of range`}},
		"duplicate key": {task + "spec:\n  steps: []\n  description: x\n  steps: []\n",
			[]string{"f.yaml:7: spec.steps: is given twice, first in line 5"}},
		"validation has lines too": {"apiVersion: tekton.dev/v1\nkind: Pipeline\nmetadata: {name: p}\nspec:\n  tasks:\n  - name: build\n    taskRef: {name: t}\n  - name: test\n    taskRef: {name: t}\n    runAfter: [biuld]\n",
			[]string{`f.yaml:10: spec.tasks[1].runAfter: no task named "biuld"; did you mean "build"?`}},
		"a field that is missing takes the line of what should hold it": {task + "spec:\n  steps:\n  - name: x\n",
			[]string{"f.yaml:6: spec.steps[0].image: a step needs an image, a ref, or an image in stepTemplate"}},
		"unknown kind":  {"apiVersion: tekton.dev/v1\nkind: Tsk\n", []string{`f.yaml:2: kind: no kind named "Tsk"; did you mean "Task"?`}},
		"wrong version": {"apiVersion: tekton.dev/v1\nkind: StepAction\n", []string{`f.yaml:1: apiVersion: "tekton.dev/v1" has no StepAction: write "tekton.dev/v1beta1"`}},
		"no kind":       {"spec: {}\n", []string{"f.yaml:1: kind: give apiVersion and kind"}},
		"no name":       {"apiVersion: v1\nkind: Secret\nmetadata: {}\n", []string{"f.yaml:3: metadata: give a name or a generateName"}},
		"not an object": {"- a\n", []string{"f.yaml:1: a document is an object with apiVersion and kind, and this is a list"}},
		"not YAML":      {task + "spec: {\n", []string{"f.yaml:4: not YAML: did not find expected node content"}},
		"several documents": {task + "spec: {steps: [{}]}\n---\n" + task + "spec: {steps: [{}]}\n",
			[]string{
				"f.yaml:4: spec.steps[0].image: a step needs an image, a ref, or an image in stepTemplate",
				"f.yaml:9: spec.steps[0].image: a step needs an image, a ref, or an image in stepTemplate",
			}},
		"aliases that unfold without end": {"a: &a [x, x, x, x, x, x, x, x, x]\nb: &b [*a, *a, *a, *a, *a, *a, *a, *a, *a]\nc: &c [*b, *b, *b, *b, *b, *b, *b, *b, *b]\nd: &d [*c, *c, *c, *c, *c, *c, *c, *c, *c]\ne: &e [*d, *d, *d, *d, *d, *d, *d, *d, *d]\nf: [*e, *e, *e, *e, *e, *e, *e, *e, *e]\n",
			[]string{"f.yaml:1: is nested too deeply, or its aliases unfold to too much"}},
		"infinity": {task + "spec: {description: .inf}\n", []string{`f.yaml:4: spec.description: ".inf" has no place in JSON: quote it if it is text`}},
	} {
		t.Run(name, func(t *testing.T) {
			objects, err := Decode([]byte(tc.in), "f.yaml")
			var errs Errors
			if !errors.As(err, &errs) || objects != nil {
				t.Fatalf("got %v, %v", objects, err)
			}
			if diff := cmp.Diff(strings.Join(tc.want, "\n"), err.Error()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// Whatever a file holds, reading it ends without a panic, and an object that is
// accepted is accepted again when it is written out.
func FuzzDecode(f *testing.F) {
	for _, s := range []string{
		"", "---\n", "a: b", "{", "- a", "a: &a\n  b: *a\n", "? [a]\n: b\n", "a: !!binary x", "<<: 1", "a: 0x1f\nb: 1e400\nc: .nan",
		"apiVersion: tekton.dev/v1\nkind: Task\nmetadata: {name: t}\nspec: {steps: [{image: $(params.x)}], params: [{name: x, default: [1]}]}",
		"apiVersion: tekton.dev/v1\nkind: TaskRun\nmetadata: {name: t}\nspec: {timeout: 1s, taskRef: {name: x}, workspaces: [{name: w, emptyDir: {sizeLimit: 1Gi}}]}",
		"apiVersion: tekton.dev/v1\nkind: Pipeline\nmetadata: {name: p}\nspec: {tasks: [{name: a, taskRef: {name: t}, runAfter: [a], matrix: {params: [{name: x, value: [y]}]}}]}",
		"apiVersion: tekton.dev/v1\nkind: PipelineRun\nmetadata: {generateName: p-}\nspec: {pipelineSpec: {tasks: [{name: a, taskSpec: {apiVersion: x/v1, kind: Y, spec: {z: 1}}}]}}",
		"apiVersion: tekton.dev/v1beta1\nkind: StepAction\nmetadata: {name: s}\nspec: {image: a, script: $(params.x)}",
		"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\ndata: {a: 1}",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		objects, err := Decode(data, "f.yaml")
		if err != nil {
			if err.Error() == "" {
				t.Fatal("an error without a message")
			}
			return
		}
		for _, o := range objects {
			again, err := json.Marshal(o.DeepCopyObject())
			if err != nil {
				t.Fatal(err)
			}
			if _, err := Decode(again, "again.json"); err != nil {
				t.Fatalf("%v\n%s", err, again)
			}
		}
	})
}

// A reader of all documents gets those that are fine beside what is wrong, passes
// over other projects' and finds the lines again.
func TestDocuments(t *testing.T) {
	const text = `apiVersion: apps/v1
kind: Deployment
---
apiVersion: tekton.dev/v1
kind: Task
metadata: {name: a}
spec:
  steps:
    - image: busybox
      script: |
        one
        two
---
apiVersion: v1
kind: Task
`
	docs, err := Documents([]byte(text), "f.yaml")
	if len(docs) != 1 || docs[0].Object.GetName() != "a" {
		t.Fatalf("got %d documents, want the Task alone", len(docs))
	}
	if err == nil || err.Error() != `f.yaml:14: apiVersion: "v1" has no Task: write "tekton.dev/v1"` {
		t.Errorf("got error %v", err)
	}
	const script = "spec.steps[0].script"
	got := []int{docs[0].Line("spec.steps[0]"), docs[0].Line("spec.steps[0].nothing"), docs[0].Line(script), docs[0].TextLine(script, 5)}
	if diff := cmp.Diff([]int{9, 9, 10, 12}, got); diff != "" {
		t.Error(diff)
	}
}
