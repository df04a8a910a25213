package lab

import (
	"context"
	"fmt"
	"maps"
	"time"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/slipway-dev/slipway/pkg/kube"
)

// clients is how many requests CreateAll has under way at once: more would measure how
// the API server queues them.
const clients = 32

// CreateAll posts many objects, as that many clients do.
func (l *Lab) CreateAll(ctx context.Context, objects []client.Object) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(clients)
	for _, o := range objects {
		o.SetNamespace(l.Namespace)
		g.Go(func() error { return l.Client.Create(ctx, o) })
	}
	return g.Wait()
}

// AwaitN returns when n objects of the kind of like have reached the mark. One that
// failed is an error.
func (l *Lab) AwaitN(ctx context.Context, mark Mark, like client.Object, n int) error {
	kind := fmt.Sprintf("%T", like)
	for {
		l.mu.Lock()
		have, err, wake := l.reached[kind][mark], l.err, l.wake
		for k, why := range l.bad {
			err = fmt.Errorf("%s %s: %s", k.kind, k.name, why)
			break
		}
		l.mu.Unlock()
		if err != nil || have >= n {
			return err
		}
		select {
		case <-wake:
		case <-ctx.Done():
			return fmt.Errorf("%d of %d %s are %s: %w", have, n, kind, mark, context.Cause(ctx))
		}
	}
}

// Marks returns when each object of the kind of like reached its marks, by name.
func (l *Lab) Marks(like client.Object) map[string]map[Mark]time.Time {
	kind := fmt.Sprintf("%T", like)
	l.mu.Lock()
	defer l.mu.Unlock()
	out := map[string]map[Mark]time.Time{}
	for k, marks := range l.seen {
		if k.kind == kind {
			out[k.name] = maps.Clone(marks)
		}
	}
	return out
}

// Gone deletes the namespace and returns when nothing of it is left.
func (l *Lab) Gone(ctx context.Context) error {
	if err := l.Close(); client.IgnoreNotFound(err) != nil {
		return err
	}
	for {
		_, err := l.Kube.CoreV1().Namespaces().Get(ctx, l.Namespace, metav1.GetOptions{})
		if kube.IsGone(err) {
			return nil
		}
		select {
		case <-time.After(time.Second):
		case <-ctx.Done():
			return fmt.Errorf("namespace %s stays: %w", l.Namespace, context.Cause(ctx))
		}
	}
}

// Ready returns when each Pod with the labels that there are at least n of is ready.
func (l *Lab) Ready(ctx context.Context, namespace string, labels client.MatchingLabels, n int) error {
	for {
		var pods corev1.PodList
		if err := l.Client.List(ctx, &pods, client.InNamespace(namespace), labels); err != nil {
			return err
		}
		ready := 0
		for i := range pods.Items {
			for _, c := range pods.Items[i].Status.Conditions {
				if c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue && pods.Items[i].DeletionTimestamp == nil {
					ready++
				}
			}
		}
		if ready >= n && len(pods.Items) == ready {
			return nil
		}
		select {
		case <-time.After(time.Second):
		case <-ctx.Done():
			return fmt.Errorf("%d of %d Pods of %v are ready: %w", ready, n, labels, context.Cause(ctx))
		}
	}
}
