// Package unsupported finds the fields that are part of the API and that no
// controller acts on yet.
package unsupported

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"

	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
)

// A gap is a field of T that no controller acts on yet. A run that uses it fails
// at once rather than pass it over.
type gap[T any] struct {
	field string
	used  func(*T) bool
}

func (g gap[T]) check(v *T, at *field.Path) (errs field.ErrorList) {
	if g.used(v) {
		errs = append(errs, &field.Error{Type: field.ErrorTypeNotSupported, Field: at.Child(g.field).String(), BadValue: "", Detail: "is not implemented yet: remove it"})
	}
	return errs
}

// What is not implemented of a sidecar. Remove a line when a
// controller acts on the field.
var sidecarGaps = []gap[v1.Sidecar]{
	{"restartPolicy", func(s *v1.Sidecar) bool {
		return s.RestartPolicy != nil && *s.RestartPolicy != corev1.ContainerRestartPolicyAlways
	}},
}

// TaskRun lists the fields of the run, and of the Task written in it,
// that no controller acts on yet. at is the path of the spec.
func TaskRun(spec *v1.TaskRunSpec, at *field.Path) (errs field.ErrorList) {
	if spec.TaskSpec != nil {
		errs = append(errs, TaskSpec(spec.TaskSpec, at.Child("taskSpec"))...)
	}
	return errs
}

// TaskSpec lists the fields of a Task that no controller acts on yet.
func TaskSpec(spec *v1.TaskSpec, at *field.Path) (errs field.ErrorList) {
	for i := range spec.Sidecars {
		for _, g := range sidecarGaps {
			errs = append(errs, g.check(&spec.Sidecars[i], at.Child("sidecars").Index(i))...)
		}
	}
	return errs
}
