package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Repository connects a repository at a forge with its namespace: the pipelines
// that the repository keeps under .tekton/ and .slipway/ run there on its pushes
// and pull requests, and the forge is told how they ended.
// +kubebuilder:object:root=true
// +kubebuilder:storageversion
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=repo,categories=slipway
// +kubebuilder:printcolumn:name="URL",type=string,JSONPath=`.spec.url`
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Reason",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].reason`
// +kubebuilder:printcolumn:name="LastRun",type=string,JSONPath=`.status.runs[0].name`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
type Repository struct {
	metav1.TypeMeta `json:",inline"`
	// +optional
	metav1.ObjectMeta `json:"metadata,omitzero"`
	// Spec says which repository it is, and what its events may do.
	Spec RepositorySpec `json:"spec"`
	// Status shows the connection and the last runs.
	// +optional
	Status RepositoryStatus `json:"status,omitzero"`
}

// RepositoryList is a list of Repositories.
// +kubebuilder:object:root=true
type RepositoryList struct {
	metav1.TypeMeta `json:",inline"`
	// +optional
	metav1.ListMeta `json:"metadata,omitzero"`
	// Items are the Repositories.
	Items []Repository `json:"items"`
}

// RepositorySpec says which repository it is, and what its events may do.
type RepositorySpec struct {
	// URL is the address of the repository as a browser shows it, without .git,
	// such as https://github.com/owner/name.
	// +kubebuilder:validation:Pattern=`^https?://[^/@?#\s]+(/[^/?#\s]+)+$`
	// +kubebuilder:validation:MaxLength=2048
	URL string `json:"url"`
	// Provider is the kind of forge. Without it the host says it: github.com,
	// gitlab.com, bitbucket.org and codeberg.org are known.
	// +optional
	Provider Provider `json:"provider,omitempty"`
	// API is the base address of the forge's API, by default what its provider
	// documents for the host of the URL, such as https://HOST/api/v1.
	// +kubebuilder:validation:Pattern=`^https?://[^/@?#\s]+(/[^?#\s]*)?$`
	// +optional
	API string `json:"api,omitempty"`
	// Credentials names the key of a Secret in this namespace that holds the token
	// by which the forge's API and the repository are read, and told of runs. The
	// key is token by default. A Secret with the keys github-application-id and
	// github-private-key is that of a GitHub App; the key username names who a token
	// of Bitbucket Cloud, or of what is only read by git, belongs to.
	// +optional
	Credentials *SecretKey `json:"credentials,omitempty"`
	// WebhookSecret names the key of a Secret in this namespace that holds what the
	// forge signs its webhooks with. The key is webhook.secret by default. Without
	// it no webhook is taken.
	// +optional
	WebhookSecret *SecretKey `json:"webhookSecret,omitempty"`
	// Generic says how webhooks of the provider generic are read.
	// +optional
	Generic *GenericWebhook `json:"generic,omitempty"`
	// ServiceAccountName is the one that runs get that name none; the one of the
	// run's own defaults when empty. A pipeline of the repository that names another is
	// refused, unless it is among AllowedServiceAccounts.
	// +optional
	ServiceAccountName string `json:"serviceAccountName,omitempty"`
	// AllowedServiceAccounts are those that the repository's pipelines may name.
	// +optional
	AllowedServiceAccounts []string `json:"allowedServiceAccounts,omitempty"`
	// PipelineSource says whose pipelines a pull request runs: source, the default, those of
	// the pull request itself; target, those of the branch it asks to be merged into.
	// +kubebuilder:validation:Enum=source;target
	// +optional
	PipelineSource PipelineSource `json:"pipelineSource,omitempty"`
	// Branches are globs; a push to a branch or a pull request against one that fits
	// none is left alone. Empty fits all.
	// +optional
	Branches []string `json:"branches,omitempty"`
	// Events are the types that are worked off; empty means all.
	// +optional
	Events []EventType `json:"events,omitempty"`
	// Schedules start pipelines by the clock.
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=64
	// +optional
	Schedules []Schedule `json:"schedules,omitempty"`
	// ImageWebhook has images that are pushed to a registry start pipelines. Without it
	// no webhook of a registry is taken.
	// +optional
	ImageWebhook *ImageWebhook `json:"imageWebhook,omitempty"`
	// Params are values that pipelines use as {{ name }}.
	// +listType=map
	// +listMapKey=name
	// +optional
	Params []RepositoryParam `json:"params,omitempty"`
	// Concurrency bounds the runs of the repository that run at once.
	// +optional
	Concurrency *Concurrency `json:"concurrency,omitempty"`
	// Access says who may start runs that the forge does not already trust.
	// +optional
	Access Access `json:"access,omitzero"`
	// Paused leaves events alone until it is false again.
	// +optional
	Paused bool `json:"paused,omitempty"`
}

// Provider is a kind of forge.
// +kubebuilder:validation:Enum=github;gitlab;gitea;forgejo;bitbucket-cloud;bitbucket-datacenter;generic
type Provider string

// The kinds of forge.
const (
	ProviderGitHub              Provider = "github"
	ProviderGitLab              Provider = "gitlab"
	ProviderGitea               Provider = "gitea"
	ProviderForgejo             Provider = "forgejo"
	ProviderBitbucketCloud      Provider = "bitbucket-cloud"
	ProviderBitbucketDataCenter Provider = "bitbucket-datacenter"
	ProviderGeneric             Provider = "generic"
)

