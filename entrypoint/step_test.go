package entrypoint

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/slipway-dev/slipway/entrypoint/contract"
)

func TestOutcomes(t *testing.T) {
	for _, tc := range []struct {
		why    string
		script string
		change func(*contract.Step)
		code   int // of the container
		exit   int // in the message
		reason contract.Reason
		cause  contract.Cause
		mark   contract.Outcome
		stderr string
	}{
		{why: "ends well", script: "true", reason: contract.ReasonCompleted, mark: contract.OutcomeOK},
		{why: "fails", script: "exit 3", code: 3, exit: 3, reason: contract.ReasonError, mark: contract.OutcomeError},
		{why: "the default preamble stops at the first failure", script: "false\nexit 0", code: 1, exit: 1, reason: contract.ReasonError, mark: contract.OutcomeError},
		{why: "fails, and that is passed over", script: "exit 3", change: func(s *contract.Step) { s.ContinueOnError = true }, exit: 3, reason: contract.ReasonContinued, mark: contract.OutcomeOK},
		{why: "is killed", script: "kill -9 $$", code: 137, exit: 137, reason: contract.ReasonError, mark: contract.OutcomeError},
		{why: "overruns its timeout", script: "sleep 60", change: func(s *contract.Step) { s.Timeout = contract.Duration(20 * time.Millisecond) }, code: 1, exit: 1, reason: contract.ReasonTimeout, mark: contract.OutcomeError, stderr: "did not end within its timeout of 20ms"},
		{why: "overruns its timeout and ignores TERM", script: "trap '' TERM; sleep 60 & wait; wait; wait", change: func(s *contract.Step) {
			s.Timeout, s.Grace = contract.Duration(50*time.Millisecond), contract.Duration(50*time.Millisecond)
		}, code: 1, exit: 1, reason: contract.ReasonTimeout, mark: contract.OutcomeError, stderr: "did not end within"},
		{why: "a timeout is not passed over", script: "sleep 60", change: func(s *contract.Step) {
			s.Timeout, s.ContinueOnError = contract.Duration(20*time.Millisecond), true
		}, code: 1, exit: 1, reason: contract.ReasonTimeout, mark: contract.OutcomeError, stderr: "did not end within"},
		{why: "a when that does not hold", script: "exit 9", change: func(s *contract.Step) {
			s.When = []contract.When{{Input: "a", Operator: "in", Values: []string{"b"}}}
		}, reason: contract.ReasonSkipped, cause: contract.CauseWhen, mark: contract.OutcomeSkipped},
		{why: "whens that hold", script: "exit 9", change: func(s *contract.Step) {
			s.When = []contract.When{{Input: "a", Operator: "in", Values: []string{"b", "a"}}, {Input: "a", Operator: "notin", Values: []string{"b"}}}
		}, code: 9, exit: 9, reason: contract.ReasonError, mark: contract.OutcomeError},
		{why: "a guard that does not hold", script: "exit 9", change: func(s *contract.Step) {
			s.Guards = []contract.Guard{{Op: contract.GuardBool, Text: "true"}, {Op: contract.GuardBool, Text: "false"}}
		}, reason: contract.ReasonSkipped, cause: contract.CauseWhen, mark: contract.OutcomeSkipped},
		{why: "a guard without an answer", script: "exit 9", change: func(s *contract.Step) {
			s.Guards = []contract.Guard{{Op: contract.GuardRef, Text: "$(steps.a.results.gone)"}}
		}, code: 1, exit: 1, reason: contract.ReasonError, cause: contract.CauseSetup, mark: contract.OutcomeError, stderr: "its guard in CEL cannot be evaluated: the value of $(steps.a.results.gone)"},
		{why: "no such command", change: func(s *contract.Step) { s.Command = []string{"bahs", "-c", "true"} }, code: 127, exit: 127, reason: contract.ReasonError, cause: contract.CauseNotFound, mark: contract.OutcomeError, stderr: `step "x": no "bahs" in the image: use an image that has it, or a script that starts with #!/bin/sh`},
		{why: "no such interpreter", script: "#!/no/bash -e\ntrue", code: 127, exit: 127, reason: contract.ReasonError, cause: contract.CauseNotFound, mark: contract.OutcomeError, stderr: `no "/no/bash" in the image, by which its script is to be run`},
		{why: "not executable", change: func(s *contract.Step) { s.Command = []string{"/etc/passwd"} }, code: 126, exit: 126, reason: contract.ReasonError, cause: contract.CauseNotExecutable, mark: contract.OutcomeError, stderr: "permission denied"},
		{why: "a folder", change: func(s *contract.Step) { s.Command = []string{"/etc"} }, code: 126, exit: 126, reason: contract.ReasonError, cause: contract.CauseNotExecutable, mark: contract.OutcomeError, stderr: "it is a directory"},
		{why: "nothing to run", code: 127, exit: 127, reason: contract.ReasonError, cause: contract.CauseNotFound, mark: contract.OutcomeError, stderr: "no command and no script"},
		{why: "a working dir that cannot be", script: "true", change: func(s *contract.Step) { s.WorkingDir = "/dev/null/x" }, code: 1, exit: 1, reason: contract.ReasonError, cause: contract.CauseSetup, mark: contract.OutcomeError, stderr: "its workingDir cannot be made"},
		{why: "an output file that cannot be", script: "true", change: func(s *contract.Step) { s.Stdout = "/dev/null/x" }, code: 1, exit: 1, reason: contract.ReasonError, cause: contract.CauseSetup, mark: contract.OutcomeError, stderr: "output cannot be written to a file"},
	} {
		t.Run(tc.why, func(t *testing.T) {
			t.Parallel()
			p := newPod(t)
			s := p.step(0, "x", tc.script)
			if tc.change != nil {
				tc.change(&s)
			}
			c, code, m := p.run(s)
			mark, err := readMark(contract.MarkPath(s.RunDir))
			if err != nil {
				t.Fatal(err)
			}
			if code != tc.code || m.ExitCode != tc.exit || m.Reason != tc.reason || m.Cause != tc.cause || mark.Outcome != tc.mark || mark.ExitCode != tc.exit {
				t.Errorf("container exit %d, message %+v, mark %+v", code, m, mark)
			}
			if got := c.err.String(); !strings.Contains(got, tc.stderr) || tc.stderr == "" && got != "" {
				t.Errorf("stderr %q, want %q", got, tc.stderr)
			}
			ran := tc.cause == ""
			if m.StartedAt.IsZero() == ran || m.FinishedAt.Before(m.StartedAt) {
				t.Errorf("ran: %t, but times are %v and %v", ran, m.StartedAt, m.FinishedAt)
			}
			if ran && p.read(contract.ExitCodePath(s.StepDir)) != strconv.Itoa(tc.exit) {
				t.Error("exitCode file differs")
			}
		})
	}
}

