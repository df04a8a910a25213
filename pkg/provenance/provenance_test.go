package provenance

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	slsa "github.com/in-toto/attestation/go/predicates/provenance/v1"
	intoto "github.com/in-toto/attestation/go/v1"
	"google.golang.org/protobuf/encoding/protojson"
	"sigs.k8s.io/yaml"

	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func TestForTaskRun(t *testing.T) {
	files, err := filepath.Glob("testdata/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".yaml"), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var in struct {
				Run      v1.TaskRun   `json:"run"`
				Siblings []v1.TaskRun `json:"siblings"`
			}
			if err := yaml.UnmarshalStrict(text, &in); err != nil {
				t.Fatal(err)
			}
			got, err := ForTaskRun(Input{BuilderID: DefaultBuilderID, Run: &in.Run, Siblings: in.Siblings})
			if err != nil {
				t.Fatal(err)
			}
			compact, err := json.Marshal(got)
			if err != nil {
				t.Fatal(err)
			}
			var pretty bytes.Buffer
			if err := json.Indent(&pretty, append(compact, '\n'), "", "  "); err != nil {
				t.Fatal(err)
			}
			golden(t, strings.TrimSuffix(file, ".yaml")+".json", pretty.Bytes())
			validate(t, compact)
		})
	}
}

func golden(t *testing.T, file string, got []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s (-want +got), rewritten by -update:\n%s", file, diff)
	}
}

// validate asks the authors of the two formats: an unknown field or a missing one
// is an error to their own types.
func validate(t *testing.T, text []byte) {
	t.Helper()
	var st intoto.Statement
	if err := protojson.Unmarshal(text, &st); err != nil {
		t.Fatal(err)
	}
	if err := st.Validate(); err != nil {
		t.Error(err)
	}
	predicate, err := protojson.Marshal(st.GetPredicate())
	if err != nil {
		t.Fatal(err)
	}
	var p slsa.Provenance
	if err := protojson.Unmarshal(predicate, &p); err != nil {
		t.Fatal(err)
	}
	if err := p.Validate(); err != nil {
		t.Error(err)
	}
}

const digest = "sha256:1111111111111111111111111111111111111111111111111111111111111111"

func TestImages(t *testing.T) {
	for name, tc := range map[string]struct {
		results map[string]string
		want    []string
	}{
		"a tag gives way to the digest":          {map[string]string{"IMAGE_URL": "r.example/a:v1", "IMAGE_DIGEST": digest}, []string{"r.example/a@" + digest}},
		"Docker's short names are written out":   {map[string]string{"IMAGE_URL": "a", "IMAGE_DIGEST": digest}, []string{"index.docker.io/library/a@" + digest}},
		"a prefix binds a pair":                  {map[string]string{"x_IMAGE_URL": "r.example/a", "y_IMAGE_DIGEST": digest}, nil},
		"half a pair is nothing":                 {map[string]string{"IMAGE_URL": "r.example/a"}, nil},
		"nothing was pushed":                     {map[string]string{"IMAGE_URL": "r.example/a", "IMAGE_DIGEST": "\n"}, nil},
		"an empty list":                          {map[string]string{"IMAGES": " , \n"}, nil},
		"the same image twice":                   {map[string]string{"IMAGE_URL": "r.example/a", "IMAGE_DIGEST": digest, "IMAGES": "r.example/a:v2@" + digest}, []string{"r.example/a@" + digest}},
		"a port is no tag":                       {map[string]string{"IMAGE_URL": "10.0.0.1:5000/a", "IMAGE_DIGEST": digest}, []string{"10.0.0.1:5000/a@" + digest}},
		"other results do not matter":            {map[string]string{"version": "1", "THE_IMAGES": "no image"}, nil},
		"an artifact by pair is no image by tag": {map[string]string{"ARTIFACT_URI": "r.example/a", "ARTIFACT_DIGEST": digest}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			var results []v1.TaskRunResult
			var same []v1.PipelineRunResult
			for name, text := range tc.results {
				v := v1.ParamValue{Type: v1.ParamTypeString, StringVal: text}
				results = append(results, v1.TaskRunResult{Name: name, Value: v})
				same = append(same, v1.PipelineRunResult{Name: name, Value: v})
			}
			got, err := Images(results)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, refs(got)); diff != "" {
				t.Errorf("of a TaskRun (-want +got):\n%s", diff)
			}
			if got, err = PipelineImages(same); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, refs(got)); diff != "" {
				t.Errorf("of a PipelineRun (-want +got):\n%s", diff)
			}
		})
	}
}

func refs(images []Image) []string {
	var all []string
	for _, i := range images {
		all = append(all, i.Ref())
	}
	return all
}

func TestImagesNamesTheResultThatIsWrong(t *testing.T) {
	for name, tc := range map[string]struct{ result, value, also string }{
		"digest too short":    {"IMAGE_DIGEST", "sha256:11", "IMAGE_URL"},
		"list without digest": {"IMAGES", "r.example/a:v1", ""},
	} {
		t.Run(name, func(t *testing.T) {
			results := []v1.TaskRunResult{{Name: tc.result, Value: v1.ParamValue{Type: v1.ParamTypeString, StringVal: tc.value}}}
			if tc.also != "" {
				results = append(results, v1.TaskRunResult{Name: tc.also, Value: v1.ParamValue{Type: v1.ParamTypeString, StringVal: "r.example/a"}})
			}
			_, err := Images(results)
			var hint *HintError
			if !errors.As(err, &hint) || hint.Result != tc.result || !strings.Contains(err.Error(), tc.value) {
				t.Errorf("got %v, want an error about %s", err, tc.result)
			}
		})
	}
}

// What a URL says of who may read it is not for publication.
func TestGitURI(t *testing.T) {
	for url, want := range map[string]string{
		"https://git.example/a.git":             "git+https://git.example/a.git",
		"https://user:pass@git.example/a.git":   "git+https://git.example/a.git",
		"https://token@git.example/a@b.git":     "git+https://git.example/a@b.git",
		"git+https://git.example/a.git":         "git+https://git.example/a.git",
		"ssh://git@git.example:2222/team/a.git": "git+ssh://git.example:2222/team/a.git",
		"git@git.example:team/a.git":            "git+ssh://git.example/team/a.git",
		"/srv/git/a.git":                        "git+file:///srv/git/a.git",
	} {
		if got := gitURI(url); got != want {
			t.Errorf("%s: got %s, want %s", url, got, want)
		}
	}
}
