package taskrun

import (
	"errors"
	"fmt"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
	"github.com/slipway-dev/slipway/pkg/kube/settings"
)

// permitted finds what the installation does not let a run do. Runs made for a
// PipelineRun have its tasks written in them, which is its affair.
func permitted(set *settings.Settings, run *v1.TaskRun) error {
	if run.Spec.TaskSpec != nil && metav1.GetControllerOf(run) == nil && set.ForbidsInline("taskrun") {
		return errors.New("spec.taskSpec: disable-inline-spec in configmap feature-flags forbids a Task written in a TaskRun: use taskRef")
	}
	if run.Spec.PodTemplate == nil {
		return nil
	}
	for i, e := range run.Spec.PodTemplate.Env {
		if slices.Contains(set.ForbiddenEnv, e.Name) {
			return fmt.Errorf("spec.podTemplate.env[%d].name: default-forbidden-env in configmap config-defaults lets no pod template set %s", i, e.Name)
		}
	}
	return nil
}
