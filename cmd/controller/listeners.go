package main

import (
	"cmp"
	"context"
	"net/http"
	"time"

	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/slipway-dev/slipway/api/triggers/v1alpha1"
	"github.com/slipway-dev/slipway/pkg/controller/listener"
	"github.com/slipway-dev/slipway/pkg/interceptor"
	"github.com/slipway-dev/slipway/pkg/kube"
)

// setupListeners registers what becomes of EventListeners and the requests to them.
func setupListeners(ctx context.Context, m ctrl.Manager, p parts) error {
	if err := kube.IndexListeners(ctx, m); err != nil {
		return err
	}
	domain := kube.ClusterDomain("/etc/resolv.conf")
	return listener.New(listener.Deps{
		Client: m.GetClient(), Live: m.GetAPIReader(), As: kube.NewImpersonator(m).As, Now: time.Now, Domain: domain,
		Gateway: "gateway." + cmp.Or(p.namespace, "slipway-system") + ".svc." + domain,
		World: interceptor.World{
			Secret:    kube.NewLookups(m.GetAPIReader(), p.namespace).Secret,
			Transport: http.DefaultTransport.(*http.Transport),
			Interceptor: func(ctx context.Context, name string) (*v1alpha1.ClusterInterceptor, error) {
				var found v1alpha1.ClusterInterceptor
				err := m.GetClient().Get(ctx, client.ObjectKey{Name: name}, &found)
				return &found, err
			},
		},
	}).Setup(m, p.config.Workers)
}
