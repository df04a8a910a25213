// Package newrun makes the PipelineRun or TaskRun that a command line asks for. It talks to no cluster.
package newrun

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
	"github.com/slipway-dev/slipway/pkg/suggest"
	"github.com/slipway-dev/slipway/pkg/untrusted"
)

// Options are what the user said about the run.
type Options struct {
	// Params are NAME=VALUE; an array is written a,b or given several times, an object k1:v1,k2:v2.
	Params []string
	// Workspaces are name=NAME and a source; see Workspace.
	Workspaces []string
	// Labels are KEY=VALUE.
	Labels []string
	// ServiceAccount runs the Pods.
	ServiceAccount string
	// Prefix begins the run's name instead of the Pipeline's or Task's own name.
	Prefix string
	// Timeout is a duration for the whole run; nil leaves the default.
	Timeout *metav1.Duration
}

// OfPipeline makes a PipelineRun of p. What the options leave open is taken from last, which may be nil.
func OfPipeline(p *v1.Pipeline, last *v1.PipelineRun, o Options) (*v1.PipelineRun, error) {
	run := &v1.PipelineRun{Spec: v1.PipelineRunSpec{PipelineRef: &v1.PipelineRef{Name: p.Name}}}
	if last != nil {
		last = last.DeepCopy()
		run.Spec.Params, run.Spec.Workspaces = last.Spec.Params, last.Spec.Workspaces
		run.Spec.Timeouts, run.Spec.TaskRunTemplate, run.Spec.TaskRunSpecs = last.Spec.Timeouts, last.Spec.TaskRunTemplate, last.Spec.TaskRunSpecs
	}
	d := declared{what: fmt.Sprintf("pipeline %q", p.Name), params: p.Spec.Params}
	for _, w := range p.Spec.Workspaces {
		d.workspaces = append(d.workspaces, v1.WorkspaceDeclaration{Name: w.Name, Optional: w.Optional})
	}
	var err error
	if run.Spec.Params, run.Spec.Workspaces, err = d.bind(run.Spec.Params, run.Spec.Workspaces, o); err != nil {
		return nil, err
	}
	if o.ServiceAccount != "" {
		run.Spec.TaskRunTemplate.ServiceAccountName = o.ServiceAccount
	}
	if o.Timeout != nil {
		run.Spec.Timeouts = &v1.TimeoutFields{Pipeline: o.Timeout}
	}
	run.ObjectMeta, err = meta(p.Name, o)
	if last != nil {
		run.Annotations = strangers(last.Annotations)
	}
	run.SetGroupVersionKind(v1.SchemeGroupVersion.WithKind(v1.KindPipelineRun))
	return run, err
}

// OfTask makes a TaskRun of t. What the options leave open is taken from last, which may be nil.
func OfTask(t *v1.Task, last *v1.TaskRun, o Options) (*v1.TaskRun, error) {
	run := &v1.TaskRun{Spec: v1.TaskRunSpec{TaskRef: &v1.TaskRef{Name: t.Name, Kind: v1.KindTask}}}
	if last != nil {
		last = last.DeepCopy()
		run.Spec.Params, run.Spec.Workspaces = last.Spec.Params, last.Spec.Workspaces
		run.Spec.ServiceAccountName, run.Spec.Timeout, run.Spec.PodTemplate = last.Spec.ServiceAccountName, last.Spec.Timeout, last.Spec.PodTemplate
	}
	d := declared{what: fmt.Sprintf("task %q", t.Name), params: t.Spec.Params, workspaces: t.Spec.Workspaces}
	var err error
	if run.Spec.Params, run.Spec.Workspaces, err = d.bind(run.Spec.Params, run.Spec.Workspaces, o); err != nil {
		return nil, err
	}
	if o.ServiceAccount != "" {
		run.Spec.ServiceAccountName = o.ServiceAccount
	}
	if o.Timeout != nil {
		run.Spec.Timeout = o.Timeout
	}
	run.ObjectMeta, err = meta(t.Name, o)
	if last != nil {
		run.Annotations = strangers(last.Annotations)
	}
	run.SetGroupVersionKind(v1.SchemeGroupVersion.WithKind(v1.KindTaskRun))
	return run, err
}

