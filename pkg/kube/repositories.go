package kube

import (
	"cmp"
	"context"
	"slices"

	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/manager"

	"github.com/slipway-dev/slipway/api/slipway/v1alpha1"
	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
)

// RepositoryField is the index of runs and events by the Repository they are of.
const RepositoryField = "slipway.dev/repository"

// RepositoryOf is the index function of RepositoryField.
func RepositoryOf(o client.Object) []string {
	if e, ok := o.(*v1alpha1.RepositoryEvent); ok {
		return []string{e.Spec.Repository}
	}
	if owner := v1alpha1.OwnedBy(o); owner != "" {
		return []string{owner}
	}
	return nil
}

// IndexRepositories lets RunsOf and Happened answer from the manager's cache.
func IndexRepositories(ctx context.Context, m manager.Manager) error {
	if err := m.GetFieldIndexer().IndexField(ctx, &v1.PipelineRun{}, RepositoryField, RepositoryOf); err != nil {
		return err
	}
	return m.GetFieldIndexer().IndexField(ctx, &v1alpha1.RepositoryEvent{}, RepositoryField, RepositoryOf)
}

// RunsOf returns the runs that events of a repository started, in the order in which
// the events were received. What they hold is the cache's own: it is asked with each
// change of a run, and is to be read only.
func RunsOf(ctx context.Context, from client.Reader, of *v1alpha1.Repository) ([]v1.PipelineRun, error) {
	var list v1.PipelineRunList
	err := from.List(ctx, &list, client.InNamespace(of.Namespace), client.MatchingFields{RepositoryField: of.Name}, client.UnsafeDisableDeepCopy)
	slices.SortFunc(list.Items, func(a, b v1.PipelineRun) int {
		return cmp.Or(cmp.Compare(a.Annotations[v1alpha1.AnnotationReceived], b.Annotations[v1alpha1.AnnotationReceived]), cmp.Compare(a.Name, b.Name))
	})
	return list.Items, err
}

// Happened returns the events of a repository, without headers and payload, in the order
// in which they were received; they are to be read only, as those of RunsOf.
func Happened(ctx context.Context, from client.Reader, of *v1alpha1.Repository) ([]v1alpha1.RepositoryEvent, error) {
	var list v1alpha1.RepositoryEventList
	err := from.List(ctx, &list, client.InNamespace(of.Namespace), client.MatchingFields{RepositoryField: of.Name}, client.UnsafeDisableDeepCopy)
	slices.SortFunc(list.Items, func(a, b v1alpha1.RepositoryEvent) int {
		return cmp.Or(a.Spec.Received.Compare(b.Spec.Received.Time), cmp.Compare(a.Name, b.Name))
	})
	return list.Items, err
}
