package env

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// KillNow ends every Pod of a Slipway deployment (its app.kubernetes.io/name) as
// a crash would, with SIGKILL and no warning, and returns when a new one is
// ready. Where the node's processes are not ours to see, the Pods are deleted
// without grace.
func (e *Env) KillNow(name string) {
	e.Helper()
	before := e.systemPods(name)
	if len(before) == 0 {
		e.Fatalf("no pod of %s in %s", name, SystemNamespace)
	}
	for _, pod := range before {
		if pids := Processes(string(pod.UID), "/"+name); len(pids) > 0 {
			for _, pid := range pids {
				if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
					e.Fatalf("killing %s (pid %d): %v", name, pid, err)
				}
			}
			continue
		}
		now := int64(0)
		if err := e.Kube.CoreV1().Pods(SystemNamespace).Delete(e.Context(), pod.Name, metav1.DeleteOptions{GracePeriodSeconds: &now}); err != nil {
			e.Fatalf("deleting pod %s: %v", pod.Name, err)
		}
	}
	restarts := map[string]int32{}
	for _, pod := range before {
		restarts[pod.Name] = restartCount(pod)
	}
	Wait(e, 2*time.Minute, name+" to come back", func() (bool, string) {
		for _, pod := range e.systemPods(name) {
			old, existed := restarts[pod.Name]
			if (!existed || restartCount(pod) > old) && ready(pod) {
				return true, ""
			}
		}
		return false, "no new container is ready"
	})
}

func (e *Env) systemPods(name string) []corev1.Pod {
	e.Helper()
	pods, err := e.Kube.CoreV1().Pods(SystemNamespace).List(e.Context(), metav1.ListOptions{LabelSelector: "app.kubernetes.io/name=" + name})
	if err != nil {
		e.Fatal(err)
	}
	return pods.Items
}

func restartCount(pod corev1.Pod) int32 {
	var n int32
	for _, s := range pod.Status.ContainerStatuses {
		n += s.RestartCount
	}
	return n
}

func ready(pod corev1.Pod) bool {
	for _, c := range pod.Status.Conditions {
		if c.Type == corev1.PodReady {
			return c.Status == corev1.ConditionTrue
		}
	}
	return false
}

// Processes returns the ids of this machine's processes that belong to the Pod
// with the UID and whose command line starts with command, as the host sees
// them. It is empty where the Pod runs on another machine.
func Processes(podUID, command string) []int {
	dirs, _ := filepath.Glob("/proc/[0-9]*")
	var pids []int
	for _, dir := range dirs {
		cgroup, err := os.ReadFile(filepath.Join(dir, "cgroup"))
		// The cgroup driver decides whether the UID's dashes stay.
		if err != nil || !strings.Contains(strings.ReplaceAll(string(cgroup), "_", "-"), podUID) {
			continue
		}
		cmdline, err := os.ReadFile(filepath.Join(dir, "cmdline"))
		if err != nil || !strings.HasPrefix(string(cmdline), command) {
			continue
		}
		if pid, err := strconv.Atoi(filepath.Base(dir)); err == nil {
			pids = append(pids, pid)
		}
	}
	return pids
}
