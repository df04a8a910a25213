package convert

import (
	"maps"
	"strings"
)

// A Shape is what differs between the versions in one kind of object, or in one
// part of it. Names are those of v1beta1 where nothing else is said.
type Shape struct {
	// Fields have differences in them: in the object that a field holds, or in each
	// one of its list.
	Fields map[string]*Shape
	// Renamed gives the name of a field in v1; one with a dot is a step deeper
	// there, in an object that v1beta1 does not have.
	Renamed map[string]string
	// Gone are the fields that v1 has no place for.
	Gone map[string]Former
	// Folded is the field that v1 says by others, if there is one.
	Folded *Fold
}

// A Former is a field that v1 has no place for.
type Former struct {
	// Type is the JSON type of its values, as OpenAPI has it.
	Type string
	// Description is what to say of it, after its name.
	Description string
	// Refused says that no run can do justice to an object that has the field.
	Refused bool
}

// A Fold is a field of v1beta1 that v1 says by other fields, which v1beta1 has too.
type Fold struct {
	// Field of v1beta1, and what to say of it after its name.
	Field, Description string
	// Into is the field that v1 has instead; only one of the two may be given.
	Into string
	// kind is what a bundle holds: task or pipeline.
	kind string
}

// NoResources says why a run cannot use PipelineResources, and what it can.
const NoResources = "PipelineResources are not served: pass values by params, files by workspaces, and give back results"

// NoClusterTask says why a run cannot use a ClusterTask, and what it can.
const NoClusterTask = "ClusterTasks are not served: make it a Task, and refer to it by resolver: cluster with the params kind, name and namespace"

// ClusterTask is the kind of the Tasks that belonged to no namespace.
const ClusterTask = "ClusterTask"

const (
	timeoutField   = "timeout"
	timeoutsField  = "timeouts"
	pipelineField  = "pipeline"
	bundleField    = "bundle"
	resolverField  = "resolver"
	paramsField    = "params"
	nameField      = "name"
	kindField      = "kind"
	valueField     = "value"
	resourcesField = "resources"
	// bundles is the name of the resolver that reads Tekton bundles.
	bundles = "bundles"
)

var (
	computing = map[string]string{resourcesField: "computeResources"}

	// stepFields came with Kubernetes' Container and say nothing for a container
	// that is run once and to its end.
	stepFields = map[string]Former{
		"ports": idle("array"), "livenessProbe": idle("object"), "readinessProbe": idle("object"), "startupProbe": idle("object"),
		"lifecycle": idle("object"), "terminationMessagePath": idle("string"), "terminationMessagePolicy": idle("string"),
		"stdin": idle("boolean"), "stdinOnce": idle("boolean"), "tty": idle("boolean"),
	}
	templateFields = with(stepFields, nameField, idle("string"))

	taskSpec = &Shape{
		Fields: map[string]*Shape{
			"steps":        {Renamed: computing, Gone: stepFields},
			"stepTemplate": {Renamed: computing, Gone: templateFields},
			"sidecars":     {Renamed: computing},
		},
		Gone: pipelineResources("object"),
	}
	// TaskRef is the shape of a reference to a Task.
	TaskRef     = &Shape{Folded: bundleOf("task")}
	pipelineRef = &Shape{Folded: bundleOf("pipeline")}
	override    = &Shape{Renamed: computing}

	pipelineSpec = nested()

	taskRunStatus = retried()

	// Shapes are the kinds that differ between the versions.
	Shapes = map[string]*Shape{
		"Task":     {Fields: map[string]*Shape{"spec": taskSpec}},
		"Pipeline": {Fields: map[string]*Shape{"spec": pipelineSpec}},
		"TaskRun": {Fields: map[string]*Shape{
			"spec": {
				Fields:  map[string]*Shape{"taskRef": TaskRef, "taskSpec": taskSpec, "stepOverrides": override, "sidecarOverrides": override},
				Renamed: map[string]string{"stepOverrides": "stepSpecs", "sidecarOverrides": "sidecarSpecs"},
				Gone:    pipelineResources("object"),
			},
			"status": taskRunStatus,
		}},
		"PipelineRun": {Fields: map[string]*Shape{
			"spec": {
				Fields:  map[string]*Shape{"pipelineRef": pipelineRef, "pipelineSpec": pipelineSpec, "taskRunSpecs": taskRunSpec},
				Renamed: map[string]string{"serviceAccountName": "taskRunTemplate.serviceAccountName", "podTemplate": "taskRunTemplate.podTemplate"},
				Gone:    pipelineResources("array"),
				Folded: &Fold{Field: timeoutField, Into: timeoutsField,
					Description: "is how long the whole run may take, as timeouts.pipeline; give only one of timeout and timeouts."},
			},
			"status": {
				Fields:  map[string]*Shape{"pipelineSpec": pipelineSpec},
				Renamed: map[string]string{"pipelineResults": "results"},
				Gone: map[string]Former{
					"taskRuns": {Type: "object", Description: "held the status of each TaskRun by its name; childReferences took its place."},
					"runs":     {Type: "object", Description: "held the status of each custom task's run by its name; childReferences took its place."},
				},
			},
		}},
	}

	taskRunSpec = &Shape{
		Fields: map[string]*Shape{"stepOverrides": override, "sidecarOverrides": override},
		Renamed: map[string]string{
			"taskServiceAccountName": "serviceAccountName", "taskPodTemplate": "podTemplate",
			"stepOverrides": "stepSpecs", "sidecarOverrides": "sidecarSpecs",
		},
	}
)

func bundleOf(kind string) *Fold {
	return &Fold{Field: bundleField, Into: resolverField, kind: kind,
		Description: "is the image of a Tekton bundle that holds what name says, as resolver: bundles finds it; give only one of bundle and resolver."}
}

// nested is a Pipeline, whose tasks may have Pipelines in them.
func nested() *Shape {
	s := &Shape{Gone: pipelineResources("array")}
	task := &Shape{
		Fields: map[string]*Shape{"taskRef": TaskRef, "taskSpec": taskSpec, "pipelineRef": pipelineRef, "pipelineSpec": s},
		Gone:   pipelineResources("object"),
	}
	s.Fields = map[string]*Shape{"tasks": task, "finally": task}
	return s
}

// retried is the status of a TaskRun, which holds those of the attempts before.
func retried() *Shape {
	s := &Shape{
		Renamed: map[string]string{"taskResults": "results"},
		Gone: map[string]Former{
			"cloudEvents":     {Type: "array", Description: "held the state of each event that a PipelineResource asked for."},
			"resourcesResult": {Type: "array", Description: "held what PipelineResources gave back; taskResults took its place."},
		},
	}
	s.Fields = map[string]*Shape{"taskSpec": taskSpec, "retriesStatus": s}
	return s
}

// idle is a field that says nothing to anybody.
func idle(jsonType string) Former { return Former{Type: jsonType, Description: "has no effect."} }

func pipelineResources(jsonType string) map[string]Former {
	return map[string]Former{resourcesField: {Type: jsonType, Description: "are refused: " + NoResources + ".", Refused: true}}
}

func with(fields map[string]Former, name string, f Former) map[string]Former {
	all := maps.Clone(fields)
	all[name] = f
	return all
}

// In returns the steps that lead to a field in v1.
func (s *Shape) In(field string) []string {
	if name, ok := s.Renamed[field]; ok {
		return strings.Split(name, ".")
	}
	return []string{field}
}
