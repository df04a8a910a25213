package trigger

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/slipway-dev/slipway/api/slipway/v1alpha1"
)

// Each problem has the file and the line, so that the author finds it.
func TestReadSaysWhereWhatIsWrong(t *testing.T) {
	for name, c := range map[string]struct {
		text, want string
	}{
		"not YAML":              {"a: b\n  c: [\n", `.tekton/a.yaml:2: not YAML`},
		"an unknown field":      {strings.Replace(run("a"), "spec:", "spec:\n  pipelineSpecc: {}", 1), `.tekton/a.yaml:6: spec.pipelineSpecc: unknown field; did you mean "pipelineSpec"?`},
		"a template in the way": {strings.Replace(run("a"), "- image: busybox", "- imag: {{ repo_name }}", 1), `.tekton/a.yaml:11: spec.pipelineSpec.tasks[0].taskSpec.steps[0].imag: unknown field`},
		"an expression":         {run("a", `on-cel-expression: event = "push"`), `.tekton/a.yaml:6: pipelinesascode.tekton.dev/on-cel-expression: line 1, column 7: Syntax error`},
		"an unknown variable":   {run("a", `on-cel-expression: evnt == "push"`), `.tekton/a.yaml:6: pipelinesascode.tekton.dev/on-cel-expression: line 1, column 1: undeclared reference to 'evnt'`},
		"a regular expression":  {run("a", `on-comment: "^/merge("`), `.tekton/a.yaml:6: pipelinesascode.tekton.dev/on-comment: error parsing regexp: missing closing )`},
		"a list":                {run("a", `on-event: "[push"`), `.tekton/a.yaml:6: pipelinesascode.tekton.dev/on-event: "[push" lacks the ] at its end`},
		"words":                 {run("a", `on-event: push or so`), `"push or so" is no list: write [a, b]`},
		"an empty list":         {run("a", `on-target-branch: "[]"`), `the list is empty`},
		"an event":              {run("a", `on-event: "[pull_requests]"`), `no event is named "pull_requests"; did you mean "pull_request"?`},
		"a name that is nearly": {run("a", `on-target-branches: main`), `there is no such annotation; did you mean "on-target-branch"?`},
		"a glob":                {run("a", `on-path-change: "[a{b]"`), `on-path-change: "a{b": a { lacks its }`},
		"a number":              {run("a", `max-keep-runs: some`), `"some" is no number of runs`},
		"a truth":               {run("a", `cancel-in-progress: maybe`), `"maybe" is neither true nor false`},
		"http":                  {run("a", `task: http://x.example/t.yaml`), `use https`},
		"two of a name":         {run("a") + "---\n" + run("a"), `.tekton/a.yaml:17: "a" is the name of another PipelineRun in .tekton/a.yaml:4`},
		"aliases that unfold":   {bomb(), `nested too deeply, or its aliases unfold to too much`},
		"a large file":          {strings.Repeat("#", maxFileSize+1), `.tekton/a.yaml: has 1048577 bytes, and at most 1048576 are read`},
	} {
		t.Run(name, func(t *testing.T) {
			_, problems := Read(map[string][]byte{".tekton/a.yaml": []byte(c.text)})
			var all []string
			for _, p := range problems {
				at := p.Path
				if p.Line > 0 {
					at = fmt.Sprintf("%s:%d", at, p.Line)
				}
				all = append(all, at+": "+p.Message)
			}
			if text := strings.Join(all, "\n"); !strings.Contains(text, c.want) || strings.Contains(text, "slipwaytpl") {
				t.Errorf("got %s", text)
			}
		})
	}
}

