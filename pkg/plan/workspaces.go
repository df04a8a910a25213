package plan

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"path"
	"slices"
	"strings"

	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
	"github.com/slipway-dev/slipway/pkg/expr"
	"github.com/slipway-dev/slipway/pkg/plan/fill"
	"github.com/slipway-dev/slipway/pkg/suggest"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// ClaimName is the name of the claim made from a volumeClaimTemplate: that of
// the template, or pvc, and a checksum of workspace and run.
func ClaimName(run *v1.PipelineRun, b v1.WorkspaceBinding) string {
	prefix := "pvc"
	if b.VolumeClaimTemplate != nil && b.VolumeClaimTemplate.Name != "" {
		prefix = b.VolumeClaimTemplate.Name
	}
	sum := sha256.Sum256([]byte(b.Name + string(run.UID)))
	return prefix + "-" + hex.EncodeToString(sum[:])[:10]
}

// PassingClaims are the names of the claims made from the run's templates, if
// they are to go when the run ends rather than when it is deleted.
func PassingClaims(run *v1.PipelineRun) []string {
	if run.Annotations[v1.AnnotationAutoCleanupPVC] != "true" {
		return nil
	}
	var names []string
	for _, b := range run.Spec.Workspaces {
		if b.VolumeClaimTemplate != nil {
			names = append(names, ClaimName(run, b))
		}
	}
	return names
}

// claims are the volumes that live as long as the run.
func (s *state) claims() []*corev1.PersistentVolumeClaim {
	var out []*corev1.PersistentVolumeClaim
	for _, b := range s.run.Spec.Workspaces {
		if b.VolumeClaimTemplate == nil {
			continue
		}
		claim := b.VolumeClaimTemplate.DeepCopy()
		claim.TypeMeta = metav1.TypeMeta{APIVersion: "v1", Kind: "PersistentVolumeClaim"}
		claim.Name, claim.GenerateName, claim.Namespace = ClaimName(s.run, b), "", s.run.Namespace
		claim.OwnerReferences = []metav1.OwnerReference{OwnerRef(s.run)}
		claim.Status = corev1.PersistentVolumeClaimStatus{}
		out = append(out, claim)
	}
	return out
}

// wanted are the workspaces that the task names, and for a Task written in place
// those of the run that it uses by their name.
func (t *task) wanted() []v1.WorkspacePipelineTaskBinding {
	wanted := slices.Clone(t.spec.Workspaces)
	if t.spec.TaskSpec != nil && !t.spec.TaskSpec.IsCustomTask() {
		for _, name := range usedWorkspaces(&t.spec.TaskSpec.TaskSpec) {
			if !slices.ContainsFunc(wanted, func(w v1.WorkspacePipelineTaskBinding) bool { return w.Name == name }) {
				wanted = append(wanted, v1.WorkspacePipelineTaskBinding{Name: name})
			}
		}
	}
	for i := range wanted {
		wanted[i].Workspace = cmp.Or(wanted[i].Workspace, wanted[i].Name)
	}
	return wanted
}

// bindings are the workspaces of a task's run.
func (s *state) bindings(t *task) ([]v1.WorkspaceBinding, error) {
	var out []v1.WorkspaceBinding
	for _, w := range t.wanted() {
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
		b.PersistentVolumeClaim = &corev1.PersistentVolumeClaimVolumeSource{ClaimName: ClaimName(s.run, b)}
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

// usedWorkspaces are the names in $(workspaces.NAME…) of a Task, and those it
// declares, sorted.
func usedWorkspaces(spec *v1.TaskSpec) []string {
	var names []string
	for _, d := range spec.Workspaces {
		names = append(names, d.Name)
	}
	for _, part := range []any{spec.Steps, spec.StepTemplate, spec.Sidecars, spec.Volumes} {
		// A Task that came as JSON goes as JSON; its quotes are in the way of
		// references, and those of names are as good single.
		text, _ := json.Marshal(part)
		for _, r := range expr.References(strings.ReplaceAll(string(text), `\"`, "'")) {
			if r.Path[0] == "workspaces" {
				names = append(names, r.Path[1])
			}
		}
	}
	var uses []v1.WorkspaceUsage
	for _, step := range spec.Steps {
		uses = append(uses, step.Workspaces...)
	}
	for _, sidecar := range spec.Sidecars {
		uses = append(uses, sidecar.Workspaces...)
	}
	for _, w := range uses {
		names = append(names, w.Name)
	}
	slices.Sort(names)
	return slices.Compact(names)
}
