// Command bench measures Slipway beside bare Pods, and beside another controller of
// tekton.dev/v1 where one is named, on the cluster that KUBECONFIG names.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"regexp"
	"runtime"
	"slices"
	"time"

	"k8s.io/client-go/tools/clientcmd"

	"github.com/slipway-dev/slipway/pkg/share"
	"github.com/slipway-dev/slipway/test/bench/cost"
	"github.com/slipway-dev/slipway/test/bench/lab"
	"github.com/slipway-dev/slipway/test/bench/measure"
	"github.com/slipway-dev/slipway/test/bench/report"
)

type options struct {
	n                      int
	cases                  string
	other, otherController string
	cli, json, svg         string
}

func main() {
	var o options
	flag.IntVar(&o.n, "n", 15, "samples of each way of a case; large cases take fewer")
	flag.StringVar(&o.cases, "cases", "", "regular expression of the cases to measure (default: all, with costs and log lag)")
	flag.StringVar(&o.other, "other", "", "spec.managedBy of runs that another controller takes, to put it beside")
	flag.StringVar(&o.otherController, "other-controller", "", "NAMESPACE/APP of its Pods, of which /metrics tells CPU and memory")
	flag.StringVar(&o.cli, "cli", "", "path of the slipway program, for the log lag")
	flag.StringVar(&o.json, "json", "", "file to write the figures to as JSON")
	flag.StringVar(&o.svg, "svg", "", "file to draw the chart to")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// ways are bare Pods, Slipway and the other.
func (o options) ways(bare lab.Load, ours func(managedBy string) lab.Load) []measure.Way {
	ways := []measure.Way{{Name: "bare Pods", Load: bare}, {Name: "slipway", Load: ours("")}}
	if o.other != "" {
		ways = append(ways, measure.Way{Name: o.other, Load: ours(o.other)})
	}
	return ways
}

func (o options) list() []measure.Case {
	steps := func(n int) []measure.Way {
		return o.ways(lab.Pods(n, false, 1), func(by string) lab.Load { return lab.TaskRuns(1, n, false, by) })
	}
	burst := func(n int) []measure.Way {
		return o.ways(lab.Pods(1, false, n), func(by string) lab.Load { return lab.TaskRuns(n, 1, false, by) })
	}
	waves := func(widths ...int) []measure.Way {
		return o.ways(lab.Pods(1, false, widths...), func(by string) lab.Load { return lab.Pipeline(share.Tasks, by, widths...) })
	}
	inOnePod := func(widths ...int) []measure.Way {
		all := 0
		for _, w := range widths {
			all += w
		}
		return o.ways(lab.Pods(all, false, 1), func(by string) lab.Load { return lab.Pipeline(share.Pod, by, widths...) })
	}
	row := slices.Repeat([]int{1}, 10)
	const few = 4
	return []measure.Case{
		{Name: "1 step", Ways: steps(1)},
		{Name: "3 steps", Ways: steps(3)},
		{Name: "10 steps", Ways: steps(10)},
		{Name: "a sidecar", Ways: o.ways(lab.Pods(1, true, 1), func(by string) lab.Load { return lab.TaskRuns(1, 1, true, by) })},
		{Name: "a result", Ways: o.ways(lab.Pods(1, false, 1, 1), lab.Handover)},
		{Name: "10 in a row", Ways: waves(row...), Samples: few},
		{Name: "10 in a row, one Pod", Ways: inOnePod(row...)},
		{Name: "10 side by side", Ways: waves(10), Samples: few},
		{Name: "10 side by side, one Pod", Ways: inOnePod(10)},
		{Name: "diamond of 30", Ways: waves(1, 28, 1), Samples: few},
		{Name: "diamond of 30, one Pod", Ways: inOnePod(1, 28, 1), Samples: few},
		{Name: "50 at once", Ways: burst(50), Samples: few},
		{Name: "200 at once", Ways: burst(200), Samples: 2},
	}
}

func run(ctx context.Context, o options) error {
	wanted, err := regexp.Compile(o.cases)
	if err != nil {
		return err
	}
	config, err := clientcmd.BuildConfigFromFlags("", os.Getenv("KUBECONFIG"))
	if err != nil {
		return err
	}
	l, err := lab.Open(ctx, config, os.Getenv("SLIPWAY_REGISTRY"))
	if err != nil {
		return err
	}
	r := report.Report{Machine: machine(ctx, l)}
	err = o.measure(ctx, l, wanted, &r)
	return errors.Join(err, l.Close(), o.write(r))
}

func (o options) measure(ctx context.Context, l *lab.Lab, wanted *regexp.Regexp, r *report.Report) error {
	// The first Pod of an image waits for the pull.
	if _, err := lab.Pods(1, false, 1)(ctx, l, "warm"); err != nil {
		return err
	}
	for _, c := range o.list() {
		if !wanted.MatchString(c.Name) {
			continue
		}
		figures, err := measure.Run(ctx, l, c, o.n, progress)
		if err != nil {
			return err
		}
		r.Figures = append(r.Figures, figures...)
	}
	if o.cases != "" {
		return nil
	}
	if err := o.costs(ctx, l, r); err != nil {
		return err
	}
	return o.lag(ctx, l, r)
}

func (o options) costs(ctx context.Context, l *lab.Lab, r *report.Report) error {
	controllers := map[string]string{"slipway": "slipway-system/controller", o.other: o.otherController}
	for _, way := range o.list()[0].Ways {
		progress("costs: " + way.Name)
		c, err := cost.Of(ctx, l, cost.Work{Way: way, N: o.n, Controller: controllers[way.Name], AuditLog: os.Getenv("SLIPWAY_AUDIT_LOG")})
		if err != nil {
			return err
		}
		r.Costs = append(r.Costs, c)
	}
	return nil
}

func (o options) lag(ctx context.Context, l *lab.Lab, r *report.Report) error {
	if o.cli == "" {
		return nil
	}
	const lines, perSecond = 50_000, 10_000
	progress("log lag")
	lags, err := l.Lags(ctx, o.cli, lines, perSecond)
	if err != nil {
		return err
	}
	slices.Sort(lags)
	r.Lag = &report.Lag{Lines: lines, PerSecond: perSecond, Median: lags[lines/2].Seconds(), P99: lags[lines*99/100].Seconds(), Max: lags[lines-1].Seconds()}
	return nil
}

func progress(what string) {
	fmt.Fprintf(os.Stderr, "%s  %s\n", time.Now().Format(time.TimeOnly), what)
}

func machine(ctx context.Context, l *lab.Lab) string {
	version, err := l.Kube.Discovery().ServerVersion()
	if err != nil || ctx.Err() != nil {
		return ""
	}
	return fmt.Sprintf("Kubernetes %s; bench on %d CPUs, %s", version.GitVersion, runtime.NumCPU(), time.Now().Format(time.DateOnly))
}

func (o options) write(r report.Report) error {
	errs := []error{r.Table(os.Stdout)}
	for path, write := range map[string]func(io.Writer) error{o.json: r.JSON, o.svg: r.Chart} {
		if path == "" {
			continue
		}
		f, err := os.Create(path)
		if err != nil {
			return err
		}
		errs = append(errs, write(f), f.Close())
	}
	return errors.Join(errs...)
}
