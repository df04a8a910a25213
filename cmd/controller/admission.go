package main

import (
	"context"
	"log/slog"
	"time"

	"github.com/go-logr/logr"
	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/slipway-dev/slipway/pkg/admission"
	"github.com/slipway-dev/slipway/pkg/admission/certificate"
	"github.com/slipway-dev/slipway/pkg/convert"
)

// webhookAddress is where the API server comes; the Service has the same port.
const webhookAddress = ":9443"

// setupAdmission answers the API server. A controller outside of a cluster cannot
// be reached, and asks nobody to try.
func setupAdmission(_ context.Context, m ctrl.Manager, p parts) error {
	if p.namespace == "" {
		return nil
	}
	keeper := &certificate.Keeper{Live: m.GetAPIReader(), Client: m.GetClient(), Namespace: p.namespace, Now: time.Now}
	if err := keeper.Setup(m); err != nil {
		return err
	}
	if err := m.AddReadyzCheck("certificate", keeper.Ready); err != nil {
		return err
	}
	return m.Add(&admission.Server{
		Address: webhookAddress, Certificate: keeper.Certificate,
		Reviewer: admission.Reviewer{Settings: p.settings.Current}, Converter: convert.Convert,
		Log: slog.New(logr.ToSlogHandler(ctrl.Log.WithName("admission"))),
	})
}
