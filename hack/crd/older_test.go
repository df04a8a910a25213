package main

import (
	"strings"
	"testing"

	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
)

// What a user of v1beta1 reads in kubectl explain, and what the API server prunes,
// goes by these.
func TestV1beta1HasItsOwnNames(t *testing.T) {
	for _, c := range []struct{ plural, path, says string }{
		{"tasks", "spec.steps.resources", "Resources are the requests and limits"},
		{"tasks", "spec.stepTemplate.name", "Name has no effect."},
		{"tasks", "spec.sidecars.ports", "Ports the container listens on"},
		{"tasks", "spec.resources", "Resources are refused: PipelineResources are not served"},
		{"pipelines", "spec.tasks.taskRef.bundle", "Bundle is the image of a Tekton bundle"},
		{"pipelines", "spec.finally.taskSpec.steps.resources", "Resources are the requests"},
		{"taskruns", "spec.stepOverrides.resources", "Resources takes the place"},
		{"taskruns", "spec.computeResources", "ComputeResources are the requests and limits of all steps"},
		{"taskruns", "status.taskResults", "TaskResults holds what the Task gave back."},
		{"pipelineruns", "spec.timeout", "Timeout is how long the whole run may take"},
		{"pipelineruns", "spec.serviceAccountName", "ServiceAccountName is the account"},
		{"pipelineruns", "spec.podTemplate", "PodTemplate holds settings"},
		{"pipelineruns", "spec.taskRunSpecs.taskPodTemplate", "TaskPodTemplate holds settings"},
		{"pipelineruns", "status.pipelineResults", "PipelineResults holds what the Pipeline gave back."},
		{"tasks", "spec.steps.computeResources", ""},
		{"taskruns", "spec.stepSpecs", ""},
		{"pipelineruns", "spec.taskRunTemplate", ""},
		{"pipelineruns", "status.results", ""},
	} {
		t.Run(c.plural+"."+c.path, func(t *testing.T) {
			crd := load(t, "../../config/crd/tekton.dev_"+c.plural+".yaml")
			if len(crd.Spec.Versions) != 2 || !crd.Spec.Versions[0].Storage || crd.Spec.Versions[1].Name != "v1beta1" || !crd.Spec.Versions[1].Served {
				t.Fatal("v1 is to be stored, and v1beta1 served beside it")
			}
			schema := *crd.Spec.Versions[1].Schema.OpenAPIV3Schema
			found := true
			for _, name := range strings.Split(c.path, ".") {
				schema, found = below(schema, name)
			}
			if found != (c.says != "") || !strings.HasPrefix(schema.Description, c.says) {
				t.Errorf("is there: %t, and says %q; expected to begin %q", found, schema.Description, c.says)
			}
		})
	}
}

func below(schema apiextensions.JSONSchemaProps, name string) (apiextensions.JSONSchemaProps, bool) {
	if schema.Items != nil {
		schema = *schema.Items.Schema
	}
	s, ok := schema.Properties[name]
	return s, ok
}
