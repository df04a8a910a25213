package kube

import (
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/tools/events"
)

// Tell records an event about an object. It is called after the write that the
// event tells of, so that nobody reads of what did not happen; reason is that
// of the condition, and bad news are a warning.
func Tell(to events.EventRecorder, about runtime.Object, good bool, reason, message string) {
	kind := corev1.EventTypeNormal
	if !good {
		kind = corev1.EventTypeWarning
	}
	to.Eventf(about, nil, kind, reason, "Reconcile", "%s", shorten(message))
}

// EventsOf selects, of core/v1 Events, those about the object with a uid.
const EventsOf = "involvedObject.uid"

// maxNote is what the API server takes as the note of an event.
const maxNote = 1024

func shorten(s string) string {
	if len(s) <= maxNote {
		return s
	}
	return s[:maxNote-3] + "..."
}

// Until returns how long to wait for a moment, at least a little: a requeue of
// zero would be no requeue.
func Until(now, moment time.Time) time.Duration {
	return max(moment.Sub(now), time.Millisecond)
}
