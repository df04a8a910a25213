package contract

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	file := filepath.Join("testdata", name+".golden")
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s: these bytes are frozen: a running Pod may hold the old ones; raise Version if they must change (-want +got):\n%s", file, diff)
	}
}

// kubeletExpand does to one argument what the kubelet does: $(NAME) becomes
// the variable's value if the container has it, $$ becomes $.
func kubeletExpand(s string, env map[string]string) string {
	var out strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '$' || i+1 == len(s) {
			out.WriteByte(s[i])
			continue
		}
		i++
		end := strings.IndexByte(s[i:], ')')
		switch {
		case s[i] == '$':
			out.WriteByte('$')
		case s[i] == '(' && end > 0:
			name := s[i+1 : i+end]
			value, ok := env[name]
			if !ok {
				value = "$(" + name + ")"
			}
			out.WriteString(value)
			i += end
		case s[i] == '(':
			out.WriteString("$(")
		default:
			out.WriteByte('$')
			out.WriteByte(s[i])
		}
	}
	return out.String()
}

func expandAll(args []string, env map[string]string) []string {
	var out []string
	for _, a := range args {
		out = append(out, kubeletExpand(a, env))
	}
	return out
}

func fullStep() Step {
	return Step{
		Task: "build", Name: "compile", Index: 3,
		Wait:       []Wait{{File: MarkPath(StepRunDir(2))}, {File: "/tekton/run/other/out", Always: true}},
		RunDir:     StepRunDir(3),
		StepDir:    StepDir("step-compile"),
		ResultsDir: "/tekton/results", Results: []Declared{{Name: "a"}, {Name: "b", Type: "array"}},
		StepResults: []Declared{{Name: "c", Type: "object"}}, Artifacts: true, ScriptsDir: "/s", TaskArtifacts: "/a",
		Timeout: Duration(90 * time.Second), Grace: Duration(5 * time.Second), ContinueOnError: true,
		BreakBefore: true, BreakOnFailure: true, DebugDir: "/d",
		When:       []When{{Input: "$(steps.a.results.x)", Operator: "in", Values: []string{"<y>", "$(HOME)"}}},
		Guards:     []Guard{{Op: "_==_", Args: []Guard{{Op: GuardText, Text: "$(steps.a.results.x)"}, {Op: GuardText, Text: "<y>"}}}},
		Refs:       []Ref{{Text: "$(steps.a.results.x[1])", File: "/tekton/steps/step-a/results/x", Index: new(1)}, {Text: "$(steps.a.results.o.k)", File: "/f", Key: "k"}, {Text: "$(steps.a.results.x[*])", File: "/f", All: true}},
		WorkingDir: "src", Stdout: "/tekton/results/a", Stderr: "/tmp/err",
		Credentials:     []Credential{{Kind: CredentialBasicGit, Secret: "s", URLs: []string{"https://git.example.com"}}},
		Unset:           []string{"SECRET"},
		TerminationPath: Termination, MessageLimit: 1024,
		Script:  "#!/bin/sh\necho $$ $(HOME) \"$HOME\" $$$$ 'ü'\n",
		Command: []string{"$(HOME)", "-c", "--", ""},
	}
}

// laterStep has the fields that Version 1 got after the bytes of fullStep were
// frozen: a step without them is written as before.
func laterStep() Step {
	return Step{
		Name: "hello", RunDir: StepRunDir(0), StepDir: StepDir("step-hello"), Command: []string{"echo", "hi"},
		Hold:      []string{StepRunDir(1), StepRunDir(2)},
		SecretEnv: []string{"TOKEN", "$(HOME)"}, SecretPaths: []string{"/tekton/creds-secrets/git", "/etc/keys"},
	}
}

func TestArgsGolden(t *testing.T) {
	for name, s := range map[string]Step{
		"args-full":  fullStep(),
		"args-later": laterStep(),
		"args-plain": {Name: "hello", RunDir: StepRunDir(0), StepDir: StepDir("step-hello"), Command: []string{"echo", "hi"}},
	} {
		golden(t, name, []byte(strings.Join(s.Args(), "\n")))
	}
}

// What the kubelet does to arguments must not reach a script or a field, and
// must still reach the user's own command.
func TestArgsSurviveTheKubelet(t *testing.T) {
	env := map[string]string{"HOME": "/root"}
	full := fullStep()
	full.Command[0] = "/root"
	for _, tc := range []struct{ given, want Step }{{fullStep(), full}, {laterStep(), laterStep()}} {
		got, err := Parse(expandAll(tc.given.Args(), env))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(tc.want, got); diff != "" {
			t.Error(diff)
		}
	}
}

