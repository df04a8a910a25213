package plan

import (
	"maps"
	"slices"
	"strings"

	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
	"github.com/slipway-dev/slipway/api/tekton/v1beta1"
	"github.com/slipway-dev/slipway/pkg/convert"
	"github.com/slipway-dev/slipway/pkg/coschedule"
	"github.com/slipway-dev/slipway/pkg/plan/fill"
	"github.com/slipway-dev/slipway/pkg/plan/matrix"
	"github.com/slipway-dev/slipway/pkg/plan/names"
	"github.com/slipway-dev/slipway/pkg/share"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// create adds the claims and children that are due to the decision, and to the
// tasks as if they ran already.
func (d *Decision) create(s *state) {
	if s.dagEnded() && s.hasFinally() && d.Status.FinallyStartTime.IsZero() {
		d.Status.FinallyStartTime = &metav1.Time{Time: s.in.Now}
	}
	if len(s.run.Status.ChildReferences) == 0 {
		d.Claims = s.claims()
	}
	for _, t := range s.tasks {
		if t.phase == ready {
			d.createTask(s, t)
		}
	}
}

func (d *Decision) createTask(s *state, t *task) {
	cells := []matrix.Cell{nil}
	if t.spec.Matrix != nil {
		cells = matrix.Cells(t.spec.Matrix)
	}
	for i, cell := range cells {
		m := maker{state: s, task: t, name: names.Child(s.run.Name, t.spec.Name, i, len(cells))}
		if t.any(func(c *child) bool { return c.name == m.name }) {
			continue
		}
		m.params = append(cell.Params(), t.spec.Params...)
		d.createChild(&m)
	}
	t.phase = running
}

func (d *Decision) createChild(m *maker) {
	c := &child{name: m.name, params: m.params}
	switch t := &m.task.spec; {
	case t.PipelineRef != nil || t.PipelineSpec != nil:
		c.kind = kindPipelineRun
		d.PipelineRuns = append(d.PipelineRuns, m.pipelineRun())
	case t.IsCustomTask():
		c.kind = kindCustomRun
		d.CustomRuns = append(d.CustomRuns, m.customRun())
	default:
		c.kind = kindTaskRun
		d.TaskRuns = append(d.TaskRuns, m.taskRun())
	}
	m.task.children = append(m.task.children, c)
}

// maker makes one child.
type maker struct {
	*state
	task   *task
	name   string
	params v1.Params
}

func (m *maker) taskRun() *v1.TaskRun {
	t := &m.task.spec
	own := m.own()
	tr := &v1.TaskRun{
		TypeMeta:   metav1.TypeMeta{APIVersion: v1.SchemeGroupVersion.String(), Kind: kindTaskRun},
		ObjectMeta: m.meta(),
		Spec: v1.TaskRunSpec{
			Params: m.params, Workspaces: m.task.workspaces, Retries: t.Retries, Timeout: m.timeoutOf(m.task),
			ServiceAccountName: own.ServiceAccountName, PodTemplate: own.PodTemplate,
			StepSpecs: own.StepSpecs, SidecarSpecs: own.SidecarSpecs, ComputeResources: own.ComputeResources,
		},
	}
	if m.task.ignored() {
		tr.Annotations[v1.AnnotationPipelineTaskOnError] = string(v1.PipelineTaskContinue)
	}
	if t.TaskRef != nil {
		tr.Spec.TaskRef = t.TaskRef.DeepCopy()
		if t.TaskRef.Name != "" {
			tr.Labels[v1.LabelTask] = t.TaskRef.Name
		}
	} else {
		tr.Spec.TaskSpec = m.task.taskSpec.DeepCopy()
	}
	return tr
}

func (m *maker) customRun() *v1beta1.CustomRun {
	t := &m.task.spec
	cr := &v1beta1.CustomRun{
		TypeMeta:   metav1.TypeMeta{APIVersion: v1beta1.SchemeGroupVersion.String(), Kind: kindCustomRun},
		ObjectMeta: m.meta(),
		Spec: v1beta1.CustomRunSpec{
			Params: m.params, Workspaces: m.task.workspaces, Retries: t.Retries, Timeout: m.timeoutOf(m.task),
			ServiceAccountName: m.taskRunSpec(t.Name).ServiceAccountName,
		},
	}
	if t.TaskRef != nil {
		cr.Spec.CustomRef = t.TaskRef.DeepCopy()
	} else {
		cr.Spec.CustomSpec = &v1beta1.EmbeddedCustomRunSpec{TypeMeta: t.TaskSpec.TypeMeta, Metadata: t.TaskSpec.Metadata, Spec: t.TaskSpec.Spec}
	}
	return cr
}

func (m *maker) pipelineRun() *v1.PipelineRun {
	t := &m.task.spec
	own := m.own()
	pr := &v1.PipelineRun{
		TypeMeta:   metav1.TypeMeta{APIVersion: v1.SchemeGroupVersion.String(), Kind: kindPipelineRun},
		ObjectMeta: m.meta(),
		Spec: v1.PipelineRunSpec{
			PipelineRef: t.PipelineRef, PipelineSpec: t.PipelineSpec, Params: m.params, Workspaces: m.task.workspaces,
			TaskRunTemplate: v1.PipelineTaskRunTemplate{PodTemplate: own.PodTemplate, ServiceAccountName: own.ServiceAccountName},
		},
	}
	if timeout := m.timeoutOf(m.task); timeout != nil {
		pr.Spec.Timeouts = &v1.TimeoutFields{Pipeline: timeout}
	}
	return pr
}

// meta carries the labels and annotations of the run on to its child. Those of
// taskRunSpecs come before the run's, and the run's before those of the taskSpec.
func (m *maker) meta() metav1.ObjectMeta {
	labels, annotations := map[string]string{}, map[string]string{}
	if spec := m.task.spec.TaskSpec; spec != nil {
		maps.Copy(labels, spec.Metadata.Labels)
		maps.Copy(annotations, spec.Metadata.Annotations)
	}
	maps.Copy(labels, m.run.Labels)
	maps.Copy(annotations, m.run.Annotations)
	maps.DeleteFunc(annotations, func(k, _ string) bool { return reserved(k) })
	if own := m.taskRunSpec(m.task.spec.Name).Metadata; own != nil {
		maps.Copy(labels, own.Labels)
		maps.Copy(annotations, own.Annotations)
	}
	labels[v1.LabelPipelineRun] = m.run.Name
	labels[v1.LabelPipelineRunUID] = string(m.run.UID)
	labels[v1.LabelPipelineTask] = m.task.spec.Name
	if group := m.group(m.task.spec.Name); group != "" {
		labels[coschedule.Label] = group
	}
	if pod := m.sharedPod(m.task.spec.Name); pod != "" {
		annotations[share.PodAnnotation] = pod
	}
	labels[v1.LabelMemberOf] = v1.MemberOfTasks
	if m.task.final {
		labels[v1.LabelMemberOf] = v1.MemberOfFinally
	}
	if m.task.spec.PipelineRef != nil || m.task.spec.PipelineSpec != nil {
		delete(labels, v1.LabelPipeline)
	}
	return metav1.ObjectMeta{
		Name: m.name, Namespace: m.run.Namespace, Labels: labels, Annotations: annotations,
		OwnerReferences: []metav1.OwnerReference{OwnerRef(m.run)},
	}
}

// reserved reports whether an annotation speaks of the very object it is on.
func reserved(name string) bool {
	return name == corev1.LastAppliedConfigAnnotation || name == share.GroupsAnnotation || name == share.ScratchAnnotation || convert.IsNote(name) ||
		strings.HasPrefix(name, "chains.tekton.dev/") || strings.HasPrefix(name, "results.tekton.dev/")
}

// OwnerRef says that run owns an object, so that this goes when the run goes.
func OwnerRef(run *v1.PipelineRun) metav1.OwnerReference {
	return metav1.OwnerReference{
		APIVersion: v1.SchemeGroupVersion.String(), Kind: kindPipelineRun, Name: run.Name, UID: run.UID,
		Controller: new(true), BlockOwnerDeletion: new(true),
	}
}

// taskRunSpec is what the run says of one task, completed from what it says of all.
func (s *state) taskRunSpec(name string) v1.PipelineTaskRunSpec {
	template := s.run.Spec.TaskRunTemplate
	out := v1.PipelineTaskRunSpec{PipelineTaskName: name}
	if at := slices.IndexFunc(s.run.Spec.TaskRunSpecs, func(t v1.PipelineTaskRunSpec) bool { return t.PipelineTaskName == name }); at >= 0 {
		out = *s.run.Spec.TaskRunSpecs[at].DeepCopy()
	}
	if out.ServiceAccountName == "" {
		out.ServiceAccountName = template.ServiceAccountName
	}
	return out
}

// own is what the run says of the task that the child is of, with the values that
// the child gets.
func (m *maker) own() v1.PipelineTaskRunSpec {
	out := m.taskRunSpec(m.task.spec.Name)
	// Pinning the pipeline has found what is wrong with them.
	vars, _ := runVars(m.in, m.run.Status.PipelineSpec)
	vars = vars.Without(func(string) bool { return false })
	for _, p := range m.params {
		vars.Set("params."+p.Name, fill.ToExpr(p.Value))
	}
	out.PodTemplate = fill.PodTemplate(m.run.Spec.TaskRunTemplate.PodTemplate, out.PodTemplate, vars, m.task.vars)
	return out
}
