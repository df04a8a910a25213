package provenance

import (
	"cmp"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"

	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
)

// Image is an image that a run says it made.
type Image struct {
	// Repository is the full name without tag, such as registry.example/team/app.
	Repository string
	// Digest is sha256: and 64 hexadecimal digits.
	Digest string
}

// Ref is REPOSITORY@DIGEST.
func (i Image) Ref() string { return i.Repository + "@" + i.Digest }

func (i Image) descriptor() Descriptor {
	return Descriptor{Name: i.Repository, Digest: digestSet(i.Digest)}
}

// HintError is a result whose name promises an image and whose value is none.
// Only the run's author can mend it.
type HintError struct {
	Result, Value string
	Err           error
}

func (e *HintError) Error() string {
	return fmt.Sprintf("result %q: %q names no image by digest: %v", e.Result, e.Value, e.Err)
}

func (e *HintError) Unwrap() error { return e.Err }

// value is a result or a parameter, whichever a hint may be given in.
type value struct {
	name string
	v1.ParamValue
}

func fromResults[R ~[]v1.TaskRunResult](results R) []value {
	values := make([]value, 0, len(results))
	for _, r := range results {
		values = append(values, value{r.Name, r.Value})
	}
	return values
}

// Images returns the images that the results of a run name, each once, sorted.
// The names that count are
//
//   - IMAGE_URL with IMAGE_DIGEST, either with the same prefix before it, as in
//     API_IMAGE_URL and API_IMAGE_DIGEST;
//   - IMAGES, references by digest in a list, or in lines or between commas;
//   - an object whose name ends in ARTIFACT_OUTPUTS, with the keys uri and digest,
//     and isBuildArtifact "true".
//
// Half a pair and an empty value name nothing: a build that does not push leaves
// them so. A value that is no image is a *HintError.
func Images(results []v1.TaskRunResult) ([]Image, error) {
	return images(fromResults(results))
}

// PipelineImages is Images for the results of a PipelineRun.
func PipelineImages(results []v1.PipelineRunResult) ([]Image, error) {
	values := make([]value, 0, len(results))
	for _, r := range results {
		values = append(values, value{r.Name, r.Value})
	}
	return images(values)
}

func images(values []value) ([]Image, error) {
	found := map[Image]bool{}
	add := func(result, ref string) error {
		img, err := parseImage(ref)
		if err != nil {
			return &HintError{Result: result, Value: ref, Err: err}
		}
		found[img] = true
		return nil
	}
	for prefix, pair := range pairs(values, "IMAGE_URL", "IMAGE_DIGEST") {
		if err := add(prefix+"IMAGE_DIGEST", pair.first+"@"+pair.second); err != nil {
			return nil, err
		}
	}
	for _, v := range values {
		var refs []string
		switch {
		case v.name == "IMAGES":
			refs = list(v.ParamValue)
		case strings.HasSuffix(v.name, "ARTIFACT_OUTPUTS") && v.ObjectVal["isBuildArtifact"] == "true":
			refs = []string{v.ObjectVal["uri"] + "@" + v.ObjectVal["digest"]}
		}
		for _, ref := range refs {
			if err := add(v.name, ref); err != nil {
				return nil, err
			}
		}
	}
	return slices.SortedFunc(maps.Keys(found), func(a, b Image) int { return cmp.Compare(a.Ref(), b.Ref()) }), nil
}

// parseImage reads REPOSITORY[:TAG]@DIGEST.
func parseImage(ref string) (Image, error) {
	d, err := name.NewDigest(strings.TrimPrefix(ref, "oci://"))
	if err != nil {
		return Image{}, err
	}
	return Image{Repository: d.Context().Name(), Digest: d.DigestStr()}, nil
}

type pair struct{ first, second string }

// pairs finds values whose names are the same but for their ends, by what stands
// before those ends. Both must be set.
func pairs(values []value, firstEnd, secondEnd string) map[string]pair {
	found := map[string]pair{}
	for _, v := range values {
		if prefix, ok := strings.CutSuffix(v.name, firstEnd); ok {
			p := found[prefix]
			p.first = strings.TrimSpace(v.StringVal)
			found[prefix] = p
		} else if prefix, ok := strings.CutSuffix(v.name, secondEnd); ok {
			p := found[prefix]
			p.second = strings.TrimSpace(v.StringVal)
			found[prefix] = p
		}
	}
	maps.DeleteFunc(found, func(_ string, p pair) bool { return p.first == "" || p.second == "" })
	return found
}

