package scripts

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"

	"github.com/slipway-dev/slipway/pkg/compile/fields"
	"github.com/slipway-dev/slipway/pkg/expr"
	"github.com/slipway-dev/slipway/pkg/untrusted"
)

func corpus(t testing.TB) []string {
	t.Helper()
	data, err := os.ReadFile("testdata/hostile.json")
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	if err := json.Unmarshal(data, &all); err != nil {
		t.Fatal(err)
	}
	return all
}

// compiled is a step whose script has the value of $(params.x) put in.
func compiled(script, value string) (string, []corev1.EnvVar, error) {
	var vars expr.Vars
	vars.SetText("params.x", value)
	vars.SetText("params.ours", "a b")
	var env []corev1.EnvVar
	w := fields.Walker{Vars: vars}
	err := Put(Code{Script: &script, Command: &[]string{}, Args: &[]string{}, Env: &env}, w,
		untrusted.Decode(untrusted.Encode([]string{value})), func() error { return w.Put(&script) })
	return script, env, err
}

// environ is what the process gets: the kubelet takes $$ for a dollar.
func environ(t *testing.T, env []corev1.EnvVar) []string {
	out := []string{"PATH=" + os.Getenv("PATH"), "SECRET=hidden"}
	for _, e := range env {
		plain := strings.ReplaceAll(e.Value, "$$", "\x00")
		if strings.Contains(plain, "$") {
			t.Errorf("the kubelet would look into %q", e.Value)
		}
		out = append(out, e.Name+"="+strings.ReplaceAll(plain, "\x00", "$"))
	}
	return out
}

// everywhere holds the places in a script where people put variables. Each prints
// the value and an end mark.
const everywhere = `
# a comment about $(params.x)
show() { printf '%s\036' "$1"; }
show "$(params.x)"
show $(params.x)
show '$(params.x)'
v=$(params.x); show "$v"
v="$(params.x)"; show "$v"
export E="$(params.x)"; show "$E"
show "$(printf '%s.' "$(params.x)")"
show "<$(params.x)>"
show '<'$(params.x)'>'
for i in "$(params.x)"; do show "$i"; done
case "$(params.x)" in "$(params.x)") show same ;; *) show other ;; esac
if [ "$(params.x)" = '$(params.x)' ]; then show same; fi
V="$(params.x)" printenv V | cat; show ""
cat <<EOF
$(params.x)
EOF
show ""
( show "$(params.x)" )
{ show "$(params.x)"; } | cat
show "$(params.ours)"
`

func expected(value string) string {
	return strings.Join([]string{value, value, value, value, value, value, value + ".", "<" + value + ">", "<" + value + ">", value,
		"same", "same", value + "\n", value + "\n", value, value, "a b"}, "\x1e") + "\x1e"
}

// The corpus runs in real shells: nothing in it may run, and all of it must arrive.
func TestNothingHostileRuns(t *testing.T) {
	all := corpus(t)
	if len(all) < 50 {
		t.Fatalf("the corpus has %d strings", len(all))
	}
	for _, shell := range [][]string{{"sh"}, {"bash"}, {"busybox", "sh"}} {
		if _, err := exec.LookPath(shell[0]); err != nil {
			t.Logf("no %s here", shell[0])
			continue
		}
		t.Run(strings.Join(shell, " "), func(t *testing.T) {
			for _, value := range all {
				if !untrusted.IsSafe(value) {
					runHostile(t, shell, value)
				}
			}
		})
	}
}

func runHostile(t *testing.T, shell []string, value string) {
	script, env, err := compiled(everywhere, value)
	if err != nil {
		t.Errorf("%q: %v", value, err)
		return
	}
	dir := t.TempDir()
	file := filepath.Join(dir, "script")
	if err := os.WriteFile(file, []byte(script), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(shell[0], append(shell[1:], "-e", file)...)
	cmd.Dir, cmd.Env = dir, environ(t, env)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Errorf("%q: %v\n%s\n%s", value, err, stderr.String(), script)
		return
	}
	if diff := cmp.Diff(expected(value), string(out)); diff != "" {
		t.Errorf("%q: %s", value, diff)
	}
	if left, _ := os.ReadDir(dir); len(left) != 1 {
		t.Errorf("%q: left %v", value, left)
	}
}

