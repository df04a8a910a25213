// Package repositories finds Repositories by what a user says.
package repositories

import (
	"context"
	"fmt"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/slipway-dev/slipway/api/slipway/v1alpha1"
	"github.com/slipway-dev/slipway/pkg/cli/internal/cluster"
	"github.com/slipway-dev/slipway/pkg/cli/internal/env"
	"github.com/slipway-dev/slipway/pkg/cli/internal/runs"
)

// Find reads a repository; the error of one that is not there names those that are.
func Find(ctx context.Context, c *cluster.Cluster, name string) (*v1alpha1.Repository, error) {
	r, err := c.Repositories().Get(ctx, name, metav1.GetOptions{})
	if err == nil {
		return r, nil
	}
	if !apierrors.IsNotFound(err) {
		return nil, c.Explain(err)
	}
	names, listErr := Names(ctx, c)
	if listErr != nil {
		return nil, c.Explain(err)
	}
	return nil, fmt.Errorf("no repository %q in namespace %q%s", name, c.Namespace, among(names))
}

// Only reads the one that the namespace has; of several one is to be named.
func Only(ctx context.Context, c *cluster.Cluster) (*v1alpha1.Repository, error) {
	names, err := Names(ctx, c)
	switch {
	case err != nil:
		return nil, err
	case len(names) == 0:
		return nil, fmt.Errorf("no repository in namespace %q%s", c.Namespace, among(nil))
	case len(names) > 1:
		return nil, env.Usage("say which repository%s", among(names))
	}
	return Find(ctx, c, names[0])
}

// Names are those of the namespace, sorted.
func Names(ctx context.Context, c *cluster.Cluster) ([]string, error) {
	list, err := c.Repositories().List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, c.Explain(err)
	}
	names := make([]string, 0, len(list.Items))
	for i := range list.Items {
		names = append(names, list.Items[i].Name)
	}
	slices.Sort(names)
	return names, nil
}

// Complete offers them for the first argument.
func Complete(e *env.Env) runs.Completion { return runs.CompleteBy(e, 1, Names) }

func among(names []string) string {
	if len(names) == 0 {
		return "; connect one: slipway repo create"
	}
	return "; there is " + strings.Join(names, ", ")
}
