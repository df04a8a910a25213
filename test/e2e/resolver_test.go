//go:build e2e

package e2e

import (
	"archive/tar"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	ocispec "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
	"github.com/slipway-dev/slipway/test/env"
)

// saying is a Task that has its name and its param as its result.
func saying(e *env.Env, name string) string {
	return `{apiVersion: tekton.dev/v1, kind: Task, metadata: {name: ` + name + `}, spec: {params: [{name: who, default: nobody}], results: [{name: said}],
  steps: [{name: say, image: ` + e.Registry + `/busybox, command: [sh, -c], args: ["echo -n ` + name + ` $(params.who) > $(results.said.path)"]}]}}`
}

// serve runs an image under a name in the namespace, behind port 80.
func serve(e *env.Env, name, container string) {
	e.Helper()
	env.CreateYAML[corev1.Pod](e, `{metadata: {name: `+name+`, labels: {app: `+name+`}}, spec: {terminationGracePeriodSeconds: 0, containers: [`+
		strings.ReplaceAll(container, "IMAGES", e.Registry)+`], volumes: [{name: www, configMap: {name: www, optional: true}}]}}`)
	env.CreateYAML[corev1.Service](e, `{metadata: {name: `+name+`}, spec: {selector: {app: `+name+`}, ports: [{port: 80, targetPort: 8080}]}}`)
	env.Wait(e, time.Minute, "the server "+name+" to be ready", func() (bool, string) {
		var pod corev1.Pod
		if err := e.Client.Get(e.Context(), client.ObjectKey{Namespace: e.Namespace, Name: name}, &pod); err != nil {
			return false, err.Error()
		}
		for _, c := range pod.Status.Conditions {
			if c.Type == corev1.PodReady {
				return c.Status == corev1.ConditionTrue, c.Message
			}
		}
		return false, string(pod.Status.Phase)
	})
}

// gitServer serves a repository lib with the files, pushed by a run.
func gitServer(e *env.Env, files map[string]string) {
	e.Helper()
	serve(e, "git", `{name: git, image: IMAGES/git-server, ports: [{containerPort: 8080}], readinessProbe: {tcpSocket: {port: 8080}, periodSeconds: 1}}`)
	script := "set -e\ngit init -q -b main /tmp/lib\ncd /tmp/lib\n"
	for name, text := range files {
		// Encoded, as its variables are not this run's.
		script += "echo " + base64.StdEncoding.EncodeToString([]byte(text)) + " | base64 -d > " + name + "\n"
	}
	script += "git add -A\ngit -c user.name=t -c user.email=t@example.com commit -qm lib\ngit push -q http://git." + e.Namespace + ".svc/git/lib.git main\n"
	e.Create(&v1.TaskRun{ObjectMeta: metav1.ObjectMeta{Namespace: e.Namespace, Name: "push"},
		Spec: v1.TaskRunSpec{TaskSpec: &v1.TaskSpec{Steps: []v1.Step{{Name: "push", Image: e.Registry + "/alpine/git", Script: "#!/bin/sh\n" + script,
			Env: []corev1.EnvVar{{Name: "HOME", Value: "/tmp"}}}}}}})
	if run := e.TaskRunDone("push", 2*time.Minute); !run.IsSuccessful() {
		e.Fatalf("push: %+v", run.Status.GetCondition(v1.ConditionSucceeded))
	}
}

// pushBundle pushes a bundle of one Task.
func pushBundle(e *env.Env, tag, object, text string) {
	e.Helper()
	var content bytes.Buffer
	w := tar.NewWriter(&content)
	must := func(err error) {
		e.Helper()
		if err != nil {
			e.Fatal(err)
		}
	}
	must(w.WriteHeader(&tar.Header{Name: object, Typeflag: tar.TypeReg, Size: int64(len(text)), Mode: 0o600}))
	_, err := w.Write([]byte(text))
	must(err)
	must(w.Close())
	var image ocispec.Image
	image, err = mutate.Append(empty.Image, mutate.Addendum{Layer: static.NewLayer(content.Bytes(), types.OCIUncompressedLayer), Annotations: map[string]string{
		"dev.tekton.image.name": object, "dev.tekton.image.kind": "task", "dev.tekton.image.apiVersion": "v1"}})
	must(err)
	ref, err := name.ParseReference(tag)
	must(err)
	must(remote.Write(ref, image))
}

