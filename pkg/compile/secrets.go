package compile

import (
	"path"
	"slices"

	corev1 "k8s.io/api/core/v1"

	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
	"github.com/slipway-dev/slipway/entrypoint/contract"
)

// secretsStore is the CSI driver whose volumes hold secrets of other stores.
const secretsStore = "secrets-store.csi.k8s.io"

// secrets tells where values of Secrets reach the i-th step: by which environment
// variables, and below which paths. The values are for the entrypoint alone to
// read. Where the Pod does not say under which names the keys of a Secret
// appear, it is mounted once more for the entrypoint.
func (b *builder) secrets(i int) (env, paths []string) {
	c := &b.steps[i]
	fromTemplate := b.in.PodTemplate
	if fromTemplate == nil {
		fromTemplate = &v1.PodTemplate{}
	}
	for _, e := range mergeBy(c.Env, fromTemplate.Env, func(e corev1.EnvVar) string { return e.Name }) {
		if e.ValueFrom != nil && e.ValueFrom.SecretKeyRef != nil {
			env = append(env, e.Name)
		}
	}
	for _, from := range c.EnvFrom {
		if from.SecretRef != nil {
			paths = append(paths, b.mountForEntrypoint(c, from.SecretRef.Name))
		}
	}
	volumes := slices.Concat(b.pod.Spec.Volumes, b.task.Spec.Volumes, fromTemplate.Volumes)
	for _, m := range slices.Clone(c.VolumeMounts) {
		if v := slices.IndexFunc(volumes, func(v corev1.Volume) bool { return v.Name == m.Name }); v >= 0 {
			paths = append(paths, b.secretPaths(c, m, volumes[v])...)
		}
	}
	slices.Sort(paths)
	return env, slices.Compact(paths)
}

// secretPaths are those at which a mount of the volume has values of Secrets.
func (b *builder) secretPaths(c *corev1.Container, m corev1.VolumeMount, v corev1.Volume) []string {
	switch {
	case v.Secret != nil, v.CSI != nil && v.CSI.Driver == secretsStore:
		return []string{m.MountPath}
	case v.Projected == nil:
		return nil
	}
	var paths []string
	for _, source := range v.Projected.Sources {
		switch {
		case source.ServiceAccountToken != nil:
			paths = append(paths, path.Join(m.MountPath, source.ServiceAccountToken.Path))
		case source.Secret != nil:
			paths = append(paths, b.mountForEntrypoint(c, source.Secret.Name))
		}
	}
	return paths
}

// mountForEntrypoint mounts a Secret beside the credentials. Whether it must exist
// is said where the step uses it.
func (b *builder) mountForEntrypoint(c *corev1.Container, secret string) string {
	dir := path.Join(contract.CredsSecretDir, secret)
	b.addVolume(corev1.Volume{Name: secretVolume(secret), VolumeSource: corev1.VolumeSource{
		Secret: &corev1.SecretVolumeSource{SecretName: secret, Optional: new(true)},
	}})
	addMount(c, corev1.VolumeMount{Name: secretVolume(secret), MountPath: dir, ReadOnly: true})
	return dir
}
