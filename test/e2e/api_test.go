//go:build e2e

package e2e

import (
	"fmt"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/slipway-dev/slipway/api/slipway/v1alpha1"
	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
	"github.com/slipway-dev/slipway/test/env"
)

// What the schema can say, the API server says before anything is stored, with
// nobody's help.
func TestAPIServerRefuses(t *testing.T) {
	t.Parallel()
	e := env.New(t).PastAdmission()
	for name, tc := range map[string]struct {
		object client.Object
		spec   string
		want   string
	}{
		"both ref and spec":     {&v1.TaskRun{}, "{taskRef: {name: a}, taskSpec: {steps: [{image: a}]}}", "give exactly one of taskRef and taskSpec"},
		"neither":               {&v1.PipelineRun{}, "{params: []}", "give exactly one of pipelineRef and pipelineSpec"},
		"no step":               {&v1.Task{}, "{steps: []}", "a Task needs at least one step"},
		"two steps of one name": {&v1.Task{}, "{steps: [{name: a, image: a}, {name: a, image: a}]}", "two steps have the same name"},
		"a workspace of nothing": {&v1.TaskRun{}, "{taskRef: {name: a}, workspaces: [{name: w}]}",
			"give exactly one of volumeClaimTemplate"},
		"a task of nothing": {&v1.Pipeline{}, "{tasks: [{name: a}]}", "give exactly one of taskRef, taskSpec, pipelineRef and pipelineSpec"},
		"a status unheard of": {&v1.TaskRun{}, "{taskRef: {name: a}, status: Canceled}",
			`supported values: "", "TaskRunCancelled", "TaskRunPending"`},
		"a schedule of three fields":  {&v1alpha1.Repository{}, "{url: 'https://forge.example/a/b', schedules: [{name: n, cron: 1 2 3}]}", "spec.schedules[0].cron"},
		"a schedule by what is local": {&v1alpha1.Repository{}, "{url: 'https://forge.example/a/b', schedules: [{name: n, cron: '@daily', timeZone: Local}]}", "name a zone such as Europe/Berlin"},
		"a schedule that is early":    {&v1alpha1.Repository{}, "{url: 'https://forge.example/a/b', schedules: [{name: n, cron: '@daily', jitter: -1s}]}", "it is between 0s and 24h"},
		"a deadline of no use":        {&v1alpha1.Repository{}, "{url: 'https://forge.example/a/b', schedules: [{name: n, cron: '@daily', startingDeadline: 1s}]}", "it is 10s at least"},
		"two schedules of one name":   {&v1alpha1.Repository{}, "{url: 'https://forge.example/a/b', schedules: [{name: n, cron: '@daily'}, {name: n, cron: '@hourly'}]}", "Duplicate value"},
		"a webhook of no image":       {&v1alpha1.Repository{}, "{url: 'https://forge.example/a/b', imageWebhook: {secret: {name: a}, images: []}}", "spec.imageWebhook.images"},
	} {
		t.Run(name, func(t *testing.T) {
			if err := yaml.UnmarshalStrict([]byte("{metadata: {name: refused}, spec: "+tc.spec+"}"), tc.object); err != nil {
				t.Fatal(err)
			}
			tc.object.SetNamespace(e.Namespace)
			err := e.Client.Create(t.Context(), tc.object, client.DryRunAll)
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want %q", err, tc.want)
			}
		})
	}
}

// The name becomes a label of all that is made for the run.
func TestAPIServerRefusesALongName(t *testing.T) {
	t.Parallel()
	e := env.New(t)
	for length, want := range map[int]string{63: "", 64: "metadata.name: use at most 63 characters"} {
		run := &v1.PipelineRun{Spec: v1.PipelineRunSpec{PipelineRef: &v1.PipelineRef{Name: "a"}}}
		run.Name, run.Namespace = strings.Repeat("a", length), e.Namespace
		err := e.Client.Create(t.Context(), run, client.DryRunAll)
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%d characters: got %v, want %q", length, err, want)
		}
	}
}

