// Package metrics counts what becomes of runs, under the names and labels that
// dashboards made for Tekton read.
//
// The labels are those of Tekton's default levels: a series for each pipeline and
// task, none for each run or Pod. Their number is bounded: what comes after the
// first MaxSeries combinations of namespace, pipeline and task is counted under
// the name Other.
package metrics

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
)

const (
	// MaxSeries is how many combinations of namespace, pipeline and task have
	// series of their own, for each metric.
	MaxSeries = 1000
	// Other is the value of each of these labels for all further combinations.
	Other = "other"
	// anonymous is the name of a pipeline or task that stands in the run itself.
	anonymous = "anonymous"

	namespace = "tekton_pipelines_controller"
)

// durations are the bounds that Tekton's histograms have, with some below for
// what takes no ten seconds.
var durations = []float64{1, 2, 5, 10, 30, 60, 300, 900, 1800, 3600, 5400, 10800, 21600, 43200, 86400}

// latencies are bounds for how long a Pod waits for its node.
var latencies = []float64{1000, 2000, 5000, 10000, 30000, 60000, 300000, 900000, 3600000}

// Recorder counts runs as they end. It is an observer of what the reconcilers
// write; all its methods may be called at once.
type Recorder struct {
	pipelineRunDuration, taskRunDuration, memberDuration *bounded
	podLatency                                           *bounded
	pipelineRuns, taskRuns, cloudEvents                  *prometheus.CounterVec
}

// NewRecorder returns a Recorder with its metrics registered.
func NewRecorder(to prometheus.Registerer) (*Recorder, error) {
	r := &Recorder{
		pipelineRunDuration: newBounded("pipelinerun_duration_seconds", "How long PipelineRuns took from start to end.",
			durations, "status", "namespace", "pipeline"),
		taskRunDuration: newBounded("taskrun_duration_seconds", "How long TaskRuns of no pipeline took from start to end.",
			durations, "status", "namespace", "task"),
		memberDuration: newBounded("pipelinerun_taskrun_duration_seconds", "How long TaskRuns of pipelines took from start to end.",
			durations, "status", "namespace", "pipeline", "task"),
		podLatency: newBounded("taskruns_pod_latency_milliseconds", "How long Pods of TaskRuns waited for a node.",
			latencies, "namespace", "task"),
		pipelineRuns: newCounter(namespace, "pipelinerun_total", "PipelineRuns that ended.", "status"),
		taskRuns:     newCounter(namespace, "taskrun_total", "TaskRuns that ended.", "status"),
		cloudEvents:  newCounter("slipway", "cloudevents_total", "Cloud events by what became of them.", "outcome"),
	}
	for _, c := range []prometheus.Collector{r.pipelineRunDuration.vec, r.taskRunDuration.vec, r.memberDuration.vec, r.podLatency.vec,
		r.pipelineRuns, r.taskRuns, r.cloudEvents} {
		if err := to.Register(c); err != nil {
			return nil, err
		}
	}
	return r, nil
}

func newCounter(space, name, help, label string) *prometheus.CounterVec {
	return prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: space, Name: name, Help: help}, []string{label})
}

// CloudEvent counts an event by what became of it.
func (r *Recorder) CloudEvent(outcome string) { r.cloudEvents.WithLabelValues(outcome).Inc() }

// TaskRunWritten counts the run when the status that was written is its end. pod
// is that of its last attempt, or nil.
func (r *Recorder) TaskRunWritten(before, after *v1.TaskRun, pod *corev1.Pod) {
	if before.IsDone() || !after.IsDone() {
		return
	}
	status := statusOf(after.Status.GetCondition(v1.ConditionSucceeded), v1.TaskRunReasonCancelled.String())
	r.taskRuns.WithLabelValues(status).Inc()
	took, task := took(after.Status.StartTime, after.Status.CompletionTime), taskOf(after)
	if parent := after.Labels[v1.LabelPipelineRun]; parent != "" {
		r.memberDuration.observe(took.Seconds(), []string{status}, after.Namespace, named(after.Labels[v1.LabelPipeline], parent), task)
	} else {
		r.taskRunDuration.observe(took.Seconds(), []string{status}, after.Namespace, task)
	}
	if waited, ok := scheduled(pod); ok {
		r.podLatency.observe(float64(waited.Milliseconds()), nil, after.Namespace, task)
	}
}

// PipelineRunWritten counts the run when the status that was written is its end.
func (r *Recorder) PipelineRunWritten(before, after *v1.PipelineRun) {
	if before.IsDone() || !after.IsDone() {
		return
	}
	status := statusOf(after.Status.GetCondition(v1.ConditionSucceeded), v1.PipelineRunReasonCancelled.String())
	r.pipelineRuns.WithLabelValues(status).Inc()
	r.pipelineRunDuration.observe(took(after.Status.StartTime, after.Status.CompletionTime).Seconds(),
		[]string{status}, after.Namespace, pipelineOf(after))
}

func statusOf(c *v1.Condition, cancelled string) string {
	switch {
	case c.IsTrue():
		return "success"
	case c.Reason == cancelled:
		return "cancelled"
	}
	return "failed"
}

// took is how long a run took; 0 for one that ended before it started.
func took(start, end *metav1.Time) time.Duration {
	if start.IsZero() || end.IsZero() {
		return 0
	}
	return max(end.Sub(start.Time), 0)
}

// scheduled is how long a Pod waited for its node, to the second.
func scheduled(pod *corev1.Pod) (time.Duration, bool) {
	if pod == nil {
		return 0, false
	}
	for _, c := range pod.Status.Conditions {
		if c.Type == corev1.PodScheduled && c.Status == corev1.ConditionTrue {
			return max(c.LastTransitionTime.Sub(pod.CreationTimestamp.Time), 0), true
		}
	}
	return 0, false
}

func taskOf(run *v1.TaskRun) string {
	ref := run.Spec.TaskRef
	switch {
	case ref != nil && ref.Name != "":
		return ref.Name
	case ref != nil && run.Labels[v1.LabelTask] != "":
		return run.Labels[v1.LabelTask]
	}
	return anonymous
}

func pipelineOf(run *v1.PipelineRun) string {
	ref := run.Spec.PipelineRef
	switch {
	case ref == nil:
		return anonymous
	case ref.Name != "":
		return ref.Name
	}
	return named(run.Labels[v1.LabelPipeline], run.Name)
}

// named is the name of a pipeline as its label has it. That of one without a name
// is the run's, of which there is no end.
func named(label, run string) string {
	if label == "" || label == run {
		return anonymous
	}
	return label
}
