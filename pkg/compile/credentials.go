package compile

import (
	"path"
	"slices"

	corev1 "k8s.io/api/core/v1"

	"github.com/slipway-dev/slipway/entrypoint/contract"
	"github.com/slipway-dev/slipway/pkg/compile/merge"
	"github.com/slipway-dev/slipway/pkg/compile/secrets"
)

// mountCredentials mounts the service account's Git and registry secrets where
// each step's entrypoint makes files of them. The values never stand in the Pod,
// and the files never touch a disk.
func mountCredentials(b *builder) error {
	for _, c := range b.in.Credentials {
		b.addVolume(corev1.Volume{Name: secretVolume(c.Secret), VolumeSource: corev1.VolumeSource{
			Secret: &corev1.SecretVolumeSource{SecretName: c.Secret},
		}})
	}
	for i := range b.steps {
		creds := emptyDir(b.ofStep(credsVolume, i))
		if len(b.in.Credentials) > 0 {
			creds.EmptyDir.Medium = corev1.StorageMediumMemory
		}
		b.addVolume(creds)
		addMount(&b.steps[i], corev1.VolumeMount{Name: creds.Name, MountPath: contract.CredsDir})
		for _, c := range b.in.Credentials {
			addMount(&b.steps[i], corev1.VolumeMount{
				Name: secretVolume(c.Secret), MountPath: path.Join(contract.CredsSecretDir, c.Secret), ReadOnly: true,
			})
		}
	}
	return nil
}

func secretVolume(secret string) string { return "tekton-creds-" + shortHash(secret) }

// secretsOf tells where values of Secrets reach the i-th step: by which variables,
// and below which paths. Where the Pod does not say under which names the keys of
// a Secret appear, it is mounted for the entrypoint too. Whether it must exist is
// said where the step uses it.
func (b *builder) secretsOf(i int) (env, paths []string) {
	c := b.steps[i]
	volumes := slices.Concat(b.pod.Spec.Volumes, b.task.Spec.Volumes)
	if t := b.in.PodTemplate; t != nil {
		c.Env = merge.By(c.Env, t.Env, func(e corev1.EnvVar) string { return e.Name })
		volumes = append(volumes, t.Volumes...)
	}
	found := secrets.In(c, volumes)
	for _, name := range found.Whole {
		b.addVolume(corev1.Volume{Name: secretVolume(name), VolumeSource: corev1.VolumeSource{
			Secret: &corev1.SecretVolumeSource{SecretName: name, Optional: new(true)},
		}})
		dir := path.Join(contract.CredsSecretDir, name)
		addMount(&b.steps[i], corev1.VolumeMount{Name: secretVolume(name), MountPath: dir, ReadOnly: true})
		found.Paths = append(found.Paths, dir)
	}
	slices.Sort(found.Paths)
	return found.Env, slices.Compact(found.Paths)
}
