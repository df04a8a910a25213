package initialize

import (
	"testing"
	"testing/fstest"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/slipway-dev/slipway/api/slipway/v1alpha1"
	"github.com/slipway-dev/slipway/pkg/trigger"
)

// What is written is a run that its branch starts, whatever the branch is called.
func TestWhatIsWrittenRuns(t *testing.T) {
	for _, branch := range []string{"main", `a,"b"`} {
		p, err := plan(fstest.MapFS{"go.mod": {}, "Cargo.toml": {}, "Dockerfile": {}, ".git/HEAD": {Data: []byte("ref: refs/heads/" + branch + "\n")}}, options{image: "r.example/x"})
		if err != nil {
			t.Fatal(err)
		}
		text, err := p.render()
		if err != nil {
			t.Fatal(err)
		}
		set, problems := trigger.Read(map[string][]byte{file: text})
		if len(problems) > 0 {
			t.Fatalf("%v\n%s", problems, text)
		}
		in := trigger.Input{Trusted: true, Repository: &v1alpha1.Repository{ObjectMeta: metav1.ObjectMeta{Name: "x", Namespace: "y"},
			Spec: v1alpha1.RepositorySpec{URL: "https://forge.example/a/b"}},
			Event: v1alpha1.Event{Type: v1alpha1.EventPush, Ref: "refs/heads/" + branch, Commit: "cafe"}}
		runs, problems := set.Match(in, nil)
		if len(problems) > 0 || len(runs) != 1 || len(runs[0].Object.Spec.PipelineSpec.Tasks) != 4 {
			t.Fatalf("%v, %v\n%s", runs, problems, text)
		}
		in.Event.Ref = "refs/heads/other"
		if runs, _ := set.Match(in, nil); len(runs) > 0 {
			t.Errorf("another branch starts %v", runs)
		}
	}
}
