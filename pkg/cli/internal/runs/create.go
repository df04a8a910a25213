package runs

import (
	"context"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/slipway-dev/slipway/pkg/cli/internal/cluster"
)

// Create sends the run to the cluster, into the run's namespace or the connection's, and returns what came of it.
// With dryRun the cluster only checks it.
func Create(ctx context.Context, c *cluster.Cluster, r Run, dryRun bool) (created Run, err error) {
	opts := metav1.CreateOptions{}
	if dryRun {
		opts.DryRun = []string{metav1.DryRunAll}
	}
	if ns := r.Object().GetNamespace(); ns != "" {
		c = c.In(ns)
	}
	if r.PipelineRun != nil {
		created.PipelineRun, err = c.PipelineRuns().Create(ctx, r.PipelineRun, opts)
	} else {
		created.TaskRun, err = c.TaskRuns().Create(ctx, r.TaskRun, opts)
	}
	switch {
	case apierrors.IsAlreadyExists(err):
		return Run{}, fmt.Errorf("%s %q exists already; use metadata.generateName instead of name, or delete it: slipway delete %s/%s", r.Word(), r.Name(), r.Word(), r.Name())
	case apierrors.IsNotFound(err):
		if hint := c.NamespaceHint(ctx); hint != "" {
			return Run{}, fmt.Errorf("%s; create it: kubectl create namespace %s", hint, c.Namespace)
		}
	}
	return created, c.Explain(err)
}