func TestArgsRandom(t *testing.T) {
	pieces := []string{"$", "$$", "$(", ")", "HOME", "(", "ü", "\n", "a", "\"", "\\", " ", "-- ", "-step=", "€", "<", "\u2028"}
	random := func(r *rand.Rand, n int) string {
		var b strings.Builder
		for range r.IntN(n) {
			b.WriteString(pieces[r.IntN(len(pieces))])
		}
		return b.String()
	}
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 7))
		want := Step{Name: random(r, 5), RunDir: random(r, 9), StepDir: random(r, 9), Script: random(r, 2*scriptChunk/(1+r.IntN(50)))}
		for range r.IntN(4) {
			want.Unset = append(want.Unset, random(r, 8))
			want.Command = append(want.Command, random(r, 8))
		}
		args := want.Args()
		for _, a := range args {
			if n := len(kubeletExpand(a, nil)); n >= 128<<10 {
				t.Fatalf("seed %d: an argument has %d bytes, Linux allows 128 KiB", seed, n)
			}
		}
		env := map[string]string{"HOME": "/root"}
		got, err := Parse(expandAll(args, env))
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		want.Command = expandAll(want.Command, env)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("seed %d: %s", seed, diff)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	good := Step{Name: "x", RunDir: "/r", StepDir: "/s", Command: []string{"true"}}.Args()
	for _, tc := range []struct {
		why, want string
		args      []string
	}{
		{"no argument at all", "same release", nil},
		{"another release's contract", "speaks contract 1", append([]string{"-contract=2"}, good[1:]...)},
		{"a field of a newer compiler must not be dropped", "unknown field", []string{good[0], `-step={"name":"x","novel":1}`, "--"}},
		{"a flag that is not ours", "not one of contract", []string{good[0], "-x", "--"}},
		{"two steps in one container", "not one of contract", []string{good[0], good[1], good[1], "--"}},
		{"cut before the command", `"--"`, good[:2]},
		{"no step", "missing", []string{good[0], "--"}},
		{"garbage after the object", "follows", []string{good[0], good[1] + "{}", "--"}},
	} {
		if _, err := Parse(tc.args); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: got error %v, want one with %q", tc.why, err, tc.want)
		}
	}
}

var at = time.Date(2026, 11, 20, 14, 9, 54, 123456789, time.UTC)

func fullMessage() Message {
	return Message{
		Version: Version, Reason: ReasonError, Cause: CauseSetup, ExitCode: 3, StartedAt: at, FinishedAt: at.Add(42 * time.Second), Detail: "what <to> do",
		Results:     []Result{{Name: "a", Type: "string", Value: "v\n"}, {Name: "b", Type: "array", Value: `["x"]`}},
		StepResults: []Result{{Name: "c", Type: "object", Value: `{"k":"v"}`}}, Artifacts: json.RawMessage(`{"outputs":[]}`),
	}
}

