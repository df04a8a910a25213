package validation

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"

	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
	"github.com/slipway-dev/slipway/pkg/expr"
	"github.com/slipway-dev/slipway/pkg/guard"
	"github.com/slipway-dev/slipway/pkg/suggest"
)

// Task checks a Task.
func Task(t *v1.Task) field.ErrorList {
	if t.Malformed != nil {
		return unread(t.Malformed)
	}
	return TaskSpec(&t.Spec, field.NewPath("spec"))
}

// TaskSpec checks a Task that stands by itself: it may use only what it declares.
func TaskSpec(spec *v1.TaskSpec, at *field.Path) field.ErrorList {
	return taskSpec(spec, at, taskScope{})
}

// taskSpec checks a Task that also sees what is around it.
func taskSpec(spec *v1.TaskSpec, at *field.Path, s taskScope) field.ErrorList {
	var errs field.ErrorList
	if len(spec.Steps) == 0 {
		errs = append(errs, required(at.Child("steps"), "a Task needs at least one step"))
	}
	s.scope = s.declare(spec.Params)
	for _, w := range spec.Workspaces {
		s.scope = s.bind(w.Name)
	}
	errs = append(errs, paramSpecs(spec.Params, at.Child("params"))...)
	errs = append(errs, unique(at.Child("steps"), "step", len(spec.Steps), func(i int) string { return spec.Steps[i].Name })...)
	errs = append(errs, unique(at.Child("sidecars"), "sidecar", len(spec.Sidecars), func(i int) string { return spec.Sidecars[i].Name })...)
	errs = append(errs, unique(at.Child("volumes"), "volume", len(spec.Volumes), func(i int) string { return spec.Volumes[i].Name })...)
	errs = append(errs, workspaces(spec, at.Child("workspaces"))...)
	for i := range spec.Steps {
		st := stepCheck{&spec.Steps[i], at.Child("steps").Index(i)}
		errs = append(errs, st.check(spec.StepTemplate != nil && spec.StepTemplate.Image != "")...)
		errs = append(errs, usages(st.Workspaces, st.at, s.workspaces)...)
	}
	for i := range spec.Sidecars {
		errs = append(errs, sidecar(&spec.Sidecars[i], at.Child("sidecars").Index(i))...)
		errs = append(errs, usages(spec.Sidecars[i].Workspaces, at.Child("sidecars").Index(i), s.workspaces)...)
	}
	errs = append(errs, taskResults(spec, at.Child("results"))...)
	return append(errs, s.references(spec, at)...)
}

func workspaces(spec *v1.TaskSpec, at *field.Path) field.ErrorList {
	errs := unique(at, "workspace", len(spec.Workspaces), func(i int) string { return spec.Workspaces[i].Name })
	mounted := map[string]string{}
	for i := range spec.Steps {
		for _, m := range spec.Steps[i].VolumeMounts {
			mounted[path.Clean(m.MountPath)] = "a volume mount of a step"
		}
	}
	if spec.StepTemplate != nil {
		for _, m := range spec.StepTemplate.VolumeMounts {
			mounted[path.Clean(m.MountPath)] = "a volume mount of stepTemplate"
		}
	}
	for i, w := range spec.Workspaces {
		if w.Name == "" {
			errs = append(errs, required(at.Index(i).Child("name"), "a workspace needs a name"))
		}
		folder := path.Clean(w.MountPath)
		if w.MountPath == "" {
			folder = "/workspace/" + w.Name
		}
		if by, ok := mounted[folder]; ok {
			errs = append(errs, fail(field.ErrorTypeDuplicate, at.Index(i).Child("mountPath"), folder, fmt.Sprintf("%s is taken by %s", folder, by)))
		}
		mounted[folder] = fmt.Sprintf("workspace %q", w.Name)
	}
	return errs
}

func usages(used []v1.WorkspaceUsage, at *field.Path, known []string) (errs field.ErrorList) {
	for i, u := range used {
		if !slices.Contains(known, u.Name) {
			errs = append(errs, unknown(at.Child("workspaces").Index(i).Child("name"), "workspace", u.Name, known))
		}
	}
	return errs
}

