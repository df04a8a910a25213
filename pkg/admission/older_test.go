package admission

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	admissionv1 "k8s.io/api/admission/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Who writes v1beta1 reads its names, and of what its schema leaves open.
func TestRefusalsOfV1beta1(t *testing.T) {
	for name, tc := range map[string]struct {
		body string
		want []string
	}{
		"fine": {"metadata: {name: r}\nspec: {timeouts: {pipeline: 1h}, pipelineSpec: {tasks: [{name: a, taskSpec: {steps: [{image: a, computeResources: {limits: {cpu: 1}}}]}}]}}", nil},
		"unknown": {"metadata: {name: r}\nspec: {pipelineSpec: {tasks: [{name: a, taskSpec: {steps: [{image: a, computeResources: {limit: {cpu: 1}}}]}}]}}",
			[]string{`spec.pipelineSpec.tasks[0].taskSpec.steps[0].resources.limit: unknown field; did you mean "limits"?`}},
		"PipelineResources": {"metadata: {name: r, annotations: {slipway.dev/v1beta1: '{\"spec.pipelineSpec.resources\":[]}'}}\nspec: {pipelineSpec: {tasks: [{name: a, taskRef: {name: a}}]}}",
			[]string{"spec.pipelineSpec.resources: PipelineResources are not served: pass values by params, files by workspaces, and give back results"}},
		"another name": {"metadata: {name: r}\nspec: {pipelineRef: {name: a}, taskRunTemplate: {podTemplate: {volumes: [{name: 3}]}}}",
			[]string{"spec.podTemplate.volumes[0].name: must be a string, and is a number: quote it"}},
	} {
		t.Run(name, func(t *testing.T) {
			req := request(admissionv1.Create, object(t, "tekton.dev/v1 PipelineRun", tc.body), nil)
			req.RequestKind = &metav1.GroupVersionKind{Group: "tekton.dev", Version: "v1beta1", Kind: "PipelineRun"}
			if diff := cmp.Diff(tc.want, causes(reviewer(nil).Review(req))); diff != "" {
				t.Error(diff)
			}
		})
	}
}
