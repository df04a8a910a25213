package admission

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	admissionv1 "k8s.io/api/admission/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/yaml"

	config "github.com/slipway-dev/slipway/api/config/v1alpha1"
	"github.com/slipway-dev/slipway/pkg/kube/settings"

	jsonpatch "gopkg.in/evanphx/json-patch.v4"
)

func reviewer(set map[string]string) Reviewer {
	store := settings.NewStore(config.RunDefaults{Timeout: &metav1.Duration{Duration: time.Hour}, ServiceAccountName: "default"}, slog.New(slog.DiscardHandler))
	store.Apply(settings.DefaultsName, set)
	return Reviewer{Settings: store.Current}
}

// object makes JSON of the API server's from YAML; kind is as "tekton.dev/v1 Task".
func object(t testing.TB, kind, body string) []byte {
	t.Helper()
	var apiVersion, name string
	if _, err := fmt.Sscan(kind, &apiVersion, &name); err != nil {
		t.Fatal(err)
	}
	data, err := yaml.YAMLToJSON([]byte("apiVersion: " + apiVersion + "\nkind: " + name + "\n" + body))
	if err != nil {
		t.Fatalf("%v in:\n%s", err, body)
	}
	return data
}

func request(operation admissionv1.Operation, raw, old []byte) *admissionv1.AdmissionRequest {
	return &admissionv1.AdmissionRequest{UID: "u", Operation: operation, Kind: metav1.GroupVersionKind{Group: "tekton.dev", Version: "v1", Kind: "Kind"},
		Object: runtime.RawExtension{Raw: raw}, OldObject: runtime.RawExtension{Raw: old}}
}

func causes(r *admissionv1.AdmissionResponse) (all []string) {
	if r.Result == nil || r.Result.Details == nil {
		return nil
	}
	for _, c := range r.Result.Details.Causes {
		all = append(all, c.Field+": "+c.Message)
	}
	return all
}

