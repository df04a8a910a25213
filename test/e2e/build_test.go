//go:build e2e

package e2e

import (
	"cmp"
	"encoding/base64"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"sigs.k8s.io/yaml"

	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
	"github.com/slipway-dev/slipway/pipelines"
	"github.com/slipway-dev/slipway/test/env"
)

const sample = "../../pipelines/samples/hello-go"

// TestBuildImage builds the sample service twice with the shipped Task and runs what came out.
func TestBuildImage(t *testing.T) {
	t.Parallel()
	e := env.New(t)
	image := fmt.Sprintf("%s/e2e/%s/hello:1", e.Registry, e.Namespace)
	build := func(e *env.Env) *v1.TaskRun { return startBuild(e, sampleFiles(e), image, nil) }

	first := build(e)
	if e.AuditLog != "" { // The cluster is on this machine.
		wantUnprivilegedProcess(e, first.Name)
	}
	first = wantSuccess(e, first.Name)
	wantUnprivilegedPod(e, e.PodOf(first))
	log := e.ContainerLog(first.Status.PodName, "step-build")
	if !strings.Contains(log, "inside uid 0\n") {
		t.Errorf("the build is not root inside of its container:\n%s", log)
	}

	second := wantSuccess(e, build(e).Name)
	log = e.ContainerLog(second.Status.PodName, "step-build")
	wantAllCached(t, log)
	if a, b := result(e, first, "IMAGE_DIGEST"), result(e, second, "IMAGE_DIGEST"); a != b {
		t.Errorf("unchanged sources gave %s and %s", a, b)
	}
	wantServes(e, result(e, second, "IMAGE_URL")+"@"+result(e, second, "IMAGE_DIGEST"))
}

// TestBuildErrors: what a user did wrong is in the log's last line.
func TestBuildErrors(t *testing.T) {
	t.Parallel()
	e := env.New(t)
	tests := []struct{ why, dockerfile, want string }{
		{"a command that fails", "FROM %s/busybox\nRUN exit 7\n", "error: Dockerfile:2: RUN exit 7 exited with code 7"},
		{"an image that is not there", "FROM %s/no/such\n", "error: Dockerfile:1: FROM %[1]s/no/such: registry %[1]s has no image no/such:latest"},
		{"a file that is not there", "FROM %s/busybox\nCOPY nope /\n", `error: Dockerfile:2: COPY nope /: no file "nope" in the context /workspace/source`},
		{"a misspelt instruction", "FROM %s/busybox\nRUNN x\n", `error: Dockerfile:2: unknown instruction: RUNN; did you mean "RUN"?`},
	}
	for _, tt := range tests {
		t.Run(tt.why, func(t *testing.T) {
			files := map[string]string{"Dockerfile": fmt.Sprintf(tt.dockerfile, e.Registry)}
			tr := startBuild(e, files, e.Registry+"/e2e/errors:1", nil)
			wantLastLine(e, tr.Name, strings.ReplaceAll(tt.want, "%[1]s", e.Registry))
		})
	}
}

// TestBuildRegistryWithPassword: a registry that asks for a password refuses the push with a line that says so, and takes
// the image from who has it.
func TestBuildRegistryWithPassword(t *testing.T) {
	t.Parallel()
	e := env.New(t)
	host := passwordRegistry(e, "ada", "lovelace")
	files := map[string]string{"Dockerfile": "FROM " + e.Registry + "/busybox\nRUN touch /x\n"}

	refused := startBuild(e, files, host+"/app:1", nil)
	wantLastLine(e, refused.Name, "error: registry "+host+" refused the push of app:1: 401 Unauthorized")

	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "password"}, Type: corev1.SecretTypeDockerConfigJson,
		StringData: map[string]string{corev1.DockerConfigJsonKey: fmt.Sprintf(`{"auths":{%q:{"auth":%q}}}`,
			host, base64.StdEncoding.EncodeToString([]byte("ada:lovelace")))}}
	e.Create(secret)
	wantSuccess(e, startBuild(e, files, host+"/app:1", secret).Name)
}

// sampleFiles is the sample service, whose build also says who it is.
func sampleFiles(e *env.Env) map[string]string {
	e.Helper()
	files := map[string]string{}
	for _, name := range []string{"go.mod", "main.go", "handler.go", "handler_test.go", "Dockerfile", ".dockerignore"} {
		text, err := os.ReadFile(filepath.Join(sample, name))
		if err != nil {
			e.Fatal(err)
		}
		files[name] = string(text)
	}
	from := "FROM ${GO_IMAGE} AS build\n"
	files["Dockerfile"] = strings.Replace(files["Dockerfile"], from, from+"RUN echo \"inside uid $(id -u)\"\n", 1)
	return files
}

