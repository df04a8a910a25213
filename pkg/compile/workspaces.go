package compile

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"path"
	"slices"
	"strconv"

	corev1 "k8s.io/api/core/v1"

	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
	"github.com/slipway-dev/slipway/entrypoint/contract"
	"github.com/slipway-dev/slipway/pkg/compile/fields"
	"github.com/slipway-dev/slipway/pkg/expr"
	"github.com/slipway-dev/slipway/pkg/suggest"
)

// Workspaces returns the bindings of a run, b.Workspaces, with its parameters and
// the defaults of those declared put in. The errors are those of Spec.
func Workspaces(declared v1.ParamSpecs, b Binding) ([]v1.WorkspaceBinding, error) {
	params, err := Params(declared, b.Params, true)
	if err != nil {
		return nil, err
	}
	list := slices.Clone(b.Workspaces)
	for i := range list {
		list[i] = *list[i].DeepCopy()
	}
	if err := (fields.Walker{Vars: withParams(commonVars(&v1.TaskSpec{}, b), params)}).Put(&list); err != nil {
		return nil, fields.At("workspaces", err)
	}
	return list, nil
}

// inheritWorkspaces declares the bound workspaces that a spec written in place
// may use without saying so.
func inheritWorkspaces(spec *v1.TaskSpec, bound []v1.WorkspaceBinding) {
	for _, b := range bound {
		if declared(spec, b.Name) == nil {
			spec.Workspaces = append(spec.Workspaces, v1.WorkspaceDeclaration{Name: b.Name})
		}
	}
}

func declared(spec *v1.TaskSpec, name string) *v1.WorkspaceDeclaration {
	i := slices.IndexFunc(spec.Workspaces, func(d v1.WorkspaceDeclaration) bool { return d.Name == name })
	if i < 0 {
		return nil
	}
	return &spec.Workspaces[i]
}

func binding(bound []v1.WorkspaceBinding, name string) *v1.WorkspaceBinding {
	i := slices.IndexFunc(bound, func(b v1.WorkspaceBinding) bool { return b.Name == name })
	if i < 0 {
		return nil
	}
	return &bound[i]
}

// checkWorkspaces holds what is declared against what is bound.
func checkWorkspaces(spec *v1.TaskSpec, b Binding) error {
	names := namesOf(spec.Workspaces, func(w v1.WorkspaceDeclaration) string { return w.Name })
	given := namesOf(b.Workspaces, func(w v1.WorkspaceBinding) string { return w.Name })
	for _, w := range b.Workspaces {
		if declared(spec, w.Name) == nil {
			return fmt.Errorf("workspaces: the task declares no workspace named %q%s", w.Name, suggest.DidYouMean(w.Name, names))
		}
	}
	for _, d := range spec.Workspaces {
		if !d.Optional && binding(b.Workspaces, d.Name) == nil {
			return fmt.Errorf("workspaces: the task needs a volume for workspace %q, and the run binds none%s",
				d.Name, suggest.DidYouMean(d.Name, given))
		}
	}
	for i, s := range spec.Steps {
		if err := checkUses(s.Workspaces, names); err != nil {
			return fmt.Errorf("steps[%d].%w", i, err)
		}
	}
	for i, s := range spec.Sidecars {
		if err := checkUses(s.Workspaces, names); err != nil {
			return fmt.Errorf("sidecars[%d].%w", i, err)
		}
	}
	return nil
}

func checkUses(uses []v1.WorkspaceUsage, names []string) error {
	for _, u := range uses {
		if !slices.Contains(names, u.Name) {
			return fmt.Errorf("workspaces: no workspace named %q%s", u.Name, suggest.DidYouMean(u.Name, names))
		}
	}
	return nil
}

func setWorkspaces(vars *expr.Vars, spec *v1.TaskSpec, bound []v1.WorkspaceBinding) {
	for _, d := range spec.Workspaces {
		b := binding(bound, d.Name)
		key := "workspaces." + d.Name
		vars.SetText(key+".bound", strconv.FormatBool(b != nil))
		if b == nil {
			vars.SetText(key+".path", "")
			vars.SetText(key+".claim", "")
			vars.SetText(key+".volume", "")
			continue
		}
		claim := ""
		if b.PersistentVolumeClaim != nil {
			claim = b.PersistentVolumeClaim.ClaimName
		}
		vars.SetText(key+".path", mountPath(d))
		vars.SetText(key+".claim", claim)
		vars.SetText(key+".volume", volumeName(*b))
	}
}

