//go:build e2e

package e2e

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
	"github.com/slipway-dev/slipway/test/env"
)

// All that is wrong is said at once, with its fields, types too; kubectl prints a line for each cause.
func TestAdmissionSaysAll(t *testing.T) {
	t.Parallel()
	e := env.New(t)
	err := env.TryYAML[v1.Pipeline](e, `
metadata: {name: wrong}
spec:
  params: [{name: tag}]
  tasks:
  - {name: a, taskRef: {name: t}, runAfter: [b], params: [{name: x, value: $(params.tga)}]}
  - {name: b, taskRef: {name: t}, runAfter: [a], workspaces: [{name: w, workspace: source}]}
  - {name: b, taskRef: {name: t}}
`)
	want := []string{
		`spec.tasks[2].name: two tasks are named "b": rename this one or spec.tasks[1]`,
		`spec.tasks[0].params[0].value: no parameter named "tga"; did you mean "tag"?`,
		`spec.tasks[1].workspaces[0].workspace: no workspace named "source"`,
		"spec.tasks: dependency cycle a → b → a",
	}
	if diff := cmp.Diff(want, causes(err)); diff != "" {
		t.Errorf("%v\n%s", err, diff)
	}
}

// causes are those of a refusal, as kubectl prints them.
func causes(err error) (all []string) {
	var status apierrors.APIStatus
	if !errors.As(err, &status) || status.Status().Details == nil {
		return nil
	}
	for _, c := range status.Status().Details.Causes {
		all = append(all, c.Field+": "+c.Message)
	}
	return all
}

// What Tekton's clients read is in the object: without the type of a parameter, its
// command line takes the value for an object.
func TestDefaultsAreSeen(t *testing.T) {
	t.Parallel()
	e := env.New(t)
	task := env.CreateYAML[v1.Task](e, `{metadata: {name: typed}, spec: {params: [{name: a}, {name: b, default: [x]}], results: [{name: r}], steps: [{image: busybox, command: ["true"]}]}}`)
	if diff := cmp.Diff([]string{"string", "array", "string"}, []string{string(task.Spec.Params[0].Type), string(task.Spec.Params[1].Type), string(task.Spec.Results[0].Type)}); diff != "" {
		t.Error(diff)
	}
	run := env.CreateYAML[v1.TaskRun](e, `{metadata: {name: typed}, spec: {status: TaskRunPending, taskRef: {name: typed}}}`)
	if run.Spec.TaskRef.Kind != v1.NamespacedTaskKind || run.Spec.Timeout == nil || run.Spec.ServiceAccountName == "" || run.Labels[v1.LabelTask] != "typed" {
		t.Errorf("got %+v, labels %v", run.Spec, run.Labels)
	}
	pipelineRun := env.CreateYAML[v1.PipelineRun](e, `{metadata: {name: typed}, spec: {status: PipelineRunPending, pipelineRef: {name: p}}}`)
	if pipelineRun.Spec.Timeouts == nil || pipelineRun.Spec.TaskRunTemplate.ServiceAccountName == "" || pipelineRun.Labels[v1.LabelPipeline] != "p" {
		t.Errorf("got %+v, labels %v", pipelineRun.Spec, pipelineRun.Labels)
	}
}

// Not parallel: meanwhile nobody is refused. With nobody to answer, what is right runs, and what is wrong says so
// where it would have been told before.
func TestAdmissionIsDown(t *testing.T) {
	e := env.New(t)
	const wrong = `taskSpec: {params: [{name: tag}], steps: [{image: IMAGE, script: "echo $(params.tga)"}]}`
	const message = `spec.taskSpec.steps[0].script: no parameter named "tga"; did you mean "tag"?; spec.params: parameter "tag" has no default and must be given`
	try := func() error {
		return env.TryYAML[v1.TaskRun](e, "metadata: {name: wrong}\nspec:\n"+taskRunSpec(e, wrong))
	}
	if err := try(); !apierrors.IsInvalid(err) || !strings.HasSuffix(err.Error(), message) {
		t.Fatalf("with admission there, the API server said %v", err)
	}
	pointWebhookAt(e, "nowhere")
	env.Wait(e, time.Minute, "admission to be away", func() (bool, string) { err := try(); return err == nil, fmt.Sprint(err) })

	create(e, "wrong", wrong)
	tr := e.TaskRunDone("wrong", soon)
	if c := tr.Status.GetCondition(v1.ConditionSucceeded); c.Message != message {
		t.Errorf("%s: %s\nwant %s", c.Reason, c.Message, message)
	}
	succeeds(e, "right", isTrue)

	pointWebhookAt(e, "webhook")
	env.Wait(e, time.Minute, "admission to be back", func() (bool, string) { err := try(); return apierrors.IsInvalid(err), fmt.Sprint(err) })
	// It came in unseen, and can be ended all the same.
	cancel := client.RawPatch(types.MergePatchType, []byte(`{"spec":{"status":"TaskRunCancelled"}}`))
	if err := e.Client.Patch(t.Context(), tr, cancel); err != nil {
		t.Error(err)
	}
}

// pointWebhookAt has the API server ask a Service of that name, until the test ends.
func pointWebhookAt(e *env.Env, service string) {
	e.Helper()
	point := func(ctx context.Context, service string) error {
		_, err := e.Kube.AdmissionregistrationV1().MutatingWebhookConfigurations().Patch(ctx, "admission.slipway.dev", types.JSONPatchType,
			fmt.Appendf(nil, `[{"op": "replace", "path": "/webhooks/0/clientConfig/service/name", "value": %q}]`, service), metav1.PatchOptions{})
		return err
	}
	if err := point(e.Context(), service); err != nil {
		e.Fatal(err)
	}
	e.Cleanup(func() {
		if err := point(context.Background(), "webhook"); err != nil {
			e.Errorf("the webhook stays where it is: %v", err)
		}
	})
}
