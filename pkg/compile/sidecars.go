package compile

import (
	"fmt"
	"math"
	"path"
	"strings"

	corev1 "k8s.io/api/core/v1"

	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
)

// makeSidecars makes native sidecars: the kubelet starts them before the steps,
// waits until each is ready, and ends them after the last step.
func makeSidecars(b *builder) error {
	for i := range b.task.Spec.Sidecars {
		s := &b.task.Spec.Sidecars[i]
		c := corev1.Container{
			Name: SidecarContainer(i, s.Name), Image: s.Image, ImagePullPolicy: s.ImagePullPolicy,
			Command: s.Command, Args: s.Args, WorkingDir: s.WorkingDir, Ports: s.Ports,
			EnvFrom: s.EnvFrom, Env: s.Env, Resources: s.ComputeResources,
			VolumeMounts: append([]corev1.VolumeMount(nil), s.VolumeMounts...), VolumeDevices: s.VolumeDevices,
			LivenessProbe: s.LivenessProbe, ReadinessProbe: s.ReadinessProbe, StartupProbe: s.StartupProbe,
			Lifecycle: s.Lifecycle, TerminationMessagePath: s.TerminationMessagePath,
			TerminationMessagePolicy: s.TerminationMessagePolicy, SecurityContext: s.SecurityContext,
			Stdin: s.Stdin, StdinOnce: s.StdinOnce, TTY: s.TTY,
			RestartPolicy: new(corev1.ContainerRestartPolicyAlways),
		}
		if c.StartupProbe == nil && c.ReadinessProbe != nil {
			c.StartupProbe = startupFrom(c.ReadinessProbe)
		}
		if s.Script != "" {
			if err := runScript(&c, s); err != nil {
				return fmt.Errorf("sidecars[%d].script: %w", i, err)
			}
		}
		b.sidecars = append(b.sidecars, c)
	}
	return nil
}

// startupFrom has steps wait for what the readiness probe asks. A sidecar that
// is not ready yet is not a broken one: however often the probe fails, the
// container is left alone.
func startupFrom(ready *corev1.Probe) *corev1.Probe {
	p := ready.DeepCopy()
	p.FailureThreshold = math.MaxInt32
	p.SuccessThreshold = 1
	return p
}

// runScript gives the script to its interpreter as an argument: a sidecar is
// not run by the entrypoint, and so has nobody to write a file for it.
func runScript(c *corev1.Container, s *v1.Sidecar) error {
	interpreter, body := []string{"/bin/sh"}, "set -e\n"+s.Script
	if line, ok := strings.CutPrefix(s.Script, "#!"); ok {
		line, _, _ = strings.Cut(line, "\n")
		interpreter, body = strings.Fields(line), s.Script
	}
	if len(interpreter) == 0 {
		return fmt.Errorf("nothing follows #! in its first line")
	}
	flag, name := "-c", path.Base(interpreter[len(interpreter)-1])
	for _, word := range interpreter {
		if !strings.HasPrefix(word, "-") {
			name = path.Base(word)
		}
	}
	switch {
	case strings.HasSuffix(name, "sh"), strings.HasPrefix(name, "python"):
	case name == "perl", name == "node", name == "ruby":
		flag = "-e"
	default:
		return fmt.Errorf("the script of a sidecar cannot be run by %q; use a shell, python, perl, node or ruby, or command", name)
	}
	// What follows the text is $0 to a shell and the program's name to the rest.
	c.Command = append(interpreter, flag, strings.ReplaceAll(body, "$", "$$"))
	if len(s.Args) > 0 && flag == "-c" && strings.HasSuffix(name, "sh") {
		c.Command = append(c.Command, "script")
	}
	return nil
}
