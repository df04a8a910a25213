// Package limits reads how long a run and its parts may take.
package limits

import (
	"time"

	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Pipeline is how long the whole run may take; 0 means no limit.
func Pipeline(t *v1.TimeoutFields, otherwise time.Duration) time.Duration {
	if t != nil && t.Pipeline != nil {
		return t.Pipeline.Duration
	}
	return otherwise
}

// Tasks is the limit of the tasks outside finally: what t gives, or what the other two
// limits leave; nil when neither does.
func Tasks(t *v1.TimeoutFields) *metav1.Duration {
	if t == nil {
		return nil
	}
	return given(t.Tasks, t.Pipeline, t.Finally)
}

// Finally is that of the tasks in finally.
func Finally(t *v1.TimeoutFields) *metav1.Duration {
	if t == nil {
		return nil
	}
	return given(t.Finally, t.Pipeline, t.Tasks)
}

func given(own, whole, other *metav1.Duration) *metav1.Duration {
	if own != nil {
		return own
	}
	if whole == nil || other == nil || whole.Duration == 0 || other.Duration == 0 {
		return nil
	}
	return &metav1.Duration{Duration: whole.Duration - other.Duration}
}

// Passed reports whether a limit has been reached; never for no limit.
func Passed(start time.Time, limit *metav1.Duration, now time.Time) bool {
	return limit != nil && limit.Duration != 0 && !now.Before(start.Add(limit.Duration))
}