type stepCheck struct {
	*v1.Step
	at *field.Path
}

func (s stepCheck) check(imageFromTemplate bool) (errs field.ErrorList) {
	errs = append(errs, dnsLabel(s.Name, s.at.Child("name"))...)
	if s.Ref != nil {
		errs = append(errs, ref(s.Ref.Name, s.Ref.ResolverRef, s.at.Child("ref"))...)
		errs = append(errs, s.besideRef()...)
	} else {
		errs = append(errs, s.body(imageFromTemplate)...)
	}
	if s.Timeout != nil && s.Timeout.Duration < 0 {
		errs = append(errs, invalid(s.at.Child("timeout"), s.Timeout.Duration.String(), "a timeout cannot be negative"))
	}
	errs = append(errs, onError(string(s.OnError), s.at.Child("onError"))...)
	for i, m := range s.VolumeMounts {
		at := s.at.Child("volumeMounts").Index(i)
		folder := path.Clean(m.MountPath)
		if strings.HasPrefix(folder, "/tekton/") && folder != "/tekton/home" && !strings.HasPrefix(folder, "/tekton/home/") {
			errs = append(errs, fail(field.ErrorTypeForbidden, at.Child("mountPath"), folder, "paths below /tekton are reserved; only /tekton/home may be mounted over"))
		}
		if strings.HasPrefix(m.Name, "tekton-internal-") {
			errs = append(errs, fail(field.ErrorTypeForbidden, at.Child("name"), m.Name, "names that start with tekton-internal- are reserved"))
		}
	}
	errs = append(errs, unique(s.at.Child("params"), "parameter", len(s.Params), func(i int) string { return s.Params[i].Name })...)
	errs = append(errs, stepResults(s.Results, s.at.Child("results"))...)
	return append(errs, when(s.When, s.at.Child("when"))...)
}

// besideRef refuses what the StepAction brings.
func (s stepCheck) besideRef() (errs field.ErrorList) {
	for _, f := range []struct {
		name  string
		given bool
	}{
		{"image", s.Image != ""}, {"command", len(s.Command) > 0}, {"args", len(s.Args) > 0}, {"script", s.Script != ""},
		{"workingDir", s.WorkingDir != ""}, {"env", s.Env != nil}, {"volumeMounts", len(s.VolumeMounts) > 0}, {"results", len(s.Results) > 0},
	} {
		if f.given {
			errs = append(errs, fail(field.ErrorTypeForbidden, s.at.Child(f.name), "", "comes from the StepAction in ref: remove it here, or remove ref"))
		}
	}
	return errs
}

func (s stepCheck) body(imageFromTemplate bool) (errs field.ErrorList) {
	if len(s.Params) > 0 {
		errs = append(errs, fail(field.ErrorTypeForbidden, s.at.Child("params"), "", "only a step with ref has params: a script uses those of the Task"))
	}
	if s.Image == "" && !imageFromTemplate {
		errs = append(errs, required(s.at.Child("image"), "a step needs an image, a ref, or an image in stepTemplate"))
	}
	return append(errs, scriptOrCommand(s.Script, s.Command, s.at)...)
}

func scriptOrCommand(script string, command []string, at *field.Path) (errs field.ErrorList) {
	if script != "" && len(command) > 0 {
		errs = append(errs, fail(field.ErrorTypeForbidden, at.Child("script"), "", "give either script or command"))
	}
	return errs
}

func sidecar(s *v1.Sidecar, at *field.Path) field.ErrorList {
	errs := dnsLabel(s.Name, at.Child("name"))
	if s.Image == "" {
		errs = append(errs, required(at.Child("image"), "a sidecar needs an image"))
	}
	return append(errs, scriptOrCommand(s.Script, s.Command, at)...)
}

func dnsLabel(name string, at *field.Path) (errs field.ErrorList) {
	if name != "" && len(validation.IsDNS1123Label(name)) > 0 {
		errs = append(errs, invalid(at, name, "%q: use at most 63 lower case letters, digits and hyphens, with a letter or digit at both ends", name))
	}
	return errs
}