// startBuild runs the shipped Task build-image on the files, which a step before it puts into the workspace.
func startBuild(e *env.Env, files map[string]string, image string, credentials *corev1.Secret) *v1.TaskRun {
	e.Helper()
	text, err := pipelines.Files.ReadFile("tasks/build-image/build-image.yaml")
	if err != nil {
		e.Fatal(err)
	}
	task := &v1.Task{}
	if err := yaml.UnmarshalStrict(text, task); err != nil {
		e.Fatal(err)
	}
	sources := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{GenerateName: "sources-"}, Data: files}
	e.Create(sources)
	spec := task.Spec
	spec.Steps[0].Image = pinned(e, e.Registry+"/slipway/builder:dev")
	spec.Volumes = append(spec.Volumes, corev1.Volume{Name: "sources", VolumeSource: corev1.VolumeSource{
		ConfigMap: &corev1.ConfigMapVolumeSource{LocalObjectReference: corev1.LocalObjectReference{Name: sources.Name}}}})
	spec.Steps = append([]v1.Step{{Name: "sources", Image: "busybox", VolumeMounts: []corev1.VolumeMount{{Name: "sources", MountPath: "/sources"}},
		Script: "cd /sources && cp -L $(ls -A | grep -v '^\\.\\.') $(workspaces.source.path)"}}, spec.Steps...)

	tr := &v1.TaskRun{ObjectMeta: metav1.ObjectMeta{GenerateName: "build-"}, Spec: v1.TaskRunSpec{TaskSpec: &spec,
		Workspaces: []v1.WorkspaceBinding{{Name: "source", EmptyDir: &corev1.EmptyDirVolumeSource{}}},
		Params: v1.Params{
			{Name: "IMAGE", Value: v1.ParamValue{Type: v1.ParamTypeString, StringVal: image}},
			{Name: "BUILD_ARGS", Value: v1.ParamValue{Type: v1.ParamTypeArray, ArrayVal: []string{"GO_IMAGE=" + e.Registry + "/golang:latest"}}},
		}}}
	if credentials != nil {
		tr.Spec.Workspaces = append(tr.Spec.Workspaces, v1.WorkspaceBinding{Name: "dockerconfig",
			Secret: &corev1.SecretVolumeSource{SecretName: credentials.Name}})
	}
	e.Create(tr)
	return tr
}

// pinned is the reference by digest, so that a node that has an older image of the tag does not use it.
func pinned(e *env.Env, reference string) string {
	e.Helper()
	ref, err := name.ParseReference(reference)
	if err != nil {
		e.Fatal(err)
	}
	desc, err := remote.Head(ref)
	if err != nil {
		e.Fatalf("%s: %v; run make install", reference, err)
	}
	return ref.Context().Digest(desc.Digest.String()).Name()
}

func wantSuccess(e *env.Env, name string) *v1.TaskRun {
	e.Helper()
	tr := e.TaskRunDone(name, 5*time.Minute)
	if !tr.IsSuccessful() {
		e.Fatalf("taskrun %s: %+v\n%s", name, tr.Status.GetCondition(v1.ConditionSucceeded), e.ContainerLog(tr.Status.PodName, "step-build"))
	}
	return tr
}

// wantLastLine waits for the build to fail and looks at the last line of its log.
func wantLastLine(e *env.Env, name, want string) {
	e.Helper()
	tr := e.TaskRunDone(name, 2*time.Minute)
	if !tr.IsFailure() {
		e.Fatalf("taskrun %s did not fail", name)
	}
	lines := strings.Split(strings.TrimSpace(e.ContainerLog(tr.Status.PodName, "step-build")), "\n")
	if last := lines[len(lines)-1]; !strings.HasPrefix(last, want) {
		e.Errorf("the last line is %q, want %q", last, want)
	}
}

func result(e *env.Env, tr *v1.TaskRun, name string) string {
	e.Helper()
	i := slices.IndexFunc(tr.Status.Results, func(r v1.TaskRunResult) bool { return r.Name == name })
	if i < 0 || tr.Status.Results[i].Value.StringVal == "" {
		e.Fatalf("taskrun %s has no result %s: %v", tr.Name, name, tr.Status.Results)
	}
	return tr.Status.Results[i].Value.StringVal
}

