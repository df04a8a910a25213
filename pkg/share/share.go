// Package share has the names by which the tasks of a pipeline that run in one Pod
// find each other: what a PipelineRun, its TaskRuns and the Pod say of it.
package share

import (
	"encoding/json"
	"fmt"
	"slices"
)

const (
	// ExecutionAnnotation of a Pipeline or a PipelineRun says how its tasks run: one
	// of the Modes. Without it: Tasks.
	ExecutionAnnotation = "slipway.dev/execution"
	// GroupsAnnotation of a PipelineRun holds its Groups, which are settled when it
	// starts.
	GroupsAnnotation = "slipway.dev/shared-pods"
	// ScratchAnnotation of a PipelineRun holds the names of its workspaces that need no
	// claim, as one Pod alone uses each: an emptyDir stands for it.
	ScratchAnnotation = "slipway.dev/scratch"
	// PodAnnotation of a TaskRun, and label of the Pod, is the name of the Pod that
	// the task shares.
	PodAnnotation = "slipway.dev/shared-pod"
	// TasksAnnotation of a Pod holds its Members.
	TasksAnnotation = "slipway.dev/tasks"
)

// Mode is how the tasks of a run are spread over Pods.
type Mode string

const (
	// Tasks gives each task a Pod of its own.
	Tasks Mode = "tasks"
	// Pod puts all tasks that can share a Pod into one.
	Pod Mode = "pod"
	// Auto is Pod, but for tasks that use a volume claim that the user named.
	Auto Mode = "auto"
)

// ModeOf reads the mode from the annotations of a run and, where they are silent, of
// its pipeline.
func ModeOf(run, pipeline map[string]string) (Mode, error) {
	text := run[ExecutionAnnotation]
	if text == "" {
		text = pipeline[ExecutionAnnotation]
	}
	if text == "" {
		return Tasks, nil
	}
	if m := Mode(text); slices.Contains([]Mode{Tasks, Pod, Auto}, m) {
		return m, nil
	}
	return Tasks, fmt.Errorf("metadata.annotations[%s]: %q: use %s, %s or %s", ExecutionAnnotation, text, Pod, Tasks, Auto)
}

// Groups are the names of tasks that share a Pod, each group in an order in which
// no task comes before one that it depends on.
type Groups [][]string

// Encode returns the text for GroupsAnnotation; it is empty when there are none.
func (g Groups) Encode() string { return encode(g) }

// EncodeScratch returns the text for ScratchAnnotation; it is empty when there are none.
func EncodeScratch(workspaces []string) string { return encode(workspaces) }

func encode[T any](list []T) string {
	if len(list) == 0 {
		return ""
	}
	text, _ := json.Marshal(list) // lists of strings always have a JSON
	return string(text)
}

// ScratchOf reads the workspaces without a claim from the annotations of a run.
func ScratchOf(annotations map[string]string) []string {
	var list []string
	if json.Unmarshal([]byte(annotations[ScratchAnnotation]), &list) != nil {
		return nil
	}
	return list
}

// GroupsOf reads the groups of a run from its annotations; what cannot be read is none.
func GroupsOf(annotations map[string]string) Groups {
	var g Groups
	if json.Unmarshal([]byte(annotations[GroupsAnnotation]), &g) != nil {
		return nil
	}
	return g
}

// Members are the containers of the steps of each task of a Pod, in the order of the
// steps.
type Members map[string][]string

// Encode returns the text for TasksAnnotation.
func (m Members) Encode() string {
	text, _ := json.Marshal(m) // maps of strings always have a JSON
	return string(text)
}

// MembersOf reads the members of a Pod from its annotations; nil where its task has it
// to itself.
func MembersOf(annotations map[string]string) Members {
	var m Members
	if json.Unmarshal([]byte(annotations[TasksAnnotation]), &m) != nil {
		return nil
	}
	return m
}
