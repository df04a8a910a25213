package taskrun

import (
	"context"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
	"github.com/slipway-dev/slipway/entrypoint/contract"
)

// Pods that count against one quota at the same time are in each other's way: that
// brings no event to the run, so it must be tried again.
func TestConflictOverAnotherObject(t *testing.T) {
	h := build(t, taskRun())
	h.refuse = apierrors.NewConflict(schema.GroupResource{Resource: "resourcequotas"}, "q", nil)
	if result, err := h.Reconcile(h.Context(), ctrl.Request{NamespacedName: key}); err == nil && result.RequeueAfter == 0 {
		t.Fatal("nobody looks again")
	}
	h.refuse = nil
	h.reconcile()
	h.pod("ci-pod")
}

// stale is a client whose cache keeps showing what is put into it.
type stale struct {
	client.Client
	shown *v1.TaskRun
}

func (s stale) Get(ctx context.Context, key client.ObjectKey, o client.Object, opts ...client.GetOption) error {
	if run, ok := o.(*v1.TaskRun); ok {
		s.shown.DeepCopyInto(run)
		return nil
	}
	return s.Client.Get(ctx, key, o, opts...)
}

// A cache that lags is waited for, but not on its word alone.
func TestCacheThatLags(t *testing.T) {
	h := build(t, taskRun())
	h.reconcile()
	h.kubelet("ci-pod", running())
	old, fresh := h.run(), h.Client
	h.reconcile()
	h.kubelet("ci-pod", h.ended(contract.ReasonCompleted, 0))
	h.Client, h.writes = stale{fresh, old}, nil
	wait := h.reconcile().RequeueAfter
	if wait == 0 {
		t.Fatal("nobody looks again")
	}
	h.wantWrites()
	h.clock = h.clock.Add(wait)
	if wait = h.reconcile().RequeueAfter; wait == 0 {
		t.Fatal("nobody looks again after a write that was refused")
	}
	h.Client, h.clock = fresh, h.clock.Add(wait)
	h.reconcile()
	h.want("True", "Succeeded")
}

// A write that the API server takes and that changes nothing brings no event.
func TestWriteThatChangesNothing(t *testing.T) {
	h := build(t, taskRun())
	h.reconcile()
	h.kubelet("ci-pod", running())
	real := h.Client
	h.Client = interceptor.NewClient(real.(client.WithWatch), interceptor.Funcs{
		SubResourcePatch: func(context.Context, client.Client, string, client.Object, client.Patch, ...client.SubResourcePatchOption) error {
			return nil
		},
	})
	h.reconcile()
	h.Client = real
	h.kubelet("ci-pod", corev1.ContainerState{Terminated: h.ended(contract.ReasonCompleted, 0).Terminated})
	h.reconcile()
	h.want("True", "Succeeded")
}
