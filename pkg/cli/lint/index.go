package lint

import (
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation/field"

	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
	"github.com/slipway-dev/slipway/pkg/manifest"
	"github.com/slipway-dev/slipway/pkg/suggest"
)

const kindStepAction = "StepAction"

// index finds what an object refers to among the objects of the files.
type index struct {
	from manifest.Document
	docs []manifest.Document
	// slips are references to nothing in the files, but nearly so.
	slips []finding
}

// find returns the object of a kind and name that is meant: one in the same file
// first. It is nil when there is none, or several and no telling which.
func (x *index) find(kind, name string, at *field.Path) manifest.Object {
	var found []manifest.Document
	var names []string
	for _, d := range x.docs {
		if d.Object.GetObjectKind().GroupVersionKind().Kind != kind || !x.reaches(d.Object) {
			continue
		}
		names = append(names, d.Object.GetName())
		if d.Object.GetName() == name {
			found = append(found, d)
		}
	}
	if i := slices.IndexFunc(found, func(d manifest.Document) bool { return d.File == x.from.File }); i >= 0 {
		return found[i].Object
	}
	switch {
	case len(found) == 1:
		return found[0].Object
	case len(found) == 0 && !strings.Contains(name, "$("):
		x.slip(kind, name, names, at)
	}
	return nil
}

// reaches reports whether o may be in the namespace that references are looked up in.
func (x *index) reaches(o manifest.Object) bool {
	a, b := x.from.Object.GetNamespace(), o.GetNamespace()
	return a == "" || b == "" || a == b
}

func (x *index) slip(kind, name string, names []string, at *field.Path) {
	if hint := suggest.DidYouMean(name, names); hint != "" {
		x.slips = append(x.slips, finding{x.from.File, x.from.Line(at.String()), x.from.Field(at.String()), ruleReference, severityWarning,
			fmt.Sprintf("no %s named %q is in these files%s", kind, name, hint)})
	}
}

// task returns what a taskRef means; nil when it is not in the files.
func (x *index) task(ref *v1.TaskRef, at *field.Path) *v1.TaskSpec {
	if ref == nil || ref.Resolver != "" || ref.IsCustomTask() {
		return nil
	}
	if o, ok := x.find(v1.KindTask, ref.Name, at.Child("name")).(*v1.Task); ok {
		return &o.Spec
	}
	return nil
}

// unbound warns of workspaces that a TaskRun does not bind: an installation may
// have a volume for these.
func (x *index) unbound(run *v1.TaskRun, at *field.Path) (found []finding) {
	task := run.Spec.TaskSpec
	if task == nil {
		task = x.task(run.Spec.TaskRef, at.Child("taskRef"))
		x.slips = slices.Compact(x.slips)
	}
	if task == nil {
		return nil
	}
	at = at.Child("workspaces")
	for _, w := range task.Workspaces {
		if !w.Optional && !slices.ContainsFunc(run.Spec.Workspaces, func(b v1.WorkspaceBinding) bool { return b.Name == w.Name }) {
			found = append(found, finding{x.from.File, x.from.Line(at.String()), x.from.Field(at.String()), ruleReference, severityWarning,
				fmt.Sprintf("the Task needs workspace %q: the run fails unless default-task-run-workspace-binding gives it one", w.Name)})
		}
	}
	return found
}
