// Package cost tells what work costs a cluster besides time.
package cost

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/slipway-dev/slipway/test/bench/lab"
	"github.com/slipway-dev/slipway/test/bench/measure"
	"github.com/slipway-dev/slipway/test/bench/scrape"
)

// Cost is that of one piece of work, as the mean of several.
type Cost struct {
	Way string `json:"way"`
	// Requests to the API server about the lab's namespace, by client and verb.
	Requests map[string]float64 `json:"requests"`
	// Webhooks are calls of admission webhooks by the API server.
	Webhooks float64 `json:"webhookCalls"`
	// APIServerCPU and ControllerCPU are in milliseconds.
	APIServerCPU  float64 `json:"apiServerCPUMillis"`
	ControllerCPU float64 `json:"controllerCPUMillis"`
	// ControllerMemory is what the controller holds after all of them, in bytes.
	ControllerMemory float64 `json:"controllerResidentBytes"`
	// Stored is what stays in etcd of a run that has ended, with its Pod and events, in
	// bytes; without what etcd itself adds.
	Stored float64 `json:"storedBytes"`
}

// Total is the number of all requests.
func (c Cost) Total() (sum float64) {
	for _, n := range c.Requests {
		sum += n
	}
	return sum
}

// settle is how long events may come after the end of what they tell of.
const settle = 3 * time.Second

// Work is what the cost is asked of.
type Work struct {
	measure.Way
	// N is how often it is done, one after the other.
	N int
	// Controller is NAMESPACE/APP of the Pods of the controller whose share is asked for,
	// or empty.
	Controller string
	// AuditLog is the path of the API server's, or empty.
	AuditLog string
}

// Of does the work.
func Of(ctx context.Context, l *lab.Lab, w Work) (Cost, error) {
	before, err := read(ctx, l, w.Controller)
	if err != nil {
		return Cost{}, err
	}
	start := time.Now()
	for i := range w.N {
		if _, err := w.Load(ctx, l, fmt.Sprintf("cost-%d", i)); err != nil {
			return Cost{}, err
		}
	}
	time.Sleep(settle)
	after, err := read(ctx, l, w.Controller)
	if err != nil {
		return Cost{}, err
	}
	each := func(of string) float64 { return (after[of] - before[of]) / float64(w.N) }
	c := Cost{Way: w.Name, Webhooks: each(webhooks), APIServerCPU: 1000 * each(serverCPU), ControllerCPU: 1000 * each(controllerCPU),
		ControllerMemory: after[controllerMemory]}
	if c.Requests, err = requests(w.AuditLog, l.Namespace, start, w.N); err != nil {
		return c, err
	}
	stored, err := l.Stored(ctx)
	c.Stored = float64(stored) / float64(w.N)
	return c, errors.Join(err, l.Clear(ctx))
}

// What read reads.
const (
	webhooks         = "webhooks"
	serverCPU        = "server CPU"
	controllerCPU    = "controller CPU"
	controllerMemory = "controller memory"
)

func read(ctx context.Context, l *lab.Lab, controller string) (map[string]float64, error) {
	out := map[string]float64{}
	server, err := scrape.Server(ctx, l)
	if err != nil {
		return nil, err
	}
	out[webhooks] = server.Sum("apiserver_admission_webhook_admission_duration_seconds_count")
	out[serverCPU] = server.Sum(scrape.CPU)
	if controller == "" {
		return out, nil
	}
	text, err := scrape.Controller(ctx, l, controller)
	if err != nil {
		return nil, err
	}
	out[controllerCPU] = text.Sum(scrape.CPU)
	out[controllerMemory] = text.Sum("process_resident_memory_bytes")
	return out, nil
}

// requests counts those about the namespace since start that are not the lab's own, by
// client and verb.
func requests(auditLog, namespace string, start time.Time, n int) (map[string]float64, error) {
	all, err := scrape.Requests(auditLog, start)
	if err != nil {
		return nil, err
	}
	out := map[string]float64{}
	for r, times := range all {
		if r.Namespace == namespace && r.UserAgent != lab.UserAgent && r.Verb != "watch" {
			out[r.Client+" "+r.Verb] += float64(times) / float64(n)
		}
	}
	return out, nil
}

// Clients are the keys of Requests in order.
func (c Cost) Clients() []string {
	var out []string
	for k := range c.Requests {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}