// list reads an array, or a string with an item on each line or between commas.
func list(v v1.ParamValue) []string {
	items := v.ArrayVal
	if v.Type != v1.ParamTypeArray {
		items = strings.FieldsFunc(v.StringVal, func(r rune) bool { return r == ',' || r == '\n' })
	}
	var found []string
	for _, item := range items {
		if item = strings.TrimSpace(item); item != "" {
			found = append(found, item)
		}
	}
	return found
}

var commit = regexp.MustCompile(`^([0-9a-f]{40}|[0-9a-f]{64})$`)

// sources finds the Git commits that values name: CHAINS-GIT_URL with
// CHAINS-GIT_COMMIT, with any prefix, or url with commit, which is what
// git-clone tasks call their results.
func sources(values []value) []Descriptor {
	var found []Descriptor
	for _, ends := range [][2]string{{"CHAINS-GIT_URL", "CHAINS-GIT_COMMIT"}, {"url", "commit"}} {
		for prefix, p := range pairs(values, ends[0], ends[1]) {
			if !commit.MatchString(p.second) || ends[0] == "url" && prefix != "" {
				continue
			}
			algorithm := "sha1"
			if len(p.second) == 64 {
				algorithm = "sha256"
			}
			found = append(found, Descriptor{Name: nameSource, URI: gitURI(p.first), Digest: map[string]string{algorithm: p.second}})
		}
	}
	return found
}

// gitURI is the URL with the scheme git+…; user and password are dropped, so that no
// credential is published.
func gitURI(url string) string {
	scheme, rest, ok := strings.Cut(strings.TrimPrefix(url, "git+"), "://")
	if !ok {
		// user@host:path, as Git reads it, or a path on the node.
		host, path, remote := strings.Cut(url, ":")
		if !remote {
			return "git+file://" + url
		}
		return "git+ssh://" + host[strings.LastIndex(host, "@")+1:] + "/" + path
	}
	authority, path, slash := strings.Cut(rest, "/")
	authority = authority[strings.LastIndex(authority, "@")+1:]
	if slash {
		authority += "/"
	}
	return "git+" + scheme + "://" + authority + path
}

// artifacts finds things named by uri and digest: in pairs of strings whose names
// end in ARTIFACT_URI and ARTIFACT_DIGEST, or in objects whose names end in
// ARTIFACT_ and the kind.
func artifacts(values []value, kind string) []Descriptor {
	var found []Descriptor
	for _, v := range values {
		uri, digest := v.ObjectVal["uri"], v.ObjectVal["digest"]
		if strings.HasSuffix(v.name, "ARTIFACT_"+kind) && uri != "" && digest != "" {
			found = append(found, Descriptor{Name: nameArtifact, URI: uri, Digest: digestSet(digest)})
		}
	}
	if kind == outputs {
		for _, p := range pairs(values, "ARTIFACT_URI", "ARTIFACT_DIGEST") {
			found = append(found, Descriptor{Name: nameArtifact, URI: p.first, Digest: digestSet(p.second)})
		}
	}
	return slices.DeleteFunc(found, func(d Descriptor) bool { return d.Digest == nil })
}

const (
	inputs  = "INPUTS"
	outputs = "OUTPUTS"
)

// digestSet reads ALGORITHM:HEX, or returns nil when it is not that.
func digestSet(digest string) map[string]string {
	algorithm, hex, ok := strings.Cut(digest, ":")
	if !ok || algorithm == "" || hex == "" {
		return nil
	}
	return map[string]string{algorithm: hex}
}

// NamesSource reports whether a result of that name may be half of what says which
// commit was cloned.
func NamesSource(name string) bool {
	return name == "url" || name == "commit" || strings.HasSuffix(name, "CHAINS-GIT_URL") || strings.HasSuffix(name, "CHAINS-GIT_COMMIT")
}
