package main

import (
	"slices"
	"strings"
	"time"

	"github.com/slipway-dev/slipway/pkg/compile"
	"github.com/slipway-dev/slipway/test/bench/lab"
)

// Row is what one size of a case showed. Each run is a TaskRun or a PipelineRun.
type Row struct {
	Case         string `json:"case"`
	TaskRuns     int    `json:"taskRuns"`
	PipelineRuns int    `json:"pipelineRuns"`
	// MadeRate is how many Pods were made a second from the first request, and DoneRate
	// how many TaskRuns ended a second from when their Pods were let go.
	MadeRate float64 `json:"podsMadePerSecond"`
	DoneRate float64 `json:"taskRunsDonePerSecond"`
	// PodAfter is from a TaskRun's creation to its Pod's, DoneAfter from the Pod's end to
	// the TaskRun's, and PipelineAfter from the last TaskRun's end to the PipelineRun's.
	PodAfter      Spread `json:"podAfterTaskRun"`
	DoneAfter     Spread `json:"taskRunDoneAfterPod"`
	PipelineAfter Spread `json:"pipelineRunDoneAfterTaskRuns"`
	// Running, Finished and Left are bytes of the controller's heap for each run: while it
	// runs, when it has finished, and when it is deleted.
	Running  float64 `json:"heapBytesPerRunningRun"`
	Finished float64 `json:"heapBytesPerFinishedRun"`
	Left     float64 `json:"heapBytesPerDeletedRun"`
	// Starting and Ending are what the workers did.
	Starting Busy `json:"starting"`
	Ending   Busy `json:"ending"`
	// Requests are those of the controller for each run, by verb and resource; Lists are
	// all that it listed.
	Requests map[string]float64 `json:"requestsPerRun"`
	Lists    map[string]int     `json:"lists"`
	// In seconds for each run.
	ServerCPU     float64 `json:"apiServerCPUSecondsPerRun"`
	ControllerCPU float64 `json:"controllerCPUSecondsPerRun"`
}

func (r *Row) runs() float64 { return float64(r.TaskRuns + r.PipelineRuns) }

// Spread of times in seconds.
type Spread struct {
	Median float64 `json:"medianSeconds"`
	P99    float64 `json:"p99Seconds"`
	Max    float64 `json:"maxSeconds"`
}

func spread(times []time.Duration) Spread {
	if len(times) == 0 {
		return Spread{}
	}
	slices.Sort(times)
	at := func(percent int) float64 { return times[(len(times)-1)*percent/100].Seconds() }
	return Spread{Median: at(50), P99: at(99), Max: at(100)}
}

// Busy is how the workers for TaskRuns fared in a while.
type Busy struct {
	// Share of their time that they worked or waited for the API server in.
	Share float64 `json:"workersBusyShare"`
	// Wait is how long what was to be looked at waited for a worker, in the mean, in
	// seconds.
	Wait float64 `json:"waitForWorkerSeconds"`
}

func busy(from, to reading) Busy {
	b := Busy{Share: (to.worked - from.worked) / (to.workers * to.at.Sub(from.at).Seconds())}
	if looked := to.looked - from.looked; looked > 0 {
		b.Wait = (to.waited - from.waited) / looked
	}
	return b
}

type marks = map[string]map[lab.Mark]time.Time

// latencies are filled in from what watches showed.
func (r *Row) latencies(taskRuns, pods, pipelineRuns marks) {
	var made, done, pipeline []time.Duration
	last := map[string]time.Time{}
	for name, run := range taskRuns {
		pod := pods[compile.PodName(name, 0)]
		made = append(made, pod[lab.Made].Sub(run[lab.Made]))
		done = append(done, run[lab.Done].Sub(pod[lab.Ended]))
		if of := pipelineRunOf(name); run[lab.Done].After(last[of]) {
			last[of] = run[lab.Done]
		}
	}
	for name, run := range pipelineRuns {
		pipeline = append(pipeline, run[lab.Done].Sub(last[name]))
	}
	r.PodAfter, r.DoneAfter, r.PipelineAfter = spread(made), spread(done), spread(pipeline)
}

// pipelineRunOf is the name of the PipelineRun that a TaskRun is of: run-1 of run-1-last.
func pipelineRunOf(taskRun string) string {
	parts := strings.SplitN(taskRun, "-", 3)
	return strings.Join(parts[:min(2, len(parts))], "-")
}
