// Package coschedule has the Pods of tasks that share a volume land on one node: a
// volume that one node alone can mount would leave the others waiting for ever.
//
// The tasks of a group bear its label, and so do their Pods, which want to be where
// others with it are. The scheduler lets the first of a group go anywhere, and Pods
// that have ended hold nobody, so that no Pod is needed to hold a place and no group
// can lock itself: a Pod waits at most for those that run.
package coschedule

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
)

// Mode is which tasks of a PipelineRun form a group.
type Mode string

const (
	// Workspaces groups the tasks that use the same volume claims; an empty Mode is it.
	Workspaces Mode = "workspaces"
	// PipelineRuns groups all tasks of a run.
	PipelineRuns Mode = "pipelineruns"
	// Isolate groups all tasks of a run, and keeps those of other runs off their node.
	Isolate Mode = "isolate-pipelinerun"
	// Disabled groups none.
	Disabled Mode = "disabled"
)

// Modes are all of them.
func Modes() []string {
	return []string{string(Workspaces), string(PipelineRuns), string(Isolate), string(Disabled)}
}

// ByRun reports whether the tasks of a run stay together, whatever they share.
func (m Mode) ByRun() bool { return m == PipelineRuns || m == Isolate }

const (
	// Label holds the group of a TaskRun, of a PipelineRun with all its tasks, and of a Pod.
	Label = "slipway.dev/coschedule"
	// AloneLabel is on the Pods of groups that share their node with no other such group.
	AloneLabel = "slipway.dev/coschedule-alone"
)

// Use is one task and the claims that it uses.
type Use struct {
	// Claims are names that differ where the volumes do.
	Claims []string
	// Runs is how many runs the task has.
	Runs int
}

// Groups returns for each task the group that it is in, or "". Tasks are in one group
// if they use the same claim, or there are others between them that do; a group has
// at least two runs. owner tells the groups of different owners apart.
func Groups(owner string, uses []Use) []string {
	leader := leaders(uses)
	runs := map[string]int{}
	for _, u := range uses {
		if len(u.Claims) > 0 {
			runs[leader[u.Claims[0]]] += u.Runs
		}
	}
	groups := make([]string, len(uses))
	for i, u := range uses {
		if len(u.Claims) > 0 && runs[leader[u.Claims[0]]] > 1 {
			groups[i] = Name(owner, leader[u.Claims[0]])
		}
	}
	return groups
}

// leaders returns for each claim the least of those that are tied to it.
func leaders(uses []Use) map[string]string {
	leader := map[string]string{}
	find := func(claim string) string {
		for leader[claim] != "" && leader[claim] != claim {
			claim = leader[claim]
		}
		return claim
	}
	for _, u := range uses {
		for _, claim := range u.Claims {
			a, b := find(claim), find(u.Claims[0])
			leader[max(a, b)], leader[min(a, b)] = min(a, b), min(a, b)
		}
	}
	for claim := range leader {
		leader[claim] = find(claim)
	}
	return leader
}

// Name is the name of a group, as a label can hold it.
func Name(parts ...string) string {
	sum := sha256.New()
	for _, p := range parts {
		sum.Write(append([]byte(p), 0))
	}
	return hex.EncodeToString(sum.Sum(nil))[:16]
}

// Claim tells the volume of a binding from others, or is "" where Pods on several
// nodes can use it.
func Claim(b v1.WorkspaceBinding) string {
	switch {
	case b.VolumeClaimTemplate != nil:
		modes := b.VolumeClaimTemplate.Spec.AccessModes
		if slices.Contains(modes, corev1.ReadWriteMany) {
			return ""
		}
		return "template/" + b.Name
	case b.PersistentVolumeClaim != nil:
		return "claim/" + b.PersistentVolumeClaim.ClaimName
	}
	return ""
}

// Place is where a Pod is to run.
type Place struct {
	// Group of the Pod; empty is none, and the Pod runs anywhere.
	Group string
	// Alone keeps other such groups off the node.
	Alone bool
	// Node is where the group is at home; empty is nowhere yet.
	Node string
}

// Apply adds to what the Pod asks of its node.
func (p Place) Apply(pod *corev1.Pod) {
	if p.Group == "" {
		return
	}
	affinity := pod.Spec.Affinity.DeepCopy()
	if affinity == nil {
		affinity = &corev1.Affinity{}
	}
	if affinity.PodAffinity == nil {
		affinity.PodAffinity = &corev1.PodAffinity{}
	}
	beside := &affinity.PodAffinity.RequiredDuringSchedulingIgnoredDuringExecution
	*beside = append(*beside, corev1.PodAffinityTerm{TopologyKey: corev1.LabelHostname,
		LabelSelector: &metav1.LabelSelector{MatchLabels: map[string]string{Label: p.Group}}})
	if p.Alone {
		p.keepOthersOff(pod, affinity)
	}
	if p.Node != "" {
		pin(affinity, p.Node)
	}
	pod.Spec.Affinity = affinity
}

func (p Place) keepOthersOff(pod *corev1.Pod, affinity *corev1.Affinity) {
	if pod.Labels == nil {
		pod.Labels = map[string]string{}
	}
	pod.Labels[AloneLabel] = p.Group
	if affinity.PodAntiAffinity == nil {
		affinity.PodAntiAffinity = &corev1.PodAntiAffinity{}
	}
	apart := &affinity.PodAntiAffinity.RequiredDuringSchedulingIgnoredDuringExecution
	*apart = append(*apart, corev1.PodAffinityTerm{
		TopologyKey: corev1.LabelHostname, NamespaceSelector: &metav1.LabelSelector{},
		LabelSelector: &metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{
			{Key: AloneLabel, Operator: metav1.LabelSelectorOpExists},
			{Key: AloneLabel, Operator: metav1.LabelSelectorOpNotIn, Values: []string{p.Group}},
		}},
	})
}

// pin adds the node to each alternative, as one of them is enough.
func pin(affinity *corev1.Affinity, node string) {
	if affinity.NodeAffinity == nil {
		affinity.NodeAffinity = &corev1.NodeAffinity{}
	}
	required := &affinity.NodeAffinity.RequiredDuringSchedulingIgnoredDuringExecution
	if *required == nil {
		*required = &corev1.NodeSelector{NodeSelectorTerms: []corev1.NodeSelectorTerm{{}}}
	}
	for i := range (*required).NodeSelectorTerms {
		term := &(*required).NodeSelectorTerms[i]
		term.MatchFields = append(term.MatchFields,
			corev1.NodeSelectorRequirement{Key: metav1.ObjectNameField, Operator: corev1.NodeSelectorOpIn, Values: []string{node}})
	}
}
