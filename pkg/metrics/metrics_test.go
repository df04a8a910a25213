package metrics

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/expfmt"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
)

var noon = metav1.NewTime(time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC))

func recorder(t *testing.T) (*Recorder, *prometheus.Registry) {
	t.Helper()
	to := prometheus.NewPedanticRegistry()
	r, err := NewRecorder(to)
	if err != nil {
		t.Fatal(err)
	}
	return r, to
}

func status(s corev1.ConditionStatus, reason string) v1.Status {
	return v1.Status{Conditions: v1.Conditions{{Type: v1.ConditionSucceeded, Status: s, Reason: reason}}}
}

// taskRun that took 3 seconds, so far or in all.
func taskRun(s corev1.ConditionStatus, reason string, labels map[string]string) *v1.TaskRun {
	return &v1.TaskRun{
		ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: "ci", Labels: labels},
		Spec:       v1.TaskRunSpec{TaskRef: &v1.TaskRef{Name: "build"}},
		Status: v1.TaskRunStatus{Status: status(s, reason), TaskRunStatusFields: v1.TaskRunStatusFields{
			StartTime: &noon, CompletionTime: new(metav1.NewTime(noon.Add(3 * time.Second)))}},
	}
}

func pipelineRun(s corev1.ConditionStatus, reason string, ref *v1.PipelineRef, labels map[string]string) *v1.PipelineRun {
	return &v1.PipelineRun{
		ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: "ci", Labels: labels},
		Spec:       v1.PipelineRunSpec{PipelineRef: ref},
		Status: v1.PipelineRunStatus{Status: status(s, reason), PipelineRunStatusFields: v1.PipelineRunStatusFields{
			StartTime: &noon, CompletionTime: new(metav1.NewTime(noon.Add(3 * time.Second)))}},
	}
}

// want holds lines of what is served, and not those that are absent.
func want(t *testing.T, from prometheus.Gatherer, lines ...string) {
	t.Helper()
	families, err := from.Gather()
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	for _, f := range families {
		if _, err := expfmt.MetricFamilyToText(&text, f); err != nil {
			t.Fatal(err)
		}
	}
	for _, line := range lines {
		absent, line := strings.HasPrefix(line, "!"), strings.TrimPrefix(line, "!")
		if strings.Contains(text.String(), line+"\n") == absent {
			t.Errorf("served, is %q absent: %t\n%s", line, !absent, text.String())
		}
	}
}

func TestEnds(t *testing.T) {
	member := map[string]string{v1.LabelPipeline: "ship", v1.LabelPipelineRun: "ship-1"}
	inline := map[string]string{v1.LabelPipeline: "ship-1", v1.LabelPipelineRun: "ship-1"}
	goingOn := taskRun("Unknown", "Running", nil)
	const p = "tekton_pipelines_controller_"
	for name, tc := range map[string]struct {
		do   func(*Recorder)
		want []string
	}{
		"task run": {func(r *Recorder) { r.TaskRunWritten(goingOn, taskRun("True", "Succeeded", nil), nil) }, []string{
			p + `taskrun_total{status="success"} 1`,
			p + `taskrun_duration_seconds_sum{namespace="ns",status="success",task="build"} 3`,
			p + `taskrun_duration_seconds_bucket{namespace="ns",status="success",task="build",le="2"} 0`,
			p + `taskrun_duration_seconds_bucket{namespace="ns",status="success",task="build",le="5"} 1`,
		}},
		"task run that goes on": {func(r *Recorder) { r.TaskRunWritten(goingOn, goingOn, nil) }, []string{
			"!" + p + `taskrun_total{status="failed"} 1`, "!" + p + `taskrun_total{status="success"} 1`}},
		"task run whose end is written again": {func(r *Recorder) {
			r.TaskRunWritten(taskRun("True", "Succeeded", nil), taskRun("True", "Succeeded", nil), nil)
		}, []string{"!" + p + `taskrun_total{status="success"} 1`}},
		"failed": {func(r *Recorder) { r.TaskRunWritten(goingOn, taskRun("False", "TaskRunTimeout", nil), nil) },
			[]string{p + `taskrun_total{status="failed"} 1`}},
		"cancelled": {func(r *Recorder) { r.TaskRunWritten(goingOn, taskRun("False", "TaskRunCancelled", nil), nil) },
			[]string{p + `taskrun_total{status="cancelled"} 1`}},
		"task run of a pipeline": {func(r *Recorder) { r.TaskRunWritten(goingOn, taskRun("True", "Succeeded", member), nil) }, []string{
			p + `pipelinerun_taskrun_duration_seconds_sum{namespace="ns",pipeline="ship",status="success",task="build"} 3`,
			"!" + p + `taskrun_duration_seconds_sum{namespace="ns",status="success",task="build"} 3`,
		}},
		// Its label is the run's name, which would make a series for each run.
		"task run of a pipeline without a name": {func(r *Recorder) { r.TaskRunWritten(goingOn, taskRun("True", "Succeeded", inline), nil) }, []string{
			p + `pipelinerun_taskrun_duration_seconds_sum{namespace="ns",pipeline="anonymous",status="success",task="build"} 3`}},
		"pod": {func(r *Recorder) {
			r.TaskRunWritten(goingOn, taskRun("True", "Succeeded", nil), &corev1.Pod{ObjectMeta: metav1.ObjectMeta{CreationTimestamp: noon},
				Status: corev1.PodStatus{Conditions: []corev1.PodCondition{{Type: corev1.PodScheduled, Status: "True", LastTransitionTime: metav1.NewTime(noon.Add(2 * time.Second))}}}})
		}, []string{p + `taskruns_pod_latency_milliseconds_sum{namespace="ns",task="build"} 2000`}},
		"pipeline run": {func(r *Recorder) {
			r.PipelineRunWritten(pipelineRun("Unknown", "Running", nil, nil), pipelineRun("True", "Completed", &v1.PipelineRef{Name: "ship"}, nil))
		}, []string{
			p + `pipelinerun_total{status="success"} 1`,
			p + `pipelinerun_duration_seconds_sum{namespace="ns",pipeline="ship",status="success"} 3`,
		}},
		"pipeline run without a name": {func(r *Recorder) {
			r.PipelineRunWritten(pipelineRun("Unknown", "Running", nil, nil), pipelineRun("False", "Cancelled", nil, map[string]string{v1.LabelPipeline: "ci"}))
		}, []string{p + `pipelinerun_duration_seconds_sum{namespace="ns",pipeline="anonymous",status="cancelled"} 3`}},
		"pipeline run by a resolver": {func(r *Recorder) {
			r.PipelineRunWritten(pipelineRun("Unknown", "Running", nil, nil), pipelineRun("False", "Failed", &v1.PipelineRef{}, map[string]string{v1.LabelPipeline: "far"}))
		}, []string{p + `pipelinerun_duration_seconds_sum{namespace="ns",pipeline="far",status="failed"} 3`}},
	} {
		t.Run(name, func(t *testing.T) {
			r, to := recorder(t)
			tc.do(r)
			want(t, to, tc.want...)
		})
	}
}

