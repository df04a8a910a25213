package settings

import (
	"cmp"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation"

	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
	"github.com/slipway-dev/slipway/api/tekton/v1beta1"
	"github.com/slipway-dev/slipway/pkg/compile"
)

// Complete writes into an object that is about to be made what the installation
// decides where the object says nothing, in the places that Tekton's clients read:
// timeout, service account, Pod template, resolvers, and the labels that runs are
// found by. Other kinds than runs, Tasks and Pipelines stay as they are.
func (s *Settings) Complete(o any) {
	switch o := o.(type) {
	case *v1.Task:
		s.TaskSpec(&o.Spec)
	case *v1.Pipeline:
		s.PipelineSpec(&o.Spec)
	case *v1.TaskRun:
		s.completeTaskRun(o)
	case *v1.PipelineRun:
		s.completePipelineRun(o)
	case *v1beta1.CustomRun:
		o.Spec.ServiceAccountName = cmp.Or(o.Spec.ServiceAccountName, s.ServiceAccountName)
	}
}

func (s *Settings) completeTaskRun(run *v1.TaskRun) {
	s.TaskRun(run)
	spec := &run.Spec
	spec.Timeout = s.timeoutOr(spec.Timeout)
	spec.ServiceAccountName = cmp.Or(spec.ServiceAccountName, s.ServiceAccountName)
	spec.PodTemplate = compile.MergeTemplates(s.PodTemplate.DeepCopy(), spec.PodTemplate)
	label(run, v1.LabelManagedBy, s.ManagedBy)
	if ref := spec.TaskRef; ref != nil && ref.Resolver == "" && !ref.IsCustomTask() {
		label(run, v1.LabelTask, ref.Name)
	}
}

func (s *Settings) completePipelineRun(run *v1.PipelineRun) {
	s.PipelineRun(run)
	spec := &run.Spec
	s.completeTimeouts(spec)
	template := &spec.TaskRunTemplate
	template.ServiceAccountName = cmp.Or(template.ServiceAccountName, s.ServiceAccountName)
	template.PodTemplate = compile.MergeTemplates(s.PodTemplate.DeepCopy(), template.PodTemplate)
	if ref := spec.PipelineRef; ref != nil && ref.Resolver == "" {
		label(run, v1.LabelPipeline, ref.Name)
	}
}

// completeTimeouts limits the whole run, unless it gives more to one of its parts:
// it would then contradict itself in words that are not its author's.
func (s *Settings) completeTimeouts(spec *v1.PipelineRunSpec) {
	if s.Timeout == nil {
		return
	}
	given, limit := v1.TimeoutFields{}, s.Timeout.Duration
	if spec.Timeouts != nil {
		given = *spec.Timeouts
	}
	if given.Pipeline != nil || limit > 0 && !within(limit, given.Tasks, given.Finally) {
		return
	}
	for _, t := range spec.TaskRunSpecs {
		if limit > 0 && t.Timeout != nil && t.Timeout.Duration > limit {
			return
		}
	}
	given.Pipeline = s.timeoutOr(nil)
	spec.Timeouts = &given
}

// within reports whether the parts fit into limit together. One that is 0 has no end.
func within(limit time.Duration, parts ...*metav1.Duration) bool {
	var sum time.Duration
	for _, p := range parts {
		if p == nil {
			continue
		}
		if p.Duration <= 0 {
			return false
		}
		sum += p.Duration
	}
	return sum <= limit
}

func (s *Settings) timeoutOr(given *metav1.Duration) *metav1.Duration {
	if given != nil || s.Timeout == nil {
		return given
	}
	return &metav1.Duration{Duration: s.Timeout.Duration}
}

// label sets a label that the object does not have. A value that cannot be one,
// such as a name of more than 63 characters, is left out.
func label(o metav1.Object, key, value string) {
	labels := o.GetLabels()
	if _, has := labels[key]; has || value == "" || len(validation.IsValidLabelValue(value)) > 0 {
		return
	}
	if labels == nil {
		labels = map[string]string{}
	}
	labels[key] = value
	o.SetLabels(labels)
}