func mountPath(d v1.WorkspaceDeclaration) string {
	if d.MountPath != "" {
		return d.MountPath
	}
	return path.Join(contract.WorkspaceDir, d.Name)
}

// volumeName is the same for the same claim: two workspaces on one claim share
// the volume.
func volumeName(b v1.WorkspaceBinding) string {
	key := b.Name
	if b.PersistentVolumeClaim != nil {
		key = "claim " + b.PersistentVolumeClaim.ClaimName
	}
	return "ws-" + shortHash(key)
}

func shortHash(parts ...string) string {
	h := sha256.New()
	for _, p := range parts {
		h.Write([]byte(p))
		h.Write([]byte{0})
	}
	return hex.EncodeToString(h.Sum(nil))[:10]
}

// ClaimName is the name of the claim made for a workspace from its
// volumeClaimTemplate. It follows from the owner, so that the claim is made once.
func ClaimName(ownerUID string, b v1.WorkspaceBinding) string {
	return "pvc-" + shortHash(ownerUID, b.Name, b.VolumeClaimTemplate.Name)
}

func workspaceVolume(b v1.WorkspaceBinding) corev1.Volume {
	return corev1.Volume{Name: volumeName(b), VolumeSource: corev1.VolumeSource{
		PersistentVolumeClaim: b.PersistentVolumeClaim, EmptyDir: b.EmptyDir, ConfigMap: b.ConfigMap,
		Secret: b.Secret, Projected: b.Projected, CSI: b.CSI,
	}}
}

// mountWorkspaces mounts every bound workspace into the containers that may see
// it: those that list it when any does, else all.
func mountWorkspaces(b *builder) error {
	for _, d := range b.task.Spec.Workspaces {
		bound := binding(b.task.Workspaces, d.Name)
		if bound == nil {
			continue
		}
		volume := workspaceVolume(*bound)
		if b.task.Name != "" && bound.PersistentVolumeClaim == nil {
			volume.Name = "ws-" + shortHash("task", b.task.Name, bound.Name)
		}
		if c := bound.PersistentVolumeClaim; c != nil && slices.Contains(b.in.Scratch, c.ClaimName) {
			volume = emptyDir(volume.Name)
		}
		b.addVolume(volume)
		mount := corev1.VolumeMount{Name: volume.Name, MountPath: mountPath(d), SubPath: bound.SubPath, ReadOnly: d.ReadOnly}
		isolated := isIsolated(b.task.Spec, d.Name)
		for i := range b.steps {
			mountUse(&b.steps[i], mount, usage(b.task.Spec.Steps[i].Workspaces, d.Name), isolated)
		}
		for i := range b.sidecars {
			mountUse(&b.sidecars[i], mount, usage(b.task.Spec.Sidecars[i].Workspaces, d.Name), isolated)
		}
	}
	return nil
}

func isIsolated(spec *v1.TaskSpec, name string) bool {
	return slices.ContainsFunc(spec.Steps, func(s v1.Step) bool { return usage(s.Workspaces, name) != nil }) ||
		slices.ContainsFunc(spec.Sidecars, func(s v1.Sidecar) bool { return usage(s.Workspaces, name) != nil })
}

func usage(uses []v1.WorkspaceUsage, name string) *v1.WorkspaceUsage {
	i := slices.IndexFunc(uses, func(u v1.WorkspaceUsage) bool { return u.Name == name })
	if i < 0 {
		return nil
	}
	return &uses[i]
}

func mountUse(c *corev1.Container, mount corev1.VolumeMount, use *v1.WorkspaceUsage, isolated bool) {
	if use == nil && isolated {
		return
	}
	if use != nil && use.MountPath != "" {
		mount.MountPath = use.MountPath
	}
	addMount(c, mount)
}
