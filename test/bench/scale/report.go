package main

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"text/tabwriter"
)

// Report is all that was measured.
type Report struct {
	Rows   []Row   `json:"rows"`
	Trials []Trial `json:"trials"`
}

// Trial is a case that ends well or not: with nothing lost, doubled or stuck.
type Trial struct {
	Name     string  `json:"name"`
	TaskRuns int     `json:"taskRuns"`
	Seconds  float64 `json:"seconds"`
	// Refused is how many of the controller's requests were answered with 429.
	Refused int `json:"refused,omitempty"`
	// Elected and TakeOver are from the kill of the leader to the election of another, and
	// to the end of the first TaskRun by its hand, in seconds.
	Elected  float64 `json:"electedSeconds,omitempty"`
	TakeOver float64 `json:"takeOverSeconds,omitempty"`
}

func (o options) write(r Report) error {
	if err := r.table(os.Stdout); err != nil || o.json == "" {
		return err
	}
	data, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(o.json, append(data, '\n'), 0o600)
}

func (s Spread) String() string {
	return fmt.Sprintf("%.2f / %.2f / %.2f s", s.Median, s.P99, s.Max)
}

// line is the row for people.
func (r *Row) line() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\t%d\t%.0f/s\t%.0f/s\t%s\t%s\t%s\t%.1f KiB\t%.1f KiB\t%.1f KiB\t%.1f\t%.0f ms\t%.1f ms\t%.0f%%, %.0f%%\t%.2f s, %.2f s\n", r.Case, r.TaskRuns, r.MadeRate, r.DoneRate,
		r.PodAfter, r.DoneAfter, r.PipelineAfter, r.Running/1024, r.Finished/1024, r.Left/1024, total(r.Requests), 1000*r.ServerCPU, 1000*r.ControllerCPU,
		100*r.Starting.Share, 100*r.Ending.Share, r.Starting.Wait, r.Ending.Wait)
	return b.String()
}

func total(m map[string]float64) (sum float64) {
	for _, v := range m {
		sum += v
	}
	return sum
}

func (r *Report) table(out io.Writer) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	if len(r.Rows) > 0 {
		fmt.Fprint(w, "CASE\tTASKRUNS\tPODS MADE\tENDED\tPOD AFTER RUN\tEND AFTER POD\tEND AFTER TASKRUNS\tRUNNING\tFINISHED\tDELETED\tREQUESTS\tAPI SERVER\tCONTROLLER\tWORKERS BUSY\tWAIT FOR THEM\n")
	}
	for i := range r.Rows {
		fmt.Fprint(w, r.Rows[i].line())
	}
	for i := range r.Rows {
		fmt.Fprintf(w, "\n%s, %d: requests for each run\n", r.Rows[i].Case, r.Rows[i].TaskRuns)
		for _, k := range slices.Sorted(maps.Keys(r.Rows[i].Requests)) {
			fmt.Fprintf(w, "  %s\t%.2f\n", k, r.Rows[i].Requests[k])
		}
		for _, k := range slices.Sorted(maps.Keys(r.Rows[i].Lists)) {
			fmt.Fprintf(w, "  lists of %s in all\t%d\n", k, r.Rows[i].Lists[k])
		}
	}
	for _, t := range r.Trials {
		fmt.Fprintf(w, "\n%s: %d TaskRuns in %.0f s, none lost, doubled or stuck; refused %d; elected after %.1f s, took over after %.1f s\n",
			t.Name, t.TaskRuns, t.Seconds, t.Refused, t.Elected, t.TakeOver)
	}
	return w.Flush()
}
