// Package report shows figures to people and programs.
package report

import (
	"encoding/json"
	"fmt"
	"io"
	"text/tabwriter"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/plotutil"
	"gonum.org/v1/plot/vg"

	"github.com/slipway-dev/slipway/test/bench/cost"
	"github.com/slipway-dev/slipway/test/bench/lab"
	"github.com/slipway-dev/slipway/test/bench/measure"
)

// Report is all that was measured in one run.
type Report struct {
	// Machine is what it ran on, in a line.
	Machine string           `json:"machine"`
	Figures []measure.Figure `json:"figures"`
	Costs   []cost.Cost      `json:"costs"`
	Lag     *Lag             `json:"logLag,omitempty"`
}

// Lag is how long a line took from a step to `slipway logs -f`.
type Lag struct {
	Lines     int     `json:"lines"`
	PerSecond int     `json:"perSecond"`
	Median    float64 `json:"medianSeconds"`
	P99       float64 `json:"p99Seconds"`
	Max       float64 `json:"maxSeconds"`
}

// JSON writes r for programs.
func (r Report) JSON(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(r)
}

// Table writes r for people.
func (r Report) Table(out io.Writer) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	p := func(format string, args ...any) { _, _ = fmt.Fprintf(w, format, args...) }
	p("%s\n\nCASE\tWAY\tUNTIL\tN\tMEDIAN\tMIN\tMAX\t÷ PHASE\t÷ ENDED\n", r.Machine)
	for _, f := range r.Figures {
		p("%s\t%s\t%s\t%d\t%.2fs\t%.2fs\t%.2fs\t%.2f\t%.2f\n", f.Case, f.Way, f.Mark, f.N, f.Median, f.Min, f.Max, f.ToPhase, f.ToEnded)
	}
	if l := r.Lag; l != nil {
		p("\nlog lag of %d lines at %d a second: median %.0fms, p99 %.0fms, max %.0fms\n", l.Lines, l.PerSecond, 1000*l.Median, 1000*l.P99, 1000*l.Max)
	}
	if len(r.Costs) > 0 {
		p("\nEACH RUN OF ONE STEP\tREQUESTS\tWEBHOOKS\tAPI SERVER\tCONTROLLER\tITS MEMORY\tIN ETCD\n")
	}
	for _, c := range r.Costs {
		p("%s\t%.1f\t%.1f\t%.0fms\t%.1fms\t%.0fMiB\t%.1fkB\n", c.Way, c.Total(), c.Webhooks, c.APIServerCPU, c.ControllerCPU, c.ControllerMemory/(1<<20), c.Stored/1000)
	}
	for _, c := range r.Costs {
		p("\n%s\n", c.Way)
		for _, client := range c.Clients() {
			p("  %s\t%.1f\n", client, c.Requests[client])
		}
	}
	return w.Flush()
}

// Chart writes an SVG of each way's median to its own end, over that of the first way's
// Pods to their phase.
func (r Report) Chart(out io.Writer) error {
	p := plot.New()
	p.Title.Text = "time to the end ÷ that of bare Pods with the same containers"
	p.Y.Min = 0
	var cases []string
	values := map[string]plotter.Values{}
	var ways []string
	for _, f := range r.Figures {
		if f.Mark != lab.Done && f.Mark != lab.Phase {
			continue
		}
		if len(cases) == 0 || cases[len(cases)-1] != f.Case {
			cases = append(cases, f.Case)
		}
		if values[f.Way] == nil {
			ways = append(ways, f.Way)
		}
		values[f.Way] = append(values[f.Way], f.ToPhase)
	}
	width := vg.Points(14)
	for i, way := range ways {
		bars, err := plotter.NewBarChart(values[way], width)
		if err != nil {
			return err
		}
		bars.Color, bars.LineStyle.Width = plotutil.Color(i), 0
		bars.Offset = width * vg.Length(2*i-len(ways)+1) / 2
		p.Add(bars)
		p.Legend.Add(way, bars)
	}
	p.Legend.Top = true
	p.NominalX(cases...)
	svg, err := p.WriterTo(vg.Length(max(4, len(cases)))*vg.Inch*1.3, 4*vg.Inch, "svg")
	if err != nil {
		return err
	}
	_, err = svg.WriteTo(out)
	return err
}
