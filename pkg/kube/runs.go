package kube

import (
	"context"
	"errors"
	"net/http"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/healthz"

	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
)

// Runs are the runs in the cache. What its methods return is the cache's own and
// must not be written to.
type Runs struct{ Cache client.Reader }

// listTimeout ends the wait for a cache that was never filled.
const listTimeout = 5 * time.Second

// TaskRuns returns all TaskRuns.
func (r Runs) TaskRuns() ([]v1.TaskRun, error) {
	var list v1.TaskRunList
	err := r.list(&list)
	return list.Items, err
}

// PipelineRuns returns all PipelineRuns.
func (r Runs) PipelineRuns() ([]v1.PipelineRun, error) {
	var list v1.PipelineRunList
	err := r.list(&list)
	return list.Items, err
}

func (r Runs) list(list client.ObjectList) error {
	ctx, cancel := context.WithTimeout(context.Background(), listTimeout)
	defer cancel()
	return r.Cache.List(ctx, list, client.UnsafeDisableDeepCopy)
}

// Keep has the cache hold these kinds from the start. What is watched by reconcilers alone
// would be read when this replica has been elected, while runs wait.
func Keep(ctx context.Context, c cache.Informers, kinds ...client.Object) error {
	for _, kind := range kinds {
		if _, err := c.GetInformer(ctx, kind, cache.BlockUntilSynced(false)); err != nil {
			return err
		}
	}
	return nil
}

// syncPatience is shorter than the kubelet's patience with a probe.
const syncPatience = 500 * time.Millisecond

// Synced is a check that says no until the caches hold what there is in the
// cluster: whoever takes over from a replica before that sees half of it.
func Synced(c cache.Informers) healthz.Checker {
	return func(req *http.Request) error {
		ctx, cancel := context.WithTimeout(req.Context(), syncPatience)
		defer cancel()
		if !c.WaitForCacheSync(ctx) {
			return errors.New("the caches are still being filled")
		}
		return nil
	}
}
