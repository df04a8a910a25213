//go:build e2e

package e2e

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
	"github.com/slipway-dev/slipway/test/env"
)

// No schema reaches into a Pipeline within a Pipeline. What cannot be read there
// fails that run, or is refused, and no other run waits for it.
func TestMalformedRunFailsAlone(t *testing.T) {
	t.Parallel()
	e := env.New(t)
	doc := &unstructured.Unstructured{}
	if err := yaml.Unmarshal([]byte(`
apiVersion: tekton.dev/v1
kind: PipelineRun
metadata: {name: bad}
spec:
  pipelineSpec:
    tasks:
    - name: outer
      pipelineSpec:
        tasks:
        - name: inner
          retries: often
          taskSpec: {steps: [{image: busybox}]}
`), &doc.Object); err != nil {
		t.Fatal(err)
	}
	doc.SetNamespace(e.Namespace)
	const want = `spec.pipelineSpec.tasks[0].pipelineSpec.tasks[0].retries: must be a whole number of at most 64 bits, and is "often"`
	if err := e.PastAdmission().Client.Create(e.Context(), doc); err != nil {
		t.Fatal(err)
	}
	pr := e.PipelineRunDone("bad", 2*time.Minute)
	e.WantFailure(pr.Status.GetCondition(v1.ConditionSucceeded), "PipelineValidationFailed", want)

	tr := env.CreateYAML[v1.TaskRun](e, `
metadata: {name: good}
spec: {taskSpec: {steps: [{image: busybox, command: ["true"]}]}}`)
	if tr = e.TaskRunDone(tr.Name, 2*time.Minute); !tr.IsSuccessful() {
		t.Errorf("the other run ended with %+v", tr.Status.Conditions)
	}
}

// What Go could not read is refused when it is made, and the message names the field.
func TestUnreadableValuesAreRefused(t *testing.T) {
	t.Parallel()
	e := env.New(t)
	for name, tc := range map[string]struct{ spec, field string }{
		"a port":           {"{taskSpec: {sidecars: [{image: a, readinessProbe: {httpGet: {port: 99999999999}}}], steps: [{image: a}]}}", "spec.taskSpec.sidecars[0].readinessProbe.httpGet.port"},
		"a user":           {"{taskSpec: {steps: [{image: a, securityContext: {runAsUser: 9223372036854775808}}]}}", "spec.taskSpec.steps[0].securityContext.runAsUser"},
		"a claim's label":  {"{taskSpec: {steps: [{image: a}]}, workspaces: [{name: w, volumeClaimTemplate: {metadata: {labels: {a: 1}}}}]}", "spec.workspaces[0].volumeClaimTemplate.metadata.labels"},
		"a claim's modes":  {"{taskSpec: {steps: [{image: a}]}, workspaces: [{name: w, volumeClaimTemplate: {spec: {accessModes: x}}}]}", "spec.workspaces[0].volumeClaimTemplate.spec.accessModes"},
		"a claim's time":   {`{taskSpec: {steps: [{image: a}]}, workspaces: [{name: w, volumeClaimTemplate: {metadata: {creationTimestamp: "2023-02-30T00:00:00Z"}}}]}`, "spec.workspaces[0].volumeClaimTemplate.metadata.creationTimestamp"},
		"a mount's path":   {"{taskSpec: {workspaces: [{name: w}], steps: [{image: a, workspaces: [{name: w, mountpath: 5}]}]}}", "spec.taskSpec.steps[0].workspaces[0]"},
		"a run's duration": {"{taskSpec: {steps: [{image: a}]}, timeout: 9999999h}", "spec.timeout"},
	} {
		t.Run(name, func(t *testing.T) {
			doc := &unstructured.Unstructured{}
			if err := yaml.Unmarshal([]byte("{apiVersion: tekton.dev/v1, kind: TaskRun, metadata: {name: refused}, spec: "+tc.spec+"}"), &doc.Object); err != nil {
				t.Fatal(err)
			}
			doc.SetNamespace(e.Namespace)
			err := e.Client.Create(e.Context(), doc, client.FieldValidation(metav1.FieldValidationStrict))
			if err == nil {
				t.Fatal("it is taken")
			}
			e.WantFailure(&v1.Condition{Status: "False", Message: err.Error()}, "", tc.field)
		})
	}
}
