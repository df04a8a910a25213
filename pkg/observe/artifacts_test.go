package observe

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
	"github.com/slipway-dev/slipway/entrypoint/contract"
)

// What a step says it used and made, and its own results, stand in its state; what
// the Task's file says in that of the run.
func TestResultsAndArtifactsOfAStep(t *testing.T) {
	const report = `{"inputs":[{"name":"source","values":[{"uri":"git+https://forge/a","digest":{"sha1":"c"}}]}],
		"outputs":[{"name":"image","buildOutput":true,"values":[{"uri":"oci://r/a","digest":{"sha256":"d"}}]}]}`
	p := Pod(Input{Run: "ci", Spec: spec, Pod: pod(said(contract.Message{Reason: contract.ReasonCompleted,
		StepResults: []contract.Result{{Name: "list", Type: "array", Value: `["x"]`}}, StepArtifacts: []byte(report), Artifacts: []byte(report)}), completed)})
	want := v1.Artifacts{
		Inputs:  []v1.Artifact{{Name: "source", Values: []v1.ArtifactValue{{Uri: "git+https://forge/a", Digest: map[v1.Algorithm]string{"sha1": "c"}}}}},
		Outputs: []v1.Artifact{{Name: "image", BuildOutput: true, Values: []v1.ArtifactValue{{Uri: "oci://r/a", Digest: map[v1.Algorithm]string{"sha256": "d"}}}}},
	}
	if diff := cmp.Diff(want, v1.Artifacts{Inputs: p.Steps[0].Inputs, Outputs: p.Steps[0].Outputs}); diff != "" {
		t.Errorf("of the step (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(&want, p.Artifacts); diff != "" {
		t.Errorf("of the run (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]v1.TaskRunStepResult{{Name: "list", Type: "array", Value: *v1.NewArray("x")}}, p.Steps[0].Results); diff != "" {
		t.Errorf("results (-want +got):\n%s", diff)
	}
}