// bomb is a small text that would be a large document.
func bomb() string {
	var b strings.Builder
	b.WriteString("apiVersion: tekton.dev/v1\nkind: PipelineRun\nmetadata: {name: a}\nspec:\n  a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n")
	for i := 1; i < 9; i++ {
		fmt.Fprintf(&b, "  a%d: &a%d [%s]\n", i, i, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*a%d, ", i-1), 10), ", "))
	}
	return b.String()
}

// However much a commit holds, reading it ends soon.
func TestReadIsBounded(t *testing.T) {
	many := map[string][]byte{}
	for i := range 100 {
		many[fmt.Sprintf(".tekton/%d.yaml", i)] = []byte(run(fmt.Sprintf("run-%d", i)))
	}
	if set, problems := Read(many); len(problems) > 0 || len(set.runs) != 100 {
		t.Errorf("a hundred files: %d runs, %v", len(set.runs), problems)
	}
	for i := range maxFiles + 1 {
		many[fmt.Sprintf(".tekton/%d.yaml", i)] = []byte(run(fmt.Sprintf("run-%d", i)))
	}
	if set, problems := Read(many); len(problems) != 1 || len(set.runs) > 0 || !strings.Contains(problems[0].Message, "at most 1000") {
		t.Errorf("too many files: %v", problems)
	}
	bombs, large := map[string][]byte{}, map[string][]byte{}
	for i := range 500 {
		bombs[fmt.Sprintf(".tekton/%d.yaml", i)] = []byte(strings.Repeat(bomb()+"---\n", 100))
		large[fmt.Sprintf(".tekton/%d.yaml", i)] = []byte(strings.Repeat("#", maxFileSize))
	}
	if _, problems := Read(bombs); !strings.Contains(problems[len(problems)-1].Message, "aliases unfold to too much") || len(problems) > 1000 {
		t.Errorf("bombs: %d problems", len(problems))
	}
	if _, problems := Read(large); len(problems) != 1 || !strings.Contains(problems[0].Message, "8388608 bytes") {
		t.Errorf("much text: %v", problems)
	}
}

// What a commit may not choose is refused where it stands.
func TestWhatACommitMayNotChoose(t *testing.T) {
	const head = "apiVersion: tekton.dev/v1\nkind: PipelineRun\nmetadata:\n  name: one\n  namespace: %s\n" +
		"  annotations: {slipway.dev/on-event: push, slipway.dev/on-target-branch: main}\nspec:\n  taskRunTemplate:\n    serviceAccountName: %s\n" +
		"  taskRunSpecs:\n  - pipelineTaskName: say\n    serviceAccountName: %s\n  pipelineRef: {name: p}\n"
	for name, c := range map[string]struct {
		namespace, account, taskAccount, want string
		line                                  int
	}{
		"its own":            {"team", "ci", "deploy", "", 0},
		"another namespace":  {"kube-system", "ci", "ci", `runs of this repository are in "team", not in "kube-system": leave it out`, 5},
		"another account":    {"team", "root", "ci", `may not use "root": have it added to spec.allowedServiceAccounts of Repository app`, 9},
		"that of a task":     {"team", "ci", "root", `spec.taskRunSpecs[0].serviceAccountName: the repository may not use "root"`, 12},
		"one by a template":  {"team", "{{ source_branch }}", "ci", `may not use "main"`, 9},
		"a space by a title": {"{{ event }}", "ci", "ci", `not in "push"`, 5},
	} {
		t.Run(name, func(t *testing.T) {
			runs, problems := read(t, ".tekton/a.yaml", fmt.Sprintf(head, c.namespace, c.account, c.taskAccount)).Match(push("refs/heads/main"), nil)
			if c.want == "" {
				if len(problems) > 0 || len(runs) != 1 {
					t.Error(problems)
				}
				return
			}
			if len(runs) > 0 || len(problems) != 1 || problems[0].Line != c.line || !strings.Contains(problems[0].Message, c.want) {
				t.Errorf("got %v, %v", names(runs), problems)
			}
		})
	}
}

func TestRemote(t *testing.T) {
	set := read(t, ".tekton/a.yaml", `apiVersion: tekton.dev/v1
kind: PipelineRun
metadata:
  name: one
  annotations:
    slipway.dev/on-event: push
    slipway.dev/on-target-branch: main
    slipway.dev/pipeline: https://x.example/lib/pipeline.yaml
    slipway.dev/task: "[git-clone:0.9, shared/lint.yaml]"
    slipway.dev/task-1: mine://scan
spec:
  pipelineRef: {name: shared}
`)
	in := push("refs/heads/main")
	pipeline := Reference{Kind: kindPipeline, URL: "https://x.example/lib/pipeline.yaml"}
	clone := Reference{Kind: kindTask, Name: "git-clone", Version: "0.9"}
	lint, scan := Reference{Kind: kindTask, Path: "shared/lint.yaml"}, Reference{Kind: kindTask, Hub: "mine", Name: "scan"}
	if diff := cmp.Diff([]Reference{pipeline, clone, lint, scan}, set.Remote(in, nil)); diff != "" {
		t.Fatal(diff)
	}
	task := func(name, image string) []byte {
		return []byte("apiVersion: tekton.dev/v1\nkind: Task\nmetadata: {name: " + name + "}\nspec: {steps: [{image: " + image + ", script: x}]}\n")
	}
	fetched := map[Reference][]byte{
		pipeline: []byte("apiVersion: tekton.dev/v1\nkind: Pipeline\nmetadata: {name: shared, annotations: {pipelinesascode.tekton.dev/task: ../tasks/say.yaml}}\n" +
			"spec: {tasks: [{name: a, taskRef: {name: git-clone}}, {name: b, taskRef: {name: say}}]}\n"),
		clone: task("git-clone", "git"), lint: task("lint", "lint"), scan: task("scan", "scan"),
	}
	say := Reference{Kind: kindTask, URL: "https://x.example/tasks/say.yaml"}
	if diff := cmp.Diff([]Reference{say}, set.Remote(in, fetched)); diff != "" {
		t.Fatal(diff)
	}
	fetched[say] = task("say", "say")
	if more := set.Remote(in, fetched); len(more) > 0 {
		t.Fatal(more)
	}
	runs, problems := set.Match(in, fetched)
	if len(problems) > 0 || len(runs) != 1 {
		t.Fatal(problems)
	}
	tasks := runs[0].Object.Spec.PipelineSpec.Tasks
	if tasks[0].TaskSpec.Steps[0].Image != "git" || tasks[1].TaskSpec.Steps[0].Image != "say" {
		t.Errorf("%+v", tasks)
	}
	for name, c := range map[string]struct {
		data []byte
		want string
	}{
		"gone":        {nil, "task https://x.example/tasks/say.yaml could not be fetched"},
		"no YAML":     {[]byte("a: [\n"), "https://x.example/tasks/say.yaml:1: not YAML"},
		"another one": {fetched[pipeline], "holds no Task"},
	} {
		fetched[say] = c.data
		if runs, problems := set.Match(in, fetched); len(runs) > 0 || len(problems) != 1 || problems[0].Line != 8 || !strings.Contains(problems[0].Message, c.want) {
			t.Errorf("%s: %v, %v", name, names(runs), problems)
		}
	}
	if other := set.Remote(push("refs/heads/other"), nil); len(other) > 0 {
		t.Errorf("what does not match names %v", other)
	}
}

// Files are asked for only where they decide: that is a call of the forge's API.
func TestNeedsChanges(t *testing.T) {
	const event, branch = "on-event: push", "on-target-branch: main"
	changes := &Changes{Added: []string{"docs/deep/a.md"}, Modified: []string{"main.go"}}
	for name, c := range map[string]struct {
		annotations []string
		needs, want bool
	}{
		"no paths":                   {[]string{event, branch}, false, true},
		"a path":                     {[]string{event, branch, `on-path-change: "[docs/**.md]"`}, true, true},
		"another path":               {[]string{event, branch, `on-path-change: "[src/***]"`}, true, false},
		"a path to ignore":           {[]string{event, branch, `on-path-change: "[***.go]"`, `on-path-change-ignore: "[docs/***]"`}, true, false},
		"a path, on another branch":  {[]string{event, "on-target-branch: other", `on-path-change: "[docs/**.md]"`}, false, false},
		"pathChanged":                {[]string{`on-cel-expression: event == "push" && "docs/*.md".pathChanged()`}, true, true},
		"pathChanged of another":     {[]string{`on-cel-expression: event == "pull_request" && "docs/*.md".pathChanged()`}, false, false},
		"files":                      {[]string{`on-cel-expression: files.all.exists(x, x.matches("^main")) && files.deleted.size() == 0`}, true, true},
		"files that are not changed": {[]string{`on-cel-expression: files.added.exists(x, x == "main.go")`}, true, false},
	} {
		t.Run(name, func(t *testing.T) {
			in := push("refs/heads/main")
			set := read(t, ".tekton/a.yaml", run("one", c.annotations...))
			if got := set.NeedsChanges(in); got != c.needs {
				t.Errorf("needs changes: %v", got)
			}
			if set := read(t, ".tekton/a.yaml", run("one", c.annotations...)+"          env: [{name: F, value: '{{ files.all }}'}]\n"); set.NeedsChanges(in) != (c.needs || c.want) {
				t.Error("a template of files says otherwise")
			}
			in.Changes = changes
			runs, problems := set.Match(in, nil)
			if got := len(runs) == 1; got != c.want || len(problems) > 0 {
				t.Errorf("matched %v, %v", names(runs), problems)
			}
		})
	}
}

func TestVariables(t *testing.T) {
	in := comment("/test one revision=cafe color=blue repo_url=https://evil.example nothing=1")
	in.Params = map[string]string{"color": "red", "size": "xl"}
	in.Headers = map[string]string{"X-Github-Event": "issue_comment"}
	in.Payload = map[string]any{"sender": map[string]any{"id": 42.0, "tags": []any{"a", "b"}}, "draft": true}
	in.Event.PullRequest.Labels = []string{"bug", "ui"}
	f := newFacts(in)
	for template, want := range map[string]string{
		"{{ revision }}": "cafe", "{{revision}}": "cafe", "{{ color }}": "blue", "{{ size }}": "xl",
		"{{ repo_url }}": "https://forge.example/Group/Sub/App", "{{ repo_owner }}": "group/sub", "{{ repo_name }}": "app",
		"{{ source_branch }}": "feature", "{{ target_branch }}": "main", "{{ source_url }}": "https://forge.example/bob/app",
		"{{ event }}": "pull_request", "{{ event_type }}": "pull_request", "{{ git_tag }}": "", "{{ pull_request_number }}": "7",
		"{{ pull_request_labels }}": "bug\nui", "{{ target_namespace }}": "team", "{{ git_auth_secret }}": "app-git-auth",
		"{{ trigger_comment }}": in.Event.Comment.Body, "{{ sender }}": "ann",
		"{{ body.sender.id }}": "42", "{{ body.sender.tags }}": `["a","b"]`, "{{ body.draft }}": "true",
		"{{ headers['x-github-event'] }}": "issue_comment", "{{ headers['X-Github-Event'] }}": "issue_comment",
	} {
		if got, ok := f.value(template); !ok || got != want {
			t.Errorf("%s is %q, %v; want %q", template, got, ok, want)
		}
	}
	for _, unknown := range []string{"{{ nothing }}", "{{ body.none }}", "{{.Names}}", "{{ bodyguard }}", "{{ body.sender( }}", "{{ 1 + 1 }}"} {
		if got, ok := f.value(unknown); ok {
			t.Errorf("%s is %q", unknown, got)
		}
	}
}

// Events of one type have variables that others do not, and params give them values.
func TestVariablesOfTheType(t *testing.T) {
	tick := &v1alpha1.Tick{Name: "nightly", Time: metav1.NewTime(time.Date(2026, 1, 2, 3, 30, 0, 0, time.FixedZone("", 3600)))}
	image := &v1alpha1.Image{Name: "r.example/base", Tag: "v1", Digest: "sha256:1"}
	for name, tc := range map[string]struct {
		event v1alpha1.Event
		want  map[string]string
	}{
		"a time": {v1alpha1.Event{Type: v1alpha1.EventSchedule, Schedule: tick},
			map[string]string{"{{ event }}": "schedule", "{{ schedule }}": "nightly", "{{ schedule_time }}": "2026-01-02T02:30:00Z"}},
		"a time by hand": {v1alpha1.Event{Type: v1alpha1.EventSchedule, Params: map[string]string{"schedule": "weekly"}},
			map[string]string{"{{ schedule }}": "weekly", "{{ schedule_time }}": ""}},
		"an image": {v1alpha1.Event{Type: v1alpha1.EventImage, Image: image},
			map[string]string{"{{ event }}": "image", "{{ image }}": "r.example/base", "{{ image_tag }}": "v1", "{{ image_digest }}": "sha256:1"}},
		"an image by hand": {v1alpha1.Event{Type: v1alpha1.EventImage, Params: map[string]string{"image_tag": "v2"}},
			map[string]string{"{{ image }}": "", "{{ image_tag }}": "v2"}},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFacts(Input{Repository: repository(), Event: tc.event})
			for template, want := range tc.want {
				if got, ok := f.value(template); !ok || got != want {
					t.Errorf("%s is %q, %v; want %q", template, got, ok, want)
				}
			}
		})
	}
	if got, ok := newFacts(Input{Repository: repository(), Event: v1alpha1.Event{Type: v1alpha1.EventPush}}).value("{{ image }}"); ok {
		t.Errorf("a push has the image %q", got)
	}
}

