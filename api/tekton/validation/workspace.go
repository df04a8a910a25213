package validation

import (
	"k8s.io/apimachinery/pkg/util/validation/field"

	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
)

var sources = []string{"volumeClaimTemplate", "persistentVolumeClaim", "emptyDir", "configMap", "secret", "projected", "csi"}

// bindings checks the volumes a run gives to workspaces.
func bindings(given []v1.WorkspaceBinding, at *field.Path) field.ErrorList {
	errs := unique(at, "workspace", len(given), func(i int) string { return given[i].Name })
	for i := range given {
		b, at := &given[i], at.Index(i)
		if b.Name == "" {
			errs = append(errs, required(at.Child("name"), "say which workspace the volume is for"))
		}
		errs = append(errs, exactlyOne(at, sources, b.VolumeClaimTemplate != nil, b.PersistentVolumeClaim != nil, b.EmptyDir != nil,
			b.ConfigMap != nil, b.Secret != nil, b.Projected != nil, b.CSI != nil)...)
		for _, name := range []struct {
			at      *field.Path
			missing bool
		}{
			{at.Child("persistentVolumeClaim", "claimName"), b.PersistentVolumeClaim != nil && b.PersistentVolumeClaim.ClaimName == ""},
			{at.Child("configMap", "name"), b.ConfigMap != nil && b.ConfigMap.Name == ""},
			{at.Child("secret", "secretName"), b.Secret != nil && b.Secret.SecretName == ""},
			{at.Child("projected", "sources"), b.Projected != nil && len(b.Projected.Sources) == 0},
			{at.Child("csi", "driver"), b.CSI != nil && b.CSI.Driver == ""},
		} {
			if name.missing {
				errs = append(errs, required(name.at, "say which one to use"))
			}
		}
	}
	return errs
}

func bindingNames(given []v1.WorkspaceBinding) []string {
	names := make([]string, len(given))
	for i, b := range given {
		names[i] = b.Name
	}
	return names
}
