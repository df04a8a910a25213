package v1

import "k8s.io/apimachinery/pkg/runtime"

// Provenance says where what was run came from.
type Provenance struct {
	// RefSource is where the Task, Pipeline or StepAction was fetched from.
	// +optional
	RefSource *RefSource `json:"refSource,omitempty"`
	// FeatureFlags are the settings of the controller that shaped the run, by name.
	// +optional
	// +kubebuilder:pruning:PreserveUnknownFields
	// +kubebuilder:validation:Schemaless
	FeatureFlags *runtime.RawExtension `json:"featureFlags,omitempty"`
}

// RefSource is a place that content was fetched from, pinned by digest.
type RefSource struct {
	// URI of the source, such as git+https://example.com/org/repo.
	// +optional
	URI string `json:"uri,omitempty"`
	// Digest of the content by algorithm, in hexadecimal, such as sha1 or sha256.
	// +optional
	Digest map[string]string `json:"digest,omitempty"`
	// EntryPoint is the path inside the source, such as task/git-clone.yaml.
	// +optional
	EntryPoint string `json:"entryPoint,omitempty"`
}

// Algorithm is the name of a digest's algorithm, such as sha256.
type Algorithm string

// Artifacts are the inputs and outputs a Task reports; only their names,
// places and digests are kept, not their content.
type Artifacts struct {
	// Inputs is what the Task used.
	// +optional
	// +listType=atomic
	Inputs []Artifact `json:"inputs,omitempty"`
	// Outputs is what the Task made.
	// +optional
	// +listType=atomic
	Outputs []Artifact `json:"outputs,omitempty"`
}

// Artifact is a named thing that a step used or made.
type Artifact struct {
	// Name of the artifact, which $(steps.STEP.outputs.NAME) refers to.
	// +optional
	Name string `json:"name,omitempty"`
	// Values says where the artifact is and what its digests are.
	// +optional
	// +listType=atomic
	Values []ArtifactValue `json:"values,omitempty"`
	// BuildOutput marks what the build is for, as opposed to by-products such as logs.
	// +optional
	BuildOutput bool `json:"buildOutput,omitempty"`
}

// ArtifactValue is one place and content of an artifact.
type ArtifactValue struct {
	// Digest of the content by algorithm, in hexadecimal.
	// +optional
	Digest map[Algorithm]string `json:"digest,omitempty"`
	// Uri is where the content can be had.
	// +optional
	Uri string `json:"uri,omitempty"` //nolint:revive // the API's name
}

// TaskRunStepArtifact is an artifact that a step reports.
type TaskRunStepArtifact = Artifact
