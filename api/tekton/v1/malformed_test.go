package v1

import (
	"encoding/json"
	"strings"
	"testing"
)

// One object that cannot be read must not hide the others of its kind, nor what
// else it says itself.
func TestListWithMalformedObject(t *testing.T) {
	var list PipelineRunList
	err := json.Unmarshal([]byte(`{"items": [
		{"metadata": {"name": "good"}, "spec": {"pipelineRef": {"name": "p"}}},
		{"metadata": {"name": "bad", "labels": {"a": "b"}}, "spec": {"params": [{"name": "x", "value": "y"}], "pipelineSpec": {"tasks": [
			{"name": "one", "retries": 1}, {"name": "two", "pipelineSpec": {"tasks": [{"name": "three", "retries": "often", "timeout": "5m"}]}}]}},
			"status": {"startTime": "soon", "conditions": [{"type": "Succeeded", "status": "False"}]}}]}`), &list)
	if err != nil || len(list.Items) != 2 {
		t.Fatalf("read %d runs: %v", len(list.Items), err)
	}
	good, bad := list.Items[0], list.Items[1]
	if good.Malformed != nil || good.Spec.PipelineRef.Name != "p" {
		t.Errorf("the good run came as %+v", good)
	}
	const want = `spec.pipelineSpec.tasks[1].pipelineSpec.tasks[0].retries: must be a whole number of at most 64 bits, and is "often"`
	if bad.Malformed == nil || bad.Malformed.Error() != want {
		t.Errorf("got  %v\nwant %s", bad.Malformed, want)
	}
	nested := bad.Spec.PipelineSpec.Tasks[1].PipelineSpec.Tasks[0]
	if bad.Name != "bad" || bad.Labels["a"] != "b" || bad.Spec.Params[0].Value.StringVal != "y" || nested.Name != "three" || nested.Timeout == nil || !bad.IsFailure() {
		t.Errorf("what could be read is lost: %+v", bad)
	}
}

func TestMalformed(t *testing.T) {
	for name, tc := range map[string]struct{ in, want string }{
		"nothing wrong": {`{"spec": {"steps": [{"image": "a"}]}}`, ""},
		"a port":        {`{"spec": {"sidecars": [{"readinessProbe": {"httpGet": {"port": 99999999999}}}]}}`, "spec.sidecars[0].readinessProbe.httpGet.port: must be a number of at most 32 bits or a string, and is 99999999999"},
		"a quantity":    {`{"spec": {"steps": [{}, {"computeResources": {"limits": {"cpu": "lots"}}}]}}`, `spec.steps[1].computeResources.limits[cpu]: must be a quantity, such as 500m or 2Gi, and is "lots"`},
		"a duration":    {`{"spec": {"steps": [{"timeout": 5}]}}`, "spec.steps[0].timeout: must be a duration, such as 90s or 1h30m, and is 5"},
		"a list":        {`{"spec": {"steps": {"a": 1}}}`, "spec.steps: must be a list, and is an object"},
		"a long text":   {`{"spec": {"steps": "` + strings.Repeat("é", 30) + `"}}`, `spec.steps: must be a list, and is "` + strings.Repeat("é", 19) + "…"},
		"a usage":       {`{"spec": {"steps": [{"workspaces": [{"name": 5}]}]}}`, "spec.steps[0].workspaces[0]: has a field that cannot be read"},
		"other case":    {`{"spec": {"steps": [{"Image": 5}]}}`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			var task Task
			if err := json.Unmarshal([]byte(tc.in), &task); err != nil {
				t.Fatal(err)
			}
			got := ""
			if task.Malformed != nil {
				got = task.Malformed.Error()
			}
			if got != tc.want {
				t.Errorf("got  %s\nwant %s", got, tc.want)
			}
		})
	}
	if err := json.Unmarshal([]byte(`[]`), &Task{}); err == nil {
		t.Error("a list is taken for a Task")
	}
}
