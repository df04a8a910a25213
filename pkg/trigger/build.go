package trigger

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
	"github.com/slipway-dev/slipway/api/tekton/validation"
	"github.com/slipway-dev/slipway/pkg/untrusted"
)

// build makes the object that is created. What is wrong becomes a problem.
func (m *matcher) build(l *library) Run {
	for _, r := range l.missing {
		l.fail("", "%s was not fetched", r)
	}
	m.problems = append(m.problems, l.problems...)
	inlined := m.run.object.DeepCopy()
	l.inline(inlined)
	fill := &filling{facts: m.facts, templates: &m.set.templates}
	run, err := fill.run(inlined)
	if err != nil {
		m.problems = append(m.problems, m.run.problem("spec", "%s", err))
		return Run{}
	}
	m.allowed(run)
	run.ObjectMeta = metav1.ObjectMeta{Namespace: m.in.Repository.Namespace, Name: m.objectName(),
		Labels: run.Labels, Annotations: run.Annotations}
	m.mark(run)
	fill.markUntrusted(run)
	run.Status = v1.PipelineRunStatus{}
	if len(m.problems) == 0 {
		m.validate(run)
	}
	out := Run{Pipeline: m.run.name(), Object: run}
	m.settings(&out)
	return out
}

// allowed refuses what a commit may not choose: the namespace, and service accounts.
func (m *matcher) allowed(run *v1.PipelineRun) {
	repo := m.in.Repository
	if run.Namespace != "" && run.Namespace != repo.Namespace {
		m.problems = append(m.problems, m.run.problem("metadata.namespace",
			"metadata.namespace: runs of this repository are in %q, not in %q: leave it out", repo.Namespace, run.Namespace))
	}
	template := &run.Spec.TaskRunTemplate
	template.ServiceAccountName = cmp.Or(template.ServiceAccountName, repo.Spec.ServiceAccountName)
	m.account("spec.taskRunTemplate.serviceAccountName", template.ServiceAccountName)
	for i, spec := range run.Spec.TaskRunSpecs {
		m.account(fmt.Sprintf("spec.taskRunSpecs[%d].serviceAccountName", i), spec.ServiceAccountName)
	}
}

func (m *matcher) account(field, name string) {
	spec := m.in.Repository.Spec
	if name == "" || name == spec.ServiceAccountName || slices.Contains(spec.AllowedServiceAccounts, name) {
		return
	}
	m.problems = append(m.problems, m.run.problem(field,
		"%s: the repository may not use %q: have it added to spec.allowedServiceAccounts of Repository %s", field, name, m.in.Repository.Name))
}

func (m *matcher) validate(run *v1.PipelineRun) {
	for _, err := range validation.PipelineRun(run) {
		m.problems = append(m.problems, m.run.problem(err.Field, "%s: %s", err.Field, err.Detail))
	}
}

// settings are what the annotations say of the runs before and after this one.
func (m *matcher) settings(out *Run) {
	if value, key, ok := m.get(maxKeepRuns); ok {
		n, err := number(value)
		if err != nil {
			m.fail(key, err)
		}
		out.MaxKeep = n
	}
	if value, key, ok := m.get(cancelInProgress); ok {
		cancel, err := yes(value)
		if err != nil {
			m.fail(key, err)
		}
		out.CancelInProgress = cancel
	}
}

// filling puts values into one run.
type filling struct {
	*facts
	templates *templates
	// params are those that carry values which could be read as more than
	// themselves into a pipeline that stands in the run.
	params v1.Params
	// names are those of params by the template that they are for.
	names map[string]string
	// used are the values by the template that they are for, without those of the
	// repository's own params.
	used map[string]string
	err  error
}

// run returns the object with the values of its templates.
func (f *filling) run(in *v1.PipelineRun) (*v1.PipelineRun, error) {
	data, err := json.Marshal(in)
	if err != nil {
		return nil, err
	}
	var tree map[string]any
	if err := json.Unmarshal(data, &tree); err != nil {
		return nil, err
	}
	f.names, f.used = map[string]string{}, map[string]string{}
	filled := f.fill(tree, nil)
	if f.err != nil {
		return nil, f.err
	}
	if data, err = json.Marshal(filled); err != nil {
		return nil, err
	}
	out := &v1.PipelineRun{}
	if err := json.Unmarshal(data, out); err != nil {
		return nil, fmt.Errorf("a value does not fit where its template stands: %w", err)
	}
	out.Spec.Params = append(out.Spec.Params, f.params...)
	return out, nil
}

func (f *filling) fill(v any, path []string) any {
	switch v := v.(type) {
	case map[string]any:
		out := make(map[string]any, len(v))
		for _, k := range slices.Sorted(maps.Keys(v)) {
			out[f.templates.restore(k)] = f.fill(v[k], append(path, k))
		}
		return out
	case []any:
		for i := range v {
			v[i] = f.fill(v[i], path)
		}
		return v
	case string:
		return f.templates.replace(v, func(text string) string { return f.text(text, path) })
	}
	return v
}

// text is what stands in the place of a template. In a pipeline that is written in
// the run a value with characters that a shell, a reference or an expression would
// act on becomes a param: from there on it is known for what it is.
func (f *filling) text(text string, path []string) string {
	value, ok := f.value(text)
	if !ok {
		return text
	}
	if _, own := f.own[templateKey(text)]; !own {
		f.used[text] = value
	}
	inPipeline := len(path) > 2 && path[0] == "spec" && path[1] == "pipelineSpec"
	if !inPipeline || untrusted.IsSafe(value) {
		return value
	}
	if path[len(path)-1] == "cel" {
		f.err = fmt.Errorf("%s: the value of %s has characters with a meaning of their own in an expression: compare by input and values",
			strings.Join(path, "."), text)
	}
	name, ok := f.names[text]
	if !ok {
		name = fmt.Sprintf("slipway-event-%d", len(f.names)+1)
		f.names[text] = name
		f.params = append(f.params, v1.Param{Name: name, Value: *v1.NewString(value)})
	}
	return "$(params." + name + ")"
}
