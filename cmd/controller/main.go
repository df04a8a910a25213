// Command controller runs TaskRuns, PipelineRuns and the rest of what Slipway
// does in a cluster.
package main

import (
	"flag"
	"log/slog"
	"os"

	"github.com/KimMachineGun/automemlimit/memlimit"
	"github.com/go-logr/logr"
	"k8s.io/klog/v2"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

func main() {
	file := flag.String("config", "", "the `file` that holds the ControllerConfig; defaults alone when empty")
	lease := flag.String("lease-namespace", os.Getenv("POD_NAMESPACE"), "the `namespace` of the lease that replicas elect their leader by; none is elected when empty")
	flag.Parse()

	handler := slog.NewJSONHandler(os.Stderr, nil)
	ctrl.SetLogger(logr.FromSlogHandler(handler))
	klog.SetSlogLogger(slog.New(handler))
	// Near the limit of its container it collects more often, and is not killed at half of
	// what the limit has room for. Where this cannot be, it is logged.
	_, _ = memlimit.Set(memlimit.WithLogger(slog.New(handler)))
	if err := run(ctrl.SetupSignalHandler(), options{
		configFile: *file, leaseNamespace: *lease,
		self: client.ObjectKey{Namespace: os.Getenv("POD_NAMESPACE"), Name: os.Getenv("POD_NAME")},
	}); err != nil {
		slog.New(handler).Error("controller stopped", "error", err)
		os.Exit(1)
	}
}
