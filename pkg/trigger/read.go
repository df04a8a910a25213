package trigger

import (
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
	"github.com/slipway-dev/slipway/pkg/manifest"
)

// The folders that are read.
const (
	tektonFolder  = ".tekton/"
	slipwayFolder = ".slipway/"
)

// Bounds of what a commit may ask to be read.
const (
	maxFiles     = 1000
	maxFileSize  = 1 << 20
	maxTotalSize = 8 << 20
	// maxNodes is how many values all files together may unfold to.
	maxNodes = 1_000_000
)

// Set is the YAML of a commit.
type Set struct {
	// runs are in the order of their names.
	runs      []*item[*v1.PipelineRun]
	pipelines map[string]*item[*v1.Pipeline]
	tasks     map[string]*item[*v1.Task]
	templates templates
}

// item is an object of a file.
type item[T manifest.Object] struct {
	object T
	doc    manifest.Document
}

// name is what the YAML calls the object.
func (i *item[T]) name() string {
	if n := i.object.GetName(); n != "" {
		return n
	}
	return strings.TrimRight(i.object.GetGenerateName(), "-")
}

func (i *item[T]) problem(field, format string, args ...any) Problem {
	return Problem{Path: i.doc.File, Line: i.doc.Line(field), Message: fmt.Sprintf(format, args...)}
}

// annotation is the field path of an annotation.
func annotation(key string) string { return "metadata.annotations[" + key + "]" }

// Read decodes every YAML document of .tekton/ and .slipway/, by its path. What is
// wrong with a file is a Problem with its line; the Set holds the rest. Kinds other than PipelineRun, Pipeline and Task are passed over.
func Read(files map[string][]byte) (*Set, []Problem) {
	r := reader{nodes: maxNodes, set: &Set{pipelines: map[string]*item[*v1.Pipeline]{}, tasks: map[string]*item[*v1.Task]{}}}
	r.read(files)
	slices.SortFunc(r.set.runs, func(a, b *item[*v1.PipelineRun]) int { return strings.Compare(a.name(), b.name()) })
	r.twice()
	r.plain()
	r.annotations()
	for i := range r.problems {
		r.problems[i].Message = r.set.templates.restore(r.problems[i].Message)
	}
	return r.set, r.problems
}

type reader struct {
	set      *Set
	problems []Problem
	// nodes and size are what is left, and what was read.
	nodes, size int
}

func (r *reader) fail(file, format string, args ...any) {
	r.problems = append(r.problems, Problem{Path: file, Message: fmt.Sprintf(format, args...)})
}

func (r *reader) read(files map[string][]byte) {
	names := slices.DeleteFunc(slices.Sorted(maps.Keys(files)), func(name string) bool { return !isOurs(name) })
	if len(names) > maxFiles {
		r.fail("", "%s and %s hold %d YAML files, and at most %d are read: move those that are no pipelines elsewhere",
			tektonFolder, slipwayFolder, len(names), maxFiles)
		return
	}
	r.set.templates.mark = unusedMark(files)
	for _, name := range names {
		data := files[name]
		r.size += len(data)
		switch {
		case len(data) > maxFileSize:
			r.fail(name, "has %d bytes, and at most %d are read: split it", len(data), maxFileSize)
			continue
		case r.size > maxTotalSize:
			r.fail(name, "this and what follows is not read: all YAML files together may have %d bytes", maxTotalSize)
			return
		case r.nodes < 0:
			r.fail(name, "this and what follows is not read: aliases unfold to too much")
			return
		}
		r.file(name, data)
	}
}

func isOurs(name string) bool {
	ext := path.Ext(name)
	return (strings.HasPrefix(name, tektonFolder) || strings.HasPrefix(name, slipwayFolder)) && (ext == ".yaml" || ext == ".yml")
}

func (r *reader) file(name string, data []byte) {
	docs, err := manifest.Ours(r.set.templates.hide(data), name, &r.nodes)
	r.problems = append(r.problems, problemsOf(err)...)
	for _, doc := range docs {
		switch o := doc.Object.(type) {
		case *v1.PipelineRun:
			r.set.runs = append(r.set.runs, &item[*v1.PipelineRun]{o, doc})
		case *v1.Pipeline:
			keep(r, r.set.pipelines, &item[*v1.Pipeline]{o, doc})
		case *v1.Task:
			keep(r, r.set.tasks, &item[*v1.Task]{o, doc})
		}
	}
}

func problemsOf(err error) []Problem {
	var wrong manifest.Errors
	errors.As(err, &wrong)
	var out []Problem
	for _, e := range wrong {
		message := e.Message
		if e.Field != "" {
			message = e.Field + ": " + message
		}
		out = append(out, Problem{Path: e.File, Line: e.Line, Message: message})
	}
	return out
}

// keep takes an object that others refer to by its name.
func keep[T manifest.Object](r *reader, in map[string]*item[T], i *item[T]) {
	if first, ok := in[i.name()]; ok {
		r.problems = append(r.problems, i.problem("metadata.name", "%q is the name of another in %s:%d: give each its own",
			i.name(), first.doc.File, first.doc.Line("metadata.name")))
		return
	}
	in[i.name()] = i
}

// twice finds runs of the same name: nobody could say which is meant.
func (r *reader) twice() {
	for i := 1; i < len(r.set.runs); i++ {
		first, run := r.set.runs[i-1], r.set.runs[i]
		if first.name() == run.name() {
			r.problems = append(r.problems, run.problem("metadata", "%q is the name of another PipelineRun in %s:%d: give each its own",
				run.name(), first.doc.File, first.doc.Line("metadata")))
		}
	}
}

// plain finds the runs that no annotation says the time of: of those in .slipway/
// there may be one, which runs on each push.
func (r *reader) plain() {
	var first *item[*v1.PipelineRun]
	for _, run := range r.set.runs {
		switch {
		case !isPlain(run):
		case first == nil:
			first = run
		default:
			r.problems = append(r.problems, run.problem("metadata", "%q and %q in %s both lack annotations, and only one that runs on each push may: add %s to one",
				run.name(), first.name(), first.doc.File, slipwayPrefix+onEvent))
		}
	}
}

// isPlain reports whether a run is one that runs on each push.
func isPlain(run *item[*v1.PipelineRun]) bool {
	return strings.HasPrefix(run.doc.File, slipwayFolder) && !hasMatcher(run.object.Annotations)
}
