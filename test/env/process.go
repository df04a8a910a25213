package env

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
)

// KillNow ends the oldest Pod of each of these deployments of Slipway (their
// app.kubernetes.io/name) as a crash would, with SIGKILL and no warning, and returns
// when others are ready. Where the node's processes are not ours to see, the Pods are
// deleted without grace alone.
func (e *Env) KillNow(names ...string) {
	e.Helper()
	var back []func()
	for _, name := range names {
		back = append(back, e.kill(name))
	}
	for _, wait := range back {
		wait()
	}
	if slices.Contains(names, "controller") {
		e.awaitAdmission()
	}
}

// awaitAdmission waits until the API server asks the controller about new objects: its
// way there opens a moment after the controller is ready.
func (e *Env) awaitAdmission() {
	e.Helper()
	Wait(e, time.Minute, "admission to be back", func() (bool, string) {
		err := TryYAML[v1.Task](e, "{metadata: {name: wrong}, spec: {steps: [{image: i, script: $(params.missing)}]}}")
		return apierrors.IsInvalid(err), fmt.Sprint(err)
	})
}

// kill returns what waits until there are as many as before.
func (e *Env) kill(name string) (wait func()) {
	e.Helper()
	before := e.systemPods(name)
	if len(before) == 0 {
		e.Fatalf("no pod of %s in %s", name, SystemNamespace)
	}
	victim := slices.MinFunc(before, func(a, b corev1.Pod) int { return a.CreationTimestamp.Compare(b.CreationTimestamp.Time) })
	for _, pid := range Processes(string(victim.UID), "/"+name) {
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
			e.Fatalf("killing %s (pid %d): %v", name, pid, err)
		}
	}
	// The kubelet would let it wait, at each crash twice as long; its successor does not.
	now := int64(0)
	if err := e.Kube.CoreV1().Pods(SystemNamespace).Delete(e.Context(), victim.Name, metav1.DeleteOptions{GracePeriodSeconds: &now}); err != nil {
		e.Fatalf("deleting pod %s: %v", victim.Name, err)
	}
	return func() {
		Wait(e, 2*time.Minute, name+" to come back", func() (bool, string) {
			isReady := 0
			for _, pod := range e.systemPods(name) {
				if pod.UID != victim.UID && ready(pod) {
					isReady++
				}
			}
			return isReady >= len(before), fmt.Sprintf("%d of %d are ready", isReady, len(before))
		})
	}
}

func (e *Env) systemPods(name string) []corev1.Pod {
	e.Helper()
	pods, err := e.Kube.CoreV1().Pods(SystemNamespace).List(e.Context(), metav1.ListOptions{LabelSelector: "app.kubernetes.io/name=" + name})
	if err != nil {
		e.Fatal(err)
	}
	return pods.Items
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