// The corpus would harm where values are put in as they are, or else the test above
// shows nothing.
func TestTheCorpusIsHostile(t *testing.T) {
	ran := 0
	for _, value := range corpus(t) {
		if strings.Contains(value, "curl") {
			continue
		}
		dir := t.TempDir()
		for _, script := range []string{`echo "` + value + `"`, "echo '" + value + "'", "echo " + value} {
			cmd := exec.Command("bash", "-c", script)
			cmd.Dir, cmd.Env = dir, []string{"PATH=" + os.Getenv("PATH")}
			_ = cmd.Run() // most are no valid scripts
		}
		if left, _ := os.ReadDir(dir); len(left) > 0 {
			ran++
		}
	}
	if ran < 50 {
		t.Errorf("only %d of the corpus run anything", ran)
	}
}

// What no variable makes safe is refused; words without a meaning to the shell go
// through, as titles are full of them.
func TestPlacesThatRunWhatStandsInThem(t *testing.T) {
	for name, script := range map[string]string{
		"the command":                       `$(params.x) a`,
		"eval":                              `eval "echo $(params.x)"`,
		"a shell":                           `sh -c "echo $(params.x)"`,
		"a shell by another command":        `sudo -u x bash -c "echo $(params.x)"`,
		"a shell that a variable names":     `$SHELL -c "$(params.x)"`,
		"a shell's input":                   `echo "$(params.x)" | sh`,
		"a shell's here-document":           "bash <<EOF\necho $(params.x)\nEOF\n",
		"a loop that runs its input":        "while read -r l; do eval \"$l\"; done <<EOF\n$(params.x)\nEOF\n",
		"output that is run":                `eval "$(echo "$(params.x)")"`,
		"output that is a command":          `$(echo "$(params.x)")`,
		"a trap":                            `trap "echo $(params.x)" EXIT`,
		"another machine":                   `ssh host "echo $(params.x)"`,
		"sed, which has a command for it":   `sed "s/a/$(params.x)/" f`,
		"python":                            `python3 -c "print('$(params.x)')"`,
		"backquotes":                        "v=`echo \"$(params.x)\"`",
		"arithmetic":                        `echo $(( $(params.x) + 1 ))`,
		"an expansion":                      `echo "${v:-$(params.x)}"`,
		"a name behind a dollar":            `echo $$(params.x)`,
		"behind a backslash":                `echo "\$(params.x)"`,
		"a here-document without variables": "cat <<'EOF'\n$(params.x)\nEOF\n",
		"a name that is read":               `read "$(params.x)" <f`,
		"an assignment's name":              `$(params.x)=1`,
		"bash arithmetic":                   "#!/bin/bash\n(( n = $(params.x) ))",
		"bash's test of numbers":            "#!/bin/bash\n[[ $(params.x) -eq 1 ]]",
		"bash's test of a name":             "#!/bin/bash\n[[ -v $(params.x) ]]",
		"an index":                          "#!/usr/bin/env bash\na[$(params.x)]=1",
		"an integer":                        "#!/usr/bin/env -S bash -e\ndeclare -i n=$(params.x)",
		"a script of python":                "#!/usr/bin/env python3\nprint('''$(params.x)''')",
		"a script of perl":                  "#!/usr/bin/perl -w\nprint q($(params.x));",
		"code that cannot be read":          "if $(params.x)",
		"who runs it":                       "#!/bin/sh $(params.x)\n",
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := compiled(script, `$(touch pwned)`)
			if err == nil || !strings.Contains(err.Error(), "$(params.x)") || !strings.Contains(err.Error(), "env") {
				t.Errorf("got %v", err)
			}
			if out, env, err := compiled(script, "v1.2-rc/3"); err != nil || len(env) > 0 || out != strings.ReplaceAll(script, "$(params.x)", "v1.2-rc/3") {
				t.Errorf("a safe value: %q, %v, %v", out, env, err)
			}
			if _, _, err := compiled(script, "Fix a bug"); err != nil && !strings.Contains(script, "perl") {
				t.Errorf("words: %v", err)
			}
		})
	}
}