func TestBrokenProgramsSaySo(t *testing.T) {
	p := newPod(t)
	for _, tc := range []struct{ why, content, want string }{
		{"for another machine", "\x7fELF\x02\x01\x01 not really", "exec format error"},
		{"its own interpreter is missing", "#!/no/such\n", "the interpreter or loader that it needs is not"},
	} {
		s := p.step(0, strconv.Itoa(len(tc.why)), "")
		s.Command = []string{p.write(p.path("bin", tc.why), tc.content)}
		if c, code, _ := p.run(s); code < 126 || !strings.Contains(c.err.String(), tc.want) {
			t.Errorf("%s: code %d, stderr %q", tc.why, code, c.err.String())
		}
	}
}

func TestScripts(t *testing.T) {
	p := newPod(t)
	p.write(p.path("bin", "show"), "#!/bin/sh\nfor a; do printf '[%s]' \"$a\"; done")
	env := "PATH=" + p.path("bin") + ":" + os.Getenv("PATH")
	for i, tc := range []struct {
		why, script, want string
		args              []string
	}{
		{why: "arguments follow the script", script: "echo \"$0 $*\" | sed 's/.*script-/script-/'", args: []string{"a", "b c"}, want: "FILE a b c\n"},
		{why: "the kubelet does not touch it", script: "x=1; echo $x '$(HOME)' '$$' $((1+1))", want: "1 $(HOME) $$ 2\n"},
		{why: "env in the first line", script: "#!/usr/bin/env sh\necho hi", want: "hi\n"},
		{why: "all after the interpreter is one argument", script: "#!" + p.path("bin", "show") + " -a -b \necho", want: "[-a -b][FILE]"},
		{why: "empty lines before the first", script: "\n\n#! /bin/sh\necho hi", want: "hi\n"},
		{why: "carriage returns of an editor elsewhere", script: "#!/bin/sh\r\necho hi", want: "hi\n"},
		{why: "more than one argument can hold", script: ": " + strings.Repeat("$x", 120<<10) + "\necho big", want: "big\n"},
	} {
		s := p.step(i, "s"+strconv.Itoa(i), tc.script)
		s.Command = tc.args
		c, _, _ := p.run(s, env)
		file := filepath.Base(contract.ScriptPath(i, tc.script))
		got := strings.ReplaceAll(strings.ReplaceAll(c.out.String(), p.path("scripts")+"/", ""), file, "FILE")
		if got != tc.want {
			t.Errorf("%s: got %q, want %q; stderr %s", tc.why, got, tc.want, c.err.String())
		}
	}
}

