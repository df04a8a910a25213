// Command gateway takes the webhooks of forges and stores what they say as
// RepositoryEvents.
package main

import (
	"context"
	"flag"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"
	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/slipway-dev/slipway/pkg/forge/forges"
	"github.com/slipway-dev/slipway/pkg/gateway"
	"github.com/slipway-dev/slipway/pkg/kube"
	"github.com/slipway-dev/slipway/pkg/metrics"
)

func main() {
	address := flag.String("address", ":8080", "`ADDRESS` that takes webhooks at /hooks/NAMESPACE/REPOSITORY, and those of registries at /images/NAMESPACE/REPOSITORY")
	health := flag.String("health-address", ":8081", "`ADDRESS` that serves /healthz, /readyz and /metrics")
	flag.Parse()
	log := slog.New(slog.NewJSONHandler(os.Stderr, nil))
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *address, *health, log); err != nil {
		log.Error("gateway stopped", "error", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, address, health string, log *slog.Logger) error {
	config, err := ctrl.GetConfig()
	if err != nil {
		return err
	}
	inbox, err := kube.NewInbox(config)
	if err != nil {
		return err
	}
	counts := metrics.NewWebhooks()
	g := gateway.New(gateway.Options{Cluster: inbox, Now: time.Now, Log: log, Observe: counts.Observe,
		Hook: forges.HookFor})
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return inbox.Start(ctx) })
	group.Go(func() error { return gateway.Serve(ctx, health, gateway.Health(inbox.Synced, counts.Handler()), log) })
	group.Go(func() error { return gateway.Serve(ctx, address, g.Handler(), log) })
	return group.Wait()
}