// What a run does is settled when it is made, in values without a schema too;
// cancelling it is not.
func TestRunsAreImmutable(t *testing.T) {
	t.Parallel()
	e := env.New(t)
	tr := env.CreateYAML[v1.TaskRun](e, "{metadata: {name: settled}, spec: {taskRef: {name: none}, status: TaskRunPending, params: [{name: p, value: {k: v}}]}}")
	for name, tc := range map[string]struct{ patch, want string }{
		"value of a parameter": {`{"spec":{"params":[{"name":"p","value":{"k":"w"}}]}}`, "spec.params: once the run exists, only status and statusMessage can change"},
		"a field that was not": {`{"spec":{"retries":1}}`, "spec.retries: once the run exists"},
		"managedBy":            {`{"spec":{"managedBy":"example.com/other"}}`, "managedBy cannot change"},
		"labels are free":      {`{"metadata":{"labels":{"a":"b"}}}`, ""},
		"cancel":               {`{"spec":{"status":"TaskRunCancelled"}}`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			err := e.Client.Patch(t.Context(), tr.DeepCopy(), client.RawPatch("application/merge-patch+json", []byte(tc.patch)))
			if tc.want == "" && err != nil || tc.want != "" && (err == nil || !strings.Contains(err.Error(), tc.want)) {
				t.Errorf("got %v, want %q", err, tc.want)
			}
		})
	}
}

// A duration that cannot be read is refused where it is written: in the cluster it
// would stop everybody who lists the kind, the controller first.
func TestAPIServerRefusesWhatIsNoDuration(t *testing.T) {
	t.Parallel()
	e := env.New(t).PastAdmission()
	for name, tc := range map[string]struct{ kind, spec string }{
		"task run":         {"TaskRun", "{taskRef: {name: a}, timeout: %q}"},
		"step":             {"Task", "{steps: [{name: a, image: a, timeout: %q}]}"},
		"step of a run":    {"TaskRun", "{taskSpec: {steps: [{name: a, image: a, timeout: %q}]}}"},
		"pipeline run":     {"PipelineRun", "{pipelineRef: {name: a}, timeouts: {pipeline: %q}}"},
		"tasks":            {"PipelineRun", "{pipelineRef: {name: a}, timeouts: {tasks: %q}}"},
		"finally":          {"PipelineRun", "{pipelineRef: {name: a}, timeouts: {finally: %q}}"},
		"task of a run":    {"PipelineRun", "{pipelineRef: {name: a}, taskRunSpecs: [{pipelineTaskName: a, timeout: %q}]}"},
		"pipeline task":    {"Pipeline", "{tasks: [{name: a, taskRef: {name: a}, timeout: %q}]}"},
		"step in pipeline": {"Pipeline", "{tasks: [{name: a, taskSpec: {steps: [{name: a, image: a, timeout: %q}]}}]}"},
	} {
		for value, good := range map[string]bool{
			"0": true, "0s": true, "90s": true, "1h30m": true, "1.5h": true, "100ms": true, "72h0m0s": true,
			"soon": false, "1d": false, "10": false, "5 m": false, "": false, "1h ": false,
			"9999999999999h": false, "2562047h47m17s": false,
		} {
			t.Run(name+" "+value, func(t *testing.T) {
				var o unstructured.Unstructured
				text := "{apiVersion: tekton.dev/v1, kind: " + tc.kind + ", metadata: {name: timed}, spec: " + fmt.Sprintf(tc.spec, value) + "}"
				if err := yaml.Unmarshal([]byte(text), &o.Object); err != nil {
					t.Fatal(err)
				}
				o.SetNamespace(e.Namespace)
				err := e.Client.Create(t.Context(), &o, client.DryRunAll)
				if good && err != nil || !good && (err == nil || !strings.Contains(err.Error(), "should match")) {
					t.Errorf("got %v", err)
				}
			})
		}
	}
}
