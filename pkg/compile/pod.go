package compile

import (
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
	"github.com/slipway-dev/slipway/entrypoint/contract"
	"github.com/slipway-dev/slipway/pkg/coschedule"
)

// Input is all that a Pod is made from.
type Input struct {
	// Name of the Pod; see PodName.
	Name string
	// Owner is the run that the Pod belongs to.
	Owner Owner
	// Attempt counts from 0; it is what $(context.task.retry-count) stands for.
	Attempt int
	// Tasks are the group that shares the Pod, none before one that it runs after. A
	// TaskRun is a group of one.
	Tasks []Task
	// Scratch are the names of claims that do not exist: an emptyDir stands for each.
	Scratch []string
	// ServiceAccount is the account the Pod runs as. UsesToken says that the
	// run asked for this account by name and so may want its token.
	ServiceAccount string
	UsesToken      bool
	// PodTemplate may be nil.
	PodTemplate *v1.PodTemplate
	// Timeout of the attempt; 0 is none.
	Timeout time.Duration
	// Credentials are those of the service account, for every step.
	Credentials []contract.Credential
	// LimitRanges of the namespace.
	LimitRanges []corev1.LimitRange
	// Place is where the Pod is to run.
	Place   coschedule.Place
	Options Options
}

// Owner is the run that a Pod belongs to, with the labels and annotations that
// the Pod takes over.
type Owner struct {
	APIVersion, Kind, Namespace, Name string
	UID                               types.UID
	Labels, Annotations               map[string]string
}

// Task is one task of a group.
type Task struct {
	// Name is that of the task in its pipeline; empty where it has the Pod to itself.
	Name string
	// After are the names of the tasks of the group that must have ended before.
	After []string
	// When must hold, or none of its steps runs. What is known has been put in.
	When v1.WhenExpressions
	// Needs are references to results of the group, as $(tasks.T.results.R), without which
	// none of its steps runs, besides those in what they run.
	Needs []string
	// Ignored says that the tasks after it run though it failed, Lacks that it needs one
	// that was skipped.
	Ignored, Lacks bool
	// Spec is what Spec returned.
	Spec *v1.TaskSpec
	// Workspaces are the volumes bound; a volumeClaimTemplate has become the
	// claim made from it.
	Workspaces []v1.WorkspaceBinding
	// Resources are those of all steps together, or nil.
	Resources *corev1.ResourceRequirements
	// StepResources and SidecarResources replace what the spec says, by name.
	StepResources, SidecarResources map[string]corev1.ResourceRequirements
	// Images holds what images run by themselves, for steps that name no command.
	Images map[string]ImageCommand
	// Breakpoints is where steps halt; it may be nil.
	Breakpoints *v1.TaskBreakpoints
}

// ImageCommand is what an image runs when it is told nothing.
type ImageCommand struct {
	Entrypoint, Cmd []string
}

// Options is what the cluster and the installation decide.
type Options struct {
	// EntrypointImage holds the entrypoint at /entrypoint.
	EntrypointImage string
	// ImageVolumes says that nodes can mount it; else an init container copies it.
	ImageVolumes bool
	// UserNamespaces says that nodes can give each Pod its own.
	UserNamespaces bool
}

// ManagedLabel marks the Pods of Slipway, so that nothing else need be watched.
const ManagedLabel = "slipway.dev/managed"

// builder carries one task through the passes.
type builder struct {
	in       *Input
	task     *Task
	pod      *corev1.Pod
	steps    []corev1.Container
	sidecars []corev1.Container
}

type pass struct {
	name string
	run  func(*builder) error
}

// taskPasses turn one task into containers and volumes, in this order.
var taskPasses = []pass{
	{"supported", checkSupported},
	{"steps", makeSteps},
	{"sidecars", makeSidecars},
	{"internal volumes", mountInternal},
	{"breakpoints", addBreakpoints},
	{"workspaces", mountWorkspaces},
	{"credentials", mountCredentials},
	{"entrypoint", startByEntrypoint},
	{"resources", shareResources},
	{"volumes", addTaskVolumes},
	{"names", nameContainers},
}

// podPasses finish the Pod when every task is in it.
var podPasses = []pass{
	{"entrypoint delivery", deliverEntrypoint},
	{"pod template", applyTemplate},
	{"security", secure},
	{"metadata", describe},
	{"place", func(b *builder) error { b.in.Place.Apply(b.pod); return nil }},
}

// Pod makes the Pod of a group of tasks. The error names the field that cannot
// be translated.
func Pod(in Input) (*corev1.Pod, error) {
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: in.Name, Namespace: in.Owner.Namespace},
		Spec:       corev1.PodSpec{RestartPolicy: corev1.RestartPolicyNever, ServiceAccountName: in.ServiceAccount},
	}
	for i := range in.Tasks {
		task := in.Tasks[i]
		task.Spec = task.Spec.DeepCopy()
		b := &builder{in: &in, task: &task, pod: pod}
		if err := runPasses(b, taskPasses); err != nil {
			return nil, inTask(task.Name, err)
		}
		pod.Spec.InitContainers = append(pod.Spec.InitContainers, b.sidecars...)
		pod.Spec.Containers = append(pod.Spec.Containers, b.steps...)
	}
	if err := runPasses(&builder{in: &in, pod: pod}, podPasses); err != nil {
		return nil, err
	}
	return pod, nil
}