func TestSettable(t *testing.T) {
	r := repository()
	r.Spec.Params = []v1alpha1.RepositoryParam{{Name: "level"}, {Name: "revision"}}
	got := Settable(r, v1alpha1.Event{Type: v1alpha1.EventImage})
	for name, want := range map[string]bool{"level": true, "image_tag": true, "source_branch": true, "repo_url": false, "schedule": false, "nothing": false} {
		if slices.Contains(got, name) != want {
			t.Errorf("%s among %q is not %t", name, got, want)
		}
	}
	if !slices.IsSorted(got) || len(slices.Compact(slices.Clone(got))) != len(got) {
		t.Errorf("%q", got)
	}
}

func TestCommands(t *testing.T) {
	for body, want := range map[string][]Command{
		"":                                    nil,
		"nice /test":                          nil,
		"/tests":                              nil,
		"/test":                               {{Verb: Test}},
		"thanks!\r\n/retest\r\n":              {{Verb: Retest}},
		"  /cancel build":                     {{Verb: Cancel, Pipeline: "build"}},
		"/test build branch:main":             {{Verb: Test, Pipeline: "build", Ref: "refs/heads/main"}},
		"/retest tag:v1":                      {{Verb: Retest, Ref: "refs/tags/v1"}},
		"/ok-to-test":                         {{Verb: OKToTest}},
		"/ok-to-test CAFE123":                 {{Verb: OKToTest, Commit: "cafe123"}},
		"/ok-to-test please":                  {{Verb: OKToTest}},
		"/test a=b":                           {{Verb: Test, Params: map[string]string{"a": "b"}}},
		"/test build a=b c=\"d \\\"e\\\" f\"": {{Verb: Test, Pipeline: "build", Params: map[string]string{"a": "b", "c": `d "e" f`}}},
		"/test build\nnote=\"two\nlines\"":    {{Verb: Test, Pipeline: "build", Params: map[string]string{"note": "two\nlines"}}},
		"/test a\n/test b x=1":                {{Verb: Test, Pipeline: "a"}, {Verb: Test, Pipeline: "b", Params: map[string]string{"x": "1"}}},
	} {
		if diff := cmp.Diff(want, Commands(body)); diff != "" {
			t.Errorf("%q: %s", body, diff)
		}
	}
	if got := Commands(strings.Repeat("/test\n", 1000)); len(got) != maxCommands {
		t.Errorf("a thousand commands are %d", len(got))
	}
	for message, want := range map[string]bool{"Fix\n\n[skip ci]": true, "[CI SKIP] x": true, "[skip tkn]": true, "[tkn skip]": true, "skip ci": false, "": false} {
		if Skips(message) != want {
			t.Errorf("%q: %v", message, !want)
		}
	}
}

