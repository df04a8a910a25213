package compile

import (
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
	"github.com/slipway-dev/slipway/entrypoint/contract"
	"github.com/slipway-dev/slipway/pkg/compile/fields"
	"github.com/slipway-dev/slipway/pkg/compile/merge"
	"github.com/slipway-dev/slipway/pkg/compile/requests"
	"github.com/slipway-dev/slipway/pkg/expr"
	"github.com/slipway-dev/slipway/pkg/guard"
)

// makeSteps makes a container of each step, on top of the step template.
func makeSteps(b *builder) error {
	spec := b.task.Spec
	var vars expr.Vars
	vars.SetText(retryCount, fmt.Sprint(b.in.Attempt))
	for i := range spec.Steps {
		s := &spec.Steps[i]
		if err := (fields.Walker{Vars: vars}).Put(s); err != nil {
			return fields.At(fmt.Sprintf("steps[%d]", i), err)
		}
		if spec.StepTemplate != nil {
			mergeTemplate(s, spec.StepTemplate)
		}
		if s.Image == "" {
			return fmt.Errorf("steps[%d].image: step %q names no image, and there is no stepTemplate.image", i, StepName(i, s.Name))
		}
		b.steps = append(b.steps, corev1.Container{
			Name: StepContainer(i, s.Name), Image: s.Image, ImagePullPolicy: s.ImagePullPolicy,
			Command: []string{contract.Entrypoint},
			EnvFrom: s.EnvFrom, Env: s.Env, Resources: s.ComputeResources,
			VolumeMounts: slices.Clone(s.VolumeMounts), VolumeDevices: s.VolumeDevices,
			SecurityContext: s.SecurityContext, TerminationMessagePath: contract.Termination,
		})
	}
	return nil
}

// mergeTemplate gives a step what it does not say itself.
func mergeTemplate(s *v1.Step, t *v1.StepTemplate) {
	merge.Text(&s.Image, t.Image)
	merge.Text(&s.WorkingDir, t.WorkingDir)
	merge.Text(&s.ImagePullPolicy, t.ImagePullPolicy)
	if len(s.Command) == 0 && s.Script == "" {
		s.Command = t.Command
	}
	if len(s.Args) == 0 {
		s.Args = t.Args
	}
	s.SecurityContext = merge.Security(t.SecurityContext, s.SecurityContext)
	s.EnvFrom = append(slices.Clone(t.EnvFrom), s.EnvFrom...)
	s.Env = merge.By(t.Env, s.Env, func(e corev1.EnvVar) string { return e.Name })
	s.VolumeMounts = merge.By(t.VolumeMounts, s.VolumeMounts, func(m corev1.VolumeMount) string { return m.MountPath })
	s.VolumeDevices = merge.By(t.VolumeDevices, s.VolumeDevices, func(d corev1.VolumeDevice) string { return d.DevicePath })
	s.ComputeResources.Requests = requests.Merge(t.ComputeResources.Requests, s.ComputeResources.Requests)
	s.ComputeResources.Limits = requests.Merge(t.ComputeResources.Limits, s.ComputeResources.Limits)
}

// startByEntrypoint has the entrypoint run each step: after the one before it,
// and with what the step itself would have run as its instructions.
func startByEntrypoint(b *builder) error {
	containers := b.in.containers()
	for i := range b.steps {
		s := &b.task.Spec.Steps[i]
		step, err := b.instructions(i, s)
		if err != nil {
			return fields.At(fmt.Sprintf("steps[%d]", i), err)
		}
		step.MessageLimit = contract.MessageLimit(containers)
		step.SecretEnv, step.SecretPaths = b.secretsOf(i)
		b.steps[i].Args = step.Args()
	}
	return nil
}

