package v1

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// What a user does not write must not be sent: an empty object where the schema
// wants a filled one, or a null, would be refused or shown.
func TestNothingIsWrittenForNothing(t *testing.T) {
	run := PipelineRun{Spec: PipelineRunSpec{PipelineSpec: &PipelineSpec{Tasks: []PipelineTask{{
		Name: "a", TaskSpec: &EmbeddedTask{TaskSpec: TaskSpec{Steps: []Step{{Image: "i"}}}},
	}}}}}
	got, err := json.Marshal(run)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(`{"spec":{"pipelineSpec":{"tasks":[{"name":"a","taskSpec":{"steps":[{"image":"i"}]}}]}}}`, string(got)); diff != "" {
		t.Error(diff)
	}
}

func TestWorkspaceUsageTakesAnyCase(t *testing.T) {
	var u WorkspaceUsage
	if err := json.Unmarshal([]byte(`{"name":"w","mountpath":"/creds"}`), &u); err != nil || u.MountPath != "/creds" {
		t.Errorf("got %+v, %v", u, err)
	}
}
