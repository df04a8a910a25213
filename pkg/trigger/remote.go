package trigger

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
	"github.com/slipway-dev/slipway/pkg/manifest"
)

// The kinds that an annotation names.
const (
	kindTask     = "Task"
	kindPipeline = "Pipeline"
)

// named is a reference with the annotation that makes it.
type named struct {
	Reference
	key string
}

// String is the reference as an annotation has it.
func (r Reference) String() string {
	switch {
	case r.Path != "":
		return r.Path
	case r.URL != "":
		return r.URL
	}
	text := r.Name
	if r.Hub != "" {
		text = r.Hub + "://" + text
	}
	if r.Version != "" {
		text += ":" + r.Version
	}
	return text
}

// references are those that the annotations of a run, or of a Pipeline that lies at
// base, make: the Pipeline first, then Tasks in the order of the annotations.
func references(annotations map[string]string, base Reference) ([]named, error) {
	var refs []named
	for _, key := range slices.Sorted(maps.Keys(annotations)) {
		name, ok := cutPrefix(key)
		kind := kindTask
		switch {
		case !ok:
			continue
		case name == remotePipeline && base == Reference{}:
			kind = kindPipeline
		case !taskNumber.MatchString(name):
			continue
		}
		items, err := list(annotations[key])
		if err != nil {
			return nil, fmt.Errorf("%s: %w", key, err)
		}
		if kind == kindPipeline && len(items) > 1 {
			return nil, fmt.Errorf("%s: a run is of one pipeline, and this names %d", key, len(items))
		}
		for _, item := range items {
			ref, err := reference(kind, item, base)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", key, err)
			}
			refs = append(refs, named{ref, key})
		}
	}
	slices.SortStableFunc(refs, func(a, b named) int { return strings.Compare(a.Kind, b.Kind) })
	return refs, nil
}

// reference reads an item: an address, a path in the repository, or the name of an
// entry in a hub.
func reference(kind, text string, base Reference) (Reference, error) {
	scheme, rest, hasScheme := strings.Cut(text, "://")
	switch {
	case scheme == "http" && hasScheme:
		return Reference{}, fmt.Errorf("%s: what is fetched without TLS could be anybody's: use https", text)
	case scheme == "https" && hasScheme:
		return Reference{Kind: kind, URL: text}, nil
	case hasScheme:
		name, version, _ := strings.Cut(rest, ":")
		return Reference{Kind: kind, Hub: scheme, Name: name, Version: version}, nil
	case base.URL != "" && strings.HasPrefix(text, "."):
		return Reference{Kind: kind, URL: beside(base.URL, text)}, nil
	case strings.Contains(text, "/"):
		return Reference{Kind: kind, Path: strings.TrimPrefix(text, "./")}, nil
	}
	name, version, _ := strings.Cut(text, ":")
	return Reference{Kind: kind, Name: name, Version: version}, nil
}

// beside is the address of a file whose path is relative to that of another.
func beside(address, file string) string {
	address, _, _ = strings.Cut(address, "?")
	scheme, rest, _ := strings.Cut(address, "://")
	host, where, _ := strings.Cut(rest, "/")
	return scheme + "://" + host + path.Join("/", path.Dir("/"+where), file)
}

// library is what names mean for one run.
type library struct {
	set     *Set
	run     *item[*v1.PipelineRun]
	fetched map[Reference][]byte
	// pipeline is the one that an annotation names.
	pipeline *v1.Pipeline
	// tasks are those that annotations name; the first of a name counts.
	tasks map[string]*v1.Task
	// missing are references that were not fetched yet.
	missing  []Reference
	problems []Problem
}

func (l *library) fail(key, format string, args ...any) {
	l.problems = append(l.problems, l.run.problem(annotation(key), "%s: %s", key, fmt.Sprintf(format, args...)))
}

// open reads what the annotations of the run name, and what those of the Pipeline do.
func (l *library) open(annotations map[string]string) {
	l.tasks = map[string]*v1.Task{}
	refs, err := references(annotations, Reference{})
	if err != nil {
		l.problems = append(l.problems, l.run.problem("metadata.annotations", "%s", err))
		return
	}
	var further []named
	for _, r := range refs {
		object := l.read(r)
		if p, ok := object.(*v1.Pipeline); ok {
			l.pipeline = p
			if further, err = references(p.Annotations, r.Reference); err != nil {
				l.fail(r.key, "%s: %s", r.Reference, err)
			}
			for i := range further {
				further[i].key = r.key
			}
		}
		l.add(object)
	}
	for _, r := range further {
		l.add(l.read(r))
	}
}

func (l *library) add(object manifest.Object) {
	if t, ok := object.(*v1.Task); ok && l.tasks[t.Name] == nil {
		l.tasks[t.Name] = t
	}
}

// read decodes a document that was fetched, or notes that it is to be.
func (l *library) read(r named) manifest.Object {
	data, ok := l.fetched[r.Reference]
	if !ok {
		l.missing = append(l.missing, r.Reference)
		return nil
	}
	if data == nil {
		l.fail(r.key, "%s %s could not be fetched", strings.ToLower(r.Kind), r.Reference)
		return nil
	}
	nodes := maxNodes
	docs, err := manifest.Ours(data, r.Reference.String(), &nodes)
	if err != nil {
		first, _, _ := strings.Cut(err.Error(), "\n")
		l.fail(r.key, "%s", first)
		return nil
	}
	for _, doc := range docs {
		_, isTask := doc.Object.(*v1.Task)
		_, isPipeline := doc.Object.(*v1.Pipeline)
		if isTask && r.Kind == kindTask || isPipeline && r.Kind == kindPipeline {
			return doc.Object
		}
	}
	l.fail(r.key, "%s holds no %s", r.Reference, r.Kind)
	return nil
}

// inline puts Pipelines and Tasks in the place of their names. A name that nothing
// here has stays: it is that of one in the namespace.
func (l *library) inline(run *v1.PipelineRun) {
	if r := run.Spec.PipelineRef; r != nil && r.Resolver == "" {
		p := l.pipeline
		if have, ok := l.set.pipelines[r.Name]; p == nil && ok {
			p = have.object
		}
		if p != nil && (r.Name == "" || r.Name == p.Name) {
			run.Spec.PipelineRef, run.Spec.PipelineSpec = nil, p.Spec.DeepCopy()
		}
	}
	if run.Spec.PipelineSpec != nil {
		l.inlineTasks(run.Spec.PipelineSpec)
	}
}

func (l *library) inlineTasks(spec *v1.PipelineSpec) {
	for _, tasks := range [][]v1.PipelineTask{spec.Tasks, spec.Finally} {
		for i := range tasks {
			pt := &tasks[i]
			if pt.TaskRef == nil || pt.TaskRef.Resolver != "" || pt.IsCustomTask() {
				continue
			}
			task := l.tasks[pt.TaskRef.Name]
			if have, ok := l.set.tasks[pt.TaskRef.Name]; task == nil && ok {
				task = have.object
			}
			if task == nil {
				continue
			}
			task = task.DeepCopy()
			pt.TaskRef, pt.TaskSpec = nil, &v1.EmbeddedTask{TaskSpec: task.Spec,
				Metadata: v1.PipelineTaskMetadata{Labels: task.Labels, Annotations: task.Annotations}}
		}
	}
}
