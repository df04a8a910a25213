package observe

import corev1 "k8s.io/api/core/v1"

// Slim leaves of a Pod's spec what is read of it once it is made, by Pod and by who has
// it stopped: the rest is most of what a run takes in memory, for as long as its Pod
// stays for its logs.
func Slim(full corev1.PodSpec) corev1.PodSpec {
	return corev1.PodSpec{
		NodeName: full.NodeName, ActiveDeadlineSeconds: full.ActiveDeadlineSeconds,
		TerminationGracePeriodSeconds: full.TerminationGracePeriodSeconds,
		InitContainers:                slimContainers(full.InitContainers), Containers: slimContainers(full.Containers),
	}
}

func slimContainers(full []corev1.Container) []corev1.Container {
	var out []corev1.Container
	for i := range full {
		c := &full[i]
		out = append(out, corev1.Container{Name: c.Name, Image: c.Image, ReadinessProbe: c.ReadinessProbe,
			Resources: corev1.ResourceRequirements{Limits: c.Resources.Limits}})
	}
	return out
}
