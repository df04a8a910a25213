package cloudevents

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/cloudevents/sdk-go/v2/event"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/uuid"

	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
	"github.com/slipway-dev/slipway/api/tekton/v1beta1"
)

// stage is the part of an event's type that says what happened.
type stage string

const (
	queued     stage = "queued"
	started    stage = "started"
	running    stage = "running"
	unknown    stage = "unknown"
	successful stage = "successful"
	failed     stage = "failed"
)

// stageOf is what a condition is told as.
func stageOf(c *v1.Condition) stage {
	switch {
	case c.IsTrue():
		return successful
	case c.IsFalse():
		return failed
	case c == nil:
		return queued
	case c.Reason == v1.TaskRunReasonStarted.String():
		return started
	case c.Reason == v1.TaskRunReasonRunning.String():
		return running
	}
	return unknown
}

// TaskRunWritten tells of a status that was written, when its condition changed.
func (s *Sender) TaskRunWritten(before, after *v1.TaskRun, _ *corev1.Pod) {
	s.tell(change{
		before: before.Status.GetCondition(v1.ConditionSucceeded), after: after.Status.GetCondition(v1.ConditionSucceeded),
		created: before.CreationTimestamp.Time, started: startOf(before.Status.StartTime, after.Status.StartTime),
		event: func(at stage) subject {
			run := after.DeepCopy()
			if at == queued || at == started {
				run.Status = v1.TaskRunStatus{}
			}
			if at == started {
				run.Status.StartTime = after.Status.StartTime
				run.Status.SetCondition(begun(after.Status.StartTime))
			}
			run.TypeMeta = typeMeta(v1.SchemeGroupVersion, v1.KindTaskRun)
			return subject{"taskrun", run.TypeMeta, run.ObjectMeta, map[string]any{"taskRun": run}}
		},
	})
}

// PipelineRunWritten tells of a status that was written, when its condition changed.
func (s *Sender) PipelineRunWritten(before, after *v1.PipelineRun) {
	s.tell(change{
		before: before.Status.GetCondition(v1.ConditionSucceeded), after: after.Status.GetCondition(v1.ConditionSucceeded),
		created: before.CreationTimestamp.Time, started: startOf(before.Status.StartTime, after.Status.StartTime),
		event: func(at stage) subject {
			run := after.DeepCopy()
			if at == queued || at == started {
				run.Status = v1.PipelineRunStatus{}
			}
			if at == started {
				run.Status.StartTime = after.Status.StartTime
				run.Status.SetCondition(begun(after.Status.StartTime))
			}
			run.TypeMeta = typeMeta(v1.SchemeGroupVersion, v1.KindPipelineRun)
			return subject{"pipelinerun", run.TypeMeta, run.ObjectMeta, map[string]any{"pipelineRun": run}}
		},
	})
}

// CustomRunSeen tells of a CustomRun that was created, when before is nil, or of a
// status that its own controller wrote.
func (s *Sender) CustomRunSeen(before, after *v1beta1.CustomRun) {
	c := after.Status.GetCondition(v1.ConditionSucceeded)
	at := stageOf(c)
	switch {
	case before != nil && same(before.Status.GetCondition(v1.ConditionSucceeded), c):
		return
	case at == queued:
		at = started
	case c.IsUnknown():
		// Its controller takes what reasons it likes, so none has a meaning here.
		at = running
	}
	run := after.DeepCopy()
	run.TypeMeta = typeMeta(v1beta1.SchemeGroupVersion, "CustomRun")
	s.send(at, s.Now(), subject{"customrun", run.TypeMeta, run.ObjectMeta, map[string]any{"customRun": run}})
}

// change is a status that was written over another.
type change struct {
	before, after *v1.Condition
	created       time.Time
	// started is when the run started, if that was written; else zero.
	started time.Time
	// event describes the run at a stage.
	event func(stage) subject
}

// tell sends what a change amounts to. That a run was queued and that it started
// is in no status of its own: the first write tells of these too, each with its
// time.
func (s *Sender) tell(c change) {
	if c.after == nil || same(c.before, c.after) {
		return
	}
	if c.before == nil {
		s.send(queued, c.created, c.event(queued))
	}
	if !c.started.IsZero() {
		s.send(started, c.started, c.event(started))
	}
	if at := stageOf(c.after); at != started {
		s.send(at, s.Now(), c.event(at))
	}
}

// subject is what an event is about.
type subject struct {
	// kind as the event's type has it.
	kind string
	metav1.TypeMeta
	metav1.ObjectMeta
	data map[string]any
}

func (s *Sender) send(at stage, when time.Time, about subject) {
	data, err := json.Marshal(about.data)
	if err != nil {
		s.Log.Error("a cloud event cannot be encoded", "kind", about.kind, "namespace", about.Namespace, "name", about.Name, "error", err)
		return
	}
	e := event.New()
	e.SetID(string(uuid.NewUUID()))
	if at == queued || at == started {
		// It happens once to a run: whoever is told twice can see it.
		e.SetID(fmt.Sprintf("%s-%s", about.UID, at))
	}
	e.SetType(fmt.Sprintf("dev.tekton.event.%s.%s.v1", about.kind, at))
	e.SetSource(fmt.Sprintf("/apis/%s/namespaces/%s/%ss/%s", about.APIVersion, about.Namespace, strings.ToLower(about.Kind), about.Name))
	e.SetSubject(about.Name)
	e.SetTime(when)
	e.SetDataContentType(event.ApplicationJSON)
	e.DataEncoded = data
	s.offer(e)
}

func begun(at *metav1.Time) v1.Condition {
	return v1.Condition{Type: v1.ConditionSucceeded, Status: corev1.ConditionUnknown, Reason: v1.TaskRunReasonStarted.String(),
		LastTransitionTime: *at}
}

func startOf(before, after *metav1.Time) time.Time {
	if before.IsZero() && !after.IsZero() {
		return after.Time
	}
	return time.Time{}
}

func same(a, b *v1.Condition) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.Status == b.Status && a.Reason == b.Reason && a.Message == b.Message
}

func typeMeta(gv schema.GroupVersion, kind string) metav1.TypeMeta {
	return metav1.TypeMeta{APIVersion: gv.String(), Kind: kind}
}