func runPasses(b *builder, passes []pass) error {
	for _, p := range passes {
		if err := p.run(b); err != nil {
			return err
		}
	}
	return nil
}

func (b *builder) addVolume(v corev1.Volume) {
	if !slices.ContainsFunc(b.pod.Spec.Volumes, func(have corev1.Volume) bool { return have.Name == v.Name }) {
		b.pod.Spec.Volumes = append(b.pod.Spec.Volumes, v)
	}
}

// addMount mounts unless something is mounted there already: what the user says
// comes first.
func addMount(c *corev1.Container, m corev1.VolumeMount) {
	if !slices.ContainsFunc(c.VolumeMounts, func(have corev1.VolumeMount) bool { return have.MountPath == m.MountPath }) {
		c.VolumeMounts = append(c.VolumeMounts, m)
	}
}

// Names of the volumes behind the paths below /tekton.
const (
	binVolume          = "tekton-internal-bin"
	workspaceDirVolume = "tekton-internal-workspace"
	homeVolume         = "tekton-internal-home"
	resultsVolume      = "tekton-internal-results"
	artifactsVolume    = "tekton-internal-artifacts"
	runVolume          = "tekton-internal-run"
	stepsVolume        = "tekton-internal-steps"
	scriptsVolume      = "tekton-internal-scripts"
	credsVolume        = "tekton-creds"
)

// mountInternal mounts what the contract promises. Of the folders for marks and for
// metadata a step may write its own alone, and read all.
//
// A subPath costs the kubelet two processes, and a volume next to nothing: so what is not
// read by others is a volume of its own.
func mountInternal(b *builder) error {
	for i := range b.steps {
		c := &b.steps[i]
		addMount(c, corev1.VolumeMount{Name: binVolume, MountPath: contract.BinDir, ReadOnly: true})
		alone := len(b.steps) == 1
		b.mountOwn(c, corev1.VolumeMount{Name: runVolume, MountPath: runDir(b.task.Name, i)}, contract.RunDir, alone && b.task.Name == "")
		b.mountOwn(c, corev1.VolumeMount{Name: b.own(stepsVolume), MountPath: contract.StepDir(c.Name)}, contract.StepsDir, alone)
		b.mountFolder(c, b.own(workspaceDirVolume), contract.WorkspaceDir)
		b.mountFolder(c, b.own(homeVolume), contract.HomeDir)
		b.mountFolder(c, b.own(resultsVolume), contract.ResultsDir)
		b.mountFolder(c, b.own(artifactsVolume), contract.ArtifactsDir)
		if b.task.Spec.Steps[i].Script != "" {
			b.mountFolder(c, b.ofStep(scriptsVolume, i), contract.ScriptsDir)
		}
		b.mountNeighbours(i)
	}
	for i := range b.sidecars {
		b.mountFolder(&b.sidecars[i], b.own(workspaceDirVolume), contract.WorkspaceDir)
	}
	return nil
}

// mountOwn mounts a volume at root, and that folder of it alone writable which m is
// for; or all of it where nobody else writes to it.
func (b *builder) mountOwn(c *corev1.Container, m corev1.VolumeMount, root string, alone bool) {
	if alone {
		b.mountFolder(c, m.Name, root)
		return
	}
	b.addVolume(emptyDir(m.Name))
	addMount(c, corev1.VolumeMount{Name: m.Name, MountPath: root, ReadOnly: true})
	m.SubPath = strings.TrimPrefix(m.MountPath, root+"/")
	addMount(c, m)
}

func (b *builder) mountFolder(c *corev1.Container, volume, at string) {
	b.addVolume(emptyDir(volume))
	addMount(c, corev1.VolumeMount{Name: volume, MountPath: at})
}

func emptyDir(name string) corev1.Volume {
	return corev1.Volume{Name: name, VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}}
}

func addTaskVolumes(b *builder) error {
	for _, v := range b.task.Spec.Volumes {
		if v.VolumeSource == (corev1.VolumeSource{}) {
			v.EmptyDir = &corev1.EmptyDirVolumeSource{}
		}
		b.addVolume(v)
	}
	return nil
}

// deliverEntrypoint brings the entrypoint binary into the Pod: as an image
// mounted as a volume, or copied by the Pod's one init container.
func deliverEntrypoint(b *builder) error {
	if b.in.Options.ImageVolumes {
		b.addVolume(corev1.Volume{Name: binVolume, VolumeSource: corev1.VolumeSource{
			Image: &corev1.ImageVolumeSource{Reference: b.in.Options.EntrypointImage},
		}})
		return nil
	}
	b.addVolume(emptyDir(binVolume))
	copyIt := corev1.Container{
		Name: "prepare", Image: b.in.Options.EntrypointImage,
		Command:      []string{"/entrypoint", contract.Install, contract.Entrypoint},
		VolumeMounts: []corev1.VolumeMount{{Name: binVolume, MountPath: contract.BinDir}},
	}
	b.pod.Spec.InitContainers = append([]corev1.Container{copyIt}, b.pod.Spec.InitContainers...)
	return nil
}

// checkSupported refuses what a spec may say and nothing here acts upon yet:
// better than to let it pass without effect.
func checkSupported(b *builder) error {
	for i, s := range b.task.Spec.Steps {
		if s.OnError != "" && s.OnError != v1.Continue && s.OnError != v1.StopAndFail {
			return fmt.Errorf("steps[%d].onError: %q: use continue or stopAndFail", i, s.OnError)
		}
	}
	return nil
}
