package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// RepositoryEvent is one thing that happened at a repository. It is stored before
// the forge has its answer, worked off in order, and deleted a day after.
// +kubebuilder:object:root=true
// +kubebuilder:storageversion
// +kubebuilder:subresource:status
// +kubebuilder:resource:categories=slipway
// +kubebuilder:printcolumn:name="Repository",type=string,JSONPath=`.spec.repository`
// +kubebuilder:printcolumn:name="Type",type=string,JSONPath=`.spec.event.type`
// +kubebuilder:printcolumn:name="Ref",type=string,JSONPath=`.spec.event.ref`
// +kubebuilder:printcolumn:name="Commit",type=string,JSONPath=`.spec.event.commit`,priority=1
// +kubebuilder:printcolumn:name="State",type=string,JSONPath=`.status.state`
// +kubebuilder:printcolumn:name="Message",type=string,JSONPath=`.status.message`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
type RepositoryEvent struct {
	metav1.TypeMeta `json:",inline"`
	// +optional
	metav1.ObjectMeta `json:"metadata,omitzero"`
	// Spec is what happened.
	Spec RepositoryEventSpec `json:"spec"`
	// Status is what came of it.
	// +optional
	Status RepositoryEventStatus `json:"status,omitzero"`
}

// RepositoryEventList is a list of RepositoryEvents.
// +kubebuilder:object:root=true
type RepositoryEventList struct {
	metav1.TypeMeta `json:",inline"`
	// +optional
	metav1.ListMeta `json:"metadata,omitzero"`
	// Items are the RepositoryEvents.
	Items []RepositoryEvent `json:"items"`
}

// RepositoryEventSpec is what happened.
type RepositoryEventSpec struct {
	// Repository is the name of the Repository, in the same namespace.
	Repository string `json:"repository"`
	// Origin says how it is known.
	// +kubebuilder:validation:Enum=webhook;catch-up;schedule;manual
	Origin Origin `json:"origin"`
	// Delivery is the forge's own id of the webhook.
	// +optional
	Delivery string `json:"delivery,omitempty"`
	// Received is when it came, to the microsecond: events are worked off in this order.
	Received metav1.MicroTime `json:"received"`
	// Event is what it says, in the words that all forges share.
	Event Event `json:"event"`
	// Headers are those of the webhook, by canonical name, without credentials.
	// +optional
	Headers map[string]string `json:"headers,omitempty"`
	// Payload is the body of the webhook, JSON compressed by gzip; nothing if that
	// is larger than 1 MiB.
	// +optional
	Payload []byte `json:"payload,omitempty"`
}

// Origin says how an event is known.
type Origin string

const (
	// OriginWebhook is a delivery of the forge.
	OriginWebhook Origin = "webhook"
	// OriginCatchUp is found by reading the repository again.
	OriginCatchUp Origin = "catch-up"
	// OriginSchedule is a time that came.
	OriginSchedule Origin = "schedule"
	// OriginManual is a user's command.
	OriginManual Origin = "manual"
)

// EventType is a kind of event, in the words of Pipelines-as-Code where it has one.
// +kubebuilder:validation:Enum=push;pull_request;comment;incoming;schedule;image
type EventType string

const (
	// EventPush is a branch or tag that is another commit now, or is gone.
	EventPush EventType = "push"
	// EventPullRequest is one opened, updated, labeled or closed.
	EventPullRequest EventType = "pull_request"
	// EventComment is one on a pull request or a commit.
	EventComment EventType = "comment"
	// EventIncoming is a call by somebody who is no forge.
	EventIncoming EventType = "incoming"
	// EventSchedule is a time that came.
	EventSchedule EventType = "schedule"
	// EventImage is an image that was pushed to a registry.
	EventImage EventType = "image"
)

// Event is what happened, in the words that all forges share.
type Event struct {
	// Type is the kind of event.
	Type EventType `json:"type"`
	// Ref is the full name of what was pushed, such as refs/heads/main or
	// refs/tags/v1; of a pull request the branch it asks to be merged into.
	// +optional
	Ref string `json:"ref,omitempty"`
	// Before is the commit that a push replaced; empty for a new branch.
	// +optional
	Before string `json:"before,omitempty"`
	// Commit is the one to run on: what was pushed, or the head of the pull
	// request. It is empty when a branch or tag is gone, and for what is of a pull
	// request where the webhook does not say it.
	// +optional
	Commit string `json:"commit,omitempty"`
	// Title is the first line of the commit's message, or the pull request's title.
	// +optional
	Title string `json:"title,omitempty"`
	// Message is the whole message of the commit, as far as the event says it.
	// +optional
	Message string `json:"message,omitempty"`
	// Sender is the name at the forge of who did it.
	// +optional
	Sender string `json:"sender,omitempty"`
	// URL is where the forge shows it.
	// +optional
	URL string `json:"url,omitempty"`
	// PullRequest is set for events of one.
	// +optional
	PullRequest *PullRequest `json:"pullRequest,omitempty"`
	// Comment is set for comments.
	// +optional
	Comment *Comment `json:"comment,omitempty"`
	// Schedule is set for a time that came.
	// +optional
	Schedule *Tick `json:"schedule,omitempty"`
	// Image is set for an image that was pushed.
	// +optional
	Image *Image `json:"image,omitempty"`
	// Pipeline is the one to start, whether or not its annotations match; without it
	// all start that match.
	// +optional
	Pipeline string `json:"pipeline,omitempty"`
	// Params are given by incoming calls and commands.
	// +optional
	Params map[string]string `json:"params,omitempty"`
}

