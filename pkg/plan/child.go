package plan

import (
	"slices"
	"strings"

	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
	"github.com/slipway-dev/slipway/api/tekton/v1beta1"
	"github.com/slipway-dev/slipway/pkg/plan/fill"
)

// The kinds of children.
const (
	kindTaskRun     = "TaskRun"
	kindCustomRun   = "CustomRun"
	kindPipelineRun = "PipelineRun"
)

// child is what matters of a TaskRun, a CustomRun or a PipelineRun to its parent.
type child struct {
	kind, name string
	condition  *v1.Condition
	// cancelling: it has been asked to end. timedOut: because of its parent's timeouts.
	cancelling, timedOut bool
	// gone: it was deleted before its end was seen. visible: it was seen itself,
	// and not only its name in the run's status.
	gone, visible bool
	params        v1.Params
	results       []v1.TaskRunResult
	artifacts     *v1.Artifacts
}

func (c *child) done() bool   { return c.gone || !c.condition.IsUnknown() }
func (c *child) failed() bool { return c.gone || c.condition.IsFalse() }

// cancelled reports whether it ended because it was asked to.
func (c *child) cancelled() bool {
	return c.condition.IsFalse() && slices.Contains([]string{v1.TaskRunReasonCancelled.String(),
		v1beta1.CustomRunReasonCancelled.String(), v1.PipelineRunReasonCancelled.String()}, c.condition.Reason)
}

func (c *child) reason() string {
	if c.condition == nil {
		return ""
	}
	return c.condition.Reason
}

// childrenOf sorts the run's children by pipeline task, each list by name in
// the order of their numbers.
func childrenOf(in Input) map[string][]*child {
	all := map[string][]*child{}
	seen := map[string]bool{}
	add := func(labels map[string]string, c *child) {
		seen[c.name], c.visible = true, true
		task := labels[v1.LabelPipelineTask]
		all[task] = append(all[task], c)
	}
	for _, tr := range in.TaskRuns {
		add(tr.Labels, fromTaskRun(tr))
	}
	for _, cr := range in.CustomRuns {
		add(cr.Labels, fromCustomRun(cr))
	}
	for _, pr := range in.PipelineRuns {
		add(pr.Labels, fromPipelineRun(pr))
	}
	// What the status lists and nobody sees is either too new for the cache,
	// and running, or has been deleted.
	for _, ref := range in.Run.Status.ChildReferences {
		if !seen[ref.Name] {
			all[ref.PipelineTaskName] = append(all[ref.PipelineTaskName],
				&child{kind: ref.Kind, name: ref.Name, gone: in.Gone[ref.Name], cancelling: in.Gone[ref.Name]})
		}
	}
	for _, list := range all {
		slices.SortFunc(list, func(a, b *child) int {
			if len(a.name) != len(b.name) {
				return len(a.name) - len(b.name)
			}
			return strings.Compare(a.name, b.name)
		})
	}
	return all
}

func fromTaskRun(tr *v1.TaskRun) *child {
	return &child{
		kind: kindTaskRun, name: tr.Name, condition: tr.Status.GetCondition(v1.ConditionSucceeded),
		cancelling: tr.IsCancelled(), timedOut: tr.Spec.StatusMessage == v1.TaskRunCancelledByPipelineTimeoutMsg,
		params: tr.Spec.Params, results: tr.Status.Results, artifacts: tr.Status.Artifacts,
	}
}

func fromCustomRun(cr *v1beta1.CustomRun) *child {
	c := &child{
		kind: kindCustomRun, name: cr.Name, condition: cr.Status.GetCondition(v1.ConditionSucceeded),
		cancelling: cr.IsCancelled(), timedOut: cr.Spec.StatusMessage == v1beta1.CustomRunCancelledByPipelineTimeoutMsg,
		params: cr.Spec.Params,
	}
	for _, r := range cr.Status.Results {
		c.results = append(c.results, v1.TaskRunResult{Name: r.Name, Value: fill.CustomValue(r.Value)})
	}
	return c
}

func fromPipelineRun(pr *v1.PipelineRun) *child {
	c := &child{
		kind: kindPipelineRun, name: pr.Name, condition: pr.Status.GetCondition(v1.ConditionSucceeded),
		cancelling: pr.IsCancelled(), params: pr.Spec.Params,
	}
	for _, r := range pr.Status.Results {
		c.results = append(c.results, v1.TaskRunResult{Name: r.Name, Value: r.Value})
	}
	return c
}

// cancelCause is why a child is cancelled.
type cancelCause int

const (
	byRequest cancelCause = iota
	byTimeout
)

func (c *child) cancel(why cancelCause) Cancel {
	out := Cancel{Kind: c.kind, Name: c.name}
	switch c.kind {
	case kindTaskRun:
		out.Status = string(v1.TaskRunSpecStatusCancelled)
		out.Message = string([]v1.TaskRunSpecStatusMessage{v1.TaskRunCancelledByPipelineMsg, v1.TaskRunCancelledByPipelineTimeoutMsg}[why])
	case kindCustomRun:
		out.Status = string(v1beta1.CustomRunSpecStatusCancelled)
		out.Message = string([]v1beta1.CustomRunSpecStatusMessage{v1beta1.CustomRunCancelledByPipelineMsg, v1beta1.CustomRunCancelledByPipelineTimeoutMsg}[why])
	default:
		out.Status = string(v1.PipelineRunSpecStatusCancelled)
	}
	return out
}

// leftovers are the children of an ended run that nobody has asked to end: they
// were created by a decision that knew less.
func leftovers(in Input) []Cancel {
	var out []Cancel
	for _, list := range childrenOf(in) {
		for _, c := range list {
			if c.visible && !c.done() && !c.cancelling {
				out = append(out, c.cancel(byRequest))
			}
		}
	}
	slices.SortFunc(out, func(a, b Cancel) int { return strings.Compare(a.Name, b.Name) })
	return out
}
