package entrypoint

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/slipway-dev/slipway/entrypoint/contract"
	"github.com/slipway-dev/slipway/entrypoint/credentials"
)

const (
	defaultPath     = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
	defaultPreamble = "#!/bin/sh\nset -e\n"
)

// prepare makes all that the process finds when it starts.
func (e *entry) prepare(values replacements) (command, error) {
	for _, dir := range []string{e.resultsDir(), filepath.Dir(contract.StepResultPath(e.StepDir, "x")), filepath.Dir(contract.StepArtifactsPath(e.StepDir))} {
		if err := os.MkdirAll(dir, 0o777); err != nil {
			return command{}, err
		}
	}
	cmd := command{env: values.environ(e.without(e.Unset)), argv: values.list(e.Command)}
	var err error
	if cmd.dir, err = e.enterWorkingDir(); err != nil {
		return command{}, err
	}
	extra, err := credentials.Place(e.Credentials, credentials.Default(cmd.env))
	if err != nil {
		return command{}, err
	}
	cmd.env = append(cmd.env, extra...)
	if e.Script != "" {
		return cmd, e.scripted(&cmd, values.script(e.Script))
	}
	if len(cmd.argv) == 0 {
		return command{}, setupError{contract.CauseNotFound, exitNotFound, "there is nothing to run: the step has no command and no script, and the image no entrypoint"}
	}
	cmd.path, err = lookup(cmd.argv[0], cmd)
	return cmd, err
}

func (e *entry) without(names []string) []string {
	return slices.DeleteFunc(slices.Clone(e.environ), func(kv string) bool {
		name, _, _ := strings.Cut(kv, "=")
		return slices.Contains(names, name)
	})
}

func (e *entry) enterWorkingDir() (string, error) {
	dir := e.WorkingDir
	if dir == "" {
		return "", nil
	}
	if !filepath.IsAbs(dir) {
		dir = filepath.Join(contract.WorkspaceDir, dir)
	}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return "", fmt.Errorf("its workingDir cannot be made: %w; make it writable for the step's user, or create it in an earlier step", err)
	}
	return dir, nil
}

// scripted writes the script to its file and completes cmd to run it. The
// interpreter is started by name, as the kernel would, so the file needs no
// execute permission, which some nodes deny to all volumes.
func (e *entry) scripted(cmd *command, script string) error {
	if !strings.HasPrefix(strings.TrimSpace(script), "#!") {
		script = defaultPreamble + script
	}
	file := filepath.Join(cmp.Or(e.ScriptsDir, contract.ScriptsDir), filepath.Base(contract.ScriptPath(e.Index, e.Script)))
	if err := os.MkdirAll(filepath.Dir(file), 0o777); err != nil {
		return fmt.Errorf("its script cannot be written: %w", err)
	}
	if err := os.WriteFile(file, []byte(script), 0o755); err != nil {
		return fmt.Errorf("its script cannot be written: %w", err)
	}
	interpreter := shebang(script)
	if len(interpreter) == 0 {
		return setupError{contract.CauseNotFound, exitNotFound, "its script names no interpreter after #!"}
	}
	cmd.script = true
	cmd.argv = slices.Concat(interpreter, []string{file}, cmd.argv)
	var err error
	cmd.path, err = lookup(interpreter[0], *cmd)
	return err
}

// shebang splits the first line that is not empty as the kernel does: the
// interpreter, and all that follows as one argument.
func shebang(script string) []string {
	line, _, _ := strings.Cut(strings.TrimSpace(script), "\n")
	name, arg, _ := strings.Cut(strings.Trim(line[len("#!"):], " \t\r"), " ")
	if i := strings.IndexByte(name, '\t'); i >= 0 {
		name, arg = name[:i], name[i+1:]+" "+arg
	}
	if arg = strings.Trim(arg, " \t"); arg != "" {
		return []string{name, arg}
	}
	if name == "" {
		return nil
	}
	return []string{name}
}

// lookup finds name as a shell would, by the PATH that the process will have.
func lookup(name string, cmd command) (string, error) {
	candidates := []string{name}
	if !strings.Contains(name, "/") {
		candidates = nil
		for dir := range strings.SplitSeq(pathOf(cmd.env), ":") {
			candidates = append(candidates, filepath.Join(dir, name))
		}
	}
	denied := ""
	for _, c := range candidates {
		err := executable(c, cmd.dir)
		if err == nil {
			return c, nil
		}
		if !errors.Is(err, fs.ErrNotExist) && denied == "" {
			denied = fmt.Sprintf("%s cannot be run: %v", c, err)
		}
	}
	if denied != "" {
		return "", setupError{contract.CauseNotExecutable, exitNotExec, denied + "; set its execute bit in the image, or runAsUser"}
	}
	text := fmt.Sprintf("no %q in the image: use an image that has it, or a script that starts with #!/bin/sh", name)
	if cmd.script {
		text = fmt.Sprintf("no %q in the image, by which its script is to be run: use an image that has it, or another first line of the script", name)
	}
	return "", setupError{contract.CauseNotFound, exitNotFound, text}
}

func executable(file, dir string) error {
	if dir != "" && !filepath.IsAbs(file) {
		file = filepath.Join(dir, file)
	}
	info, err := os.Stat(file)
	switch {
	case errors.Is(err, syscall.ENOTDIR):
		return fs.ErrNotExist
	case err != nil:
		return errors.Unwrap(err)
	case info.IsDir():
		return errors.New("it is a directory")
	case info.Mode()&0o111 == 0:
		return errors.New("permission denied")
	}
	return nil
}

func pathOf(env []string) string {
	for _, kv := range slices.Backward(env) {
		if value, ok := strings.CutPrefix(kv, "PATH="); ok {
			return value
		}
	}
	return defaultPath
}
