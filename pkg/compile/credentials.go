package compile

import (
	"path"

	corev1 "k8s.io/api/core/v1"

	"github.com/slipway-dev/slipway/entrypoint/contract"
)

// mountCredentials mounts the service account's Git and registry secrets where
// each step's entrypoint makes files of them. The values never stand in the Pod,
// and the files never touch a disk.
func mountCredentials(b *builder) error {
	creds := emptyDir(credsVolume)
	if len(b.in.Credentials) > 0 {
		creds.EmptyDir.Medium = corev1.StorageMediumMemory
	}
	b.addVolume(creds)
	for _, c := range b.in.Credentials {
		b.addVolume(corev1.Volume{Name: secretVolume(c.Secret), VolumeSource: corev1.VolumeSource{
			Secret: &corev1.SecretVolumeSource{SecretName: c.Secret},
		}})
	}
	for i := range b.steps {
		addMount(&b.steps[i], corev1.VolumeMount{Name: credsVolume, MountPath: contract.CredsDir, SubPath: b.steps[i].Name})
		for _, c := range b.in.Credentials {
			addMount(&b.steps[i], corev1.VolumeMount{
				Name: secretVolume(c.Secret), MountPath: path.Join(contract.CredsSecretDir, c.Secret), ReadOnly: true,
			})
		}
	}
	return nil
}

func secretVolume(secret string) string { return "tekton-creds-" + shortHash(secret) }
