package convert

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	utiljson "k8s.io/apimachinery/pkg/util/json"
)

// annotations are Tekton's for whole fields of v1beta1 that v1 has no place for.
var annotations = map[string]string{
	"spec.resources":         "tekton.dev/v1beta1Resources",
	"status.cloudEvents":     "tekton.dev/v1beta1CloudEvents",
	"status.resourcesResult": "tekton.dev/v1beta1ResourcesResult",
	"status.taskRuns":        "tekton.dev/v1beta1TaskRuns",
	"status.runs":            "tekton.dev/v1beta1Runs",
}

// shelf is the annotation for all else that only one version has: a JSON object of
// paths in that version and of the values there. A field that the other version has
// elsewhere has null.
func shelf(version string) string {
	return "slipway.dev/" + strings.TrimPrefix(version, "tekton.dev/")
}

// places are the paths of what holds annotations. What belongs to the status is
// kept in the status, which is written without the rest of the object.
var places = map[string]Path{"metadata": {"metadata"}, statusField: {statusField}}

const (
	statusField      = "status"
	annotationsField = "annotations"
)

// shelve writes the notes down for the way back to version.
func shelve(obj map[string]any, notes map[string]any, version string) error {
	bundled := map[string]map[string]any{}
	for path, value := range notes {
		place := "metadata"
		if strings.HasPrefix(path, statusField+".") {
			place = statusField
		}
		if key := annotations[path]; key != "" && version == older {
			if err := annotate(obj, place, key, value); err != nil {
				return err
			}
			continue
		}
		if bundled[place] == nil {
			bundled[place] = map[string]any{}
		}
		bundled[place][path] = value
	}
	for place, values := range bundled {
		if err := annotate(obj, place, shelf(version), values); err != nil {
			return err
		}
	}
	return nil
}

func annotate(obj map[string]any, place, key string, value any) error {
	text, err := json.Marshal(value)
	if err != nil {
		return err
	}
	in, _ := get(obj, places[place].child(annotationsField))
	if all, ok := in.(map[string]any); ok {
		all[key] = string(text)
		return nil
	}
	take(obj, places[place].child(annotationsField))
	if err := put(obj, places[place].child(annotationsField, key), string(text)); err != nil {
		return fmt.Errorf("no place for the annotation %s: %w", key, err)
	}
	return nil
}

// unshelve takes out of the annotations what was noted for version. A text that is
// not of ours stays where it is.
func unshelve(obj map[string]any, version string) map[string]any {
	notes := map[string]any{}
	for _, place := range places {
		in, _ := get(obj, place.child(annotationsField))
		all, ok := in.(map[string]any)
		if !ok {
			continue
		}
		before := len(all)
		if values := map[string]any{}; takeJSON(all, shelf(version), &values) {
			maps.Copy(notes, values)
		}
		for path, key := range annotations {
			var value any
			if version == older && takeJSON(all, key, &value) {
				notes[path] = value
			}
		}
		if len(all) == 0 && before > 0 {
			take(obj, place.child(annotationsField))
		}
	}
	return notes
}

func takeJSON(all map[string]any, key string, into any) bool {
	text, _ := all[key].(string)
	if utiljson.Unmarshal([]byte(text), into) != nil {
		return false
	}
	delete(all, key)
	return true
}

// restore puts back what was noted where there still is a place for it that
// nothing has taken. A note of what both versions have is no note of a conversion.
func restore(obj map[string]any, notes map[string]any) {
	kind, _ := obj[kindField].(string)
	for _, text := range slices.Sorted(maps.Keys(notes)) {
		path := ParsePath(text)
		if !Shapes[kind].notes(path) || unfold(obj, path) {
			continue
		}
		in, _ := get(obj, path.parent())
		object, ok := in.(map[string]any)
		name := path.last().(string)
		if _, taken := object[name]; ok && !taken {
			object[name] = notes[text]
		}
	}
}

// notes reports whether the path leads to a field that one version alone has.
func (s *Shape) notes(path Path) bool {
	for i, step := range path {
		name, isName := step.(string)
		if i == len(path)-1 {
			_, gone := s.Gone[name]
			return isName && (gone || s.Folded != nil && s.Folded.Field == name || slices.Contains(s.containers(), name))
		}
		if !isName {
			continue
		}
		if s = s.Fields[name]; s == nil {
			return false
		}
	}
	return false
}

// IsNote reports whether an annotation is one that a conversion left, which speaks
// of the fields of the very object that it is on.
func IsNote(annotation string) bool {
	if annotation == shelf(older) || annotation == shelf(newest) {
		return true
	}
	for _, key := range annotations {
		if annotation == key {
			return true
		}
	}
	return false
}
