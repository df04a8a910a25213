package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/slipway-dev/slipway/test/bench/lab"
	"github.com/slipway-dev/slipway/test/bench/scrape"
)

func auditLog() string { return os.Getenv("SLIPWAY_AUDIT_LOG") }

// reading is what the controller and the API server told at a moment.
type reading struct {
	at time.Time
	// heap is what the controller holds after a collection, in bytes.
	heap float64
	// The times that they have computed for, in seconds.
	controllerCPU, serverCPU float64
	// Of the controller's workers: how many there are, how long they have worked, and how
	// long how many runs waited for one, in seconds.
	workers, worked, waited, looked float64
}

// glance reads all but the heap.
func (b *bench) glance(ctx context.Context, l *lab.Lab) (reading, error) {
	own, err := scrape.Controller(ctx, l, controller)
	if err != nil {
		return reading{}, err
	}
	server, err := scrape.Server(ctx, l)
	if err != nil {
		return reading{}, err
	}
	const queue = `name="taskrun"`
	return reading{
		at: time.Now(), heap: own.Sum("go_gc_heap_live_bytes"), controllerCPU: own.Sum(scrape.CPU), serverCPU: server.Sum(scrape.CPU),
		workers: own.Sum("controller_runtime_max_concurrent_reconciles", `controller="taskrun"`),
		worked:  own.Sum("workqueue_work_duration_seconds_sum", queue),
		waited:  own.Sum("workqueue_queue_duration_seconds_sum", queue), looked: own.Sum("workqueue_queue_duration_seconds_count", queue),
	}, nil
}

// settle is how long the last events and requeues may take after what they are about.
const settle = 10 * time.Second

// read has the controller collect its garbage first. name is that of its profile.
func (b *bench) read(ctx context.Context, l *lab.Lab, name string) (reading, error) {
	r, err := b.glance(ctx, l)
	if err != nil {
		return r, err
	}
	time.Sleep(settle)
	if err := b.collect(ctx, l, name); err != nil {
		return r, err
	}
	quiet, err := b.glance(ctx, l)
	r.heap = quiet.heap
	return r, err
}

// aside reads where there is no namespace of a case.
func (b *bench) aside(ctx context.Context, do func(*lab.Lab) error) error {
	l, err := lab.Open(ctx, b.config, "")
	if err != nil {
		return err
	}
	return errors.Join(do(l), l.Close())
}

// collect asks for a heap profile that begins with a collection. The controller serves
// it to its own Pod alone, so the way there is forwarded.
func (b *bench) collect(ctx context.Context, l *lab.Lab, name string) (err error) {
	namespace, pods, err := scrape.Pods(ctx, l, controller)
	if err != nil {
		return err
	}
	if len(pods) != 1 {
		return fmt.Errorf("%d Pods of %s: want one controller", len(pods), controller)
	}
	ctx, stop := context.WithTimeout(ctx, time.Minute)
	cmd := exec.CommandContext(ctx, "kubectl", "-n", namespace, "port-forward", "pod/"+pods[0], ":6060")
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		stop()
		return fmt.Errorf("kubectl port-forward: %w", err)
	}
	defer func() { stop(); _ = cmd.Wait() }() // it is killed
	// Forwarding from 127.0.0.1:PORT -> 6060
	line, err := bufio.NewReader(out).ReadString('\n')
	_, address, _ := strings.Cut(line, "from ")
	address, _, ok := strings.Cut(address, " ->")
	if err != nil || !ok {
		return errors.Join(fmt.Errorf("kubectl port-forward says %q", line), err)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+"/debug/pprof/heap?gc=1", nil)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, response.Body.Close()) }()
	profile, err := io.ReadAll(response.Body)
	if err != nil || b.profiles == "" {
		return err
	}
	return os.WriteFile(filepath.Join(b.profiles, name+".pb.gz"), profile, 0o600)
}
