package v1

import (
	corev1 "k8s.io/api/core/v1"
	utiljson "k8s.io/apimachinery/pkg/util/json"
)

// WorkspaceDeclaration names a folder that a Task's steps share.
type WorkspaceDeclaration struct {
	// Name is what $(workspaces.NAME.path) refers to and what a run binds.
	Name string `json:"name"`
	// Description tells people what the folder is for.
	// +optional
	Description string `json:"description,omitempty"`
	// MountPath is where the folder appears in steps; /workspace/NAME by default.
	// +optional
	MountPath string `json:"mountPath,omitempty"`
	// ReadOnly mounts the folder so that steps cannot write to it; false by default.
	// +optional
	ReadOnly bool `json:"readOnly,omitempty"`
	// Optional lets a run leave the workspace unbound, in which case
	// $(workspaces.NAME.bound) is "false" and the path is empty; false by default.
	// +optional
	Optional bool `json:"optional,omitempty"`
}

// WorkspaceBinding says which volume a run uses for a workspace: exactly one of
// the sources must be given.
// +kubebuilder:validation:XValidation:rule="[has(self.volumeClaimTemplate), has(self.persistentVolumeClaim), has(self.emptyDir), has(self.configMap), has(self.secret), has(self.projected), has(self.csi)].filter(given, given).size() == 1",message="give exactly one of volumeClaimTemplate, persistentVolumeClaim, emptyDir, configMap, secret, projected and csi"
type WorkspaceBinding struct {
	// Name is the name of the workspace that the Task or Pipeline declares.
	Name string `json:"name"`
	// SubPath is a folder inside the volume to use instead of its root; it is
	// made when it does not exist.
	// +optional
	SubPath string `json:"subPath,omitempty"`
	// VolumeClaimTemplate is the PersistentVolumeClaim to make for this run alone;
	// it is owned by the run and goes when the run is deleted.
	// +optional
	VolumeClaimTemplate *corev1.PersistentVolumeClaim `json:"volumeClaimTemplate,omitempty"`
	// PersistentVolumeClaim names a claim of the run's namespace that exists already.
	// +optional
	PersistentVolumeClaim *corev1.PersistentVolumeClaimVolumeSource `json:"persistentVolumeClaim,omitempty"`
	// EmptyDir is a folder that lives as long as the TaskRun's Pod.
	// +optional
	EmptyDir *corev1.EmptyDirVolumeSource `json:"emptyDir,omitempty"`
	// ConfigMap shows the keys of a ConfigMap as read-only files.
	// +optional
	ConfigMap *corev1.ConfigMapVolumeSource `json:"configMap,omitempty"`
	// Secret shows the keys of a Secret as read-only files.
	// +optional
	Secret *corev1.SecretVolumeSource `json:"secret,omitempty"`
	// Projected shows several ConfigMaps, Secrets and tokens in one folder.
	// +optional
	Projected *corev1.ProjectedVolumeSource `json:"projected,omitempty"`
	// CSI is a volume that a CSI driver makes for the Pod.
	// +optional
	CSI *corev1.CSIVolumeSource `json:"csi,omitempty"`
}

// PipelineWorkspaceDeclaration names a folder that a Pipeline's tasks share.
type PipelineWorkspaceDeclaration struct {
	// Name is what tasks bind and what the PipelineRun gives a volume to.
	Name string `json:"name"`
	// Description tells people what the folder is for.
	// +optional
	Description string `json:"description,omitempty"`
	// Optional lets a PipelineRun leave the workspace unbound; false by default.
	// +optional
	Optional bool `json:"optional,omitempty"`
}

// WorkspacePipelineTaskBinding gives one of the Pipeline's workspaces to a task.
type WorkspacePipelineTaskBinding struct {
	// Name is the workspace as the Task declares it.
	Name string `json:"name"`
	// Workspace is the workspace as the Pipeline declares it; by default it has
	// the same name.
	// +optional
	Workspace string `json:"workspace,omitempty"`
	// SubPath is a folder inside the workspace to use instead of its root.
	// +optional
	SubPath string `json:"subPath,omitempty"`
}

// WorkspaceUsage mounts a workspace of the Task into one step or sidecar; once
// any step or sidecar lists a workspace, only those that list it see it.
type WorkspaceUsage struct {
	// Name is the workspace as the Task declares it.
	Name string `json:"name"`
	// MountPath is where it appears in this step or sidecar; by default where the
	// Task's declaration puts it.
	// +optional
	MountPath string `json:"mountPath,omitempty"`
}

// UnmarshalJSON takes mountpath for mountPath: manifests in use write it so, and
// the schema keeps it.
func (u *WorkspaceUsage) UnmarshalJSON(data []byte) error {
	type plain WorkspaceUsage
	old := struct {
		*plain
		MountPath string `json:"mountpath"`
	}{plain: (*plain)(u)}
	if err := utiljson.Unmarshal(data, &old); err != nil {
		return err
	}
	if u.MountPath == "" {
		u.MountPath = old.MountPath
	}
	return nil
}
