// Package customrun tells of CustomRuns. Controllers elsewhere run them, so here
// they are only watched.
package customrun

import (
	"context"

	toolscache "k8s.io/client-go/tools/cache"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/manager"

	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
	"github.com/slipway-dev/slipway/api/tekton/v1beta1"
)

// Observer is told what becomes of CustomRuns. The runs belong to the cache: an
// observer reads them before it returns, writes to none, and neither blocks nor
// fails.
type Observer interface {
	// CustomRunSeen is called for each change of a CustomRun; before is nil for one
	// that is new, or is found at the start with no condition yet: it may have been
	// told of before. Other changes that nobody watched are not told.
	CustomRunSeen(before, after *v1beta1.CustomRun)
}

// Watch has the manager tell the observer while this replica is the one that works.
func Watch(m ctrl.Manager, o Observer) error {
	return m.Add(manager.RunnableFunc(func(ctx context.Context) error {
		informer, err := m.GetCache().GetInformer(ctx, &v1beta1.CustomRun{})
		if err != nil {
			return err
		}
		_, err = informer.AddEventHandler(handler(o))
		return err
	}))
}

func handler(o Observer) toolscache.ResourceEventHandler {
	return toolscache.ResourceEventHandlerDetailedFuncs{
		AddFunc: func(obj any, isInInitialList bool) {
			if run, ok := obj.(*v1beta1.CustomRun); ok && (!isInInitialList || run.Status.GetCondition(v1.ConditionSucceeded) == nil) {
				o.CustomRunSeen(nil, run)
			}
		},
		UpdateFunc: func(before, after any) {
			old, ok := before.(*v1beta1.CustomRun)
			if run, also := after.(*v1beta1.CustomRun); ok && also {
				o.CustomRunSeen(old, run)
			}
		},
	}
}
