package pipelines

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"

	"github.com/slipway-dev/slipway/api/slipway/v1alpha1"
	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
	"github.com/slipway-dev/slipway/api/tekton/v1beta1"
	"github.com/slipway-dev/slipway/api/tekton/validation"
	"github.com/slipway-dev/slipway/pkg/cache"
	"github.com/slipway-dev/slipway/pkg/compile"
)

// load reads the one manifest of each folder below dir.
func load[T any](t *testing.T, dir string) map[string]*T {
	t.Helper()
	folders, err := fs.ReadDir(Files, dir)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]*T{}
	for _, folder := range folders {
		file := path.Join(dir, folder.Name(), folder.Name()+".yaml")
		text, err := fs.ReadFile(Files, file)
		if err != nil {
			t.Fatal(err)
		}
		obj := new(T)
		if err := yaml.UnmarshalStrict(text, obj); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		all[folder.Name()] = obj
	}
	return all
}

func readme(t *testing.T, dir, name string) string {
	t.Helper()
	text, err := fs.ReadFile(Files, path.Join(dir, name, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestTasksCompile makes a Pod of each Task, with nothing bound that is optional and with everything.
func TestTasksCompile(t *testing.T) {
	for name, task := range load[v1.Task](t, "tasks") {
		for _, whole := range []bool{false, true} {
			t.Run(name, func(t *testing.T) {
				if task.Name != name {
					t.Errorf("the task in folder %s is called %s", name, task.Name)
				}
				pod := podOf(t, task, whole)
				if len(pod.Spec.Containers) != len(task.Spec.Steps) || len(pod.Spec.InitContainers) != 0 {
					t.Errorf("%d containers and %d init containers for %d steps",
						len(pod.Spec.Containers), len(pod.Spec.InitContainers), len(task.Spec.Steps))
				}
				for _, c := range pod.Spec.Containers {
					checkContainer(t, c)
				}
			})
		}
	}
}

// podOf compiles the Task with a value for each parameter that needs one.
func podOf(t *testing.T, task *v1.Task, whole bool) *corev1.Pod {
	t.Helper()
	binding := compile.Binding{Name: "run", Namespace: "ns", UID: "u", TaskName: task.Name}
	for _, p := range task.Spec.Params {
		if p.Default == nil {
			binding.Params = append(binding.Params, v1.Param{Name: p.Name, Value: v1.ParamValue{Type: v1.ParamTypeString, StringVal: "r.example/x:1"}})
		}
	}
	for _, w := range task.Spec.Workspaces {
		if whole || !w.Optional {
			binding.Workspaces = append(binding.Workspaces, v1.WorkspaceBinding{Name: w.Name, EmptyDir: &corev1.EmptyDirVolumeSource{}})
		}
	}
	return bound(t, &task.Spec, binding)
}

func bound(t *testing.T, in *v1.TaskSpec, binding compile.Binding) *corev1.Pod {
	t.Helper()
	spec, err := compile.Spec(in, binding)
	if err != nil {
		t.Fatal(err)
	}
	pod, err := compile.Pod(compile.Input{Name: "pod", Tasks: []compile.Task{{Spec: spec, Workspaces: binding.Workspaces}},
		Owner:   compile.Owner{APIVersion: "tekton.dev/v1", Kind: "TaskRun", Namespace: "ns", Name: "run", UID: "u"},
		Options: compile.Options{EntrypointImage: "entrypoint", ImageVolumes: true, UserNamespaces: true}})
	if err != nil {
		t.Fatal(err)
	}
	if pod.Spec.HostUsers == nil || *pod.Spec.HostUsers {
		t.Error("the Pod shares the host's users")
	}
	return pod
}

// TestStepActionsCompile makes a Pod of a step for each, with values for what has no default alone and for all.
func TestStepActionsCompile(t *testing.T) {
	for name, action := range load[v1beta1.StepAction](t, "stepactions") {
		for _, whole := range []bool{false, true} {
			t.Run(name, func(t *testing.T) {
				if action.Name != name {
					t.Errorf("the step action in folder %s is called %s", name, action.Name)
				}
				if errs := validation.StepAction(action); len(errs) > 0 {
					t.Error(errs)
				}
				step := v1.Step{Name: "s", Ref: &v1.Ref{Name: name}}
				for _, p := range action.Spec.Params {
					if !whole && p.Default != nil {
						continue
					}
					value := v1.NewString("v")
					if p.Type == v1.ParamTypeArray {
						value = v1.NewArray("one", "two")
					}
					step.Params = append(step.Params, v1.Param{Name: p.Name, Value: *value})
				}
				pod := bound(t, &v1.TaskSpec{Steps: []v1.Step{step}}, compile.Binding{Name: "run", Namespace: "ns", UID: "u",
					StepActions: map[int]*v1beta1.StepActionSpec{0: &action.Spec}})
				for _, c := range pod.Spec.Containers {
					checkContainer(t, c)
					if slices.ContainsFunc(c.Args, func(a string) bool { return strings.Contains(a, "$(") }) {
						t.Errorf("the arguments have variables left: %q", c.Args)
					}
				}
			})
		}
	}
}

// TestDocumentedCaching: what docs/caching.md shows can be applied as it stands, and fits the step actions.
func TestDocumentedCaching(t *testing.T) {
	text, err := os.ReadFile("../docs/caching.md")
	if err != nil {
		t.Fatal(err)
	}
	_, block, _ := strings.Cut(string(text), "```yaml\n")
	block, _, _ = strings.Cut(block, "```")
	taskText, pipelineText, _ := strings.Cut(block, "\n---\n")
	var task v1.Task
	var pipeline v1.Pipeline
	if err := errors.Join(yaml.UnmarshalStrict([]byte(taskText), &task), yaml.UnmarshalStrict([]byte(pipelineText), &pipeline)); err != nil {
		t.Fatal(err)
	}
	task.SetDefaults()
	pipeline.SetDefaults()
	if errs := append(validation.Task(&task), validation.Pipeline(&pipeline)...); len(errs) > 0 {
		t.Error(errs)
	}
	binding := compile.Binding{Name: "run", Namespace: "ns", UID: "u", StepActions: map[int]*v1beta1.StepActionSpec{},
		Workspaces: []v1.WorkspaceBinding{{Name: "source", EmptyDir: &corev1.EmptyDirVolumeSource{}}}}
	actions := load[v1beta1.StepAction](t, "stepactions")
	for i, step := range task.Spec.Steps {
		if step.Ref == nil {
			continue
		}
		action := actions[step.Ref.Name]
		if action == nil {
			t.Fatalf("no step action %s", step.Ref.Name)
		}
		binding.StepActions[i] = &action.Spec
		for _, p := range step.Params {
			if !slices.ContainsFunc(action.Spec.Params, func(s v1.ParamSpec) bool { return s.Name == p.Name && s.Type == p.Value.Type }) {
				t.Errorf("step %s: %s has no %s param %s", step.Name, action.Name, p.Value.Type, p.Name)
			}
		}
	}
	if pod := bound(t, &task.Spec, binding); len(binding.StepActions) != 4 || len(pod.Spec.Containers) != 6 {
		t.Errorf("%d step actions in %d containers", len(binding.StepActions), len(pod.Spec.Containers))
	}
}

// TestCachesKnowTheirScope: a run of a pull request carries it as an annotation, which its Pods inherit.
func TestCachesKnowTheirScope(t *testing.T) {
	for name, action := range load[v1beta1.StepAction](t, "stepactions") {
		i := slices.IndexFunc(action.Spec.Env, func(e corev1.EnvVar) bool { return e.Name == cache.ScopeVariable })
		if i < 0 || action.Spec.Env[i].ValueFrom.FieldRef.FieldPath != "metadata.annotations['"+v1alpha1.AnnotationCacheScope+"']" {
			t.Errorf("%s has the environment %+v", name, action.Spec.Env)
		}
	}
}

// checkContainer holds what the READMEs promise: no rights beyond the five of a build, and none to gain.
func checkContainer(t *testing.T, c corev1.Container) {
	t.Helper()
	s := c.SecurityContext
	if s == nil || s.AllowPrivilegeEscalation == nil || *s.AllowPrivilegeEscalation || s.Privileged != nil {
		t.Fatalf("%s: security context %+v", c.Name, s)
	}
	allowed := []corev1.Capability{"CHOWN", "SETUID", "SETGID", "FOWNER", "DAC_OVERRIDE"}
	if s.Capabilities != nil {
		for _, capability := range s.Capabilities.Add {
			if !slices.Contains(allowed, capability) {
				t.Errorf("%s: capability %s", c.Name, capability)
			}
		}
	}
}

// TestScriptsHoldNoValues: a value pasted into a script could be a command; they go by the environment.
func TestScriptsHoldNoValues(t *testing.T) {
	for name, task := range load[v1.Task](t, "tasks") {
		for _, step := range task.Spec.Steps {
			for _, variable := range []string{"$(params", "$(workspaces", "$(results", "$(tasks", "$(context", "$(steps"} {
				if strings.Contains(step.Script, variable) {
					t.Errorf("task %s, step %s: the script has %s…", name, step.Name, variable)
				}
			}
		}
	}
}

// TestPipelinesFitTheirTasks checks each reference of a Pipeline against the Task it names.
func TestPipelinesFitTheirTasks(t *testing.T) {
	tasks := load[v1.Task](t, "tasks")
	for name, pipeline := range load[v1.Pipeline](t, "pipelines") {
		for _, pt := range pipeline.Spec.Tasks {
			task, ok := tasks[pt.TaskRef.Name]
			if !ok {
				t.Errorf("pipeline %s: no task %s", name, pt.TaskRef.Name)
				continue
			}
			for _, p := range pt.Params {
				if !slices.ContainsFunc(task.Spec.Params, func(s v1.ParamSpec) bool { return s.Name == p.Name && s.Type == p.Value.Type }) {
					t.Errorf("pipeline %s: task %s has no %s param %s", name, task.Name, p.Value.Type, p.Name)
				}
			}
			for _, p := range task.Spec.Params {
				given := slices.ContainsFunc(pt.Params, func(g v1.Param) bool { return g.Name == p.Name })
				if p.Default == nil && !given {
					t.Errorf("pipeline %s: task %s needs param %s", name, task.Name, p.Name)
				}
			}
			for _, w := range pt.Workspaces {
				if !slices.ContainsFunc(task.Spec.Workspaces, func(d v1.WorkspaceDeclaration) bool { return d.Name == w.Name }) {
					t.Errorf("pipeline %s: task %s has no workspace %s", name, task.Name, w.Name)
				}
			}
		}
	}
}

// TestReadmesAreComplete: a README says a word on all that can be given and all that comes out.
func TestReadmesAreComplete(t *testing.T) {
	for name, task := range load[v1.Task](t, "tasks") {
		text := readme(t, "tasks", name)
		for _, p := range task.Spec.Params {
			mentions(t, name, text, p.Name)
		}
		for _, r := range task.Spec.Results {
			mentions(t, name, text, r.Name)
		}
		for _, w := range task.Spec.Workspaces {
			mentions(t, name, text, w.Name)
		}
	}
	for name, action := range load[v1beta1.StepAction](t, "stepactions") {
		text := readme(t, "stepactions", name)
		for _, p := range action.Spec.Params {
			mentions(t, name, text, p.Name)
		}
		for _, r := range action.Spec.Results {
			mentions(t, name, text, r.Name)
		}
	}
	for name, pipeline := range load[v1.Pipeline](t, "pipelines") {
		text := readme(t, "pipelines", name)
		for _, p := range pipeline.Spec.Params {
			mentions(t, name, text, p.Name)
		}
		for _, r := range pipeline.Spec.Results {
			mentions(t, name, text, r.Name)
		}
		for _, w := range pipeline.Spec.Workspaces {
			mentions(t, name, text, w.Name)
		}
	}
}

func mentions(t *testing.T, name, readme, word string) {
	t.Helper()
	if !strings.Contains(readme, "`"+word+"`") {
		t.Errorf("%s/README.md does not mention `%s`", name, word)
	}
}

// TestKustomizationIsComplete: what is shipped is installed by `kubectl apply -k pipelines`.
func TestKustomizationIsComplete(t *testing.T) {
	text, err := os.ReadFile("kustomization.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var kustomization struct{ Resources []string }
	if err := yaml.Unmarshal(text, &kustomization); err != nil {
		t.Fatal(err)
	}
	var shipped []string
	for _, pattern := range []string{"tasks/*/*.yaml", "stepactions/*/*.yaml", "pipelines/*/*.yaml"} {
		matches, err := fs.Glob(Files, pattern)
		if err != nil {
			t.Fatal(err)
		}
		shipped = append(shipped, matches...)
	}
	slices.Sort(shipped)
	slices.Sort(kustomization.Resources)
	if !slices.Equal(shipped, kustomization.Resources) {
		t.Errorf("kustomization.yaml lists\n%v, shipped are\n%v", kustomization.Resources, shipped)
	}
}
