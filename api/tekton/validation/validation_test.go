package validation

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"sigs.k8s.io/yaml"

	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
)

// A case is the spec of one kind in YAML and every message it must give, in
// order; none for a spec that is valid.
type testCase struct {
	spec string
	want []string
}

func run[T any](t *testing.T, cases map[string]testCase, check func(*T) field.ErrorList) {
	t.Helper()
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			var object T
			// Indentation follows the Go source; YAML wants none of its tabs.
			doc := "spec:\n" + strings.ReplaceAll(tc.spec, "\t", "")
			if err := yaml.UnmarshalStrict([]byte(doc), &object); err != nil {
				t.Fatalf("%v in\n%s", err, doc)
			}
			any(&object).(interface{ SetDefaults() }).SetDefaults()
			var got []string
			for _, err := range check(&object) {
				got = append(got, Message(err))
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestTask(t *testing.T) {
	run(t, map[string]testCase{
		"minimal":                 {spec: ` {steps: [{image: a}]}`},
		"nothing":                 {` {}`, []string{"spec.steps: a Task needs at least one step"}},
		"image from the template": {spec: ` {stepTemplate: {image: a}, steps: [{script: "true"}]}`},
		"no image": {` {steps: [{script: "true"}]}`,
			[]string{"spec.steps[0].image: a step needs an image, a ref, or an image in stepTemplate"}},
		"all errors at once": {` {steps: [{name: A, image: a, script: x, command: ["y"], onError: contineu}, {name: b, image: a, timeout: -1s}, {name: b, image: a}]}`,
			[]string{
				`spec.steps[2].name: two steps are named "b": rename this one or spec.steps[1]`,
				`spec.steps[0].name: "A": use at most 63 lower case letters, digits and hyphens, with a letter or digit at both ends`,
				`spec.steps[0].script: give either script or command`,
				`spec.steps[0].onError: "contineu": use continue or stopAndFail; did you mean "continue"?`,
				`spec.steps[1].timeout: a timeout cannot be negative`,
			}},
		"unnamed steps are not twins": {spec: ` {steps: [{image: a}, {image: a}]}`},
		"onError may be a parameter":  {spec: ` {params: [{name: e}], steps: [{image: a, onError: $(params.e)}]}`},

		"unknown parameter": {` {params: [{name: image}], steps: [{image: $(params.imgae)}]}`,
			[]string{`spec.steps[0].image: no parameter named "imgae"; did you mean "image"?`}},
		"unknown parameter in a list": {` {steps: [{image: a, args: [x, $(params.y)]}]}`,
			[]string{`spec.steps[0].args[1]: no parameter named "y"`}},
		"every notation": {spec: ` {params: [{name: a.b}, {name: l, type: array}, {name: o, properties: {k: {}}}], steps: [{image: a,
  script: "$(params['a.b']) $(params.a.b) $(inputs.params.a.b) $(params.l[0]) $(params.o.k) $(date) $(ls $(params.o.k))", args: ["$(params.l[*])", "$(params.l)"]}]}`},
		"words for people hold no references": {spec: ` {description: "use $(params.x)", params: [{name: "y", description: $(params.x)}], steps: [{image: a}]}`},
		"an array in text": {` {params: [{name: l, type: array}], steps: [{image: a, script: "$(params.l[*])"}]}`,
			[]string{`spec.steps[0].script: $(params.l[*]): parameter "l" is array: it may only stand alone as an element of a list; name one element, as $(params.l[0])`}},
		"an object as a whole": {` {params: [{name: o, properties: {k: {}}}], steps: [{image: a, args: [$(params.o)]}]}`,
			[]string{`spec.steps[0].args[0]: $(params.o): parameter "o" is object: name one key, as $(params.o.KEY)`}},
		"an unknown key": {` {params: [{name: o, properties: {url: {}}}], steps: [{image: a, args: [$(params.o.ulr)]}]}`,
			[]string{`spec.steps[0].args[0]: $(params.o.ulr): parameter "o" has no key "ulr"; did you mean "url"?`}},
		"a string has no elements": {` {params: [{name: s}], steps: [{image: a, args: ["$(params.s[0])"]}]}`,
			[]string{`spec.steps[0].args[0]: $(params.s[0]): parameter "s" is string: leave the brackets out`}},
		"default of another type": {` {params: [{name: l, type: array, default: x}], steps: [{image: a}]}`,
			[]string{`spec.params[0].default: parameter "l" is array, but its default is string`}},
		"type that is none": {` {params: [{name: l, type: arry}], steps: [{image: a}]}`,
			[]string{`spec.params[0].type: a parameter is string, array or object; did you mean "array"?`}},
		"parameter twice": {` {params: [{name: x}, {name: x}], steps: [{image: a}]}`,
			[]string{`spec.params[1].name: two parameters are named "x": rename this one or spec.params[0]`}},
		"enum without the default": {` {params: [{name: x, enum: [dev, prod], default: prd}], steps: [{image: a}]}`,
			[]string{`spec.params[0].enum: the default "prd" is not in the enum; did you mean "prod"?`}},

		"unknown workspace": {` {workspaces: [{name: source}], steps: [{image: a, workingDir: $(workspaces.src.path), workspaces: [{name: sorce}]}]}`,
			[]string{
				`spec.steps[0].workspaces[0].name: no workspace named "sorce"; did you mean "source"?`,
				`spec.steps[0].workingDir: no workspace named "src"`,
			}},
		"two workspaces in one place": {` {workspaces: [{name: a}, {name: b, mountPath: /workspace/a}], steps: [{image: a}]}`,
			[]string{`spec.workspaces[1].mountPath: /workspace/a is taken by workspace "a"`}},
		"reserved path": {` {steps: [{image: a, volumeMounts: [{name: v, mountPath: /tekton/results}, {name: v, mountPath: /tekton/home}]}]}`,
			[]string{`spec.steps[0].volumeMounts[0].mountPath: paths below /tekton are reserved; only /tekton/home may be mounted over`}},

		"unknown result": {` {results: [{name: digest}], steps: [{image: a, script: "echo > $(results.digets.path)"}]}`,
			[]string{`spec.steps[0].script: no result named "digets"; did you mean "digest"?`}},
		"unknown result of the step": {` {steps: [{image: a, script: "$(step.results.x.path)"}]}`,
			[]string{`spec.steps[0].script: no result of this step named "x"`}},
		"unknown step": {` {steps: [{name: one, image: a}, {image: a, args: [$(steps.oen.results.x), $(steps.step-one.exitCode.path)]}]}`,
			[]string{`spec.steps[1].args[0]: no step named "oen"; did you mean "one"?`}},
		"a result from a step": {` {results: [{name: r, value: $(steps.s.results.r)}, {name: q, value: plain}], steps: [{name: s, image: a, results: [{name: r}]}]}`,
			[]string{"spec.results[1].value: give one result of a step, as $(steps.STEP.results.RESULT)"}},
		"unknown context": {` {steps: [{image: a, args: [$(context.taskRun.nmae)]}]}`,
			[]string{`spec.steps[0].args[0]: no variable below context.taskRun named "nmae"; did you mean "name"?`}},

		"ref and its own body": {` {steps: [{name: s, ref: {name: x}, image: a, env: []}]}`,
			[]string{
				"spec.steps[0].image: comes from the StepAction in ref: remove it here, or remove ref",
				"spec.steps[0].env: comes from the StepAction in ref: remove it here, or remove ref",
			}},
		"guards": {` {steps: [{image: a, when: [{input: x, operator: is, values: ["y"]}, {input: x, operator: in}, {cel: "true", input: x}, {cel: "'$(context.taskRun.name)' = 'b'"}, {cel: "'a' == 1"}, {cel: "$(context.taskRun.name) > 3 && '$(context.taskRun.name)'.matches('x')"}]}]}`,
			[]string{
				`spec.steps[0].when[0].operator: "is": use in or notin`,
				"spec.steps[0].when[1].values: give at least one value to compare with",
				"spec.steps[0].when[2].cel: give either cel, or input, operator and values",
				"spec.steps[0].when[3].cel: Syntax error: token recognition error at: '= '",
				"spec.steps[0].when[4].cel: found no matching overload for '_==_' applied to '(string, int)'",
			}},
	}, Task)
}

func TestTaskRun(t *testing.T) {
	run(t, map[string]testCase{
		"by name": {spec: ` {taskRef: {name: a}}`},
		"nothing": {` {}`, []string{"spec: give exactly one of taskRef and taskSpec"}},
		"both":    {` {taskRef: {name: a}, taskSpec: {steps: [{image: a}]}}`, []string{"spec: give only one of taskRef and taskSpec"}},
		"the run's parameters and workspaces reach an inline Task": {
			spec: ` {params: [{name: p, value: v}], workspaces: [{name: w, emptyDir: {}}], taskSpec: {steps: [{image: $(params.p), script: $(workspaces.w.path)}]}}`},
		"what nobody gives does not": {` {params: [{name: p, value: v}], taskSpec: {steps: [{image: $(params.pp)}]}}`,
			[]string{`spec.taskSpec.steps[0].image: no parameter named "pp"; did you mean "p"?`}},
		"wrong type": {` {params: [{name: l, value: x}], taskSpec: {params: [{name: l, type: array}], steps: [{image: a}]}}`,
			[]string{`spec.params[0].value: parameter "l" is array, but the value is string`}},
		"missing, given by another name": {` {params: [{name: imgae, value: x}], taskSpec: {params: [{name: image}], steps: [{image: a}]}}`,
			[]string{`spec.params: parameter "image" has no default and must be given; "imgae" is given, which is not declared`}},
		"key of an object missing": {` {params: [{name: o, value: {a: x}}], taskSpec: {params: [{name: o, properties: {a: {}, b: {}}}], steps: [{image: a}]}}`,
			[]string{`spec.params[0].value: parameter "o" needs the key "b"`}},
		"key of an object from the default": {spec: ` {params: [{name: o, value: {a: x}}], taskSpec: {params: [{name: o, properties: {a: {}, b: {}}, default: {b: z}}], steps: [{image: a}]}}`},
		"not in the enum": {` {params: [{name: e, value: z}], taskSpec: {params: [{name: e, enum: [v, w]}], steps: [{image: a}]}}`,
			[]string{`spec.params[0].value: parameter "e" cannot be "z": it is one of v, w`}},
		"extra parameters are allowed": {spec: ` {params: [{name: x, value: y}], taskRef: {name: a}}`},
		"a workspace of two volumes and one of none": {` {taskRef: {name: a}, workspaces: [{name: w, emptyDir: {}, secret: {secretName: s}}, {name: v}, {name: u, configMap: {}}]}`,
			[]string{
				"spec.workspaces[0]: give only one of volumeClaimTemplate, persistentVolumeClaim, emptyDir, configMap, secret, projected and csi",
				"spec.workspaces[1]: give exactly one of volumeClaimTemplate, persistentVolumeClaim, emptyDir, configMap, secret, projected and csi",
				"spec.workspaces[2].configMap.name: say which one to use",
			}},
		"status": {` {taskRef: {name: a}, status: TaskRunCanceled, retries: -1, timeout: -1s}`,
			[]string{
				`spec.status: "TaskRunCanceled": use TaskRunCancelled or TaskRunPending; did you mean "TaskRunCancelled"?`,
				"spec.retries: a count cannot be negative",
				"spec.timeout: a timeout cannot be negative; 0 means without limit",
			}},
		"resolver and name":   {` {taskRef: {name: a, resolver: git}}`, []string{"spec.taskRef.name: give either a name or a resolver with params"}},
		"a URL with resolver": {spec: ` {taskRef: {name: "https://example.com/task.yaml", resolver: http}}`},
		"breakpoints":         {` {taskRef: {name: a}, debug: {breakpoints: {onFailure: "yes"}}}`, []string{`spec.debug.breakpoints.onFailure: "yes": use enabled`}},
		"resources twice": {` {taskRef: {name: a}, computeResources: {limits: {cpu: 1}}, stepSpecs: [{name: s, computeResources: {limits: {cpu: 1}}}]}`,
			[]string{"spec.stepSpecs[0].computeResources: computeResources is given for all steps together: give one of the two"}},
	}, TaskRun)
}

// What a run sets for a single step must not vanish with a slip of its name.
func TestTaskRunFits(t *testing.T) {
	var task v1.TaskSpec
	if err := yaml.UnmarshalStrict([]byte("{steps: [{name: build}, {}], sidecars: [{name: db}]}"), &task); err != nil {
		t.Fatal(err)
	}
	run(t, map[string]testCase{
		"known": {spec: ` {stepSpecs: [{name: build, computeResources: {}}, {name: unnamed-1, computeResources: {}}], sidecarSpecs: [{name: db, computeResources: {}}],
			debug: {breakpoints: {beforeSteps: [build, unnamed-1]}}}`},
		"unknown": {` {stepSpecs: [{name: biuld, computeResources: {}}], sidecarSpecs: [{name: bd, computeResources: {}}], debug: {breakpoints: {beforeSteps: [buidl]}}}`,
			[]string{
				`spec.stepSpecs[0].name: no step named "biuld"; did you mean "build"?`,
				`spec.sidecarSpecs[0].name: no sidecar named "bd"; did you mean "db"?`,
				`spec.debug.breakpoints.beforeSteps[0]: no step named "buidl"; did you mean "build"?`,
			}},
	}, func(tr *v1.TaskRun) field.ErrorList { return TaskRunFits(&tr.Spec, &task, field.NewPath("spec")) })
}

func TestStepAction(t *testing.T) {
	run(t, map[string]testCase{
		"parameters through env": {spec: ` {image: a, params: [{name: p}], env: [{name: P, value: $(params.p)}], script: "echo $P"}`},
		"parameters in the script": {` {image: a, params: [{name: p}], script: "echo $(params.p)"}`,
			[]string{"spec.script: $(params.p): a StepAction's script cannot use parameters: pass it through env"}},
		"nothing":           {` {}`, []string{"spec.image: a StepAction needs an image"}},
		"unknown parameter": {` {image: a, args: [$(params.p)]}`, []string{`spec.args[0]: no parameter named "p"`}},
		"a fixed volume": {` {image: a, volumeMounts: [{name: v, mountPath: /v}]}`,
			[]string{`spec.volumeMounts[0].name: "v": give the volume as a parameter, as $(params.volume)`}},
	}, StepAction)
}

func TestCustomRun(t *testing.T) {
	run(t, map[string]testCase{
		"by reference": {spec: ` {customRef: {apiVersion: example.dev/v1, kind: Wait}}`},
		"nothing":      {` {}`, []string{"spec: give exactly one of customRef and customSpec"}},
		"of no kind":   {` {customRef: {name: a}}`, []string{"spec.customRef.apiVersion: a custom task needs an apiVersion", "spec.customRef.kind: a custom task needs a kind"}},
		"status": {` {customRef: {apiVersion: example.dev/v1, kind: Wait}, status: Cancelled}`,
			[]string{`spec.status: "Cancelled": use RunCancelled; did you mean "RunCancelled"?`}},
	}, CustomRun)
}
