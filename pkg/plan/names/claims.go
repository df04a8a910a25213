package names

import (
	"crypto/sha256"
	"encoding/hex"

	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
)

// Claim is the name of the claim made from a volumeClaimTemplate: that of
// the template, or pvc, and a checksum of workspace and run.
func Claim(run *v1.PipelineRun, b v1.WorkspaceBinding) string {
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
			names = append(names, Claim(run, b))
		}
	}
	return names
}
