package compile

import (
	"slices"

	corev1 "k8s.io/api/core/v1"

	"github.com/slipway-dev/slipway/entrypoint/contract"
)

const debugVolume = "tekton-internal-debug"

// addBreakpoints gives each step that may halt a folder of its own for the
// programs that end a halt, and a probe that finds it ready while it halts: that
// is how a Pod shows who waits for a person.
func addBreakpoints(b *builder) error {
	for i := range b.steps {
		if before, onFailure := b.breakpoints(i); !before && !onFailure {
			continue
		}
		c := &b.steps[i]
		b.addVolume(emptyDir(debugVolume))
		addMount(c, corev1.VolumeMount{Name: debugVolume, MountPath: contract.DebugDir, SubPath: c.Name})
		c.ReadinessProbe = &corev1.Probe{
			ProbeHandler:     corev1.ProbeHandler{Exec: &corev1.ExecAction{Command: []string{contract.Entrypoint, contract.DebugHalted, contract.DebugDir}}},
			PeriodSeconds:    2,
			FailureThreshold: 1,
		}
	}
	return nil
}

// breakpoints says where the i-th step halts.
func (b *builder) breakpoints(i int) (before, onFailure bool) {
	p := b.task.Breakpoints
	if p == nil {
		return false, false
	}
	return slices.Contains(p.BeforeSteps, StepName(i, b.task.Spec.Steps[i].Name)), p.OnFailure == "enabled"
}
