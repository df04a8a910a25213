package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Schedule starts pipelines by the clock: each time that its expression names becomes
// an event of the type schedule.
type Schedule struct {
	// Name tells the schedules of a repository apart; pipelines have it as {{ schedule }}.
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([-a-z0-9]*[a-z0-9])?$`
	// +kubebuilder:validation:MaxLength=63
	Name string `json:"name"`
	// Cron is MINUTE HOUR DAY MONTH WEEKDAY as in crontab(5), or @hourly, @daily, @weekly,
	// @monthly or @yearly.
	// +kubebuilder:validation:Pattern=`^(@(hourly|daily|midnight|weekly|monthly|yearly|annually)|[0-9A-Za-z*/,#?-]+( [0-9A-Za-z*/,#?-]+){4})$`
	// +kubebuilder:validation:MaxLength=256
	Cron string `json:"cron"`
	// TimeZone is a name of the IANA database, such as Europe/Berlin; UTC when empty.
	// +kubebuilder:validation:Pattern=`^[A-Za-z0-9_+-]+(/[A-Za-z0-9_+-]+)*$`
	// +kubebuilder:validation:MaxLength=64
	// +kubebuilder:validation:XValidation:rule="self != 'Local'",message="name a zone such as Europe/Berlin: which one is local depends on the node"
	// +optional
	TimeZone string `json:"timeZone,omitempty"`
	// Branch is the one whose head the pipelines run on, or the full name of a tag; the
	// default branch when empty.
	// +optional
	Branch string `json:"branch,omitempty"`
	// Pipeline is the one that is started. Without it all are that have schedule among
	// their on-event.
	// +optional
	Pipeline string `json:"pipeline,omitempty"`
	// Jitter delays the schedule by a part of it, always the same for this schedule of this
	// repository, so that not all start in the same second. None by default.
	// +kubebuilder:validation:XValidation:rule="duration(self) >= duration('0s') && duration(self) <= duration('24h')",message="it is between 0s and 24h"
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:Pattern=`^(0|([0-9]{1,5}(\.[0-9]{1,9})?h|[0-9]{1,7}(\.[0-9]{1,9})?m|[0-9]{1,9}(\.[0-9]{1,9})?s){1,3})$`
	// +kubebuilder:validation:MaxLength=32
	// +optional
	Jitter *metav1.Duration `json:"jitter,omitempty"`
	// StartingDeadline is how late a time may be made up for that was missed, as the
	// controller was away or the repository paused. Of several the last one is. Without it
	// that is made up for however late it is.
	// +kubebuilder:validation:XValidation:rule="duration(self) >= duration('10s')",message="it is 10s at least"
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:Pattern=`^(0|([0-9]{1,5}(\.[0-9]{1,9})?h|[0-9]{1,7}(\.[0-9]{1,9})?m|[0-9]{1,9}(\.[0-9]{1,9})?s){1,3})$`
	// +kubebuilder:validation:MaxLength=32
	// +optional
	StartingDeadline *metav1.Duration `json:"startingDeadline,omitempty"`
	// ConcurrencyPolicy says what becomes of a time that comes while runs of the one before
	// go on: Allow, the default, starts it too; Forbid leaves it out; Replace cancels those.
	// +kubebuilder:validation:Enum=Allow;Forbid;Replace
	// +optional
	ConcurrencyPolicy ConcurrencyPolicy `json:"concurrencyPolicy,omitempty"`
}

// ConcurrencyPolicy says what becomes of a time that comes while runs of the one before
// go on, in the words of CronJob.
type ConcurrencyPolicy string

const (
	// AllowConcurrent starts it too.
	AllowConcurrent ConcurrencyPolicy = "Allow"
	// ForbidConcurrent leaves it out.
	ForbidConcurrent ConcurrencyPolicy = "Forbid"
	// ReplaceConcurrent cancels the runs that go on.
	ReplaceConcurrent ConcurrencyPolicy = "Replace"
)

// ScheduleStatus is when a schedule started what, and will.
type ScheduleStatus struct {
	// Name is that of the schedule.
	Name string `json:"name"`
	// Expression is the zone and the cron expression that the times are of.
	Expression string `json:"expression"`
	// Since is when the expression was first seen: no time before it is made up for.
	Since metav1.Time `json:"since"`
	// LastScheduleTime is the last time that became an event, without its jitter.
	// +optional
	LastScheduleTime *metav1.Time `json:"lastScheduleTime,omitempty"`
	// NextScheduleTime is when the next one is due, with its jitter.
	// +optional
	NextScheduleTime *metav1.Time `json:"nextScheduleTime,omitempty"`
}

// ConditionScheduled is the type of the condition of a Repository that says whether its
// schedules can be read. One without schedules lacks it.
const ConditionScheduled = "Scheduled"

// Reasons of the condition Scheduled.
const (
	// ReasonScheduled is the one of True.
	ReasonScheduled = "Scheduled"
	// ReasonInvalidSchedule is a schedule that cannot be read; the others go on.
	ReasonInvalidSchedule = "InvalidSchedule"
)

// ImageWebhook says which webhooks of registries are taken, at the path
// /images/NAMESPACE/NAME of the gateway.
type ImageWebhook struct {
	// Secret names the key of a Secret in this namespace that holds the token by which
	// registries show who they are: as Authorization: Bearer TOKEN or, where a registry
	// has no setting for headers, as ?token=TOKEN. The key is registry.token by default.
	Secret SecretKey `json:"secret"`
	// Images are those whose pushes are events; others are left alone.
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=64
	// +listType=atomic
	Images []ImageSource `json:"images"`
}

// RegistryTokenKey is the key of a Secret that an ImageWebhook means when it names none.
const RegistryTokenKey = "registry.token"

// ImageSource is an image whose pushes are events.
type ImageSource struct {
	// Name is a glob of HOST/REPOSITORY, such as registry.example.com/base/*.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=512
	Name string `json:"name"`
	// Tags are globs; a push of a tag that fits none is left alone. Empty fits all. What is
	// pushed without a tag, and signatures, are no images.
	// +kubebuilder:validation:MaxItems=64
	// +listType=atomic
	// +optional
	Tags []string `json:"tags,omitempty"`
	// Branch is the one whose head the pipelines run on, or the full name of a tag; the
	// default branch when empty.
	// +optional
	Branch string `json:"branch,omitempty"`
	// Pipeline is the one that is started. Without it all are that have image among their
	// on-event.
	// +optional
	Pipeline string `json:"pipeline,omitempty"`
}
