package compile

import (
	"maps"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation"

	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
	"github.com/slipway-dev/slipway/pkg/share"
)

// PodName is the name of the Pod of an attempt, counted from 0: RUN-pod, then
// RUN-pod-retry1 and so on, shortened to 63 characters with a hash of the whole.
func PodName(run string, attempt int) string {
	suffix := "-pod"
	if attempt > 0 {
		suffix += "-retry" + strconv.Itoa(attempt)
	}
	return shorten(run, suffix)
}

// shorten joins name and suffix in 63 characters. A name that must be cut gets
// a hash of what it was, so that two do not become one.
func shorten(name, suffix string) string {
	const limit = validation.DNS1123LabelMaxLength
	if len(name)+len(suffix) <= limit {
		return name + suffix
	}
	hash := "-" + shortHash(name)
	return strings.TrimRight(name[:limit-len(suffix)-len(hash)], "-.") + hash + suffix
}

// describe gives the Pod the run's labels and annotations, its own labels, and
// its owner.
func describe(b *builder) error {
	owner := b.in.Owner
	labels := maps.Clone(owner.Labels)
	if labels == nil {
		labels = map[string]string{}
	}
	labels[ManagedLabel] = "true"
	if b.in.shared() {
		labels[share.PodAnnotation] = b.in.Name
	}
	if owner.Kind == v1.KindTaskRun {
		labels[v1.LabelTaskRun] = shorten(owner.Name, "")
		labels[v1.LabelTaskRunUID] = string(owner.UID)
	}
	annotations := maps.Clone(owner.Annotations)
	if annotations == nil {
		annotations = map[string]string{}
	}
	delete(annotations, corev1.LastAppliedConfigAnnotation)
	if b.in.shared() {
		annotations[share.TasksAnnotation] = b.in.members().Encode()
	}
	b.pod.Labels, b.pod.Annotations = labels, annotations
	b.pod.OwnerReferences = []metav1.OwnerReference{{
		APIVersion: owner.APIVersion, Kind: owner.Kind, Name: owner.Name, UID: owner.UID,
		Controller: new(true), BlockOwnerDeletion: new(true),
	}}
	return nil
}
