package pipelinerun

import (
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
	"github.com/slipway-dev/slipway/pkg/kube/settings"
)

// What users set for all runs decides whether a run may start as it is.
func TestSettings(t *testing.T) {
	step := v1.TaskSpec{Steps: []v1.Step{{Image: "i"}}}
	needs := &v1.Task{ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: "needs"}, Spec: step}
	needs.Spec.Workspaces = []v1.WorkspaceDeclaration{{Name: "w"}}
	inline := v1.PipelineTask{Name: "a", TaskSpec: &v1.EmbeddedTask{TaskSpec: step}}
	wide := inline
	wide.Matrix = &v1.Matrix{Params: v1.Params{{Name: "m", Value: v1.ParamValue{Type: v1.ParamTypeArray, ArrayVal: []string{"1", "2", "3"}}}}}
	byName := v1.PipelineTask{Name: "a", TaskRef: &v1.TaskRef{Name: "needs"}}
	for name, tc := range map[string]struct {
		configMap, key, value string
		task                  v1.PipelineTask
		want                  string // in the message of the failure; none when empty
	}{
		"a matrix of more":       {settings.DefaultsName, "default-max-matrix-combinations-count", "2", wide, "2"},
		"a matrix of no more":    {settings.DefaultsName, "default-max-matrix-combinations-count", "3", wide, ""},
		"a run may hold none":    {settings.FlagsName, "disable-inline-spec", "pipelinerun", byName, "disable-inline-spec"},
		"a task may hold none":   {settings.FlagsName, "disable-inline-spec", "pipeline", inline, "disable-inline-spec"},
		"no volume, no default":  {settings.DefaultsName, "default-service-account", "ci", byName, "workspaces.w"},
		"no volume but defaults": {settings.DefaultsName, "default-task-run-workspace-binding", "emptyDir: {}", byName, ""},
	} {
		t.Run(name, func(t *testing.T) {
			run := &v1.PipelineRun{ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: "ci", UID: "u"},
				Spec: v1.PipelineRunSpec{PipelineSpec: &v1.PipelineSpec{Tasks: []v1.PipelineTask{tc.task}}}}
			b := newBench(t, run, needs.DeepCopy())
			b.Settings.Apply(tc.configMap, map[string]string{tc.key: tc.value})
			b.must(1)
			c := b.run().Status.GetCondition(v1.ConditionSucceeded)
			if failed := c.IsFalse(); failed != (tc.want != "") || failed && !strings.Contains(c.Message, tc.want) {
				t.Errorf("condition is %+v, want %q in a failure", c, tc.want)
			}
		})
	}
}