// GenericWebhook says how webhooks are read of what is no known forge. Its expressions are
// CEL over body, the decoded JSON, and headers, by their names in lower case. Without any,
// the body is an event in the words of Event.
type GenericWebhook struct {
	// SignatureHeader names the header that holds the HMAC-SHA256 of the body in
	// hexadecimal, after sha256= or nothing; X-Hub-Signature-256 when empty.
	// +optional
	SignatureHeader string `json:"signatureHeader,omitempty"`
	// Filter is true for a webhook that is an event; others start nothing.
	// +kubebuilder:validation:MaxLength=4096
	// +optional
	Filter string `json:"filter,omitempty"`
	// Fields are the expressions of an event's type (push, incoming, the default, or image), ref,
	// before, commit, title, message, sender, url and params.NAME.
	// +kubebuilder:validation:MaxProperties=64
	// +optional
	Fields map[string]string `json:"fields,omitempty"`
}

// PipelineSource says whose pipelines a pull request runs.
type PipelineSource string

const (
	// PipelinesFromSource takes those of the pull request's own commit.
	PipelinesFromSource PipelineSource = "source"
	// PipelinesFromTarget takes those of the branch it asks to be merged into.
	PipelinesFromTarget PipelineSource = "target"
)

// SecretKey names one value of a Secret in the same namespace.
type SecretKey struct {
	// Name is that of the Secret.
	// +kubebuilder:validation:MinLength=1
	Name string `json:"name"`
	// Key is the one in the Secret's data.
	// +optional
	Key string `json:"key,omitempty"`
}

// The keys of a Secret that a SecretKey means when it names none.
const (
	// CredentialsKey holds the token for the forge.
	CredentialsKey = "token"
	// WebhookSecretKey holds what webhooks are signed with.
	WebhookSecretKey = "webhook.secret"
)

// RepositoryParam is a value that pipelines use as {{ name }}.
type RepositoryParam struct {
	// Name is how pipelines call it.
	// +kubebuilder:validation:Pattern=`^[A-Za-z_][A-Za-z0-9_.-]*$`
	Name string `json:"name"`
	// Value is what they get.
	// +optional
	Value string `json:"value,omitempty"`
	// SecretRef names what they get instead, unless the run is of a pull request
	// from a fork.
	// +optional
	SecretRef *SecretKey `json:"secretRef,omitempty"`
}

// Concurrency bounds the runs that run at once.
type Concurrency struct {
	// Limit is how many run at once; the others wait, the oldest first.
	// +kubebuilder:validation:Minimum=1
	Limit int32 `json:"limit"`
}

// Access says who may start runs, and approve those of others, beside who may push
// to the repository.
type Access struct {
	// Users are names at the forge.
	// +optional
	Users []string `json:"users,omitempty"`
	// Teams are those of the forge, such as ORGANISATION/TEAM.
	// +optional
	Teams []string `json:"teams,omitempty"`
}

// RepositoryStatus shows the connection and the last runs.
type RepositoryStatus struct {
	// ObservedGeneration is the metadata.generation that the status is of.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`
	// Conditions has the type Ready: whether the forge answers, and takes the credentials.
	// +listType=map
	// +listMapKey=type
	// +optional
	Conditions []metav1.Condition `json:"conditions,omitempty"`
	// DefaultBranch is what the forge says it is.
	// +optional
	DefaultBranch string `json:"defaultBranch,omitempty"`
	// CaughtUp is until when all that happened at the forge is known to be here.
	// +optional
	CaughtUp *metav1.Time `json:"caughtUp,omitempty"`
	// Schedules are those of the spec.
	// +listType=map
	// +listMapKey=name
	// +optional
	Schedules []ScheduleStatus `json:"schedules,omitempty"`
	// Runs are the last ten, the newest first.
	// +listType=atomic
	// +optional
	Runs []RepositoryRun `json:"runs,omitempty"`
}

// ConditionReady is the type of the condition of a Repository.
const ConditionReady = "Ready"

// Reasons of the condition Ready.
const (
	// ReasonConnected is the one of True.
	ReasonConnected = "Connected"
	// ReasonNoWebhookSecret is a webhook secret that is named and not there.
	ReasonNoWebhookSecret = "NoWebhookSecret"
	// ReasonNoCredentials is a spec or a Secret that makes no client of the forge.
	ReasonNoCredentials = "NoCredentials"
	// ReasonDenied is a forge that refuses the credentials.
	ReasonDenied = "Denied"
	// ReasonNotFound is a repository that is not there, or not for the token.
	ReasonNotFound = "NotFound"
	// ReasonUnreachable is a forge that does not answer.
	ReasonUnreachable = "Unreachable"
	// ReasonNotCaughtUp is a forge that does not say what happened.
	ReasonNotCaughtUp = "NotCaughtUp"
)

// RepositoryRun is one PipelineRun that an event started.
type RepositoryRun struct {
	// Name is that of the PipelineRun.
	Name string `json:"name"`
	// Pipeline is the name that the repository's YAML gives it.
	Pipeline string `json:"pipeline"`
	// Commit is the one it ran on.
	// +optional
	Commit string `json:"commit,omitempty"`
	// Event is the type of what started it.
	// +optional
	Event EventType `json:"event,omitempty"`
	// Reason is that of its condition Succeeded.
	// +optional
	Reason string `json:"reason,omitempty"`
	// Started is when it was created.
	// +optional
	Started *metav1.Time `json:"started,omitempty"`
	// Finished is when it ended.
	// +optional
	Finished *metav1.Time `json:"finished,omitempty"`
}
