package convert

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// A Problem is a field of a v1beta1 object that no run can do justice to.
type Problem struct {
	Path    Path
	Message string
}

func (p Problem) Error() string { return fmt.Sprintf("%s: %s", p.Path, p.Message) }

// Refused lists what a v1beta1 object has that cannot be served, each with the way out.
func Refused(obj map[string]any) (problems []Problem) {
	walk(obj, func(s *Shape, o map[string]any, at Path) {
		if s.Gone[resourcesField].Refused && o[resourcesField] != nil {
			problems = append(problems, Problem{at.child(resourcesField), NoResources})
		}
		problems = append(problems, s.strangers(o, at)...)
		if s == TaskRef && o[kindField] == ClusterTask {
			problems = append(problems, Problem{at.child(kindField), NoClusterTask})
		}
	})
	return append(problems, twice(obj)...)
}

// twice lists what an object says in two ways.
func twice(obj map[string]any) (problems []Problem) {
	walk(obj, func(s *Shape, o map[string]any, at Path) {
		if f := s.Folded; f != nil && o[f.Field] != nil && o[f.Into] != nil {
			problems = append(problems, Problem{at.child(f.Field), fmt.Sprintf("give only one of %s and %s", f.Field, f.Into)})
		}
	})
	return problems
}

// strangers lists the fields of a part of a v1beta1 object that are v1's.
func (s *Shape) strangers(o map[string]any, at Path) (problems []Problem) {
	own := map[string][]string{}
	for _, field := range slices.Sorted(maps.Keys(s.Renamed)) {
		name := s.In(field)[0]
		own[name] = append(own[name], field)
	}
	for _, name := range slices.Sorted(maps.Keys(own)) {
		if _, ok := o[name]; ok {
			problems = append(problems, Problem{at.child(name), "unknown field: it is of v1, and v1beta1 has " + strings.Join(own[name], " and ")})
		}
	}
	return problems
}
