// Package plan decides what a PipelineRun needs next. It knows no client, no
// clock and no memory: the same input gives the same answer, and an input that
// lags behind the cluster leads at worst to a step that was taken already, which
// the names of the children make harmless.
package plan

import (
	"time"

	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
	"github.com/slipway-dev/slipway/api/tekton/v1beta1"
	"github.com/slipway-dev/slipway/pkg/coschedule"
	podstate "github.com/slipway-dev/slipway/pkg/observe"
	corev1 "k8s.io/api/core/v1"
)

// Defaults are the settings of the installation that a run does not state.
type Defaults struct {
	// Timeout of a run without timeouts.pipeline, and of a TaskRun without a
	// timeout; 0 means none.
	Timeout time.Duration
	// MaxMatrix is the most runs one matrix may have; 0 means 256.
	MaxMatrix int
	// Workspace says that a TaskRun gets a volume for each workspace that it needs
	// and that its Pipeline gives it none for.
	Workspace bool
	// Coschedule is which tasks share a node.
	Coschedule coschedule.Mode
}

// Input is all that a decision rests on. Nothing in it is changed.
type Input struct {
	// Run is the PipelineRun with its present status.
	Run *v1.PipelineRun
	// Pipeline is what spec.pipelineRef means; nil when the run has a spec of its
	// own, and unread once the status holds the spec.
	Pipeline *v1.Pipeline
	// Provenance says where Pipeline came from, if it came from elsewhere.
	Provenance *v1.Provenance
	// Tasks holds what the taskRefs of the Pipeline mean, by the name of the
	// pipeline task. It is read at the start only, and may lack what cannot be known yet.
	Tasks map[string]*v1.TaskSpec
	// The children of the run that are known, in any order.
	TaskRuns     []*v1.TaskRun
	CustomRuns   []*v1beta1.CustomRun
	PipelineRuns []*v1.PipelineRun
	// Members says how the tasks stand whose Pod is shared and there, by their names.
	Members map[string]podstate.Member
	// Gone names the children in the run's status that are known to have been deleted.
	Gone     map[string]bool
	Now      time.Time
	Defaults Defaults
}

// Decision is what to do, in this order: create the claims and the children,
// cancel, write the status. If one of them fails the rest must wait for the next decision.
type Decision struct {
	Claims       []*corev1.PersistentVolumeClaim
	TaskRuns     []*v1.TaskRun
	CustomRuns   []*v1beta1.CustomRun
	PipelineRuns []*v1.PipelineRun
	Cancel       []Cancel
	// Status is the whole status of the run.
	Status v1.PipelineRunStatus
	// Labels and Annotations are to be added to the run where it lacks them.
	Labels, Annotations map[string]string
	// Again is when to look at the run again, should nothing change until then;
	// zero means never.
	Again time.Time
}

// Cancel asks for the end of a child: spec.status and spec.statusMessage are to
// be set as given.
type Cancel struct {
	// Kind is TaskRun, CustomRun or PipelineRun.
	Kind, Name      string
	Status, Message string
}

// Next decides. A run goes through three decisions at least: one that pins its
// spec in the status and creates nothing, those that create children, and
// the one that ends it.
func Next(in Input) Decision {
	d := Decision{Status: *in.Run.Status.DeepCopy()}
	switch {
	case in.Run.IsDone():
		d.Cancel = leftovers(in)
		return d
	case in.Run.IsPending():
		d.hold(in)
		return d
	case in.Run.Status.PipelineSpec == nil:
		d.start(in)
		return d
	}
	s, err := observe(in)
	if err != nil {
		d.fail(in, v1.PipelineRunReasonInvalidGraph, err)
		return d
	}
	d.advance(s)
	return d
}

// advance takes a run that has started one step further.
func (d *Decision) advance(s *state) {
	s.assess()
	switch {
	case s.run.IsCancelled():
		d.Cancel = s.cancelWhere(func(*task) bool { return true }, byRequest)
	case s.timedOut():
		d.Cancel = s.cancelWhere(func(*task) bool { return true }, byTimeout)
	default:
		d.cancelSome(s)
		d.create(s)
	}
	d.conclude(s)
	if !d.done() {
		d.Again = s.deadline()
	}
}

func (d *Decision) cancelSome(s *state) {
	dag := func(t *task) bool { return !t.final }
	switch {
	case s.run.IsGracefullyCancelled():
		d.Cancel = s.cancelWhere(dag, byRequest)
	case s.tasksTimedOut():
		d.Cancel = s.cancelWhere(dag, byTimeout)
	}
	if s.finallyTimedOut() {
		d.Cancel = append(d.Cancel, s.cancelWhere(func(t *task) bool { return t.final }, byTimeout)...)
	}
}

func (d *Decision) done() bool { return !d.Status.GetCondition(v1.ConditionSucceeded).IsUnknown() }
