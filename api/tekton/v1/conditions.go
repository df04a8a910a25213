package v1

import (
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// ConditionType names what a condition speaks about.
type ConditionType string

// ConditionSucceeded is the condition every run has: Unknown while the run goes
// on, True when it ended well, False when it did not.
const ConditionSucceeded ConditionType = "Succeeded"

// ConditionSeverity says how bad a False condition is; empty means an error.
type ConditionSeverity string

// Condition is one statement about the state of a run.
type Condition struct {
	// Type names what the condition speaks about; runs have "Succeeded".
	Type ConditionType `json:"type"`
	// Status is True, False or Unknown.
	Status corev1.ConditionStatus `json:"status"`
	// Severity says how bad a False status is; empty means an error.
	// +optional
	Severity ConditionSeverity `json:"severity,omitempty"`
	// LastTransitionTime is when the status last changed from one value to another.
	// +optional
	LastTransitionTime metav1.Time `json:"lastTransitionTime,omitzero"`
	// Reason is one CamelCase word for the cause of the status, made for programs.
	// +optional
	Reason string `json:"reason,omitempty"`
	// Message is one line for people: what happened, where, and the way out.
	// +optional
	Message string `json:"message,omitempty"`
}

// Conditions is a set of conditions with at most one of each type.
// +listType=map
// +listMapKey=type
type Conditions []Condition

// IsTrue reports whether the condition is known and true.
func (c *Condition) IsTrue() bool { return c != nil && c.Status == corev1.ConditionTrue }

// IsFalse reports whether the condition is known and false.
func (c *Condition) IsFalse() bool { return c != nil && c.Status == corev1.ConditionFalse }

// IsUnknown reports whether the condition is missing or undecided.
func (c *Condition) IsUnknown() bool { return !c.IsTrue() && !c.IsFalse() }

// Status is the part of a status that all kinds of runs share.
type Status struct {
	// ObservedGeneration is the metadata.generation this status was computed from.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`
	// Conditions states where the run stands; the type "Succeeded" carries its outcome.
	// +optional
	Conditions Conditions `json:"conditions,omitempty"`
	// Annotations holds more facts about the status that have no field of their own.
	// +optional
	Annotations map[string]string `json:"annotations,omitempty"`
}

// GetCondition returns the condition of that type, or nil when it is not set.
// The pointer leads into the status.
func (s *Status) GetCondition(t ConditionType) *Condition {
	for i := range s.Conditions {
		if s.Conditions[i].Type == t {
			return &s.Conditions[i]
		}
	}
	return nil
}

// SetCondition puts c in place of the condition of its type. c brings the time
// of the change; it counts only if the status differs from the one before, else
// the earlier LastTransitionTime stays.
func (s *Status) SetCondition(c Condition) {
	old := s.GetCondition(c.Type)
	if old == nil {
		s.Conditions = append(s.Conditions, c)
		return
	}
	if old.Status == c.Status {
		c.LastTransitionTime = old.LastTransitionTime
	}
	*old = c
}
