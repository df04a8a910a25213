package runs

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
	"github.com/slipway-dev/slipway/pkg/cli/internal/cluster"
	"github.com/slipway-dev/slipway/pkg/suggest"
)

// Words users put before a slash, and the kinds they mean.
var words = map[string]string{
	"pipelinerun": v1.KindPipelineRun, "pipelineruns": v1.KindPipelineRun, "pr": v1.KindPipelineRun, "prs": v1.KindPipelineRun,
	"taskrun": v1.KindTaskRun, "taskruns": v1.KindTaskRun, "tr": v1.KindTaskRun, "trs": v1.KindTaskRun,
	"pipeline": v1.KindPipeline, "pipelines": v1.KindPipeline, "p": v1.KindPipeline,
	"task": v1.KindTask, "tasks": v1.KindTask, "t": v1.KindTask,
}

// KindOf returns the kind that a word means, as in kubectl: pr, pipelinerun, PipelineRuns, pipelineruns.tekton.dev.
func KindOf(word string) (kind string, ok bool) {
	word, _, _ = strings.Cut(strings.ToLower(word), ".")
	kind, ok = words[word]
	return kind, ok
}

// Words are the spelled-out words that KindOf knows, for suggestions.
func Words() []string {
	return []string{"runs", "pipelineruns", "taskruns", "pipelines", "tasks", "pipelinerun", "taskrun", "pipeline", "task"}
}

// Split parses KIND/NAME or NAME; the kind is empty in the latter case.
func Split(arg string) (kind, name string, err error) {
	word, name, found := strings.Cut(arg, "/")
	if !found {
		return "", arg, nil
	}
	kind, ok := KindOf(word)
	if !ok {
		return "", "", fmt.Errorf("no kind %q%s", word, suggest.DidYouMean(word, Words()))
	}
	if name == "" {
		return "", "", fmt.Errorf("%q names no object; write %sNAME", arg, arg)
	}
	return kind, name, nil
}

// Find returns the run of a name or KIND/NAME. A name that both a PipelineRun and a TaskRun have is an error.
func Find(ctx context.Context, c *cluster.Cluster, arg string) (Run, error) {
	kind, name, err := Split(arg)
	if err != nil {
		return Run{}, err
	}
	if kind == v1.KindPipeline || kind == v1.KindTask {
		return Run{}, fmt.Errorf("%s is not a run; give the name of a run (slipway list)", arg)
	}
	var found Run
	if kind != v1.KindTaskRun {
		if found.PipelineRun, err = orNone(c.PipelineRuns().Get(ctx, name, metav1.GetOptions{})); err != nil {
			return Run{}, c.Explain(err)
		}
	}
	if kind != v1.KindPipelineRun {
		if found.TaskRun, err = orNone(c.TaskRuns().Get(ctx, name, metav1.GetOptions{})); err != nil {
			return Run{}, c.Explain(err)
		}
	}
	switch {
	case found.PipelineRun != nil && found.TaskRun != nil:
		return Run{}, fmt.Errorf("%q is both a PipelineRun and a TaskRun; say pipelinerun/%s or taskrun/%s", name, name, name)
	case found.PipelineRun == nil && found.TaskRun == nil:
		return Run{}, notFound(ctx, c, kind, name)
	}
	return found, nil
}

// orNone makes nil of an object that does not exist.
func orNone[T any](object *T, err error) (*T, error) {
	switch {
	case apierrors.IsNotFound(err):
		return nil, nil
	case err != nil:
		return nil, err
	}
	return object, nil
}

// notFound tells what is wrong with a name: another namespace, a slip, or no run at all.
func notFound(ctx context.Context, c *cluster.Cluster, kind, name string) error {
	if hint := c.NamespaceHint(ctx); hint != "" {
		return errors.New(hint)
	}
	what := "run"
	if kind != "" {
		what = strings.ToLower(kind)
	}
	here, err := List(ctx, c, ListOptions{Kind: kind, Children: true})
	if err != nil {
		return err // says that tekton.dev/v1 is not served, for one
	}
	var names []string
	for _, r := range here {
		names = append(names, r.Name())
	}
	if hint := suggest.DidYouMean(name, names); hint != "" {
		return fmt.Errorf("no %s named %q in namespace %q%s", what, name, c.Namespace, hint)
	}
	if elsewhere, err := List(ctx, c.In(""), ListOptions{Kind: kind, Children: true, Field: "metadata.name=" + name}); err == nil && len(elsewhere) > 0 {
		ns := elsewhere[0].Object().GetNamespace()
		return fmt.Errorf("no %s named %q in namespace %q, but there is one in %q: add -n %s", what, name, c.Namespace, ns, ns)
	}
	if len(here) == 0 {
		return fmt.Errorf("no %s named %q in namespace %q: there are none at all; look elsewhere with -n or slipway list -A", what, name, c.Namespace)
	}
	return fmt.Errorf("no %s named %q in namespace %q; see: slipway list", what, name, c.Namespace)
}

// ListOptions choose runs.
type ListOptions struct {
	// Kind is PipelineRun, TaskRun, or empty for both.
	Kind string
	// Label and Field are selectors.
	Label, Field string
	// Children are TaskRuns that belong to a PipelineRun.
	Children bool
}

// List returns runs, the newest first.
func List(ctx context.Context, c *cluster.Cluster, o ListOptions) ([]Run, error) {
	var all []Run
	opts := metav1.ListOptions{LabelSelector: o.Label, FieldSelector: o.Field}
	if o.Kind != v1.KindTaskRun {
		list, err := c.PipelineRuns().List(ctx, opts)
		if err != nil {
			return nil, c.Explain(err)
		}
		for i := range list.Items {
			all = append(all, Run{PipelineRun: &list.Items[i]})
		}
	}
	if o.Kind != v1.KindPipelineRun {
		list, err := c.TaskRuns().List(ctx, opts)
		if err != nil {
			return nil, c.Explain(err)
		}
		for i := range list.Items {
			if o.Children || list.Items[i].Labels[v1.LabelPipelineRun] == "" {
				all = append(all, Run{TaskRun: &list.Items[i]})
			}
		}
	}
	slices.SortStableFunc(all, newestFirst)
	return all, nil
}

func newestFirst(a, b Run) int {
	if c := b.Object().GetCreationTimestamp().Compare(a.Object().GetCreationTimestamp().Time); c != 0 {
		return c
	}
	return strings.Compare(a.Name(), b.Name())
}

// Last returns the run that was created last.
func Last(ctx context.Context, c *cluster.Cluster) (Run, error) {
	all, err := List(ctx, c, ListOptions{})
	if err != nil {
		return Run{}, err
	}
	if len(all) == 0 {
		if hint := c.NamespaceHint(ctx); hint != "" {
			return Run{}, errors.New(hint)
		}
		return Run{}, fmt.Errorf("there is no run in namespace %q yet; start one: slipway start PIPELINE, or slipway run -f FILE", c.Namespace)
	}
	return all[0], nil
}

// Choose returns the run that args and --last name: one argument, or --last, not both.
func Choose(ctx context.Context, c *cluster.Cluster, args []string, last bool) (Run, error) {
	switch {
	case len(args) > 0 && last:
		return Run{}, fmt.Errorf("give either a run or --last, not both")
	case len(args) > 0:
		return Find(ctx, c, args[0])
	default:
		return Last(ctx, c)
	}
}