// strangers is what goes with the values of the last run: which of them anybody may
// have chosen.
func strangers(last map[string]string) map[string]string {
	if text, ok := last[untrusted.Annotation]; ok {
		return map[string]string{untrusted.Annotation: text}
	}
	return nil
}

func meta(name string, o Options) (metav1.ObjectMeta, error) {
	if o.Prefix != "" {
		name = o.Prefix
	}
	m := metav1.ObjectMeta{GenerateName: strings.TrimSuffix(name, "-") + "-"}
	for _, label := range o.Labels {
		k, v, ok := strings.Cut(label, "=")
		if !ok || k == "" {
			return m, fmt.Errorf("--labels %s: write KEY=VALUE", label)
		}
		if m.Labels == nil {
			m.Labels = map[string]string{}
		}
		m.Labels[k] = v
	}
	return m, nil
}

// declared is what a Pipeline or Task asks for.
type declared struct {
	what       string
	params     v1.ParamSpecs
	workspaces []v1.WorkspaceDeclaration
}

// bind puts the options over what there was, and checks that all that is needed is there.
func (d declared) bind(params v1.Params, bindings []v1.WorkspaceBinding, o Options) (v1.Params, []v1.WorkspaceBinding, error) {
	given, err := d.parseParams(o.Params)
	if err != nil {
		return nil, nil, err
	}
	params = override(params, given, func(p v1.Param) string { return p.Name })
	var volumes []v1.WorkspaceBinding
	for _, arg := range o.Workspaces {
		w, err := Workspace(arg)
		if err != nil {
			return nil, nil, err
		}
		names := d.workspaceNames()
		if !slices.Contains(names, w.Name) {
			return nil, nil, fmt.Errorf("%s has no workspace named %q%s", d.what, w.Name, suggest.DidYouMean(w.Name, names))
		}
		volumes = append(volumes, w)
	}
	bindings = override(bindings, volumes, func(w v1.WorkspaceBinding) string { return w.Name })
	return params, bindings, d.missing(params, bindings)
}

func (d declared) workspaceNames() (names []string) {
	for _, w := range d.workspaces {
		names = append(names, w.Name)
	}
	return names
}

func (d declared) missing(params v1.Params, bindings []v1.WorkspaceBinding) error {
	var errs []error
	for _, spec := range d.params {
		if spec.Default == nil && !slices.ContainsFunc(params, func(p v1.Param) bool { return p.Name == spec.Name }) {
			errs = append(errs, fmt.Errorf("%s needs param %q%s: give it with -p %s", d.what, spec.Name, about(spec.Description), example(spec)))
		}
	}
	for _, w := range d.workspaces {
		if !w.Optional && !slices.ContainsFunc(bindings, func(b v1.WorkspaceBinding) bool { return b.Name == w.Name }) {
			errs = append(errs, fmt.Errorf("%s needs workspace %q: give it with -w name=%s,emptyDir= or ,claimName=… or ,size=1Gi", d.what, w.Name, w.Name))
		}
	}
	return errors.Join(errs...)
}

func about(description string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(description), "\n")
	if line == "" {
		return ""
	}
	return " (" + strings.TrimSuffix(line, ".") + ")"
}

// override puts over in place of those of base that have the same name, and the rest behind.
func override[T any](base, over []T, name func(T) string) []T {
	out := slices.Clone(base)
	for _, o := range over {
		if i := slices.IndexFunc(out, func(b T) bool { return name(b) == name(o) }); i >= 0 {
			out[i] = o
			continue
		}
		out = append(out, o)
	}
	return out
}
