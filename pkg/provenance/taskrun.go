package provenance

import (
	"cmp"
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
)

// Names that tell the dependencies of a statement apart.
const (
	nameSource   = "source"
	nameTask     = "task"
	nameStep     = "step/"
	nameSidecar  = "sidecar/"
	nameBase     = "base"
	nameArtifact = "artifact"
)

// resultBases is the result in which a build lists the images its own is made
// from, as REPOSITORY@DIGEST.
const resultBases = "BASE_IMAGES"

// Input is what a statement is made from.
type Input struct {
	// BuilderID is the URI of this installation.
	BuilderID string
	// Run is a TaskRun that has ended.
	Run *v1.TaskRun
	// Siblings are the TaskRuns of the same PipelineRun. What those cloned that
	// ended before Run began counts as its source: that is how a commit reaches
	// a build through a workspace.
	Siblings []v1.TaskRun
}

// ForTaskRun returns the statement about what in.Run made: its images and other
// artifacts. It fails as Images does.
func ForTaskRun(in Input) (Statement, error) {
	run := in.Run
	made, err := Images(run.Status.Results)
	if err != nil {
		return Statement{}, err
	}
	results := fromResults(run.Status.Results)
	subject := make([]Descriptor, 0, len(made))
	for _, img := range made {
		subject = append(subject, img.descriptor())
	}
	for _, a := range artifacts(results, outputs) {
		subject = append(subject, Descriptor{Name: a.URI, Digest: a.Digest})
	}
	return Statement{
		Type:          StatementType,
		Subject:       unique(subject),
		PredicateType: PredicateType,
		Predicate: Predicate{
			BuildDefinition: BuildDefinition{
				BuildType:            BuildType,
				ExternalParameters:   map[string]any{"runSpec": run.Spec},
				InternalParameters:   internal(run),
				ResolvedDependencies: dependencies(in),
			},
			RunDetails: RunDetails{
				Builder: Builder{ID: in.BuilderID},
				Metadata: Metadata{
					InvocationID: string(run.UID),
					StartedOn:    utc(run.Status.StartTime),
					FinishedOn:   utc(run.Status.CompletionTime),
				},
			},
		},
	}, nil
}

// internal is where the run stood: no user chose it, yet it helps to find the run.
func internal(run *v1.TaskRun) map[string]any {
	about := map[string]any{"taskRun": map[string]string{"namespace": run.Namespace, "name": run.Name}}
	if name := run.Labels[v1.LabelPipelineRun]; name != "" {
		about["pipelineRun"] = map[string]string{"name": name, "uid": run.Labels[v1.LabelPipelineRunUID],
			"pipeline": run.Labels[v1.LabelPipeline], "pipelineTask": run.Labels[v1.LabelPipelineTask]}
	}
	return about
}

func dependencies(in Input) []Descriptor {
	run := in.Run
	results := fromResults(run.Status.Results)
	deps := cloned(in)
	deps = append(deps, sources(results)...)
	deps = append(deps, sources(params(run))...)
	deps = append(deps, task(run.Status.Provenance)...)
	for _, r := range results {
		if r.name == resultBases {
			deps = append(deps, bases(r)...)
		}
	}
	deps = append(deps, artifacts(results, inputs)...)
	for _, s := range run.Status.Steps {
		deps = append(deps, container(nameStep+s.Name, s.ImageID)...)
	}
	for _, s := range run.Status.Sidecars {
		deps = append(deps, container(nameSidecar+s.Name, s.ImageID)...)
	}
	return unique(deps)
}

// cloned is what the siblings fetched before the run began.
func cloned(in Input) []Descriptor {
	var found []Descriptor
	for i := range in.Siblings {
		s := &in.Siblings[i]
		if s.UID == in.Run.UID || !s.IsSuccessful() || s.Status.CompletionTime == nil ||
			in.Run.Status.StartTime == nil || in.Run.Status.StartTime.Before(s.Status.CompletionTime) {
			continue
		}
		found = append(found, sources(fromResults(s.Status.Results))...)
	}
	return found
}

func params(run *v1.TaskRun) []value {
	values := make([]value, 0, len(run.Spec.Params))
	for _, p := range run.Spec.Params {
		values = append(values, value{p.Name, p.Value})
	}
	return values
}

func task(p *v1.Provenance) []Descriptor {
	if p == nil || p.RefSource == nil || len(p.RefSource.Digest) == 0 {
		return nil
	}
	return []Descriptor{{Name: nameTask, URI: p.RefSource.URI, Digest: p.RefSource.Digest}}
}

// bases passes over what is no reference by digest: the image is signed all the
// same, with one dependency fewer.
func bases(v value) []Descriptor {
	var found []Descriptor
	for _, ref := range list(v.ParamValue) {
		if img, err := parseImage(ref); err == nil {
			found = append(found, Descriptor{Name: nameBase, URI: "oci://" + img.Repository, Digest: digestSet(img.Digest)})
		}
	}
	return found
}

// container reads the imageID of a container status: a reference by digest, which
// some runtimes write after docker-pullable://, or a digest alone.
func container(name, imageID string) []Descriptor {
	repository, digest, ok := strings.Cut(imageID, "@")
	if !ok {
		repository, digest = "", imageID
	}
	if _, after, ok := strings.Cut(repository, "://"); ok {
		repository = after
	}
	set := digestSet(digest)
	if set == nil {
		return nil
	}
	if repository != "" {
		repository = "oci://" + repository
	}
	return []Descriptor{{Name: name, URI: repository, Digest: set}}
}

// unique drops repetitions and sorts by name, so that the same run always gives
// the same bytes.
func unique(all []Descriptor) []Descriptor {
	slices.SortStableFunc(all, func(a, b Descriptor) int { return cmp.Compare(a.key(), b.key()) })
	return slices.CompactFunc(all, func(a, b Descriptor) bool { return a.key() == b.key() })
}

func (d Descriptor) key() string {
	key := d.Name + "\n" + d.URI
	for _, algorithm := range []string{"sha1", "sha256", "sha512"} {
		key += "\n" + d.Digest[algorithm]
	}
	return key
}

func utc(t *metav1.Time) *time.Time {
	if t == nil {
		return nil
	}
	u := t.UTC()
	return &u
}
