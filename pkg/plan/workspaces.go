package plan

import (
	"fmt"
	"path"
	"slices"

	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
	"github.com/slipway-dev/slipway/pkg/expr"
	"github.com/slipway-dev/slipway/pkg/plan/fill"
	"github.com/slipway-dev/slipway/pkg/plan/names"
	"github.com/slipway-dev/slipway/pkg/suggest"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// claims are the volumes that live as long as the run.
func (s *state) claims() []*corev1.PersistentVolumeClaim {
	var out []*corev1.PersistentVolumeClaim
	for _, b := range s.run.Spec.Workspaces {
		if b.VolumeClaimTemplate == nil || slices.Contains(names.Scratch(s.run), names.Claim(s.run, b)) {
			continue
		}
		claim := b.VolumeClaimTemplate.DeepCopy()
		claim.TypeMeta = metav1.TypeMeta{APIVersion: "v1", Kind: "PersistentVolumeClaim"}
		claim.Name, claim.GenerateName, claim.Namespace = names.Claim(s.run, b), "", s.run.Namespace
		claim.OwnerReferences = []metav1.OwnerReference{OwnerRef(s.run)}
		claim.Status = corev1.PersistentVolumeClaimStatus{}
		out = append(out, claim)
	}
	return out
}

// bindings are the workspaces of a task's run.
func (s *state) bindings(t *task) ([]v1.WorkspaceBinding, error) {
	var out []v1.WorkspaceBinding
	for _, w := range fill.Wanted(&t.spec) {
		source := w.Workspace
		at := slices.IndexFunc(s.run.Spec.Workspaces, func(b v1.WorkspaceBinding) bool { return b.Name == source })
		if at < 0 {
			if s.mayBeUnbound(t, w.Name, source) {
				continue
			}
			return nil, fmt.Errorf("workspaces.%s: the run binds no workspace named %q%s", w.Name, source, suggest.DidYouMean(source, s.boundNames()))
		}
		b, err := s.bind(s.run.Spec.Workspaces[at], t.vars)
		if err != nil {
			return nil, fmt.Errorf("workspaces.%s: %w", w.Name, err)
		}
		b.Name, b.SubPath = w.Name, path.Join(b.SubPath, w.SubPath)
		out = append(out, b)
	}
	return out, nil
}

// mayBeUnbound: what the pipeline or the Task calls optional.
func (s *state) mayBeUnbound(t *task, name, source string) bool {
	for _, d := range s.run.Status.PipelineSpec.Workspaces {
		if d.Name == source {
			return d.Optional
		}
	}
	if t.spec.TaskSpec == nil {
		return false
	}
	at := slices.IndexFunc(t.spec.TaskSpec.Workspaces, func(d v1.WorkspaceDeclaration) bool { return d.Name == name })
	return at >= 0 && t.spec.TaskSpec.Workspaces[at].Optional
}

func (s *state) boundNames() []string {
	var names []string
	for _, b := range s.run.Spec.Workspaces {
		names = append(names, b.Name)
	}
	return names
}

// bind puts the variables of the run into one of its bindings and a claim in
// the place of a template.
func (s *state) bind(b v1.WorkspaceBinding, results expr.Vars) (v1.WorkspaceBinding, error) {
	b = *b.DeepCopy()
	if b.VolumeClaimTemplate != nil {
		b.PersistentVolumeClaim = &corev1.PersistentVolumeClaimVolumeSource{ClaimName: names.Claim(s.run, b)}
		b.VolumeClaimTemplate = nil
	}
	vars, err := runVars(s.in, s.run.Status.PipelineSpec)
	if err != nil {
		return b, err
	}
	vars = vars.Without(func(string) bool { return false })
	if err := fill.All(&b, vars); err != nil {
		return b, err
	}
	return b, fill.All(&b, results)
}
