// Command signer signs what finished runs made and attaches its provenance. It is
// the only process that holds the signing key.
package main

import (
	"flag"
	"log/slog"
	"os"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/slipway-dev/slipway/pkg/controller/attest"
	"github.com/slipway-dev/slipway/pkg/provenance"
	"github.com/slipway-dev/slipway/pkg/sign"
)

func main() {
	namespace := flag.String("namespace", "slipway-system", "`NAME` of the namespace that holds the key and the lease")
	secret := flag.String("key-secret", "signing-secrets", "`NAME` of the secret with the key pair, as cosign generate-key-pair k8s://NAMESPACE/NAME makes it")
	builderID := flag.String("builder-id", provenance.DefaultBuilderID, "`URI` that provenance names as the builder: give each installation its own")
	giveUpAfter := flag.Duration("give-up-after", 24*time.Hour, "`DURATION` after which a run whose registry does not answer is marked as failed to sign")
	health := flag.String("health-address", ":8081", "`ADDRESS` that serves /healthz and /readyz")
	flag.Parse()
	ctrl.SetLogger(logr.FromSlogHandler(slog.NewJSONHandler(os.Stderr, nil)))
	key := types.NamespacedName{Namespace: *namespace, Name: *secret}
	if err := run(key, *health, attest.Config{BuilderID: *builderID, GiveUpAfter: *giveUpAfter, Now: time.Now}); err != nil {
		slog.Error(err.Error())
		os.Exit(1)
	}
}

func run(key types.NamespacedName, health string, c attest.Config) error {
	options, err := attest.ManagerOptions(key, health)
	if err != nil {
		return err
	}
	config, err := ctrl.GetConfig()
	if err != nil {
		return err
	}
	mgr, err := ctrl.NewManager(config, options)
	if err != nil {
		return err
	}
	c.Client, c.Keyring = mgr.GetClient(), attest.NewKeyring(mgr.GetClient(), key, sign.Options{}, c.Now)
	if err := attest.Setup(mgr, c); err != nil {
		return err
	}
	return mgr.Start(ctrl.SetupSignalHandler())
}
