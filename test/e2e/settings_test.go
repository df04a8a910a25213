//go:build e2e

package e2e

import (
	"context"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
	"github.com/slipway-dev/slipway/test/env"
)

// set puts a key into a ConfigMap of the installation for as long as the test runs.
// Other tests run by it too: take a key that they do not notice.
func set(e *env.Env, configMap, key, value string) {
	e.Helper()
	settings := e.Kube.CoreV1().ConfigMaps("slipway-system")
	found, err := settings.Get(e.Context(), configMap, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		found, err = settings.Create(e.Context(), &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: configMap}}, metav1.CreateOptions{})
	}
	if err != nil {
		e.Fatal(err)
	}
	before, had := found.Data[key]
	changed := found.DeepCopy()
	if changed.Data == nil {
		changed.Data = map[string]string{}
	}
	changed.Data[key] = value
	if err := e.Client.Patch(e.Context(), changed, client.MergeFrom(found)); err != nil {
		e.Fatal(err)
	}
	e.Cleanup(func() {
		with, without := changed, changed.DeepCopy()
		delete(without.Data, key)
		if had {
			without.Data[key] = before
		}
		if err := e.Client.Patch(context.WithoutCancel(e.Context()), without, client.MergeFrom(with)); err != nil {
			e.Error(err)
		}
	})
}

// A volume for workspaces that no run binds, set while the controller runs, is there
// for the next run; what a run binds itself stays.
func TestDefaultWorkspace(t *testing.T) {
	e := env.New(t)
	set(e, "config-defaults", "default-task-run-workspace-binding", "emptyDir: {}")
	env.CreateYAML[corev1.ConfigMap](e, `{metadata: {name: files}, data: {hello.txt: "Hello, world!"}}`)
	env.CreateYAML[v1.Task](e, `{metadata: {name: reads}, spec: {workspaces: [{name: source}], steps: [
		{name: write, image: `+e.Registry+`/busybox, script: "echo 'Hello, world!' >/workspace/source/hello.txt || exit 0"},
		{name: read, image: `+e.Registry+`/busybox, script: "grep 'Hello, world' /workspace/source/hello.txt"}]}}`)
	succeeds(e, "given", `{taskRef: {name: reads}, workspaces: [{name: source, configMap: {name: files}}]}`)
	succeeds(e, "default", `taskRef: {name: reads}`)
}