func TestWanted(t *testing.T) {
	repo := repository()
	repo.Spec.Branches = []string{"main", "release/*"}
	repo.Spec.Events = []v1alpha1.EventType{v1alpha1.EventPush}
	for ref, want := range map[string]bool{"refs/heads/main": true, "refs/heads/release/1": true, "refs/heads/x": false, "refs/tags/x": true} {
		if got, why := Wanted(repo, push(ref).Event); got != want || got == (why != "") {
			t.Errorf("%s: %v, %q", ref, got, why)
		}
	}
	if got, why := Wanted(repo, pullRequest("opened").Event); got || !strings.Contains(why, "spec.events") {
		t.Errorf("a pull request: %v, %q", got, why)
	}
}

// Whatever stands in a value, the objects that are made differ in strings only: none
// has a field, a key or an element more.
func FuzzTemplates(f *testing.F) {
	for _, seed := range []string{"", "x", "a\nb: c", "$(params.x)", "{{ revision }}", "\"", "'", "- x", "slipwaytpl0z", "\x00", "\xff", "*a", "&a", "!!int 1", "---\n", strings.Repeat("{", 100)} {
		f.Add(seed)
	}
	text := strings.Replace(run("one", "on-event: pull_request", "on-target-branch: main"), "spec:",
		"spec:\n  params:\n  - name: a\n    value: {{ source_branch }}\n  - name: b\n    value: '<{{ body.title }}>'\n  - name: c\n    value: |\n      {{ body.title }}\n      {{ nothing }}", 1)
	set, problems := Read(map[string][]byte{".tekton/a.yaml": []byte(text)})
	if len(problems) > 0 {
		f.Fatal(problems)
	}
	f.Fuzz(func(t *testing.T, value string) {
		in := pullRequest("opened")
		in.Event.PullRequest.SourceBranch = value
		in.Payload = map[string]any{"title": value}
		runs, problems := set.Match(in, nil)
		if len(problems) > 0 || len(runs) != 1 {
			t.Fatal(problems)
		}
		clean := strings.ToValidUTF8(strings.ReplaceAll(value, "\x00", ""), "\uFFFD")
		params := runs[0].Object.Spec.Params
		if len(params) != 3 || params[0].Value.StringVal != clean || params[1].Value.StringVal != "<"+clean+">" || params[2].Value.StringVal != clean+"\n{{ nothing }}\n" {
			t.Errorf("%+v", params)
		}
	})
}