func TestCommandsThatRunCode(t *testing.T) {
	const value = `"; touch pwned; "`
	var vars expr.Vars
	vars.SetText("params.x", value)
	vars.Set("params.list", expr.List("a", "b"))
	const ref = "${SLIPWAY_VALUE_PARAMS_X}"
	for name, c := range map[string]struct {
		command, args, inherited []string
		wantCommand, wantArgs    []string
		refused                  bool
	}{
		"sh -c": {command: []string{"sh", "-c"}, args: []string{`echo "$(params.x)"`, "$(params.x)"},
			wantCommand: []string{"sh", "-c"}, wantArgs: []string{`echo "` + ref + `"`, value}},
		"all in the command": {command: []string{"/bin/bash", "-eo", "pipefail", "-c", "echo $(params.x)"},
			wantCommand: []string{"/bin/bash", "-eo", "pipefail", "-c", `echo "` + ref + `"`}},
		"behind an array": {command: []string{"env", "A=b", "sh", "-ec"}, args: []string{"echo $(params.x)", "$(params.list[*])"},
			wantCommand: []string{"env", "A=b", "sh", "-ec"}, wantArgs: []string{`echo "` + ref + `"`, "a", "b"}},
		"the image's entrypoint": {args: []string{"-c", "echo $(params.x)"}, wantArgs: []string{"-c", `echo "` + ref + `"`}},
		"the template's command": {inherited: []string{"sh", "-c"}, args: []string{"echo $(params.x)"}, wantArgs: []string{`echo "` + ref + `"`}},
		"a file that a shell runs": {command: []string{"sh", "x.sh"}, args: []string{"$(params.x)"},
			wantCommand: []string{"sh", "x.sh"}, wantArgs: []string{value}},
		"no shell":                     {command: []string{"echo"}, args: []string{"$(params.x)"}, wantCommand: []string{"echo"}, wantArgs: []string{value}},
		"python's code":                {command: []string{"python3", "-c"}, args: []string{"print('$(params.x)')"}, refused: true},
		"an argument of python":        {command: []string{"python3", "x.py", "$(params.x)"}, wantCommand: []string{"python3", "x.py", value}},
		"the value is all of the code": {command: []string{"sh", "-c", "$(params.x)"}, refused: true},
	} {
		t.Run(name, func(t *testing.T) {
			var env []corev1.EnvVar
			w := fields.Walker{Vars: vars}
			code := Code{Command: &c.command, Args: &c.args, Env: &env, Inherited: c.inherited}
			err := Put(code, w, untrusted.Decode(untrusted.Encode([]string{value})), func() error {
				if err := w.Put(&c.command); err != nil {
					return err
				}
				return w.Put(&c.args)
			})
			if c.refused {
				if err == nil {
					t.Errorf("got %q %q", c.command, c.args)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff([][]string{c.wantCommand, c.wantArgs}, [][]string{c.command, c.args}); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// A value in a variable is the value, also beside others of the same name.
func TestVariables(t *testing.T) {
	var vars expr.Vars
	vars.Set("params.list", expr.List("$a", "$b"))
	vars.Set("params.o", expr.Map(map[string]string{"k": "$c"}))
	script := `echo "$(params.list[0])" "$(params.list[1])" "$(params.list[0])" "$(params.o.k)" "$(params.unknown)"`
	theirs := corev1.EnvVar{Name: "SLIPWAY_VALUE_PARAMS_LIST_0", Value: "theirs"}
	env := []corev1.EnvVar{theirs}
	err := Put(Code{Script: &script, Command: &[]string{}, Args: &[]string{}, Env: &env}, fields.Walker{Vars: vars},
		untrusted.Decode("all"), func() error { return nil })
	if err != nil {
		t.Fatal(err)
	}
	want := `echo "${SLIPWAY_VALUE_PARAMS_LIST_0_2}" "${SLIPWAY_VALUE_PARAMS_LIST_1}" "${SLIPWAY_VALUE_PARAMS_LIST_0_2}" "${SLIPWAY_VALUE_PARAMS_O_K}" "$(params.unknown)"`
	if script != want {
		t.Errorf("script %s", script)
	}
	if diff := cmp.Diff([]corev1.EnvVar{theirs, {Name: "SLIPWAY_VALUE_PARAMS_LIST_0_2", Value: "$$a"},
		{Name: "SLIPWAY_VALUE_PARAMS_LIST_1", Value: "$$b"}, {Name: "SLIPWAY_VALUE_PARAMS_O_K", Value: "$$c"}}, env); diff != "" {
		t.Error(diff)
	}
}

// Whatever the script, a value that a shell would act on is no part of what it reads.
func FuzzPut(f *testing.F) {
	for _, value := range []string{"$(touch pwned)", "'; touch pwned; '", "a\nb"} {
		for _, script := range []string{everywhere, "#!/bin/zsh\necho $(params.x)", "$(params.x)", "\"${a:-'$(params.x)'}\"", "<<a\n$(params.x)", "$'\\'$(params.x)'", "`$(params.x)`", "#!/bin/sh"} {
			f.Add(script, value)
		}
	}
	f.Fuzz(func(t *testing.T, script, value string) {
		value = untrusted.Clean(value)
		if len(value) < 3 || untrusted.IsSafe(value) || isMild(value) || strings.Contains(strings.ReplaceAll(script, "$(params.ours)", "a b"), value) {
			return
		}
		if out, _, err := compiled(script, value); err == nil && strings.Contains(strings.ReplaceAll(out, "SLIPWAY_VALUE_PARAMS_X", ""), value) {
			t.Errorf("%q became %q", script, out)
		}
	})
}