func (b *builder) instructions(i int, s *v1.Step) (contract.Step, error) {
	name := b.steps[i].Name
	step := contract.Step{
		Name: StepName(i, s.Name), Index: i,
		RunDir: runDir(b.task.Name, i), StepDir: contract.StepDir(name),
		Results: declaredResults(b.task.Spec), StepResults: stepResults(s),
		Artifacts:       usesArtifacts(s),
		NoNetwork:       b.hermetic(),
		ContinueOnError: s.OnError == v1.Continue,
		WorkingDir:      s.WorkingDir, Credentials: b.in.Credentials, Script: s.Script,
	}
	if i > 0 {
		step.Wait = []contract.Wait{{File: contract.MarkPath(runDir(b.task.Name, i-1))}}
	} else {
		b.takeTurn(&step)
		for other := 1; other < len(b.steps); other++ {
			step.Hold = append(step.Hold, runDir(b.task.Name, other))
		}
	}
	if s.Timeout != nil {
		step.Timeout = contract.Duration(s.Timeout.Duration)
	}
	if s.StdoutConfig != nil {
		step.Stdout = s.StdoutConfig.Path
	}
	if s.StderrConfig != nil {
		step.Stderr = s.StderrConfig.Path
	}
	step.BreakBefore, step.BreakOnFailure = b.breakpoints(i)
	var err error
	if step.When, step.Guards, err = guards(s.When, isOfStep); err != nil {
		return step, err
	}
	if step.TaskWhen, step.TaskGuards, err = guards(b.task.When, b.isOfNeighbour); err != nil {
		return step, err
	}
	command, err := b.command(s)
	if err != nil {
		return step, err
	}
	step.Command = command
	step.Refs, err = b.refs(i, s)
	return step, err
}

// guards are what must hold, of which late tells the references that only the Pod
// knows the values of.
func guards(when v1.WhenExpressions, late func(expr.Reference) bool) (list []contract.When, inCEL []contract.Guard, _ error) {
	for i, w := range when {
		if w.CEL == "" {
			list = append(list, contract.When{Input: w.Input, Operator: string(w.Operator), Values: w.Values})
			continue
		}
		g, err := guard.Translate(w.CEL, late)
		if err != nil {
			return nil, nil, fields.At(fmt.Sprintf("when[%d]", i), err)
		}
		inCEL = append(inCEL, g)
	}
	return list, inCEL, nil
}

// command is what the step runs besides a script: its own command or what its
// image runs, with the arguments.
func (b *builder) command(s *v1.Step) ([]string, error) {
	switch {
	case s.Script != "":
		return s.Args, nil
	case len(s.Command) > 0:
		return append(slices.Clone(s.Command), s.Args...), nil
	}
	image, ok := b.task.Images[s.Image]
	if !ok {
		return nil, fmt.Errorf("command: missing, and it is not known what image %s runs", s.Image)
	}
	// Where an image has no entrypoint, its command is what takes the arguments.
	command, args := image.Entrypoint, s.Args
	if len(command) == 0 {
		command = image.Cmd
	} else if len(args) == 0 {
		args = image.Cmd
	}
	command = append(slices.Clone(command), args...)
	if len(command) == 0 {
		return nil, fmt.Errorf("command: missing, and image %s has neither an entrypoint nor a command; add command or script", s.Image)
	}
	return command, nil
}

// NeedsImageCommand lists the images of which it must be known what they run:
// those of steps that have neither a command nor a script.
func NeedsImageCommand(spec *v1.TaskSpec) []string {
	var images []string
	for i := range spec.Steps {
		s := spec.Steps[i].DeepCopy()
		if spec.StepTemplate != nil {
			mergeTemplate(s, spec.StepTemplate)
		}
		if len(s.Command) == 0 && s.Script == "" && !slices.Contains(images, s.Image) {
			images = append(images, s.Image)
		}
	}
	return images
}

func declaredResults(spec *v1.TaskSpec) []contract.Declared {
	var out []contract.Declared
	for _, r := range spec.Results {
		if r.Value == nil {
			out = append(out, contract.Declared{Name: r.Name, Type: resultType(r.Type, r.Properties)})
		}
	}
	return out
}

func stepResults(s *v1.Step) []contract.Declared {
	var out []contract.Declared
	for _, r := range s.Results {
		out = append(out, contract.Declared{Name: r.Name, Type: resultType(r.Type, r.Properties)})
	}
	return out
}