// The process must see what the container has, and nothing of ours.
func TestEnvironmentAndFolder(t *testing.T) {
	p := newPod(t)
	s := p.step(0, "x", "#!/bin/sh\npwd; env | sort; readlink /proc/self/fd/0")
	s.Unset = []string{"HIDDEN"}
	s.WorkingDir = p.path("made", "for", "it")
	c := p.start(s)
	code, _ := c.ended()
	want := append(os.Environ(), "PWD="+s.WorkingDir)
	want = slices.DeleteFunc(want, func(kv string) bool { return strings.HasPrefix(kv, "PWD=") && kv != "PWD="+s.WorkingDir })
	for _, line := range strings.Split(strings.TrimSpace(c.out.String()), "\n")[1:] {
		if name, _, _ := strings.Cut(line, "="); name != "/dev/null" && name != "_" && name != "OLDPWD" && name != "SHLVL" && !slices.Contains(want, line) {
			t.Errorf("the process sees %q", line)
		}
	}
	if !strings.HasPrefix(c.out.String(), s.WorkingDir+"\n") || !strings.HasSuffix(c.out.String(), "/dev/null\n") || code != 0 {
		t.Errorf("code %d: %s", code, c.out.String())
	}
	c, _, _ = p.run(func() contract.Step {
		s := p.step(1, "y", "echo ${HIDDEN-unset}")
		s.Unset = []string{"HIDDEN"}
		return s
	}(), "HIDDEN=1")
	if c.out.String() != "unset\n" {
		t.Error(c.out.String())
	}
}

func TestTwoMegabytesInOneLine(t *testing.T) {
	p := newPod(t)
	c, _, _ := p.run(p.step(0, "x", "head -c 2097152 /dev/zero | tr '\\0' x; echo; echo end"))
	if got := c.out.String(); got != strings.Repeat("x", 2<<20)+"\nend\n" {
		t.Errorf("%d bytes came through", len(got))
	}
}

func TestNoNetwork(t *testing.T) {
	p := newPod(t)
	s := p.step(0, "x", "id -u; tail -n +2 /proc/net/route")
	s.NoNetwork = true
	if c, code, _ := p.run(s); code != 0 || c.out.String() != fmt.Sprintf("%d\n", os.Getuid()) {
		t.Errorf("ended with %d; who it is, and its routes: %s%s", code, c.out.String(), c.err.String())
	}
}

func TestTee(t *testing.T) {
	p := newPod(t)
	s := p.step(0, "x", "echo one; echo two >&2; printf three")
	s.Stdout, s.Stderr = p.path("o", "out"), p.path("o", "err")
	c, _, _ := p.run(s)
	if c.out.String() != "one\nthree" || c.err.String() != "two\n" || p.read(s.Stdout) != "one\nthree" || p.read(s.Stderr) != "two\n" {
		t.Errorf("log %q %q, files %q %q", c.out.String(), c.err.String(), p.read(s.Stdout), p.read(s.Stderr))
	}
	both := p.step(1, "y", "for i in 1 2 3 4 5 6 7 8 9; do echo $i; echo -$i >&2; done")
	both.Stdout, both.Stderr = p.path("both"), p.path("both")
	p.run(both)
	if got := strings.ReplaceAll(p.read(both.Stdout), "\n", ""); got != "1-12-23-34-45-56-67-78-89-9" {
		t.Errorf("order of writing is lost: %s", got)
	}
	left := p.step(2, "z", "echo said; sleep 30 &")
	left.Stdout = p.path("left")
	began := time.Now()
	if p.run(left); p.read(left.Stdout) != "said\n" || time.Since(began) > 10*time.Second {
		t.Error("a child that was left behind holds the step")
	}
}

