package trigger

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/slipway-dev/slipway/api/slipway/v1alpha1"
	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
)

func repository() *v1alpha1.Repository {
	return &v1alpha1.Repository{ObjectMeta: metav1.ObjectMeta{Name: "app", Namespace: "team"},
		Spec: v1alpha1.RepositorySpec{URL: "https://forge.example/Group/Sub/App", ServiceAccountName: "ci", AllowedServiceAccounts: []string{"deploy"}}}
}

func push(ref string) Input {
	return Input{Repository: repository(), Trusted: true, Event: v1alpha1.Event{Type: v1alpha1.EventPush, Ref: ref,
		Commit: "0123456789012345678901234567890123456789", Title: "Fix it", Sender: "ann"}}
}

func pullRequest(action v1alpha1.PullRequestAction) Input {
	in := push("refs/heads/main")
	in.Event.Type = v1alpha1.EventPullRequest
	in.Event.PullRequest = &v1alpha1.PullRequest{Number: 7, Action: action, Author: "bob", SourceBranch: "feature", SourceURL: "https://forge.example/bob/app"}
	return in
}

func comment(body string) Input {
	in := pullRequest("")
	in.Event.Type = v1alpha1.EventComment
	in.Event.Comment = &v1alpha1.Comment{ID: 99, Body: body}
	if commands := Commands(body); len(commands) > 0 {
		in.Command = &commands[0]
	}
	return in
}

// run is a PipelineRun with annotations, each a line of YAML without prefix.
func run(name string, annotations ...string) string {
	var b strings.Builder
	b.WriteString("apiVersion: tekton.dev/v1\nkind: PipelineRun\nmetadata:\n  name: " + name + "\n")
	if len(annotations) > 0 {
		b.WriteString("  annotations:\n")
	}
	for _, a := range annotations {
		b.WriteString("    pipelinesascode.tekton.dev/" + a + "\n")
	}
	b.WriteString("spec:\n  pipelineSpec:\n    tasks:\n    - name: say\n      taskSpec:\n        steps:\n        - image: busybox\n          script: echo {{ revision }}\n")
	return b.String()
}

func read(t *testing.T, files ...string) *Set {
	t.Helper()
	in := map[string][]byte{}
	for i := 0; i < len(files); i += 2 {
		in[files[i]] = []byte(files[i+1])
	}
	set, problems := Read(in)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	return set
}

func names(runs []Run) []string {
	var out []string
	for _, r := range runs {
		out = append(out, r.Pipeline)
	}
	return out
}

