// Package secrets finds where values of Secrets reach a container. It reads the
// Pod's spec alone: the values are for the container to see.
package secrets

import (
	"path"
	"slices"

	corev1 "k8s.io/api/core/v1"
)

// secretsStore is the CSI driver whose volumes hold secrets of other stores.
const secretsStore = "secrets-store.csi.k8s.io"

// Places is where values are.
type Places struct {
	// Env names environment variables.
	Env []string
	// Paths are files, and folders of them.
	Paths []string
	// Whole names Secrets of which the spec does not say under what names their
	// keys appear.
	Whole []string
}

// In returns the places in a container, each once. Volumes are those of its Pod.
func In(c corev1.Container, volumes []corev1.Volume) Places {
	var p Places
	for _, e := range c.Env {
		if e.ValueFrom != nil && e.ValueFrom.SecretKeyRef != nil {
			p.Env = append(p.Env, e.Name)
		}
	}
	for _, from := range c.EnvFrom {
		if from.SecretRef != nil {
			p.Whole = append(p.Whole, from.SecretRef.Name)
		}
	}
	for _, m := range c.VolumeMounts {
		if v := slices.IndexFunc(volumes, func(v corev1.Volume) bool { return v.Name == m.Name }); v >= 0 {
			p.add(m.MountPath, volumes[v])
		}
	}
	for _, list := range []*[]string{&p.Paths, &p.Whole} {
		slices.Sort(*list)
		*list = slices.Compact(*list)
	}
	return p
}

func (p *Places) add(mountPath string, v corev1.Volume) {
	switch {
	case v.Secret != nil, v.CSI != nil && v.CSI.Driver == secretsStore:
		p.Paths = append(p.Paths, mountPath)
	case v.Projected != nil:
		for _, source := range v.Projected.Sources {
			switch {
			case source.ServiceAccountToken != nil:
				p.Paths = append(p.Paths, path.Join(mountPath, source.ServiceAccountToken.Path))
			case source.Secret != nil:
				p.Whole = append(p.Whole, source.Secret.Name)
			}
		}
	}
}