func onError(s string, at *field.Path) (errs field.ErrorList) {
	known := []string{string(v1.Continue), string(v1.StopAndFail)}
	if s != "" && !strings.Contains(s, "$(") && !slices.Contains(known, s) {
		errs = append(errs, invalid(at, s, "%q: use continue or stopAndFail%s", s, suggest.DidYouMean(s, known)))
	}
	return errs
}

// ref checks a reference by name or by resolver.
func ref(name string, r v1.ResolverRef, at *field.Path) (errs field.ErrorList) {
	url, variable := strings.Contains(name, ":/"), strings.Contains(name, "$(")
	switch resolved := r.Resolver != ""; {
	case !resolved && name == "":
		errs = append(errs, required(at.Child("name"), "give a name or a resolver"))
	case resolved && name != "" && !url:
		errs = append(errs, fail(field.ErrorTypeForbidden, at.Child("name"), name, "give either a name or a resolver with params"))
	case resolved || variable:
	case url:
		errs = append(errs, required(at.Child("resolver"), "a URL needs a resolver to fetch it"))
	case len(validation.IsQualifiedName(name)) > 0:
		errs = append(errs, invalid(at.Child("name"), name, "%q is not the name of an object", name))
	}
	if r.Params != nil && name != "" {
		errs = append(errs, fail(field.ErrorTypeForbidden, at.Child("params"), "", "params here are for a resolver; those of the Task stand beside the reference"))
	}
	return append(errs, givenParams(r.Params, at.Child("params"))...)
}

func when(exprs v1.WhenExpressions, at *field.Path) (errs field.ErrorList) {
	for i, w := range exprs {
		at := at.Index(i)
		switch op := string(w.Operator); {
		case w.CEL != "" && (w.Input != "" || op != "" || len(w.Values) > 0):
			errs = append(errs, fail(field.ErrorTypeForbidden, at.Child("cel"), w.CEL, "give either cel, or input, operator and values"))
		case w.CEL != "":
			if err := guard.Check(w.CEL); err != nil {
				errs = append(errs, invalid(at.Child("cel"), w.CEL, "%v", err))
			}
		case op != "in" && op != "notin":
			errs = append(errs, invalid(at.Child("operator"), op, "%q: use in or notin", op))
		case len(w.Values) == 0:
			errs = append(errs, required(at.Child("values"), "give at least one value to compare with"))
		}
	}
	return errs
}

var resultName = regexp.MustCompile(`^([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]$`)

func result(name string, t v1.ResultsType, at *field.Path) (errs field.ErrorList) {
	if !resultName.MatchString(name) {
		errs = append(errs, invalid(at.Child("name"), name, "%q: use letters, digits, hyphens, underscores and dots, with a letter or digit at both ends", name))
	}
	if t != "" && !slices.Contains(v1.AllParamTypes, t) {
		errs = append(errs, invalid(at.Child("type"), t, "%q: a result is string, array or object", t))
	}
	return errs
}

func stepResults(results []v1.StepResult, at *field.Path) field.ErrorList {
	errs := unique(at, "result", len(results), func(i int) string { return results[i].Name })
	for i, r := range results {
		errs = append(errs, result(r.Name, r.Type, at.Index(i))...)
		errs = append(errs, properties(r.Properties, r.Type, at.Index(i))...)
	}
	return errs
}

func taskResults(spec *v1.TaskSpec, at *field.Path) field.ErrorList {
	errs := unique(at, "result", len(spec.Results), func(i int) string { return spec.Results[i].Name })
	for i, r := range spec.Results {
		errs = append(errs, result(r.Name, r.Type, at.Index(i))...)
		errs = append(errs, properties(r.Properties, r.Type, at.Index(i))...)
		if r.Value == nil || r.Value.Type == v1.ParamTypeString && r.Value.StringVal == "" {
			continue
		}
		if ref, ok := expr.Isolated(r.Value.StringVal); r.Value.Type != v1.ParamTypeString || !ok || len(ref.Path) < 4 || ref.Path[0] != "steps" || ref.Path[2] != "results" {
			errs = append(errs, invalid(at.Index(i).Child("value"), r.Value.StringVal, "give one result of a step, as $(steps.STEP.results.RESULT)"))
		}
	}
	return errs
}