func TestResults(t *testing.T) {
	p := newPod(t)
	declare := func(s contract.Step) contract.Step {
		s.Results = []contract.Declared{{Name: "a"}, {Name: "b", Type: "array"}, {Name: "o", Type: "object"}, {Name: "missing"}}
		s.StepResults = []contract.Declared{{Name: "mine"}}
		s.Artifacts = true
		return s
	}
	first := declare(p.step(0, "first", fmt.Sprintf(`cd %s; printf 'v\n' > a; echo '["x"]' > b; echo not > o; echo s > %s/results/mine; echo '{"outputs":[]}' > %s; echo no > %[2]s/artifacts/provenance.json; exit 4`,
		p.path("results"), p.path("steps", "step-first"), p.path("artifacts.json"))))
	c, code, m := p.run(first)
	want := []contract.Result{{Name: "a", Value: "v\n"}, {Name: "b", Type: "array", Value: "[\"x\"]\n"}, {Name: "o", Type: "object", Value: "not\n"}}
	if diff := cmp.Diff(want, m.Results); diff != "" || code != 4 {
		t.Errorf("a failed step's results count: code %d, %s", code, diff)
	}
	if len(m.StepResults) != 1 || m.StepResults[0].Value != "s\n" || string(m.Artifacts) != `{"outputs":[]}` || m.StepArtifacts != nil {
		t.Errorf("%+v", m)
	}
	for _, want := range []string{`result "o" is declared an object`, "is not JSON"} {
		if !strings.Contains(c.err.String(), want) {
			t.Errorf("stderr lacks %q: %s", want, c.err.String())
		}
	}
	second := declare(p.step(1, "second", "printf new > "+p.path("results", "a")))
	if _, _, m = p.run(second); len(m.Results) != 1 || m.Results[0].Value != "new" || len(m.Artifacts) != 0 {
		t.Errorf("a step reports what it wrote, not what it found: %+v", m)
	}
}

func TestLargeResults(t *testing.T) {
	p := newPod(t)
	s := p.step(0, "x", fmt.Sprintf("printf 'no newline'; head -c %d /dev/urandom | base64 -w0 | head -c %d > %s", 1<<20, 1<<20, p.path("results", "big")))
	s.Results = []contract.Declared{{Name: "big"}}
	c, code, m := p.run(s)
	if code != 0 || len(m.Results) != 1 || len(m.Results[0].Value) != 1<<20 || m.Results[0].Value != p.read(p.path("results", "big")) {
		t.Errorf("code %d, results %d, stderr %s", code, len(m.Results), c.err.String())
	}
	var left []string
	for line := range strings.Lines(c.out.String()) {
		left = append(left, string(contract.StripResult([]byte(line))))
	}
	if got := strings.Join(left, ""); got != "no newline" {
		t.Errorf("people would read %q", got)
	}

	s = p.step(1, "over", fmt.Sprintf("head -c %d /dev/zero > %s", contract.MaxResults+1, p.path("results", "big")))
	s.Results = []contract.Declared{{Name: "big"}}
	c, code, m = p.run(s)
	if code != 1 || m.Cause != contract.CauseResultsSize || len(m.Results) != 0 || !strings.Contains(m.Detail, "more than 1.25 MiB") || !strings.Contains(c.err.String(), m.Detail) {
		t.Errorf("code %d, %+v", code, m)
	}

	s = p.step(2, "pipe", "rm -f "+p.path("results", "big")+"; mkfifo "+p.path("results", "big"))
	s.Results = []contract.Declared{{Name: "big"}}
	if c, code, _ = p.run(s); code != 0 || !strings.Contains(c.err.String(), "is not a file") {
		t.Errorf("a pipe in a result's place: code %d, %s", code, c.err.String())
	}
}

