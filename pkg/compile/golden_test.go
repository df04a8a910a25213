package compile

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"

	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
	"github.com/slipway-dev/slipway/api/tekton/v1beta1"
	"github.com/slipway-dev/slipway/entrypoint/contract"
	"github.com/slipway-dev/slipway/pkg/untrusted"
)

var update = flag.Bool("update", false, "write the golden files anew")

// fixture is one file of testdata: a run, and what its cluster is like.
type fixture struct {
	// Why says what the case shows.
	Why string `json:"why"`
	// Run holds the spec in place; its status is not read.
	Run v1.TaskRun `json:"run"`
	// ByReference treats the run's taskSpec as that of a Task that it refers to.
	ByReference bool                                   `json:"byReference"`
	Actions     map[int]*v1beta1.StepActionSpec        `json:"actions"`
	Images      map[string]ImageCommand                `json:"images"`
	Credentials []contract.Credential                  `json:"credentials"`
	LimitRanges []corev1.LimitRange                    `json:"limitRanges"`
	Attempt     int                                    `json:"attempt"`
	OldNodes    bool                                   `json:"oldNodes"`
	Resources   map[string]corev1.ResourceRequirements `json:"stepResources"`
	// Tasks share the Pod; then the run is that of their pipeline, and has no spec.
	Tasks []struct {
		Name       string                `json:"name"`
		After      []string              `json:"after"`
		When       v1.WhenExpressions    `json:"when"`
		Needs      []string              `json:"needs"`
		Ignored    bool                  `json:"ignored"`
		Lacks      bool                  `json:"lacks"`
		Params     v1.Params             `json:"params"`
		Workspaces []v1.WorkspaceBinding `json:"workspaces"`
		Spec       v1.TaskSpec           `json:"spec"`
	} `json:"tasks"`
	// Scratch are the claims of Tasks that an emptyDir stands for.
	Scratch []string `json:"scratch"`
	// Error is what Spec or Pod is to say; then there is no golden file.
	Error string `json:"error"`
}

func (f fixture) compile() (*corev1.Pod, error) {
	if len(f.Tasks) > 0 {
		return f.compileShared()
	}
	run := f.Run
	binding := Binding{
		Name: run.Name, Namespace: run.Namespace, UID: string(run.UID), TaskName: "the-task", Inline: !f.ByReference,
		Params: run.Spec.Params, Workspaces: run.Spec.Workspaces, StepActions: f.Actions, Strangers: untrusted.Of(run.Annotations),
	}
	var err error
	if binding.Workspaces, err = Workspaces(run.Spec.TaskSpec.Params, binding); err != nil {
		return nil, err
	}
	spec, err := Spec(run.Spec.TaskSpec, binding)
	if err != nil {
		return nil, err
	}
	var breakpoints *v1.TaskBreakpoints
	if run.Spec.Debug != nil {
		breakpoints = run.Spec.Debug.Breakpoints
	}
	return Pod(Input{
		Name: PodName(run.Name, f.Attempt), Attempt: f.Attempt,
		Owner: Owner{APIVersion: "tekton.dev/v1", Kind: "TaskRun", Namespace: run.Namespace, Name: run.Name, UID: run.UID,
			Labels: run.Labels, Annotations: run.Annotations},
		Tasks: []Task{{Spec: spec, Workspaces: binding.Workspaces, Images: f.Images, Resources: run.Spec.ComputeResources,
			StepResources: f.Resources, Breakpoints: breakpoints}},
		ServiceAccount: "default", UsesToken: run.Spec.ServiceAccountName != "", PodTemplate: run.Spec.PodTemplate,
		Timeout: time.Hour, Credentials: f.Credentials, LimitRanges: f.LimitRanges,
		Options: Options{EntrypointImage: "example.com/entrypoint:1", ImageVolumes: !f.OldNodes, UserNamespaces: !f.OldNodes},
	})
}

func (f fixture) compileShared() (*corev1.Pod, error) {
	in := Input{
		Name: f.Run.Name + "-tasks-0", Owner: Owner{APIVersion: "tekton.dev/v1", Kind: "PipelineRun", Namespace: f.Run.Namespace,
			Name: f.Run.Name, UID: f.Run.UID, Labels: f.Run.Labels, Annotations: f.Run.Annotations},
		ServiceAccount: "default", Timeout: time.Hour, Scratch: f.Scratch,
		Options: Options{EntrypointImage: "example.com/entrypoint:1", ImageVolumes: true, UserNamespaces: true},
	}
	for _, t := range f.Tasks {
		spec, err := Spec(&t.Spec, Binding{Name: f.Run.Name + "-" + t.Name, Namespace: f.Run.Namespace, TaskName: t.Name, Inline: true, Params: t.Params, Workspaces: t.Workspaces})
		if err != nil {
			return nil, err
		}
		in.Tasks = append(in.Tasks, Task{Name: t.Name, After: t.After, When: t.When, Needs: t.Needs, Ignored: t.Ignored, Lacks: t.Lacks, Spec: spec, Workspaces: t.Workspaces})
	}
	return Pod(in)
}

func TestGolden(t *testing.T) {
	files, err := filepath.Glob("testdata/*.in.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no fixtures: %v", err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".in.yaml")
		t.Run(name, func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var f fixture
			if err := yaml.UnmarshalStrict(text, &f); err != nil {
				t.Fatal(err)
			}
			pod, err := f.compile()
			if f.Error != "" {
				if err == nil || err.Error() != f.Error {
					t.Fatalf("%s:\nerror %v\n want %s", f.Why, err, f.Error)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			checkInvariants(t, pod)
			compareGolden(t, "testdata/"+name+".pod.yaml", pod, f.Why)
		})
	}
}

func compareGolden(t *testing.T, file string, pod *corev1.Pod, why string) {
	t.Helper()
	got, err := yaml.Marshal(pod)
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile(file, got, 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if errors.Is(err, os.ErrNotExist) {
		t.Fatalf("%s is missing: go test -update writes it", file)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s (-want +got):\n%s", why, diff)
	}
}

// checkInvariants holds every Pod to what no case may break.
func checkInvariants(t *testing.T, pod *corev1.Pod) {
	t.Helper()
	volumes := map[string]bool{}
	for _, v := range pod.Spec.Volumes {
		if volumes[v.Name] {
			t.Errorf("volume %s is there twice", v.Name)
		}
		volumes[v.Name] = true
		if v.DownwardAPI != nil {
			t.Errorf("volume %s is a downward API: the kubelet rewrites it too late", v.Name)
		}
	}
	inits := 0
	for _, c := range allContainers(&pod.Spec) {
		paths := map[string]bool{}
		for _, m := range c.VolumeMounts {
			if !volumes[m.Name] {
				t.Errorf("container %s mounts volume %s, which is not there", c.Name, m.Name)
			}
			if paths[m.MountPath] {
				t.Errorf("container %s mounts twice at %s", c.Name, m.MountPath)
			}
			paths[m.MountPath] = true
		}
		if strings.HasPrefix(c.Name, "step-") {
			if _, err := contract.Parse(expanded(c.Args)); err != nil {
				t.Errorf("container %s: the entrypoint cannot read its arguments: %v", c.Name, err)
			}
		}
	}
	for _, c := range pod.Spec.InitContainers {
		if c.RestartPolicy == nil {
			inits++
		}
	}
	if inits > 1 {
		t.Errorf("%d init containers, and one is the most", inits)
	}
}

// expanded is what the kubelet makes of arguments without variables.
func expanded(args []string) []string {
	var out []string
	for _, a := range args {
		out = append(out, strings.ReplaceAll(a, "$$", "$"))
	}
	return out
}