// webServer serves a Task to whoever knows the password, and a hub to everybody.
func webServer(e *env.Env) {
	e.Helper()
	manifest, err := json.Marshal(map[string]any{"data": map[string]string{"manifestRaw": saying(e, "from-hub")}})
	if err != nil {
		e.Fatal(err)
	}
	e.Create(&corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: e.Namespace, Name: "www"}, Data: map[string]string{
		"task.yaml": saying(e, "from-web"), "0.2.0": string(manifest), "httpd.conf": "/private:ada:s3cret\n",
		"versions": `{"available_versions": [{"version": "0.1.0"}, {"version": "0.2.0"}, {"version": "1.0.0"}]}`}})
	e.Create(&corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: e.Namespace, Name: "web"}, StringData: map[string]string{"password": "s3cret"}})
	serve(e, "web", `{name: web, image: IMAGES/busybox, command: [sh, -c], args: ["h=/tmp/www/api/v1/packages/tekton-task/tekton-catalog-tasks/say && mkdir -p $h /tmp/www/private &&
  cp /www/0.2.0 $h/ && cp /www/versions $h/index.html && cp /www/task.yaml /tmp/www/private/ && exec httpd -f -p 8080 -h /tmp/www -c /www/httpd.conf"], volumeMounts: [{name: www, mountPath: /www}], readinessProbe: {tcpSocket: {port: 8080}, periodSeconds: 1}}`)
}

// Every resolver finds its part of one pipeline, which itself comes from a
// repository; each run says where its part came from.
func TestResolvers(t *testing.T) {
	t.Parallel()
	e := env.New(t)
	host := e.Namespace + ".svc"
	task := func(name, ref string) string {
		return "  - {name: " + name + ", taskRef: {" + ref + "}, params: [{name: who, value: $(params.who)}]}\n"
	}
	gitServer(e, map[string]string{
		"task.yaml":   saying(e, "from-git"),
		"action.yaml": "{apiVersion: tekton.dev/v1beta1, kind: StepAction, metadata: {name: a}, spec: {image: " + e.Registry + "/busybox, command: [echo, step, from, git]}}",
		"pipeline.yaml": "apiVersion: tekton.dev/v1\nkind: Pipeline\nmetadata: {name: all}\nspec:\n  params: [{name: who}]\n  tasks:\n" +
			task("git", "resolver: git, params: [{name: url, value: 'http://git."+host+"/git/lib.git'}, {name: revision, value: $(params.who)}, {name: pathInRepo, value: task.yaml}]") +
			task("web", "resolver: http, params: [{name: url, value: 'http://web."+host+"/private/task.yaml'}, {name: http-username, value: ada}, {name: http-password-secret, value: web}]") +
			task("hub", "resolver: hub, params: [{name: url, value: 'http://web."+host+"'}, {name: name, value: say}, {name: version, value: '< 1'}]") +
			task("bundle", "resolver: bundles, params: [{name: bundle, value: '"+e.Registry+"/"+e.Namespace+"/bundle:1'}, {name: name, value: from-bundle}, {name: kind, value: task}]") +
			task("near", "resolver: cluster, params: [{name: kind, value: task}, {name: name, value: from-cluster}, {name: namespace, value: "+e.Namespace+"}]") +
			"  - {name: step, taskSpec: {steps: [{name: act, ref: {resolver: git, params: [{name: url, value: 'http://git." + host + "/git/lib.git'}, {name: pathInRepo, value: action.yaml}]}}]}}\n",
	})
	webServer(e)
	pushBundle(e, e.Registry+"/"+e.Namespace+"/bundle:1", "from-bundle", saying(e, "from-bundle"))
	env.CreateYAML[v1.Task](e, saying(e, "from-cluster"))
	env.CreateYAML[v1.PipelineRun](e, `{metadata: {name: ci}, spec: {params: [{name: who, value: main}], pipelineRef: {resolver: git, params: [
  {name: url, value: "http://git.`+host+`/git/lib.git"}, {name: revision, value: $(params.who)}, {name: pathInRepo, value: pipeline.yaml}]}}}`)
	run := e.PipelineRunDone("ci", 3*time.Minute)
	wantOutcome(e, run, "Succeeded", "Tasks Completed: 6 (Failed: 0, Cancelled 0), Skipped: 0")
	if run.Status.Provenance == nil || run.Status.Provenance.RefSource.EntryPoint != "pipeline.yaml" || len(run.Status.Provenance.RefSource.Digest["sha1"]) != 40 {
		t.Errorf("the pipeline's provenance is %+v", run.Status.Provenance)
	}
	for task, uri := range map[string]string{"git": "git+http://git." + host + "/git/lib.git", "web": "http://web." + host + "/private/task.yaml",
		"hub":    "http://web." + host + "/api/v1/packages/tekton-task/tekton-catalog-tasks/say/0.2.0",
		"bundle": e.Registry + "/" + e.Namespace + "/bundle", "near": "/apis/tekton.dev/v1/namespaces/" + e.Namespace + "/task/from-cluster@"} {
		tr := childTaskRun(e, "ci-"+task)
		if tr.Status.Provenance == nil || !strings.HasPrefix(tr.Status.Provenance.RefSource.URI, uri) || len(tr.Status.Provenance.RefSource.Digest) != 1 {
			t.Errorf("task %s: provenance %+v, want %s", task, tr.Status.Provenance, uri)
		}
		if len(tr.Status.Results) != 1 || !strings.HasPrefix(tr.Status.Results[0].Value.StringVal, "from-") || !strings.HasSuffix(tr.Status.Results[0].Value.StringVal, " main") {
			t.Errorf("task %s: results %+v", task, tr.Status.Results)
		}
	}
	if p := childTaskRun(e, "ci-step").Status.Steps[0].Provenance; p == nil || p.RefSource.EntryPoint != "action.yaml" {
		t.Errorf("the step's provenance is %+v", p)
	}
}