func TestMessageGolden(t *testing.T) {
	m := fullMessage()
	plain, _ := m.Encode(0)
	golden(t, "message-json", plain)
	bare := Message{Reason: ReasonContinued, ExitCode: 255, StartedAt: at, FinishedAt: at.Add(time.Second)}
	compact, _ := bare.Encode(MinMessage)
	golden(t, "message-compact", compact)
	golden(t, "mark", Mark{Outcome: OutcomeError, Reason: ReasonTimeout, ExitCode: 1, StartedAt: at, FinishedAt: at}.Encode())
	golden(t, "script-path", []byte(ScriptPath(1, "echo")))
	// Only what can be read is frozen: deflate may pack better some day.
	file := filepath.Join("testdata", "message-compressed.golden")
	if *update {
		packed, _ := m.Encode(340)
		if err := os.WriteFile(file, packed, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	packed, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	got, err := Decode(packed)
	if diff := cmp.Diff(m, got); err != nil || diff != "" || !bytes.HasPrefix(packed, []byte("z1:")) {
		t.Errorf("%v\n%s", err, diff)
	}
}

// Each result size must arrive, by whatever way it takes.
func TestMessageForms(t *testing.T) {
	noise := func(n int) string {
		r := rand.New(rand.NewPCG(1, 2))
		b := make([]byte, n)
		for i := range b {
			b[i] = byte('!' + r.IntN(90))
		}
		return string(b)
	}
	for _, tc := range []struct {
		why    string
		value  string
		limit  int
		prefix string
	}{
		{"small is readable", "v", 4096, "{"},
		{"repetitive is deflated", strings.Repeat("ab", 5000), 4096, "z1:"},
		{"noise goes to the log", noise(6000), 4096, "c1:"},
		{"a result at the bound", noise(MaxResults), 4096, "c1:"},
		{"the worst for JSON: all escapes", strings.Repeat("\x01", MaxResults), 4096, "c1:"},
		{"a Pod of 100 containers", "v", MessageLimit(100), "c1:"},
	} {
		want := fullMessage()
		want.Results[0].Value = tc.value
		text, log := want.Encode(tc.limit)
		if len(text) > tc.limit || !strings.HasPrefix(string(text), tc.prefix) {
			t.Errorf("%s: message of %d bytes starts %.10q, want at most %d and %q", tc.why, len(text), text, tc.limit, tc.prefix)
		}
		got, err := Decode(text)
		if err != nil {
			t.Errorf("%s: %v", tc.why, err)
			continue
		}
		if got, err = Collect(bytes.NewReader(log), got); err != nil {
			t.Errorf("%s: %v", tc.why, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", tc.why, diff)
		}
		for line := range bytes.Lines(log) {
			if len(line) > 4096 || !IsResultLine(line) || len(StripResult(line)) != 0 {
				t.Fatalf("%s: line of %d bytes: %.60q", tc.why, len(line), line)
			}
		}
	}
}

// The log belongs to the step's process, which may write anything into it.
func TestCollect(t *testing.T) {
	m := fullMessage()
	for i := range 3000 {
		m.Results = append(m.Results, Result{Name: fmt.Sprint("r", i), Value: fmt.Sprint(i * i)})
	}
	text, log := m.Encode(4096)
	ref, err := Decode(text)
	if err != nil || ref.Log == nil || ref.Log.Lines < 3 {
		t.Fatalf("the case needs several lines: %+v, %v", ref, err)
	}
	lines := bytes.SplitAfter(log, []byte("\n"))
	forged := bytes.Replace(lines[0], []byte("1/"), []byte("2/"), 1)
	for _, tc := range []struct {
		why, want string
		log       string
	}{
		{"nothing else in the log", "", string(log)},
		{"output before, its last line not ended", "", "hello\nworld" + string(log)},
		{"2 MB in one line right before", "", strings.Repeat("x", 2<<20) + string(log)},
		{"a line of a process that was left running, between", "", string(lines[0]) + "late\n" + string(bytes.Join(lines[1:], nil))},
		{"an unended line before each", "", "a" + strings.Join(strings.SplitAfter(string(log), "\n"), "b")},
		{"lines of another step", "", strings.ReplaceAll(string(log), ref.Log.digest()[:idLength], "AAAAAAAAAAAA") + string(log)},
		{"the log was cut at its start", "lines are there", string(bytes.Join(lines[1:], nil))},
		{"no log", "0 of", ""},
		{"a forged line that comes first", "digest", string(forged) + string(log)},
	} {
		got, err := Collect(strings.NewReader(tc.log), ref)
		if tc.want == "" {
			if err != nil || !reflect.DeepEqual(got, m) {
				t.Errorf("%s: %v", tc.why, err)
			}
		} else if err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: got error %v, want one with %q", tc.why, err, tc.want)
		}
	}
}

func TestStripResultKeepsWhatPeopleWrote(t *testing.T) {
	for _, line := range []string{"hello\n", "::slipway:result:\n", "::slipway:result:AAAAAAAAAAAA:2/1:x\n", "::slipway:result:short:1/1:x\n", ""} {
		if got := StripResult([]byte(line)); string(got) != line || IsResultLine([]byte(line)) {
			t.Errorf("%q became %q", line, got)
		}
	}
	if got := StripResult([]byte("no newline::slipway:result:AAAAAAAAAAAA:1/1:eA==\n")); string(got) != "no newline" {
		t.Errorf("got %q", got)
	}
}

func TestDecodeRefuses(t *testing.T) {
	bomb := Message{Version: 1, Results: []Result{{Value: strings.Repeat("a", maxInflated)}}}
	packed, _ := bomb.Encode(1 << 20)
	cut, _ := fullMessage().Encode(0)
	for why, text := range map[string]string{
		"killed before it wrote": "", "the digest that another tool left": "sha256:abc", "another contract": `{"v":2}`, "cut": string(cut[40:]),
		"compact without its fields": "c1:0.0.0", "unknown reason": "c1:9.0.0..", "too many lines": "c1:0.0.0...999999999." + strings.Repeat("A", 43), "a bomb": string(packed), "bad base64": "z1:?", "bad deflate": "z1:AAAA",
	} {
		if m, err := Decode([]byte(text)); err == nil {
			t.Errorf("%s: accepted as %+v", why, m)
		}
	}
}

func TestResultValidate(t *testing.T) {
	for _, tc := range []struct {
		r  Result
		ok bool
	}{
		{Result{Value: "any\n"}, true},
		{Result{Type: "array", Value: "[\"a\"]\n"}, true},
		{Result{Type: "array", Value: "a"}, false},
		{Result{Type: "object", Value: `{"a":"b"}`}, true},
		{Result{Type: "object", Value: `{"a":1}`}, false},
	} {
		if err := tc.r.Validate(); (err == nil) != tc.ok {
			t.Errorf("%+v: %v", tc.r, err)
		}
	}
}
