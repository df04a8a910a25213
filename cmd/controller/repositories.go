package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/slipway-dev/slipway/api/slipway/v1alpha1"
	"github.com/slipway-dev/slipway/pkg/controller/event"
	"github.com/slipway-dev/slipway/pkg/controller/report"
	"github.com/slipway-dev/slipway/pkg/controller/repository"
	"github.com/slipway-dev/slipway/pkg/forge"
	"github.com/slipway-dev/slipway/pkg/forge/forges"
	"github.com/slipway-dev/slipway/pkg/kube"
	"github.com/slipway-dev/slipway/pkg/resolve/fetch"
	"github.com/slipway-dev/slipway/pkg/trigger"
)

const (
	// catchUpEvery is how often forges are asked what happened.
	catchUpEvery = 5 * time.Minute
	// maxTail is more than the lines of a log that a forge is shown.
	maxTail = 64 << 10
)

// setupRepositories registers what becomes of Repositories, their events and runs.
func setupRepositories(ctx context.Context, m ctrl.Manager, p parts) error {
	if err := kube.IndexRepositories(ctx, m); err != nil {
		return err
	}
	logs, err := kube.NewLogs(m.GetConfig())
	if err != nil {
		return err
	}
	connect := connector{live: m.GetAPIReader(), forges: &forges.Forges{Transport: http.DefaultTransport}}.connect
	remote := remotes{kube.NewLookups(m.GetAPIReader(), p.namespace)}
	for _, add := range []interface{ Setup(ctrl.Manager, int) error }{
		event.New(event.Deps{Client: m.GetClient(), Live: m.GetAPIReader(), Forge: connect, Fetch: remote.fetch, Now: time.Now}),
		repository.New(repository.Deps{Client: m.GetClient(), Live: m.GetAPIReader(), Forge: connect, Every: catchUpEvery, Now: time.Now}),
		report.New(report.Deps{Client: m.GetClient(), Forge: connect, Log: tail{logs}.read, RunURL: p.config.RunURL, Now: time.Now}),
	} {
		if err := add.Setup(m, p.config.Workers); err != nil {
			return err
		}
	}
	return nil
}

// connector makes clients of forges with the credentials of their repositories.
type connector struct {
	live   client.Reader
	forges *forges.Forges
}

func (c connector) connect(ctx context.Context, r *v1alpha1.Repository) (forge.Client, error) {
	key := r.Spec.Credentials
	if key == nil {
		return c.forges.New(r, nil)
	}
	var secret corev1.Secret
	err := c.live.Get(ctx, client.ObjectKey{Namespace: r.Namespace, Name: key.Name}, &secret)
	if kube.IsGone(err) {
		return nil, fmt.Errorf("spec.credentials: there is no secret %s", key.Name)
	} else if err != nil {
		return nil, err
	}
	return c.forges.New(r, secret.Data)
}

// remotes reads Tasks and Pipelines that annotations name, by the resolvers that runs use.
type remotes struct{ world *kube.Lookups }

func (m remotes) fetch(ctx context.Context, r *v1alpha1.Repository, ref trigger.Reference) ([]byte, error) {
	web := &http.Client{Transport: http.DefaultTransport}
	var from fetch.Resolver = fetch.HTTP{World: m.world, Client: web}
	params := fetch.Params{"url": ref.URL}
	if ref.URL == "" {
		from = fetch.Hub{World: m.world, Client: web}
		params = fetch.Params{"kind": strings.ToLower(ref.Kind), "name": ref.Name}
		for name, value := range map[string]string{"version": ref.Version, "catalog": ref.Hub} {
			if value != "" {
				params[name] = value
			}
		}
	}
	found, err := from.Fetch(ctx, fetch.Query{Namespace: r.Namespace, Params: params})
	switch {
	case err == nil:
		return found.Content, nil
	case fetch.MayPass(err):
		return nil, err
	}
	// Trigger says that it could not be fetched; the way out is in the controller's log.
	ctrl.LoggerFrom(ctx).Info("not fetched", "repository", r.Name, "reference", ref, "error", err.Error())
	return nil, nil
}

// tail reads the end of logs.
type tail struct{ logs *kube.Logs }

func (t tail) read(ctx context.Context, pod *corev1.Pod, container string, lines int64) (string, error) {
	from, err := t.logs.Log(ctx, pod, container, lines)
	if err != nil {
		return "", err
	}
	defer from.Close()
	text, err := io.ReadAll(io.LimitReader(from, maxTail))
	return string(text), err
}
