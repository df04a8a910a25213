package kube

import (
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	"sigs.k8s.io/controller-runtime/pkg/metrics/server"

	config "github.com/slipway-dev/slipway/api/config/v1alpha1"
	slipway "github.com/slipway-dev/slipway/api/slipway/v1alpha1"
	resolution "github.com/slipway-dev/slipway/api/tekton/resolution/v1beta1"
	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
	"github.com/slipway-dev/slipway/api/tekton/v1beta1"
	triggersalpha "github.com/slipway-dev/slipway/api/triggers/v1alpha1"
	triggers "github.com/slipway-dev/slipway/api/triggers/v1beta1"
)

// Scheme knows the kinds of Kubernetes and of Slipway.
func Scheme() (*runtime.Scheme, error) {
	s := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{clientgoscheme.AddToScheme, v1.AddToScheme, v1beta1.AddToScheme, resolution.AddToScheme, config.AddToScheme, slipway.AddToScheme,
		triggers.AddToScheme, triggersalpha.AddToScheme} {
		if err := add(s); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// ManagerOptions is what a manager needs to know.
type ManagerOptions struct {
	Scheme *runtime.Scheme
	// PodLabel is a label that each Pod to be cached bears.
	PodLabel string
	// SlimPod is what is cached of a Pod's spec.
	SlimPod func(corev1.PodSpec) corev1.PodSpec
	// Namespaces to work in; none means all.
	Namespaces []string
	// SettingsNamespace is the only one of which ConfigMaps are cached; it may be empty
	// when none are read.
	SettingsNamespace string
	// LeaderElection names the lease, as NAMESPACE and NAME; an empty name
	// elects nobody.
	LeaseNamespace, LeaseName string
	// MetricsAddress and ProbeAddress are as manager.Options has them; ProfileAddress is
	// its PprofBindAddress, and empty where no profiles are served.
	MetricsAddress, ProbeAddress, ProfileAddress string
}

// ReconcileTimeout bounds one look at one run: a server that hangs costs the run that
// needs it another try, and the others none of the workers.
const ReconcileTimeout = 2 * time.Minute

// A leader that is killed is missed leaseDuration after it last renewed its lease, and
// the lease is looked at anew after one retryPeriod to 2.2 of them: another leads within
// fifteen seconds. renewDeadline is what an API server that is out of breath may take
// before the leader gives up; less would end it where it is needed most.
const (
	leaseDuration = 10 * time.Second
	renewDeadline = 8 * time.Second
	retryPeriod   = time.Second
)

// NewManager returns a manager whose caches grow with the runs and Tasks of the
// cluster and with nothing else: other Pods are not watched, and of Nodes only
// what nodes.Common reads is kept.
func NewManager(cfg *rest.Config, o ManagerOptions) (manager.Manager, error) {
	cfg = rest.CopyConfig(cfg)
	// The API server's priority and fairness holds clients back where it must;
	// a second limit here would only queue what it has room for.
	cfg.QPS, cfg.Burst = -1, -1
	return manager.New(cfg, manager.Options{
		Scheme:                        o.Scheme,
		Metrics:                       server.Options{BindAddress: o.MetricsAddress},
		HealthProbeBindAddress:        o.ProbeAddress,
		PprofBindAddress:              o.ProfileAddress,
		LeaderElection:                o.LeaseName != "",
		LeaderElectionID:              o.LeaseName,
		LeaderElectionNamespace:       o.LeaseNamespace,
		LeaderElectionReleaseOnCancel: true,
		LeaseDuration:                 new(leaseDuration),
		RenewDeadline:                 new(renewDeadline),
		RetryPeriod:                   new(retryPeriod),
		GracefulShutdownTimeout:       new(10 * time.Second),
		Client: client.Options{Cache: &client.CacheOptions{
			// Values of Secrets are read when needed and never kept.
			DisableFor: []client.Object{&corev1.Secret{}, &corev1.PersistentVolumeClaim{}},
		}},
		Cache: cache.Options{
			DefaultTransform:  strip,
			DefaultNamespaces: namespaces(o.Namespaces),
			ByObject: map[client.Object]cache.ByObject{
				&corev1.Pod{}:  {Label: labels.SelectorFromSet(labels.Set{o.PodLabel: "true"}), Transform: stripPod(o.SlimPod)},
				&corev1.Node{}: {Transform: stripNode},
				// What a webhook says in full is read where it is worked off.
				&slipway.RepositoryEvent{}: {Transform: stripEvent},
				&slipway.ListenerEvent{}:   {Transform: stripEvent},
				&corev1.ConfigMap{}:        {Namespaces: namespaces([]string{o.SettingsNamespace})},
			},
		},
	})
}

func namespaces(names []string) map[string]cache.Config {
	if len(names) == 0 {
		return nil
	}
	all := map[string]cache.Config{}
	for _, n := range names {
		all[n] = cache.Config{}
	}
	return all
}