func TestMatch(t *testing.T) {
	const events = `on-event: "[push, pull_request]"`
	const branches = `on-target-branch: "[main, release-*]"`
	for name, c := range map[string]struct {
		annotations []string
		in          Input
		want        bool
	}{
		"a push to the branch":                            {[]string{events, branches}, push("refs/heads/main"), true},
		"a push to one that the glob fits":                {[]string{events, branches}, push("refs/heads/release-1"), true},
		"a star goes beyond slashes":                      {[]string{events, branches}, push("refs/heads/release-1/x"), true},
		"a push to another":                               {[]string{events, branches}, push("refs/heads/other"), false},
		"a branch is no tag":                              {[]string{events, `on-target-branch: "[v*]"`}, push("refs/tags/v1"), false},
		"a tag":                                           {[]string{events, `on-target-branch: "[refs/tags/v*]"`}, push("refs/tags/v1"), true},
		"a branch by its full name":                       {[]string{events, `on-target-branch: refs/heads/main`}, push("refs/heads/main"), true},
		"a comma that belongs to the name":                {[]string{events, `on-target-branch: "[a&#44;b]"`}, push("refs/heads/a,b"), true},
		"a pull request":                                  {[]string{events, branches}, pullRequest("opened"), true},
		"a closed one is another event":                   {[]string{events, branches}, pullRequest("closed"), false},
		"a closed one by its name":                        {[]string{"on-event: pull_request_closed", branches}, pullRequest("closed"), true},
		"one that got a label, without on-label":          {[]string{events, branches}, pullRequest("labeled"), false},
		"on-event alone matches nothing":                  {[]string{events}, push("refs/heads/main"), false},
		"on-target-branch alone matches nothing":          {[]string{branches}, push("refs/heads/main"), false},
		"no annotation in .tekton":                        {nil, push("refs/heads/main"), false},
		"another namespace":                               {[]string{events, branches, "target-namespace: other"}, push("refs/heads/main"), false},
		"this namespace":                                  {[]string{events, branches, "target-namespace: team"}, push("refs/heads/main"), true},
		"an expression":                                   {[]string{`on-cel-expression: event == "push" && target_branch == "main"`}, push("refs/heads/main"), true},
		"an expression wins over on-event":                {[]string{`on-cel-expression: event == "pull_request"`, events, branches}, push("refs/heads/main"), false},
		"an expression that asks for what the body lacks": {[]string{`on-cel-expression: body.action == "closed"`}, push("refs/heads/main"), false},
		"a comment that nothing waits for":                {[]string{events, branches}, comment("nice"), false},
		"/test asks for what fits the pull request":       {[]string{events, branches}, comment("please\n/test"), true},
		"/test by name does so whatever the event":        {[]string{"on-event: push", "on-target-branch: other"}, comment("/test one"), true},
		"/test of another":                                {[]string{events, branches}, comment("/test two"), false},
		"/ok-to-test":                                     {[]string{events, branches}, comment("/ok-to-test"), true},
		"/cancel starts nothing":                          {[]string{events, branches}, comment("/cancel"), false},
		"a comment of the repository's own":               {[]string{"on-comment: ^/merge"}, comment("  /merge now\n"), true},
		"another comment":                                 {[]string{"on-comment: ^/merge"}, comment("do /merge"), false},
		"a template in a branch":                          {[]string{events, `on-target-branch: "{{ target_branch }}"`}, push("refs/heads/main"), true},
	} {
		t.Run(name, func(t *testing.T) {
			runs, problems := read(t, ".tekton/a.yaml", run("one", c.annotations...)).Match(c.in, nil)
			if len(problems) > 0 {
				t.Fatal(problems)
			}
			if got := len(runs) == 1; got != c.want {
				t.Errorf("matched %v", names(runs))
			}
			c.in.Trusted = false
			if runs, _ := read(t, ".tekton/a.yaml", run("one", c.annotations...)).Match(c.in, nil); len(runs) > 0 {
				t.Error("one who is not trusted started it")
			}
		})
	}
}

func TestThePlainFormRunsOnEachPush(t *testing.T) {
	set := read(t, ".slipway/ci.yaml", run("ci"))
	for _, c := range []struct {
		in   Input
		want []string
	}{{push("refs/heads/any"), []string{"ci"}}, {push("refs/tags/v1"), []string{"ci"}}, {pullRequest("opened"), nil}} {
		runs, problems := set.Match(c.in, nil)
		if len(problems) > 0 {
			t.Fatal(problems)
		}
		if diff := cmp.Diff(c.want, names(runs)); diff != "" {
			t.Errorf("%s %s: %s", c.in.Event.Type, c.in.Event.Ref, diff)
		}
	}
	_, problems := Read(map[string][]byte{".slipway/a.yaml": []byte(run("a")), ".slipway/b.yml": []byte(run("b"))})
	if len(problems) != 1 || problems[0].Path != ".slipway/b.yml" || !strings.Contains(problems[0].Message, "slipway.dev/on-event") {
		t.Errorf("two without annotations: %v", problems)
	}
}

