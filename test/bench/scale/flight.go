package main

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"

	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
	"github.com/slipway-dev/slipway/test/bench/lab"
	"github.com/slipway-dev/slipway/test/bench/scrape"
)

// flight has n TaskRuns in flight at once: their Pods run until all do, and then end.
// The controller's memory is read before, with all running, with all finished, and when
// nothing is left of them.
func (b *bench) flight(ctx context.Context, l load, n int) (*Row, error) {
	row := &Row{Case: l.name, TaskRuns: n, PipelineRuns: l.pipelineRuns(n)}
	var before, after reading
	err := b.in(ctx, n, func(ctx context.Context, p *place) (err error) {
		if before, err = b.read(ctx, p.Lab, fmt.Sprintf("%s-%d-before", l.name, n)); err != nil {
			return err
		}
		if err = b.fly(ctx, p, l, row, before); err != nil {
			return err
		}
		return p.complete(ctx, n, row.PipelineRuns)
	})
	if err != nil {
		return nil, err
	}
	err = b.aside(ctx, func(l *lab.Lab) (err error) {
		after, err = b.read(ctx, l, fmt.Sprintf("%s-%d-left", row.Case, n))
		return err
	})
	row.Left = (after.heap - before.heap) / row.runs()
	return row, err
}

// fly makes the runs and fills in the row.
func (b *bench) fly(ctx context.Context, p *place, l load, row *Row, before reading) error {
	first := l.first(row.TaskRuns)
	start, err := b.glance(ctx, p.Lab)
	if err != nil {
		return err
	}
	progress("%s: making those of %d TaskRuns", l.name, row.TaskRuns)
	made := make(chan error, 1)
	go func() { made <- p.CreateAll(ctx, l.runs(row.TaskRuns, p.fleet.Template())) }()
	if err := p.AwaitN(ctx, lab.Made, &corev1.Pod{}, first); err != nil {
		return err
	}
	row.MadeRate = float64(first) / time.Since(start.at).Seconds()
	starting, err := b.glance(ctx, p.Lab)
	if err != nil {
		return err
	}
	row.Starting = busy(start, starting)
	progress("%s: all Pods are made; waiting for them to run", l.name)
	if err := p.AwaitN(ctx, lab.Started, &corev1.Pod{}, first); err != nil {
		return err
	}
	if err := <-made; err != nil {
		return err
	}
	running, err := b.read(ctx, p.Lab, fmt.Sprintf("%s-%d-running", l.name, row.TaskRuns))
	if err != nil {
		return err
	}
	row.Running = (running.heap - before.heap) / float64(first+row.PipelineRuns)
	if err := b.land(ctx, p, row, before); err != nil {
		return err
	}
	row.latencies(p.Marks(&v1.TaskRun{}), p.Marks(&corev1.Pod{}), p.Marks(&v1.PipelineRun{}))
	return b.requests(row, p.Namespace, start.at)
}

// land lets the Pods end.
func (b *bench) land(ctx context.Context, p *place, row *Row, before reading) error {
	progress("%s: all run; letting them end", row.Case)
	release, err := b.glance(ctx, p.Lab)
	if err != nil {
		return err
	}
	if err := p.fleet.Release(); err != nil {
		return err
	}
	if err := p.finished(ctx, row); err != nil {
		return err
	}
	row.DoneRate = float64(row.TaskRuns) / time.Since(release.at).Seconds()
	ended, err := b.read(ctx, p.Lab, fmt.Sprintf("%s-%d-finished", row.Case, row.TaskRuns))
	if err != nil {
		return err
	}
	row.Ending, row.Finished = busy(release, ended), (ended.heap-before.heap)/row.runs()
	row.ServerCPU, row.ControllerCPU = (ended.serverCPU-before.serverCPU)/row.runs(), (ended.controllerCPU-before.controllerCPU)/row.runs()
	return nil
}

// finished waits for the end of all.
func (p *place) finished(ctx context.Context, row *Row) error {
	if err := p.AwaitN(ctx, lab.Done, &v1.TaskRun{}, row.TaskRuns); err != nil {
		return err
	}
	return p.AwaitN(ctx, lab.Done, &v1.PipelineRun{}, row.PipelineRuns)
}

// requests counts what the controller asked of the API server about the namespace, and
// what it listed anywhere.
func (b *bench) requests(row *Row, namespace string, since time.Time) error {
	all, err := scrape.Requests(auditLog(), since)
	if err != nil {
		return err
	}
	row.Requests, row.Lists = map[string]float64{}, map[string]int{}
	for r, times := range all {
		if r.Client != app || r.Verb == "watch" {
			continue
		}
		if r.Namespace == namespace {
			row.Requests[r.Verb+" "+r.Resource] += float64(times) / row.runs()
		}
		if r.Verb == "list" && (r.Namespace == namespace || r.Namespace == "") {
			row.Lists[r.Resource] += times
		}
	}
	return nil
}
