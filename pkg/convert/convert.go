// Package convert turns objects of tekton.dev/v1beta1 into tekton.dev/v1 and back.
//
// What differs is a table, Shapes. The conversion of objects, the schema of v1beta1
// and the reading of files are all made from it. What one version has no place
// for is kept in an annotation, so that the way there and back gives the same object.
package convert

import (
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/runtime"

	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
	"github.com/slipway-dev/slipway/api/tekton/v1beta1"
)

var (
	newest = v1.SchemeGroupVersion.String()
	older  = v1beta1.SchemeGroupVersion.String()
)

// Convert returns a Task, TaskRun, Pipeline or PipelineRun, as JSON has it, in the
// other version; obj stays as it is. The version is "v1" or "v1beta1", with or
// without "tekton.dev/" before it; an object of that version is returned as it is.
//
// An error is the object's own: it is of another kind, or says something twice.
// Whether a run can do justice to the object is not looked at, for what is in store
// must be readable; see Refused for that.
func Convert(obj map[string]any, version string) (map[string]any, error) {
	version = v1.GroupName + "/" + strings.TrimPrefix(version, v1.GroupName+"/")
	from, _ := obj["apiVersion"].(string)
	kind, _ := obj[kindField].(string)
	switch {
	case Shapes[kind] == nil || from != newest && from != older:
		return nil, fmt.Errorf("no conversion of a %s of %q", kind, from)
	case version != newest && version != older:
		return nil, fmt.Errorf("no conversion of a %s of %q to %q", kind, from, version)
	case from == version:
		return obj, nil
	}
	obj = runtime.DeepCopyJSON(obj)
	obj["apiVersion"] = version
	if version == newest {
		return obj, up(obj)
	}
	return obj, down(obj, kind)
}

func up(obj map[string]any) error {
	if errs := twice(obj); len(errs) > 0 {
		return errs[0]
	}
	noted := unshelve(obj, newest)
	if err := apply(obj, Changes(obj), older); err != nil {
		return err
	}
	restore(obj, noted)
	return nil
}

func down(obj map[string]any, kind string) error {
	noted := unshelve(obj, older)
	if err := apply(obj, Shapes[kind].down(obj, nil), newest); err != nil {
		return err
	}
	restore(obj, noted)
	return nil
}

// apply makes the changes, and notes in the object's annotations what the version
// that it had needs on the way back.
func apply(obj map[string]any, changes []Change, version string) error {
	notes := map[string]any{}
	for _, c := range changes {
		value := c.Value
		if c.From != nil {
			value = take(obj, c.From)
		}
		if c.To != nil {
			if err := put(obj, c.To, value); err != nil {
				return err
			}
		}
		switch c.note {
		case keepValue:
			notes[c.From.String()] = value
		case keepPlace:
			notes[c.From.String()] = nil
		}
	}
	return shelve(obj, notes, version)
}