func TestRefs(t *testing.T) {
	p := newPod(t)
	file := func(name, text string) string { return p.write(p.path("earlier", name), text) }
	s := p.step(0, "x", "")
	s.Refs = []contract.Ref{
		{Text: "$(steps.a.results.s)", File: file("s", "v $(steps.a.results.k)")},
		{Text: "$(steps.a.results.l[1])", File: file("l", `["x","y z"]`), Index: new(1)},
		{Text: "$(steps.a.results.l[7])", File: p.path("earlier", "l"), Index: new(7)},
		{Text: "$(steps.a.results.l[*])", File: p.path("earlier", "l"), All: true},
		{Text: "$(steps.a.results.o.k)", File: file("o", `{"k":"w"}`), Key: "k"},
		{Text: "$(steps.a.results.gone)", File: p.path("earlier", "gone")},
	}
	s.When = []contract.When{{Input: "$(steps.a.results.o.k)", Operator: "in", Values: []string{"$(steps.a.results.l[*])", "w"}}}
	s.Guards = []contract.Guard{{Op: "_==_", Args: []contract.Guard{{Op: contract.GuardText, Text: "<$(steps.a.results.o.k)>"}, {Op: contract.GuardText, Text: "<w>"}}}}
	s.Command = []string{"sh", "-c", `for a; do echo "$a"; done; echo $FROM`, "sh", "<$(steps.a.results.s)>", "$(steps.a.results.l[1])", "$(steps.a.results.l[7])", "$(steps.a.results.l[*])", "$(steps.a.results.gone)"}
	c, _, _ := p.run(s, "FROM=$(steps.a.results.o.k)!")
	want := "<v $(steps.a.results.k)>\ny z\n$(steps.a.results.l[7])\nx\ny z\n$(steps.a.results.gone)\nw!\n"
	if diff := cmp.Diff(want, c.out.String()); diff != "" {
		t.Error(diff, c.err.String())
	}
}

// A step reads from the report of an earlier one where that has put what it made.
func TestArtifactsOfEarlierSteps(t *testing.T) {
	p := newPod(t)
	report := p.write(p.path("earlier", "provenance.json"), `{"inputs": [{"name": "src", "values": [{"uri": "git+https://forge/a", "digest": {"sha1": "c"}}]}],
		"outputs": [{"name": "log"}, {"name": "image", "buildOutput": true, "values": [{"uri": "oci://r/a", "digest": {"sha256": "d"}}]}]}`)
	s := p.step(0, "x", "")
	s.Refs = []contract.Ref{
		{Text: "$(steps.a.outputs.image)", File: report, Artifacts: "outputs", Key: "image"},
		{Text: "$(steps.a.inputs)", File: report, Artifacts: "inputs"},
		{Text: "$(steps.a.outputs.none)", File: report, Artifacts: "outputs", Key: "none"},
		{Text: "$(steps.b.outputs.x)", File: p.path("earlier", "gone"), Artifacts: "outputs", Key: "x"},
	}
	s.Command = []string{"sh", "-c", `for a; do echo "$a"; done`, "sh", "$(steps.a.outputs.image)", "$(steps.a.inputs)", "$(steps.a.outputs.none)", "$(steps.b.outputs.x)"}
	c, _, _ := p.run(s)
	want := `[{"digest":{"sha256":"d"},"uri":"oci://r/a"}]` + "\n" + `[{"digest":{"sha1":"c"},"uri":"git+https://forge/a"}]` + "\n$(steps.a.outputs.none)\n$(steps.b.outputs.x)\n"
	if diff := cmp.Diff(want, c.out.String()); diff != "" {
		t.Error(diff, c.err.String())
	}
}

func TestUsageOfAnotherRelease(t *testing.T) {
	dev, err := os.OpenFile(filepath.Join(t.TempDir(), "err"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	if code := Main([]string{"-contract=99"}, nil, dev, dev); code != exitUsage {
		t.Errorf("code %d", code)
	}
	if text, _ := os.ReadFile(dev.Name()); !strings.Contains(string(text), "same release") {
		t.Errorf("%s", text)
	}
}

func TestInstall(t *testing.T) {
	file := filepath.Join(t.TempDir(), "entrypoint")
	if code := Main([]string{contract.Install, file}, nil, os.Stdout, os.Stderr); code != 0 {
		t.Fatal(code)
	}
	if info, err := os.Stat(file); err != nil || info.Mode() != 0o755 || info.Size() == 0 {
		t.Error(info, err)
	}
	if code := Main([]string{contract.Install, "/no/such/folder/x"}, nil, os.Stdout, os.Stderr); code == 0 {
		t.Error("installed into nowhere")
	}
}