// A server that does not answer keeps its own run waiting, and no other.
func TestResolverThatHangs(t *testing.T) {
	t.Parallel()
	e := env.New(t)
	serve(e, "mute", `{name: mute, image: IMAGES/busybox, command: [sh, -c, "while :; do nc -l -p 8080 -e sleep 300; done"], ports: [{containerPort: 8080}]}`)
	ref := func(name, host string) {
		env.CreateYAML[v1.TaskRun](e, `{metadata: {name: `+name+`}, spec: {taskRef: {resolver: http, params: [{name: url, value: "http://`+host+`/t.yaml"}]}}}`)
	}
	ref("hung", "mute."+e.Namespace+".svc")
	e.TaskRunWhen("hung", time.Minute, "to wait for its Task", func(tr *v1.TaskRun) bool {
		c := tr.Status.GetCondition(v1.ConditionSucceeded)
		return c != nil && c.IsUnknown() && c.Reason == "ResolvingTaskRef"
	})
	taskRunOf(e, "other", "echo hello")
	if other := e.TaskRunDone("other", 30*time.Second); !other.IsSuccessful() {
		t.Errorf("the other run: %+v", other.Status.GetCondition(v1.ConditionSucceeded))
	}
	ref("nowhere", "nobody."+e.Namespace+".svc")
	nowhere := e.TaskRunDone("nowhere", time.Minute)
	e.WantFailure(nowhere.Status.GetCondition(v1.ConditionSucceeded), "TaskRunResolutionFailed", "resolver http: http://nobody."+e.Namespace+".svc/t.yaml: ")
	hung := e.TaskRunDone("hung", 90*time.Second)
	e.WantFailure(hung.Status.GetCondition(v1.ConditionSucceeded), "TaskRunResolutionFailed", "resolver http: http://mute."+e.Namespace+".svc/t.yaml: no answer within 1m0s")
}

// taskRunOf makes a run of one step.
func taskRunOf(e *env.Env, name, script string) {
	e.Helper()
	e.Create(&v1.TaskRun{ObjectMeta: metav1.ObjectMeta{Namespace: e.Namespace, Name: name},
		Spec: v1.TaskRunSpec{TaskSpec: &v1.TaskSpec{Steps: []v1.Step{{Name: "ok", Image: e.Registry + "/busybox", Command: []string{"sh", "-c", script}}}}}})
}
