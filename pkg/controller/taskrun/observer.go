package taskrun

import (
	corev1 "k8s.io/api/core/v1"

	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
)

// Observer is told what becomes of runs. The runs and the Pod belong to the
// caller: an observer reads them before it returns, writes to none, and neither
// blocks nor fails.
type Observer interface {
	// TaskRunWritten is called once for each status that the API server took, after
	// it did: a run's end is told once, whichever replica wrote it, and not told
	// when the controller dies between the write and the call. pod is that of the
	// attempt, or nil.
	TaskRunWritten(before, after *v1.TaskRun, pod *corev1.Pod)
}

func (r *Reconciler) told(a *attempt) {
	for _, o := range r.Observers {
		o.TaskRunWritten(a.before, a.run, a.pod)
	}
}
