// Package settings is what users set for an installation in the ConfigMaps
// config-defaults and feature-flags, under Tekton's keys. A change counts from the
// next decision on; nothing is restarted for it.
package settings

import (
	"slices"
	"time"

	config "github.com/slipway-dev/slipway/api/config/v1alpha1"
	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
	"github.com/slipway-dev/slipway/pkg/coschedule"
)

// The ConfigMaps.
const (
	DefaultsName = "config-defaults"
	FlagsName    = "feature-flags"
)

// Settings is a snapshot; nobody changes it.
type Settings struct {
	// RunDefaults are those of the controller's own configuration, where the
	// ConfigMaps say nothing else.
	config.RunDefaults
	// ManagedBy is the label app.kubernetes.io/managed-by of Pods.
	ManagedBy string
	// Workspace is the volume for workspaces that a TaskRun does not bind; nil is none.
	Workspace *v1.WorkspaceBinding
	// MaxMatrix is the most runs one matrix may have.
	MaxMatrix int
	// ForbiddenEnv are variables that no Pod template may set.
	ForbiddenEnv []string
	// Resolver is for references with neither a name nor a resolver; empty is none.
	Resolver v1.ResolverName
	// CreateContainerTimeout is how long a Pod may fail to create a container
	// before its run fails; 0 is at once.
	CreateContainerTimeout time.Duration
	// ResolutionTimeout is how long a resolver elsewhere may take to answer.
	ResolutionTimeout time.Duration
	// NoCredentials leaves the credentials of service accounts out of steps.
	NoCredentials bool
	// KnownHosts demands known_hosts in every SSH Secret for Git.
	KnownHosts bool
	// Coschedule is which tasks of a PipelineRun share a node.
	Coschedule coschedule.Mode
	// NoInline lists what may not have specs written in it: pipeline, pipelinerun, taskrun.
	NoInline []string
}

func from(base config.RunDefaults) *Settings {
	return &Settings{RunDefaults: base, ManagedBy: "tekton-pipelines", MaxMatrix: 256, ResolutionTimeout: time.Minute, Coschedule: coschedule.Workspaces}
}

// ForbidsInline reports whether specs written in objects of a kind are refused.
func (s *Settings) ForbidsInline(kind string) bool { return slices.Contains(s.NoInline, kind) }

// Bind returns the bindings given to a Task, and for each workspace that it
// needs and that has none the installation's.
func (s *Settings) Bind(task *v1.TaskSpec, given []v1.WorkspaceBinding) []v1.WorkspaceBinding {
	if s.Workspace == nil {
		return given
	}
	bound := slices.Clone(given)
	for _, w := range task.Workspaces {
		if !w.Optional && !slices.ContainsFunc(given, func(b v1.WorkspaceBinding) bool { return b.Name == w.Name }) {
			b := *s.Workspace.DeepCopy()
			b.Name = w.Name
			bound = append(bound, b)
		}
	}
	return bound
}

// TaskRun gives the run's references their resolver.
func (s *Settings) TaskRun(run *v1.TaskRun) {
	s.taskRef(run.Spec.TaskRef)
	s.TaskSpec(run.Spec.TaskSpec)
}

// TaskSpec gives the references of steps their resolver.
func (s *Settings) TaskSpec(spec *v1.TaskSpec) {
	if spec == nil || s.Resolver == "" {
		return
	}
	for i := range spec.Steps {
		if ref := spec.Steps[i].Ref; ref != nil {
			s.ref(ref.Name, &ref.ResolverRef)
		}
	}
}

// PipelineRun gives the run's references their resolver.
func (s *Settings) PipelineRun(run *v1.PipelineRun) {
	if ref := run.Spec.PipelineRef; ref != nil {
		s.ref(ref.Name, &ref.ResolverRef)
	}
	s.PipelineSpec(run.Spec.PipelineSpec)
}

// PipelineSpec gives the references of tasks their resolver.
func (s *Settings) PipelineSpec(spec *v1.PipelineSpec) {
	if spec == nil || s.Resolver == "" {
		return
	}
	for _, tasks := range [][]v1.PipelineTask{spec.Tasks, spec.Finally} {
		for i := range tasks {
			s.taskRef(tasks[i].TaskRef)
			if t := tasks[i].TaskSpec; t != nil {
				s.TaskSpec(&t.TaskSpec)
			}
			if ref := tasks[i].PipelineRef; ref != nil {
				s.ref(ref.Name, &ref.ResolverRef)
			}
			s.PipelineSpec(tasks[i].PipelineSpec)
		}
	}
}

func (s *Settings) taskRef(ref *v1.TaskRef) {
	if ref != nil && ref.APIVersion == "" {
		s.ref(ref.Name, &ref.ResolverRef)
	}
}

func (s *Settings) ref(name string, r *v1.ResolverRef) {
	if name == "" && r.Resolver == "" {
		r.Resolver = s.Resolver
	}
}
