// Package provenance says what a finished run made and out of what: it turns a
// TaskRun into an in-toto statement with a SLSA v1 provenance predicate. It
// computes and does nothing else; package sign puts its signature under the
// statement.
package provenance

import "time"

const (
	// StatementType is the _type of every Statement.
	StatementType = "https://in-toto.io/Statement/v1"
	// PredicateType is the predicateType of SLSA provenance v1.
	PredicateType = "https://slsa.dev/provenance/v1"
	// BuildType names how to read a predicate made from a TaskRun:
	// externalParameters.runSpec is the TaskRun's spec,
	// internalParameters.pipelineRun the PipelineRun that created it, if any.
	BuildType = "https://slipway.dev/buildtypes/taskrun/v1"
	// DefaultBuilderID is the builder of an installation that names none.
	DefaultBuilderID = "https://slipway.dev/builder/v1"
)

// Statement is an in-toto statement that carries SLSA provenance.
type Statement struct {
	Type          string       `json:"_type"`
	Subject       []Descriptor `json:"subject"`
	PredicateType string       `json:"predicateType"`
	Predicate     Predicate    `json:"predicate"`
}

// Predicate is SLSA provenance v1.
type Predicate struct {
	BuildDefinition BuildDefinition `json:"buildDefinition"`
	RunDetails      RunDetails      `json:"runDetails"`
}

// BuildDefinition is what went in.
type BuildDefinition struct {
	BuildType            string         `json:"buildType"`
	ExternalParameters   map[string]any `json:"externalParameters"`
	InternalParameters   map[string]any `json:"internalParameters,omitempty"`
	ResolvedDependencies []Descriptor   `json:"resolvedDependencies,omitempty"`
}

// RunDetails is who built, and when.
type RunDetails struct {
	Builder  Builder  `json:"builder"`
	Metadata Metadata `json:"metadata"`
}

// Builder is the platform that is trusted to have told the truth.
type Builder struct {
	ID string `json:"id"`
}

// Metadata tells one run from every other.
type Metadata struct {
	// InvocationID is the UID of the run.
	InvocationID string     `json:"invocationId"`
	StartedOn    *time.Time `json:"startedOn,omitempty"`
	FinishedOn   *time.Time `json:"finishedOn,omitempty"`
}

// Descriptor points to an artifact: an image, a source tree, a Task.
type Descriptor struct {
	Name   string            `json:"name,omitempty"`
	URI    string            `json:"uri,omitempty"`
	Digest map[string]string `json:"digest,omitempty"`
}

// InvocationID is the UID of the run that the statement is about.
func (s Statement) InvocationID() string { return s.Predicate.RunDetails.Metadata.InvocationID }

// Sources returns the Git repositories among the dependencies, with their commits.
func (s Statement) Sources() []Descriptor {
	var found []Descriptor
	for _, d := range s.Predicate.BuildDefinition.ResolvedDependencies {
		if d.Name == nameSource {
			found = append(found, d)
		}
	}
	return found
}