// However many names users think of, the number of series is bounded.
func TestBoundedSeries(t *testing.T) {
	r, to := recorder(t)
	for i := range MaxSeries + 50 {
		run := taskRun("True", "Succeeded", nil)
		run.Spec.TaskRef.Name = fmt.Sprintf("task-%d", i)
		r.TaskRunWritten(taskRun("Unknown", "Running", nil), run, nil)
	}
	series := make(chan prometheus.Metric, 2*MaxSeries)
	r.taskRunDuration.vec.Collect(series)
	if n := len(series); n != MaxSeries+1 {
		t.Errorf("%d series, want %d", n, MaxSeries+1)
	}
	want(t, to, `tekton_pipelines_controller_taskrun_duration_seconds_count{namespace="other",status="success",task="other"} 50`)
}

type runs struct {
	taskRuns     []v1.TaskRun
	pipelineRuns []v1.PipelineRun
	err          error
}

func (r runs) TaskRuns() ([]v1.TaskRun, error)         { return r.taskRuns, r.err }
func (r runs) PipelineRuns() ([]v1.PipelineRun, error) { return r.pipelineRuns, r.err }

func TestRunning(t *testing.T) {
	foreign := taskRun("Unknown", "Running", nil)
	foreign.Spec.ManagedBy = new("somebody.else/here")
	to := prometheus.NewPedanticRegistry()
	to.MustRegister(NewRunning(runs{
		taskRuns: []v1.TaskRun{
			{}, *foreign, *taskRun("True", "Succeeded", nil), *taskRun("Unknown", "Running", nil),
			*taskRun("Unknown", "ExceededResourceQuota", nil), *taskRun("Unknown", "ExceededNodeResources", nil), *taskRun("Unknown", "ResolvingTaskRef", nil),
		},
		pipelineRuns: []v1.PipelineRun{
			*pipelineRun("False", "Failed", nil, nil), *pipelineRun("Unknown", "ResolvingPipelineRef", nil, nil), *pipelineRun("Unknown", "ResolvingTaskRef", nil, nil),
		},
	}))
	const p = "tekton_pipelines_controller_"
	want(t, to, p+"running_taskruns 5", p+"running_taskruns_throttled_by_quota 1", p+"running_taskruns_throttled_by_node 1",
		p+"running_taskruns_waiting_on_task_resolution_count 1", p+"running_pipelineruns 2",
		p+"running_pipelineruns_waiting_on_pipeline_resolution 1", p+"running_pipelineruns_waiting_on_task_resolution 1")
}

func TestRunningWithoutAnAnswer(t *testing.T) {
	to := prometheus.NewPedanticRegistry()
	to.MustRegister(NewRunning(runs{err: errors.New("the cache is not there yet")}))
	if _, err := to.Gather(); err == nil || !strings.Contains(err.Error(), "not there yet") {
		t.Errorf("Gather: %v", err)
	}
}