func resultType(t v1.ResultsType, properties map[string]v1.PropertySpec) string {
	switch {
	case t == v1.ResultsTypeString:
		return ""
	case t == "" && properties != nil:
		return string(v1.ResultsTypeObject)
	}
	return string(t)
}

// usesArtifacts reports whether the step names a provenance file.
func usesArtifacts(s *v1.Step) bool {
	texts := append(append([]string{s.Script}, s.Command...), s.Args...)
	for _, e := range s.Env {
		texts = append(texts, e.Value)
	}
	return slices.ContainsFunc(texts, func(t string) bool {
		return strings.Contains(t, contract.TaskArtifacts) || strings.Contains(t, "/artifacts/provenance.json")
	})
}

// whatRuns is every text of what the step runs into which values may be put.
func whatRuns(s *v1.Step) []string {
	texts := append(append([]string{s.Script}, s.Command...), s.Args...)
	for _, e := range s.Env {
		if !strings.HasPrefix(e.Name, contract.ValuePrefix) {
			texts = append(texts, e.Value)
		}
	}
	return texts
}

// refs lists the values that earlier steps and other tasks produce and this step uses.
func (b *builder) refs(i int, s *v1.Step) ([]contract.Ref, error) {
	texts := slices.Concat(whatRuns(s), whenTexts(s.When), whenTexts(b.task.When))
	var refs []contract.Ref
	for _, text := range texts {
		for _, r := range expr.References(text) {
			ref, ok := b.neighbourRef(r, text[r.Pos:r.End])
			if !ok && !isOfStep(r) {
				continue
			}
			var err error
			if !ok {
				ref, err = b.ref(i, r, text[r.Pos:r.End])
			}
			if err != nil {
				return nil, err
			}
			if !slices.ContainsFunc(refs, func(have contract.Ref) bool { return have.Text == ref.Text }) {
				refs = append(refs, ref)
			}
		}
	}
	return refs, nil
}

// isOfStep reports whether r is a result or an artifact of an earlier step.
func isOfStep(r expr.Reference) bool {
	return r.Path[0] == "steps" && (len(r.Path) > 3 && r.Path[2] == "results" || isArtifact(r))
}

func isArtifact(r expr.Reference) bool {
	return len(r.Path) > 2 && (r.Path[2] == "inputs" || r.Path[2] == "outputs")
}

func (b *builder) ref(i int, r expr.Reference, text string) (contract.Ref, error) {
	steps := b.task.Spec.Steps
	from := slices.IndexFunc(steps[:i], func(s v1.Step) bool { return s.Name == r.Path[1] })
	if from < 0 {
		return contract.Ref{}, fmt.Errorf("%s: no step named %q before this one", text, r.Path[1])
	}
	if isArtifact(r) {
		report := contract.StepArtifactsPath(contract.StepDir(b.steps[from].Name))
		return contract.Ref{Text: text, File: report, Artifacts: r.Path[2], Key: strings.Join(r.Path[3:], ".")}, nil
	}
	result := slices.IndexFunc(steps[from].Results, func(res v1.StepResult) bool { return res.Name == r.Path[3] })
	if result < 0 {
		return contract.Ref{}, fmt.Errorf("%s: step %q declares no result named %q", text, r.Path[1], r.Path[3])
	}
	ref := contract.Ref{Text: text, File: contract.StepResultPath(contract.StepDir(b.steps[from].Name), r.Path[3])}
	switch {
	case len(r.Path) > 4:
		ref.Key = strings.Join(r.Path[4:], ".")
	case r.Selector == expr.All:
		ref.All = true
	case r.Selector == expr.At:
		ref.Index = &r.Index
	}
	return ref, nil
}

// deadline is when the kubelet ends a Pod that its controller forgot: well after
// the controller should have.
func deadline(timeout time.Duration) *int64 {
	if timeout <= 0 {
		return nil
	}
	seconds := int64((timeout + timeout/2).Seconds()) + 1
	return &seconds
}
