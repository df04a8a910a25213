package metrics

import (
	"github.com/prometheus/client_golang/prometheus"

	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
)

// Runs finds the runs there are. It reads from memory, and is called each time
// that metrics are read; what it returns is not written to.
type Runs interface {
	TaskRuns() ([]v1.TaskRun, error)
	PipelineRuns() ([]v1.PipelineRun, error)
}

// Running collects how many runs are under way, and what they wait for. Only the
// replica that works on runs registers it: two would count each run twice.
type Running struct {
	runs Runs
	taskRuns, throttledByQuota, throttledByNode, taskRunsResolving,
	pipelineRuns, pipelinesResolving, tasksResolving *prometheus.Desc
}

// NewRunning returns a collector, not yet registered.
func NewRunning(runs Runs) *Running {
	desc := func(name, help string) *prometheus.Desc {
		return prometheus.NewDesc(prometheus.BuildFQName(namespace, "", name), help, nil, nil)
	}
	return &Running{
		runs:               runs,
		taskRuns:           desc("running_taskruns", "TaskRuns that have not ended."),
		throttledByQuota:   desc("running_taskruns_throttled_by_quota", "TaskRuns that wait for room in a resource quota."),
		throttledByNode:    desc("running_taskruns_throttled_by_node", "TaskRuns that wait for room on a node."),
		taskRunsResolving:  desc("running_taskruns_waiting_on_task_resolution_count", "TaskRuns that wait for their task to be fetched."),
		pipelineRuns:       desc("running_pipelineruns", "PipelineRuns that have not ended."),
		pipelinesResolving: desc("running_pipelineruns_waiting_on_pipeline_resolution", "PipelineRuns that wait for their pipeline to be fetched."),
		tasksResolving:     desc("running_pipelineruns_waiting_on_task_resolution", "PipelineRuns that wait for one of their tasks to be fetched."),
	}
}

// Describe says what is collected.
func (r *Running) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{r.taskRuns, r.throttledByQuota, r.throttledByNode, r.taskRunsResolving,
		r.pipelineRuns, r.pipelinesResolving, r.tasksResolving} {
		to <- d
	}
}

// Collect counts the runs.
func (r *Running) Collect(to chan<- prometheus.Metric) {
	taskRuns, err := r.runs.TaskRuns()
	if err != nil {
		to <- prometheus.NewInvalidMetric(r.taskRuns, err)
		return
	}
	pipelineRuns, err := r.runs.PipelineRuns()
	if err != nil {
		to <- prometheus.NewInvalidMetric(r.pipelineRuns, err)
		return
	}
	var t, p tally
	for i := range taskRuns {
		t.add(taskRuns[i].Status.GetCondition(v1.ConditionSucceeded), taskRuns[i].Spec.ManagedBy)
	}
	for i := range pipelineRuns {
		p.add(pipelineRuns[i].Status.GetCondition(v1.ConditionSucceeded), pipelineRuns[i].Spec.ManagedBy)
	}
	for desc, n := range map[*prometheus.Desc]int{
		r.taskRuns: t.all, r.pipelineRuns: p.all,
		r.throttledByQuota:   t.by[v1.TaskRunReasonExceededResourceQuota.String()],
		r.throttledByNode:    t.by[v1.TaskRunReasonExceededNodeResources.String()],
		r.taskRunsResolving:  t.by[v1.TaskRunReasonResolvingTaskRef.String()],
		r.pipelinesResolving: p.by[v1.PipelineRunReasonResolvingPipelineRef.String()],
		r.tasksResolving:     p.by[v1.TaskRunReasonResolvingTaskRef.String()],
	} {
		to <- prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, float64(n))
	}
}

// tally is how many runs have not ended, in all and by the reason of their condition.
type tally struct {
	all int
	by  map[string]int
}

func (t *tally) add(c *v1.Condition, managedBy *string) {
	if !c.IsUnknown() || managedBy != nil && *managedBy != "" && *managedBy != v1.ManagedBy {
		return
	}
	t.all++
	if c == nil {
		return
	}
	if t.by == nil {
		t.by = map[string]int{}
	}
	t.by[c.Reason]++
}
