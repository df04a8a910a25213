package main

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/go-logr/logr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	registry "sigs.k8s.io/controller-runtime/pkg/metrics"

	config "github.com/slipway-dev/slipway/api/config/v1alpha1"
	"github.com/slipway-dev/slipway/pkg/cloudevents"
	"github.com/slipway-dev/slipway/pkg/controller/customrun"
	"github.com/slipway-dev/slipway/pkg/controller/pipelinerun"
	"github.com/slipway-dev/slipway/pkg/controller/taskrun"
	"github.com/slipway-dev/slipway/pkg/kube"
	"github.com/slipway-dev/slipway/pkg/metrics"
)

// observers are told of what the reconcilers write.
type observers struct {
	taskRuns     []taskrun.Observer
	pipelineRuns []pipelinerun.Observer
}

// newObservers counts runs, and tells the sink of them if there is one.
func newObservers(ctx context.Context, m ctrl.Manager, cfg *config.ControllerConfig, namespace string) (*observers, error) {
	counts, err := metrics.NewRecorder(registry.Registry)
	if err != nil {
		return nil, err
	}
	running := metrics.NewRunning(kube.Runs{Cache: m.GetCache()})
	// It starts when this replica is the one that works, with its caches full.
	if err := m.Add(manager.RunnableFunc(func(context.Context) error { return registry.Registry.Register(running) })); err != nil {
		return nil, err
	}
	o := &observers{taskRuns: []taskrun.Observer{counts}, pipelineRuns: []pipelinerun.Observer{counts}}
	sink, err := sinkOf(ctx, cfg, kube.NewLookups(m.GetAPIReader(), namespace).Settings)
	if sink == "" || err != nil {
		return o, err
	}
	sender := cloudevents.New(cloudevents.Options{
		Sink: sink, Client: &http.Client{Transport: http.DefaultTransport}, Backoff: cloudevents.Backoff(), Now: time.Now,
		Count: func(outcome cloudevents.Outcome) { counts.CloudEvent(string(outcome)) },
		Log:   slog.New(logr.ToSlogHandler(ctrl.Log.WithName("cloudevents"))),
	})
	if err := m.Add(manager.RunnableFunc(sender.Start)); err != nil {
		return nil, err
	}
	o.taskRuns, o.pipelineRuns = append(o.taskRuns, sender), append(o.pipelineRuns, sender)
	return o, customrun.Watch(m, sender)
}

// sinkOf is where cloud events go; empty is nowhere. A sink of a ConfigMap that is
// no URL is said and left out, as it would be noticed in no other way.
func sinkOf(ctx context.Context, cfg *config.ControllerConfig, settings func(context.Context, string) (map[string]string, error)) (string, error) {
	if cfg.CloudEvents.Sink != "" {
		return cfg.CloudEvents.Sink, nil
	}
	for _, from := range []struct{ configMap, key string }{{"config-events", "sink"}, {"config-defaults", "default-cloud-events-sink"}} {
		found, err := settings(ctx, from.configMap)
		if err != nil {
			return "", err
		}
		switch sink := found[from.key]; {
		case sink == "":
		case config.IsSink(sink):
			return sink, nil
		default:
			ctrl.Log.Info("no cloud events are sent: the sink is not a URL such as http://broker.example.com/ci",
				"configMap", from.configMap, "key", from.key, "value", sink)
		}
	}
	return "", nil
}