func TestTheObjectIsComplete(t *testing.T) {
	in := pullRequest("opened")
	in.Event.Title = `"; touch x #`
	set := read(t, ".tekton/a.yaml", run("one", "on-event: pull_request", "on-target-branch: main", `max-keep-runs: "3"`, `cancel-in-progress: "true"`))
	runs, problems := set.Match(in, nil)
	if len(problems) > 0 || len(runs) != 1 {
		t.Fatal(runs, problems)
	}
	got := runs[0]
	if got.MaxKeep != 3 || !got.CancelInProgress {
		t.Errorf("%+v", got)
	}
	o := got.Object
	if o.Namespace != "team" || !strings.HasPrefix(o.Name, "one-") || len(o.Name) > 63 || o.GenerateName != "" {
		t.Errorf("metadata: %+v", o.ObjectMeta)
	}
	if o.Spec.TaskRunTemplate.ServiceAccountName != "ci" {
		t.Errorf("service account %q", o.Spec.TaskRunTemplate.ServiceAccountName)
	}
	if script := o.Spec.PipelineSpec.Tasks[0].TaskSpec.Steps[0].Script; script != "echo "+in.Event.Commit {
		t.Errorf("script %q", script)
	}
	for k, want := range map[string]string{
		v1alpha1.LabelRepository: "app", v1alpha1.LabelPipeline: "one", v1alpha1.LabelPullRequest: "7",
		"pipelinesascode.tekton.dev/url-org": "group-sub", "pipelinesascode.tekton.dev/url-repository": "app",
		"pipelinesascode.tekton.dev/original-prname": "one", "pipelinesascode.tekton.dev/event-type": "pull_request",
	} {
		if o.Labels[k] != want {
			t.Errorf("label %s is %q, want %q", k, o.Labels[k], want)
		}
	}
	if o.Annotations["pipelinesascode.tekton.dev/sha-title"] != in.Event.Title || o.Annotations[v1alpha1.AnnotationRef] != "refs/heads/main" {
		t.Errorf("annotations %v", o.Annotations)
	}
	again, _ := set.Match(in, nil)
	if again[0].Object.Name != o.Name {
		t.Error("the same event made another name")
	}
	in.Event.Commit = "9" + in.Event.Commit[1:]
	if other, _ := set.Match(in, nil); other[0].Object.Name == o.Name {
		t.Error("another commit has the same name")
	}
}

func TestNamesOfTheSetAreInlined(t *testing.T) {
	set := read(t, ".tekton/a.yaml", `apiVersion: tekton.dev/v1
kind: PipelineRun
metadata:
  generateName: build-
  annotations: {slipway.dev/on-event: push, slipway.dev/on-target-branch: main}
spec:
  pipelineRef: {name: build}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: other}
`, ".tekton/sub/p.yml", `apiVersion: tekton.dev/v1beta1
kind: Pipeline
metadata: {name: build}
spec:
  tasks:
  - name: local
    taskRef: {name: greet}
  - name: cluster
    taskRef: {name: elsewhere}
  - name: resolved
    taskRef: {resolver: git}
`, ".tekton/values.yaml", "a: b\n", ".tekton/t.yaml", `apiVersion: tekton.dev/v1
kind: Task
metadata: {name: greet, labels: {a: b}}
spec:
  steps: [{image: busybox, script: "echo {{ repo_name }}"}]
`, "other/x.yaml", "{{{")
	runs, problems := set.Match(push("main"), nil)
	if len(problems) > 0 || len(runs) != 1 {
		t.Fatal(runs, problems)
	}
	tasks := runs[0].Object.Spec.PipelineSpec.Tasks
	if tasks[0].TaskRef != nil || tasks[0].TaskSpec.Steps[0].Script != "echo app" || tasks[0].TaskSpec.Metadata.Labels["a"] != "b" {
		t.Errorf("the task of the set: %+v", tasks[0])
	}
	if tasks[1].TaskRef == nil || tasks[1].TaskRef.Name != "elsewhere" || tasks[2].TaskRef.Resolver != "git" {
		t.Errorf("the others: %+v", tasks[1:])
	}
	if runs[0].Pipeline != "build" || !strings.HasPrefix(runs[0].Object.Name, "build-") {
		t.Errorf("%s, %s", runs[0].Pipeline, runs[0].Object.Name)
	}
}