// Tick is a time that came.
type Tick struct {
	// Name is that of the schedule.
	Name string `json:"name"`
	// Time is the one that the schedule says, without its jitter.
	Time metav1.Time `json:"time"`
}

// Image is one that was pushed to a registry.
type Image struct {
	// Name is HOST/REPOSITORY, without tag and digest.
	Name string `json:"name"`
	// Tag is what was pushed; empty where only the digest was.
	// +optional
	Tag string `json:"tag,omitempty"`
	// Digest is ALGORITHM:HEX of the manifest; empty where the registry does not say it.
	// +optional
	Digest string `json:"digest,omitempty"`
}

// PullRequestAction is what became of a pull request.
type PullRequestAction string

const (
	// PullRequestOpened is a new one, or one that was closed and is not any more.
	PullRequestOpened PullRequestAction = "opened"
	// PullRequestUpdated has another head.
	PullRequestUpdated PullRequestAction = "updated"
	// PullRequestLabeled has other labels.
	PullRequestLabeled PullRequestAction = "labeled"
	// PullRequestClosed is merged or given up.
	PullRequestClosed PullRequestAction = "closed"
)

// PullRequest is a pull request, or merge request.
type PullRequest struct {
	// Number is the one that people say.
	Number int64 `json:"number"`
	// Action is what became of it.
	// +kubebuilder:validation:Enum=opened;updated;labeled;closed
	// +optional
	Action PullRequestAction `json:"action,omitempty"`
	// Author is the name of who opened it.
	// +optional
	Author string `json:"author,omitempty"`
	// SourceBranch is the branch with the changes, without refs/heads/.
	// +optional
	SourceBranch string `json:"sourceBranch,omitempty"`
	// SourceURL is the address of the repository with the changes.
	// +optional
	SourceURL string `json:"sourceURL,omitempty"`
	// Fork is whether that is another repository.
	// +optional
	Fork bool `json:"fork,omitempty"`
	// Labels are their names.
	// +optional
	Labels []string `json:"labels,omitempty"`
	// Draft is whether it says that it is not ready.
	// +optional
	Draft bool `json:"draft,omitempty"`
}

// Comment is what somebody said.
type Comment struct {
	// ID is the forge's.
	ID int64 `json:"id"`
	// Body is the text.
	// +optional
	Body string `json:"body,omitempty"`
}

// RepositoryEventStatus is what came of an event.
type RepositoryEventStatus struct {
	// State says where it is.
	// +kubebuilder:validation:Enum=Waiting;Done;Ignored;Failed
	// +optional
	State EventState `json:"state,omitempty"`
	// Message says why, in one line.
	// +optional
	Message string `json:"message,omitempty"`
	// Commit is where the branch was when the event was worked off, for an event that
	// names none.
	// +optional
	Commit string `json:"commit,omitempty"`
	// Runs are the names of the PipelineRuns that it started.
	// +listType=atomic
	// +optional
	Runs []string `json:"runs,omitempty"`
	// Problems is how many mistakes the pipelines of the commit have, of which the forge
	// was told; it is missing where they were not read.
	// +optional
	Problems *int32 `json:"problems,omitempty"`
	// Attempts is how often working it off failed for a reason that may pass.
	// +optional
	Attempts int32 `json:"attempts,omitempty"`
	// Finished is when it was worked off.
	// +optional
	Finished *metav1.Time `json:"finished,omitempty"`
}

// EventState says where an event is.
type EventState string

const (
	// EventWaiting is tried again; the message says what is in the way.
	EventWaiting EventState = "Waiting"
	// EventDone started runs.
	EventDone EventState = "Done"
	// EventIgnored matched nothing; the message says why.
	EventIgnored EventState = "Ignored"
	// EventFailed is wrong, or was tried for too long.
	EventFailed EventState = "Failed"
)
