package main

import (
	"net/http"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"

	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
	"github.com/slipway-dev/slipway/pkg/kube"
	"github.com/slipway-dev/slipway/pkg/kube/settings"
	"github.com/slipway-dev/slipway/pkg/resolve"
	"github.com/slipway-dev/slipway/pkg/resolve/fetch"
)

// references finds what runs refer to, and says which runs have their answer.
type references struct {
	*resolve.Finder
	taskRuns, pipelineRuns chan event.GenericEvent
}

// newReferences reads its settings from ConfigMaps of that namespace.
func newReferences(m ctrl.Manager, namespace string, set *settings.Store) *references {
	const backlog = 1024
	r := &references{taskRuns: make(chan event.GenericEvent, backlog), pipelineRuns: make(chan event.GenericEvent, backlog)}
	world := kube.NewLookups(m.GetAPIReader(), namespace)
	web := &http.Client{Transport: http.DefaultTransport}
	r.Finder = &resolve.Finder{
		Cluster:  kube.NewReader(m.GetClient(), m.GetAPIReader(), m.GetScheme(), resolve.ErrNotFound),
		Settings: world.Settings,
		Requests: kube.NewRequests(m.GetClient(), m.GetAPIReader()),
		Patience: func() time.Duration { return set.Current().ResolutionTimeout },
		Now:      time.Now,
		Desk: resolve.NewDesk(resolve.DeskOptions{
			Resolvers: map[string]fetch.Resolver{
				"git":     fetch.Git{World: world, Transport: http.DefaultTransport},
				"http":    fetch.HTTP{World: world, Client: web},
				"hub":     fetch.Hub{World: world, Client: web},
				"bundles": fetch.Bundles{World: world, Transport: http.DefaultTransport},
			},
			Timeout: time.Minute, Pause: time.Second, Parallel: 64, PerOrigin: 8, Now: time.Now, Ready: r.ready,
		}),
	}
	return r
}

func (r *references) ready(by resolve.Asker) {
	meta := metav1.ObjectMeta{Namespace: by.Namespace, Name: by.Name}
	var run client.Object = &v1.TaskRun{ObjectMeta: meta}
	to := r.taskRuns
	if by.Kind == v1.KindPipelineRun {
		run, to = &v1.PipelineRun{ObjectMeta: meta}, r.pipelineRuns
	}
	to <- event.GenericEvent{Object: run}
}