// Everything that is wrong is said at once, each with its field.
func TestRefusals(t *testing.T) {
	for name, tc := range map[string]struct {
		kind, body string
		want       []string
	}{
		"all of a Task": {"tekton.dev/v1 Task", "metadata: {name: t}\nspec: {params: [{name: tag}], steps: [{name: a}, {name: a, image: x, script: echo $(params.tga)}]}", []string{
			`spec.steps[1].name: two steps are named "a": rename this one or spec.steps[0]`,
			"spec.steps[0].image: a step needs an image, a ref, or an image in stepTemplate",
			`spec.steps[1].script: no parameter named "tga"; did you mean "tag"?`,
		}},
		"a cycle": {"tekton.dev/v1 Pipeline", "metadata: {name: p}\nspec: {tasks: [{name: a, taskRef: {name: t}, runAfter: [b]}, {name: b, taskRef: {name: t}, runAfter: [a]}]}", []string{
			"spec.tasks: dependency cycle a → b → a",
		}},
		"a step that its own Task has not": {"tekton.dev/v1 TaskRun", "metadata: {name: r}\nspec: {taskSpec: {steps: [{name: build, image: x}]}, stepSpecs: [{name: biuld, computeResources: {}}]}", []string{
			`spec.stepSpecs[0].name: no step named "biuld"; did you mean "build"?`,
		}},
		"fields of another type": {"tekton.dev/v1 Task", "metadata: {name: t}\nspec: {steps: [{image: 5, timeout: soon}, x]}", []string{
			"spec.steps[0].image: must be a string, and is a number: quote it",
			`spec.steps[0].timeout: "soon" is not a duration, such as 90s or 1h30m`,
			"spec.steps[1]: must be an object, and is a string",
		}},
		"a custom task of nothing": {"tekton.dev/v1beta1 CustomRun", "metadata: {name: c}\nspec: {customRef: {}}", []string{
			"spec.customRef.apiVersion: a custom task needs an apiVersion",
			"spec.customRef.kind: a custom task needs a kind",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			got := reviewer(nil).Review(request(admissionv1.Create, object(t, tc.kind, tc.body), nil))
			if got.Allowed || got.UID != "u" || got.Patch != nil || got.Result.Reason != metav1.StatusReasonInvalid {
				t.Errorf("got %+v", got)
			}
			if diff := cmp.Diff(tc.want, causes(got)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// What Tekton's clients read is there, and nothing else changes.
func TestDefaults(t *testing.T) {
	for name, tc := range map[string]struct {
		kind, body string
		set        map[string]string
		want       string
	}{
		"types of a Task": {"tekton.dev/v1 Task",
			"metadata: {name: t}\nspec: {params: [{name: a}, {name: b, default: [x]}, {name: c, properties: {k: {}}}], results: [{name: r}], steps: [{image: x, computeResources: {limits: {cpu: 1000m}}}]}", nil,
			"metadata: {name: t}\nspec: {params: [{name: a, type: string}, {name: b, type: array, default: [x]}, {name: c, type: object, properties: {k: {type: string}}}], results: [{name: r, type: string}], steps: [{image: x, computeResources: {limits: {cpu: 1000m}}}]}"},
		"a Task that says all": {"tekton.dev/v1 Task", "metadata: {name: t}\nspec: {steps: [{image: x}]}", nil, ""},
		"a TaskRun": {"tekton.dev/v1 TaskRun", "metadata: {name: r, labels: {a: b}}\nspec: {taskRef: {name: t}}", nil,
			"metadata: {name: r, labels: {a: b, app.kubernetes.io/managed-by: tekton-pipelines, tekton.dev/task: t}}\nspec: {serviceAccountName: default, timeout: 1h0m0s, taskRef: {name: t, kind: Task}}"},
		"a TaskRun of another installation": {"tekton.dev/v1 TaskRun", "metadata: {generateName: r-}\nspec: {taskRef: {params: [{name: name, value: x}]}, podTemplate: {hostNetwork: true}}",
			map[string]string{"default-timeout-minutes": "5", "default-service-account": "ci", "default-managed-by-label-value": "us", "default-resolver-type": "cluster", "default-pod-template": "nodeSelector: {a: b}"},
			"metadata: {generateName: r-, labels: {app.kubernetes.io/managed-by: us}}\nspec: {serviceAccountName: ci, timeout: 5m0s, taskRef: {resolver: cluster, params: [{name: name, value: x}]}, podTemplate: {hostNetwork: true, nodeSelector: {a: b}}}"},
		"a name that is no label": {"tekton.dev/v1 PipelineRun", "metadata: {name: r}\nspec: {pipelineRef: {name: $(params.which)}, params: [{name: which, value: x}]}", nil,
			"metadata: {name: r}\nspec: {taskRunTemplate: {serviceAccountName: default}, timeouts: {pipeline: 1h0m0s}, pipelineRef: {name: $(params.which)}, params: [{name: which, value: x}]}"},
		"a PipelineRun that takes longer": {"tekton.dev/v1 PipelineRun", "metadata: {name: r}\nspec: {pipelineRef: {name: p}, timeouts: {tasks: 2h}}", nil,
			"metadata: {name: r, labels: {tekton.dev/pipeline: p}}\nspec: {taskRunTemplate: {serviceAccountName: default}, timeouts: {tasks: 2h}, pipelineRef: {name: p}}"},
		"a number that a float has not": {"tekton.dev/v1beta1 CustomRun", "metadata: {name: c}\nspec: {customSpec: {apiVersion: a/v1, kind: K, spec: {count: 9007199254740993}}}", nil,
			"metadata: {name: c}\nspec: {serviceAccountName: default, customSpec: {apiVersion: a/v1, kind: K, spec: {count: 9007199254740993}}}"},
		"another's kind": {"example.com/v1 Task", "metadata: {name: x}\nspec: 5", nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			raw := object(t, tc.kind, tc.body)
			got := reviewer(tc.set).Review(request(admissionv1.Create, raw, nil))
			if !got.Allowed {
				t.Fatalf("refused: %v", causes(got))
			}
			if tc.want == "" {
				if got.Patch != nil {
					t.Errorf("patched by %s", got.Patch)
				}
				return
			}
			wantJSON(t, object(t, tc.kind, tc.want), applied(t, raw, got.Patch))
		})
	}
}

func applied(t *testing.T, raw, patch []byte) []byte {
	t.Helper()
	p, err := jsonpatch.DecodePatch(patch)
	if err != nil {
		t.Fatalf("%v in %s", err, patch)
	}
	out, err := p.Apply(raw)
	if err != nil {
		t.Fatalf("%v in %s", err, patch)
	}
	return out
}

func wantJSON(t *testing.T, want, got []byte) {
	t.Helper()
	a, err := generic(want)
	if err != nil {
		t.Fatal(err)
	}
	b, err := generic(got)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(a, b); diff != "" {
		t.Error(diff)
	}
}

// A run that came in while nobody looked can be cancelled, whatever is wrong with it.
func TestUpdateOfARun(t *testing.T) {
	const wrong = "metadata: {name: r}\nspec: {taskSpec: {steps: [{image: x, script: echo $(params.nope)}]}"
	for name, tc := range map[string]struct {
		spec string
		want []string
	}{
		"cancelled":        {", status: TaskRunCancelled}", nil},
		"a slip in status": {", status: TaskRunCanceled}", []string{`spec.status: "TaskRunCanceled": use TaskRunCancelled or TaskRunPending; did you mean "TaskRunCancelled"?`}},
	} {
		t.Run(name, func(t *testing.T) {
			got := reviewer(nil).Review(request(admissionv1.Update, object(t, "tekton.dev/v1 TaskRun", wrong+tc.spec), object(t, "tekton.dev/v1 TaskRun", wrong+"}")))
			if got.Patch != nil || got.Allowed != (tc.want == nil) {
				t.Errorf("allowed %t, patched by %s", got.Allowed, got.Patch)
			}
			if diff := cmp.Diff(tc.want, causes(got)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// Whatever is asked, there is an answer, and a patch can be applied.
func FuzzReview(f *testing.F) {
	for _, s := range []string{`null`, `{}`, `[]`, `{"apiVersion":"tekton.dev/v1","kind":"Task"}`, `{"apiVersion":"tekton.dev/v1","kind":"Task","spec":null}`,
		`{"apiVersion":"tekton.dev/v1","kind":"TaskRun","metadata":null,"spec":{"taskRef":null,"timeout":5}}`,
		`{"apiVersion":"tekton.dev/v1","kind":"PipelineRun","metadata":{"labels":null},"spec":{"timeouts":{},"pipelineSpec":{"tasks":[{"name":"a","taskSpec":{"steps":[{"image":"x"}]}}]}}}`,
		`{"apiVersion":"tekton.dev/v1","kind":"PipelineRun","spec":{"pipelineSpec":{"tasks":[{"name":"a","matrix":{"params":[{"name":"x","value":["y"]}]}}],"finally":[null]}}}`,
	} {
		f.Add([]byte(s))
	}
	r := reviewer(map[string]string{"default-resolver-type": "git", "default-pod-template": "nodeSelector: {a: b}"})
	f.Fuzz(func(t *testing.T, raw []byte) {
		for _, op := range []admissionv1.Operation{admissionv1.Create, admissionv1.Update} {
			got := r.Review(request(op, raw, raw))
			if !got.Allowed && got.Result.Message == "" {
				t.Error("refused without a word")
			}
			if got.Patch != nil && json.Valid(raw) {
				applied(t, raw, got.Patch)
			}
		}
	})
}