// What a stranger writes never becomes YAML, a reference or an expression.
func TestTemplatesInjectNothing(t *testing.T) {
	const text = `apiVersion: tekton.dev/v1
kind: PipelineRun
metadata:
  name: one
  annotations: {slipway.dev/on-event: pull_request, slipway.dev/on-target-branch: main}
  labels: {from: "{{ sender }}"}
spec:
  params:
  - name: branch
    value: {{ source_branch }}
  - name: number
    value: {{ pull_request_number }}
  - name: go
    value: "{{.Names}} {{ unknown }} {{ body.none }}"
  - name: title
    value: "{{ body.pull_request.title }}"
  pipelineSpec:
    tasks:
    - name: say
      params: [{name: t, value: "{{ body.pull_request.title }}"}]
      taskSpec:
        params: [{name: t}]
        steps:
        - image: busybox
          script: |
            echo "{{ body.pull_request.title }}" {{ revision }}
`
	const hostile = "x\nspec: {serviceAccountName: root}\n$(params.branch)\"; touch /tmp/x #"
	in := pullRequest("opened")
	in.Event.PullRequest.SourceBranch = hostile
	in.Payload = map[string]any{"pull_request": map[string]any{"title": hostile}}
	runs, problems := read(t, ".tekton/a.yaml", text).Match(in, nil)
	if len(problems) > 0 || len(runs) != 1 {
		t.Fatal(problems)
	}
	spec := runs[0].Object.Spec
	want := v1.Params{
		{Name: "branch", Value: *v1.NewString(hostile)}, {Name: "number", Value: *v1.NewString("7")},
		{Name: "go", Value: *v1.NewString("{{.Names}} {{ unknown }} {{ body.none }}")},
		{Name: "title", Value: *v1.NewString(hostile)}, {Name: "slipway-event-1", Value: *v1.NewString(hostile)},
	}
	if diff := cmp.Diff(want, spec.Params); diff != "" {
		t.Errorf("params: %s", diff)
	}
	step := spec.PipelineSpec.Tasks[0]
	if got := step.TaskSpec.Steps[0].Script; got != "echo \"$(params.slipway-event-1)\" "+in.Event.Commit+"\n" {
		t.Errorf("script %q", got)
	}
	if got := step.Params[0].Value.StringVal; got != "$(params.slipway-event-1)" {
		t.Errorf("param %q", got)
	}
	if !strings.Contains(runs[0].Object.Annotations["slipway.dev/untrusted-values"], "touch /tmp/x") {
		t.Errorf("annotations %v", runs[0].Object.Annotations)
	}
}

// A pipeline that is named runs whatever it waits for, and no other does; events that are alike
// make runs of other names where a key or an image tells them apart.
func TestNamedPipelinesAndKeys(t *testing.T) {
	set := read(t, ".tekton/a.yaml", run("a", "on-event: pull_request"), ".tekton/b.yaml", run("b", "on-event: '[push, image]'", "on-target-branch: main"))
	in := push("refs/heads/main")
	in.Event.Pipeline = "a"
	runs, problems := set.Match(in, nil)
	if diff := cmp.Diff([]string{"a"}, names(runs)); diff != "" || len(problems) > 0 {
		t.Fatalf("%v (-want +got):\n%s", problems, diff)
	}
	seen := map[string]string{}
	for name, change := range map[string]func(*Input){
		"as it is":      func(*Input) {},
		"a key":         func(in *Input) { in.Key = "1" },
		"another key":   func(in *Input) { in.Key = "2" },
		"an image":      func(in *Input) { in.Event.Image = &v1alpha1.Image{Name: "a"} },
		"another image": func(in *Input) { in.Event.Image = &v1alpha1.Image{Name: "b"} },
		"a tag of it":   func(in *Input) { in.Event.Image = &v1alpha1.Image{Name: "b", Tag: "1"} },
	} {
		in := push("refs/heads/main")
		change(&in)
		runs, _ := set.Match(in, nil)
		if len(runs) != 1 {
			t.Fatalf("%s: %d runs", name, len(runs))
		}
		if other := seen[runs[0].Object.Name]; other != "" {
			t.Errorf("%s and %s are both %s", name, other, runs[0].Object.Name)
		}
		seen[runs[0].Object.Name] = name
		if again, _ := set.Match(in, nil); again[0].Object.Name != runs[0].Object.Name {
			t.Errorf("%s is %s and %s", name, runs[0].Object.Name, again[0].Object.Name)
		}
	}
}
