package compile

import (
	"fmt"
	"path"
	"slices"
	"strconv"

	corev1 "k8s.io/api/core/v1"

	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
	"github.com/slipway-dev/slipway/entrypoint/contract"
	"github.com/slipway-dev/slipway/pkg/expr"
	"github.com/slipway-dev/slipway/pkg/share"
)

// shared reports whether the Pod is that of a group, as its tasks have names.
func (in *Input) shared() bool { return len(in.Tasks) > 0 && in.Tasks[0].Name != "" }

// members are the containers of the steps of each task.
func (in *Input) members() share.Members {
	m := share.Members{}
	for _, t := range in.Tasks {
		for i, s := range t.Spec.Steps {
			m[t.Name] = append(m[t.Name], contract.Container(t.Name, StepName(i, s.Name)))
		}
	}
	return m
}

// containers is how many the Pod has, with those that begin it.
func (in *Input) containers() int {
	n := 0
	for _, t := range in.Tasks {
		n += len(t.Spec.Steps) + len(t.Spec.Sidecars)
	}
	if !in.Options.ImageVolumes {
		n++
	}
	return n
}

// own is a volume of the task's own; ofStep is one of a step.
func (b *builder) own(volume string) string { return ofTask(volume, b.task.Name) }

func (b *builder) ofStep(volume string, i int) string { return fmt.Sprintf("%s-%d", b.own(volume), i) }

func ofTask(volume, task string) string {
	if task == "" {
		return volume
	}
	return volume + "-" + shortHash(task)
}

// runDir is where the i-th step of a task keeps its marks.
func runDir(task string, i int) string { return path.Join(contract.RunDir, task, strconv.Itoa(i)) }

// inTask says which of several tasks an error is about.
func inTask(task string, err error) error {
	if task == "" {
		return err
	}
	return fmt.Errorf("task %q: %w", task, err)
}

// takeTurn has the task's first step wait for the tasks before it. It is not to run
// when a task failed that it would, in Pods of their own, have been stopped by.
func (b *builder) takeTurn(step *contract.Step) {
	if len(b.task.After) == 0 {
		return
	}
	for _, t := range b.in.Tasks {
		switch {
		case slices.Contains(b.task.After, t.Name):
			w := contract.Wait{File: lastMark(t), Always: t.Ignored}
			if t.Ignored {
				w.Begun = contract.MarkPath(runDir(t.Name, 0))
			}
			step.Wait = append(step.Wait, w)
		case t.Name != b.task.Name && !t.Ignored:
			step.Stop = append(step.Stop, lastMark(t))
		}
	}
	step.Needs, step.Optional, step.Lacks = b.taken(), b.task.Ignored, b.task.Lacks
}

// lastMark is that of the last step of a task.
func lastMark(t Task) string { return contract.MarkPath(runDir(t.Name, len(t.Spec.Steps)-1)) }

// taken are the results of its neighbours that the task takes.
func (b *builder) taken() []contract.Ref {
	texts := append(whenTexts(b.task.When), b.task.Needs...)
	for i := range b.task.Spec.Steps {
		texts = append(texts, whatRuns(&b.task.Spec.Steps[i])...)
	}
	var refs []contract.Ref
	for _, text := range texts {
		for _, r := range expr.References(text) {
			ref, ok := b.neighbourRef(r, text[r.Pos:r.End])
			if ok && !slices.ContainsFunc(refs, func(have contract.Ref) bool { return have.Text == ref.Text }) {
				refs = append(refs, ref)
			}
		}
	}
	return refs
}

func whenTexts(when v1.WhenExpressions) []string {
	var texts []string
	for _, w := range when {
		texts = append(append(texts, w.Input, w.CEL), w.Values...)
	}
	return texts
}

// neighbourRef is where the value of r is, if r is a result of a task that runs before
// this one in the same Pod.
func (b *builder) neighbourRef(r expr.Reference, text string) (contract.Ref, bool) {
	task, result, ok := r.Result()
	if !ok || r.Path[0] != "tasks" || !slices.Contains(b.task.After, task) {
		return contract.Ref{}, false
	}
	return contract.Ref{Text: text, File: path.Join(contract.PodResultsDir, task, result), Task: true}, true
}

func (b *builder) isOfNeighbour(r expr.Reference) bool {
	_, ok := b.neighbourRef(r, "")
	return ok
}

// mountNeighbours shows the i-th step the results that the task takes from others.
func (b *builder) mountNeighbours(i int) {
	for _, ref := range b.taken() {
		volume := ofTask(resultsVolume, contract.TaskOfResult(ref.File))
		addMount(&b.steps[i], corev1.VolumeMount{Name: volume, MountPath: path.Dir(ref.File), ReadOnly: true})
	}
}

// nameContainers gives the containers of a group names that tell the tasks apart.
func nameContainers(b *builder) error {
	if b.task.Name == "" {
		return nil
	}
	for i := range b.steps {
		b.steps[i].Name = contract.Container(b.task.Name, StepName(i, b.task.Spec.Steps[i].Name))
	}
	return nil
}
