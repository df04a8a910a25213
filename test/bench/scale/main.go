// Command scale measures how one controller bears many runs at once, on the cluster
// that KUBECONFIG names: with fake nodes, so that the API alone is at work.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/slipway-dev/slipway/test/bench/lab"
	"github.com/slipway-dev/slipway/test/bench/scale/fleet"
)

// Where the controller is installed.
const (
	system     = "slipway-system"
	app        = "controller"
	controller = system + "/" + app
)

type options struct {
	sizes, cases, kwok, json, profiles string
}

func main() {
	log.SetLogger(logr.Discard()) // the library complains until it has one
	var o options
	flag.StringVar(&o.sizes, "sizes", "100,1000,10000", "how many TaskRuns are in flight at once, one after the other; multiples of ten")
	flag.StringVar(&o.cases, "cases", "", "regular expression of the cases to measure (default: all)")
	flag.StringVar(&o.kwok, "kwok", "", "path of the kwok program")
	flag.StringVar(&o.json, "json", "", "file to write the figures to as JSON")
	flag.StringVar(&o.profiles, "profiles", "", "folder to write the heap profiles of the controller to")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, "scale:", err)
		os.Exit(1)
	}
}

// bench is what the cases share.
type bench struct {
	options
	config *rest.Config
}

func run(ctx context.Context, o options) error {
	sizes, err := numbers(o.sizes)
	if err != nil {
		return err
	}
	wanted, err := regexp.Compile(o.cases)
	if err != nil {
		return err
	}
	if o.kwok == "" {
		return errors.New("-kwok is not set: name the program, as `go run ./hack/cluster tool kwok` prints it")
	}
	config, err := clientcmd.BuildConfigFromFlags("", os.Getenv("KUBECONFIG"))
	if err != nil {
		return err
	}
	b := &bench{options: o, config: config}
	var r Report
	err = b.measure(ctx, wanted, sizes, &r)
	return errors.Join(err, o.write(r))
}

func (b *bench) measure(ctx context.Context, wanted *regexp.Regexp, sizes []int, r *Report) error {
	for _, l := range loads {
		for _, n := range sizes {
			if !wanted.MatchString(l.name) {
				continue
			}
			row, err := b.flight(ctx, l, n)
			if err != nil {
				return fmt.Errorf("%s, %d: %w", l.name, n, err)
			}
			r.Rows = append(r.Rows, *row)
			fmt.Fprint(os.Stderr, row.line())
		}
	}
	for _, t := range []struct {
		name string
		run  func(context.Context, int) (Trial, error)
	}{{"throttled", b.throttled}, {"takeover", b.takeover}} {
		if !wanted.MatchString(t.name) {
			continue
		}
		trial, err := t.run(ctx, trialSize)
		if err != nil {
			return fmt.Errorf("%s: %w", t.name, err)
		}
		trial.Name = t.name
		r.Trials = append(r.Trials, trial)
	}
	return nil
}

// trialSize is how many TaskRuns a trial has: enough that some are at each stage.
const trialSize = 1000

func numbers(list string) ([]int, error) {
	var out []int
	for text := range strings.SplitSeq(list, ",") {
		n, err := strconv.Atoi(text)
		if err != nil || n <= 0 || n%tasks != 0 {
			return nil, fmt.Errorf("-sizes: %q is no multiple of %d", text, tasks)
		}
		out = append(out, n)
	}
	return out, nil
}

// place is a namespace with a fleet to run in.
type place struct {
	*lab.Lab
	fleet *fleet.Fleet
}

// patience is how long a case of n runs may take: a hundredth of what is normal is no
// measurement any more.
func patience(n int) time.Duration { return 5*time.Minute + time.Duration(n)*time.Second/5 }

// in does something in a place of its own, and leaves nothing of it.
func (b *bench) in(ctx context.Context, n int, do func(context.Context, *place) error) (err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	ctx, late := context.WithTimeoutCause(ctx, patience(n), fmt.Errorf("not within %s", patience(n)))
	defer late()
	l, err := lab.Open(ctx, b.config, "registry.invalid")
	if err != nil {
		return err
	}
	f, err := fleet.Start(ctx, fleet.Options{Client: l.Client, Name: l.Namespace, Pods: n, Kwok: b.kwok,
		Kubeconfig: os.Getenv("KUBECONFIG"), Failed: cancel})
	if err != nil {
		return errors.Join(err, l.Close())
	}
	if err = do(ctx, &place{l, f}); err != nil && ctx.Err() != nil {
		err = errors.Join(err, context.Cause(ctx))
	}
	progress("removing %s", l.Namespace)
	away, done := context.WithTimeout(context.WithoutCancel(ctx), patience(n))
	defer done()
	return errors.Join(err, l.Gone(away), f.Stop())
}

func progress(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "%s  %s\n", time.Now().Format(time.TimeOnly), fmt.Sprintf(format, args...))
}
