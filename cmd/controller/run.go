package main

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/healthz"

	config "github.com/slipway-dev/slipway/api/config/v1alpha1"
	"github.com/slipway-dev/slipway/pkg/compile"
	"github.com/slipway-dev/slipway/pkg/controller/pipelinerun"
	"github.com/slipway-dev/slipway/pkg/controller/taskrun"
	"github.com/slipway-dev/slipway/pkg/kube"
	"github.com/slipway-dev/slipway/pkg/kube/settings"
	"github.com/slipway-dev/slipway/pkg/observe"
	"github.com/slipway-dev/slipway/pkg/registry"
)

type options struct {
	configFile, leaseNamespace string
	// self is the controller's own Pod; its name is empty outside of a cluster.
	self client.ObjectKey
}

// parts is what reconcilers share.
type parts struct {
	config     *config.ControllerConfig
	settings   *settings.Store
	references *references
	observers  *observers
	// namespace is the controller's own; empty outside of a cluster.
	namespace string
}

// run works until ctx ends.
func run(ctx context.Context, o options) error {
	cfg, err := kube.LoadConfig(o.configFile)
	if err != nil {
		return err
	}
	m, err := newManager(cfg, o)
	if err != nil {
		return err
	}
	if err := kube.Keep(ctx, m.GetCache(), &corev1.Pod{}, &corev1.Node{}, &corev1.ServiceAccount{}, &corev1.LimitRange{}); err != nil {
		return err
	}
	if cfg.EntrypointImage == "" {
		if cfg.EntrypointImage, err = kube.EntrypointImage(ctx, m.GetAPIReader(), o.self); err != nil {
			return err
		}
	}
	set := settings.NewStore(cfg.Defaults, slog.New(logr.ToSlogHandler(ctrl.Log.WithName("settings"))))
	if o.self.Namespace != "" {
		if err := kube.FollowSettings(ctx, m, o.self.Namespace, set); err != nil {
			return err
		}
	}
	told, err := newObservers(ctx, m, cfg, o.self.Namespace)
	if err != nil {
		return err
	}
	all := parts{config: cfg, settings: set, references: newReferences(m, o.self.Namespace, set), observers: told, namespace: o.self.Namespace}
	for _, setup := range []func(context.Context, ctrl.Manager, parts) error{setupTaskRun, setupPipelineRun, setupRepositories, setupListeners, setupAdmission} {
		if err := setup(ctx, m, all); err != nil {
			return err
		}
	}
	return m.Start(ctx)
}

func newManager(cfg *config.ControllerConfig, from options) (ctrl.Manager, error) {
	scheme, err := kube.Scheme()
	if err != nil {
		return nil, err
	}
	o := kube.ManagerOptions{Scheme: scheme, PodLabel: compile.ManagedLabel, SlimPod: observe.Slim, Namespaces: cfg.Namespaces, SettingsNamespace: from.self.Namespace,
		MetricsAddress: cfg.MetricsAddress, ProbeAddress: cfg.ProbeAddress}
	if from.self.Name != "" {
		// In a Pod the port is free, and only who may forward ports of the Pod gets there.
		o.ProfileAddress = "localhost:6060"
	}
	if *cfg.LeaderElection && from.leaseNamespace != "" {
		o.LeaseNamespace, o.LeaseName = from.leaseNamespace, "controller.slipway.dev"
	}
	rest, err := ctrl.GetConfig()
	if err != nil {
		return nil, err
	}
	m, err := kube.NewManager(rest, o)
	if err != nil {
		return nil, err
	}
	if err := m.AddHealthzCheck("alive", healthz.Ping); err != nil {
		return nil, err
	}
	return m, m.AddReadyzCheck("synced", kube.Synced(m.GetCache()))
}

func setupTaskRun(_ context.Context, m ctrl.Manager, p parts) error {
	logs, err := kube.NewLogs(m.GetConfig())
	if err != nil {
		return err
	}
	images := registry.NewCache(registry.New(http.DefaultTransport).Command, registry.CacheOptions{TTL: 5 * time.Minute, Size: 1000, Now: time.Now})
	return (&taskrun.Reconciler{
		Client: m.GetClient(), Live: m.GetAPIReader(),
		References: p.references.Finder, Resolved: p.references.taskRuns,
		Logs: logs, Images: images, Events: m.GetEventRecorder("slipway-controller"), Observers: p.observers.taskRuns, Config: p.config, Settings: p.settings, Now: time.Now,
	}).SetupWithManager(m)
}

func setupPipelineRun(ctx context.Context, m ctrl.Manager, p parts) error {
	return pipelinerun.New(pipelinerun.Deps{
		Client: m.GetClient(), Live: m.GetAPIReader(),
		References: p.references.Finder, Resolved: p.references.pipelineRuns,
		Events: m.GetEventRecorder("slipway-controller"), Observers: p.observers.pipelineRuns, Now: time.Now,
		Settings: p.settings,
	}).Setup(ctx, m, p.config.Workers)
}