// wantUnprivilegedPod holds what a build may ask of a node.
func wantUnprivilegedPod(e *env.Env, pod *corev1.Pod) {
	e.Helper()
	if pod.Spec.HostUsers == nil || *pod.Spec.HostUsers {
		e.Error("the Pod shares the host's users")
	}
	if pod.Spec.HostNetwork || pod.Spec.HostPID || pod.Spec.HostIPC {
		e.Error("the Pod shares a namespace of the host")
	}
	for _, v := range pod.Spec.Volumes {
		if v.HostPath != nil {
			e.Errorf("volume %s is a path of the host", v.Name)
		}
	}
	five := []corev1.Capability{"CHOWN", "SETUID", "SETGID", "FOWNER", "DAC_OVERRIDE"}
	for _, c := range slices.Concat(pod.Spec.InitContainers, pod.Spec.Containers) {
		s := cmp.Or(c.SecurityContext, &corev1.SecurityContext{})
		if s.Privileged != nil && *s.Privileged || s.AllowPrivilegeEscalation == nil || *s.AllowPrivilegeEscalation {
			e.Errorf("container %s may gain privileges: %+v", c.Name, s)
		}
		if s.Capabilities == nil {
			continue
		}
		for _, capability := range s.Capabilities.Add {
			if !slices.Contains(five, capability) {
				e.Errorf("container %s has capability %s", c.Name, capability)
			}
		}
	}
}

// wantUnprivilegedProcess looks at the builder from the host, while it runs: it must not be the host's root.
func wantUnprivilegedProcess(e *env.Env, taskRun string) {
	e.Helper()
	tr := e.TaskRunWhen(taskRun, time.Minute, "to have a pod", func(tr *v1.TaskRun) bool { return tr.Status.PodName != "" })
	uid := string(e.PodOf(tr).UID)
	var status []byte
	env.Wait(e, 2*time.Minute, "the builder's process", func() (bool, string) {
		for _, pid := range env.Processes(uid, "/kaniko/builder") {
			text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
			status = text
			return err == nil, fmt.Sprint(err)
		}
		return false, "none"
	})
	uids := regexp.MustCompile(`(?m)^Uid:\s+(\d+)\s+(\d+)\s+(\d+)\s+(\d+)`).FindSubmatch(status)
	if uids == nil {
		e.Fatalf("no Uid in %s", status)
	}
	for _, u := range uids[1:] {
		if string(u) == "0" {
			e.Errorf("on the host, the builder is root: %s", uids[0])
		}
	}
}

// stageLine is a line of the summary: stage, steps, cached, commands run, time.
var stageLine = regexp.MustCompile(`(?m)^ *\S+ +(\d+) +(\d+) +(\d+) +[\d.]+s *$`)

func wantAllCached(t *testing.T, log string) {
	t.Helper()
	stages := stageLine.FindAllStringSubmatch(log, -1)
	if len(stages) != 2 {
		t.Fatalf("the summary has %d stages, want 2:\n%s", len(stages), log)
	}
	for _, s := range stages {
		if s[1] != s[2] || s[3] != "0" {
			t.Errorf("not all came from the cache: %s\n%s", s[0], log)
		}
	}
}

// wantServes runs the image in a Pod and asks it for a greeting.
func wantServes(e *env.Env, image string) {
	e.Helper()
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "hello"}, Spec: corev1.PodSpec{
		Containers: []corev1.Container{{Name: "hello", Image: image, ReadinessProbe: &corev1.Probe{PeriodSeconds: 1,
			ProbeHandler: corev1.ProbeHandler{HTTPGet: &corev1.HTTPGetAction{Path: "/healthz", Port: intstr.FromInt32(8080)}}}}}}}
	e.Create(pod)
	var answer string
	env.Wait(e, time.Minute, "the built service to answer", func() (bool, string) {
		body, err := e.Kube.CoreV1().Pods(e.Namespace).ProxyGet("http", pod.Name, "8080", "/", map[string]string{"name": "Ada"}).DoRaw(e.Context())
		answer = string(body)
		return err == nil, fmt.Sprint(err)
	})
	if want := "Hello, Ada! This is hello dev.\n"; answer != want {
		e.Errorf("the service answers %q, want %q", answer, want)
	}
}

// passwordRegistry serves a registry on the address from which this machine speaks to the cluster's, so that Pods reach it.
func passwordRegistry(e *env.Env, user, password string) string {
	e.Helper()
	conn, err := net.Dial("tcp", e.Registry)
	if err != nil {
		e.Fatal(err)
	}
	address, _, err := net.SplitHostPort(conn.LocalAddr().String())
	conn.Close()
	if err != nil {
		e.Fatal(err)
	}
	listener, err := net.Listen("tcp", net.JoinHostPort(address, "0"))
	if err != nil {
		e.Fatal(err)
	}
	open := registry.New(registry.Logger(log.New(io.Discard, "", 0)))
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if u, p, _ := r.BasicAuth(); u != user || p != password {
			w.Header().Set("WWW-Authenticate", `Basic realm="test"`)
			http.Error(w, `{"errors":[{"code":"UNAUTHORIZED","message":"authentication required"}]}`, http.StatusUnauthorized)
			return
		}
		open.ServeHTTP(w, r)
	}))
	server.Listener.Close()
	server.Listener = listener
	server.Start()
	e.Cleanup(server.Close)
	return listener.Addr().String()
}
