package kaniko

import (
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/osscontainertools/kaniko/pkg/config"
	parser "github.com/osscontainertools/kaniko/pkg/dockerfile"
	"github.com/osscontainertools/kaniko/pkg/util"
	"github.com/sirupsen/logrus"

	"github.com/slipway-dev/slipway/pkg/build"
	"github.com/slipway-dev/slipway/pkg/suggest"
)

// dockerfile is what the engine's caller has to know of a Dockerfile: its stages and which instruction stands where.
type dockerfile struct {
	path   string
	stages []stage
}

type stage struct {
	name, from   string // from is what stands after FROM
	base         string // base is from with the global arguments put in
	line         int
	instructions []instruction
}

type instruction struct {
	keyword string // lower case
	text    string // as it stands in the file, one line or several
	line    int
}

// label is the stage's name, or its number where it has none.
func (d *dockerfile) label(i int) string {
	if i < 0 || i >= len(d.stages) || d.stages[i].name == "" {
		return strconv.Itoa(i)
	}
	return d.stages[i].name
}

// at is the place of a line in errors.
func (d *dockerfile) at(line int) string {
	if line == 0 {
		return filepath.Base(d.path)
	}
	return fmt.Sprintf("%s:%d", filepath.Base(d.path), line)
}

// copies finds the first COPY or ADD that mentions the file.
func (d *dockerfile) copies(file string) (line int, text string) {
	for _, s := range d.stages {
		for _, in := range s.instructions {
			if (in.keyword == "copy" || in.keyword == "add") && strings.Contains(in.text, file) {
				return in.line, in.text
			}
		}
	}
	return 0, "COPY"
}

// uncacheable says whose layers must not come from the cache: the engine's keys hold the text of COPY, ADD and WORKDIR and
// not what their variables stand for, so that a layer made with another value would be taken. Keys of RUN hold the values;
// but what it runs in may be a WORKDIR.
func (d *dockerfile) uncacheable() (copies, runs bool) {
	for _, s := range d.stages {
		for _, in := range s.instructions {
			first, _, _ := strings.Cut(in.text, "\n")
			if !strings.Contains(first, "$") {
				continue
			}
			copies = copies || in.keyword == "copy" || in.keyword == "add" || in.keyword == "workdir"
			runs = runs || in.keyword == "workdir"
		}
	}
	return copies, runs
}

// readDockerfile parses the file.
func readDockerfile(path string, buildArgs []string) (*dockerfile, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, build.Usagef("%s: %v", path, err)
	}
	return parseDockerfile(path, data, buildArgs)
}

func parseDockerfile(path string, data []byte, buildArgs []string) (*dockerfile, error) {
	d := &dockerfile{path: path}
	// The parser's style warnings come a second time when the build itself parses the file.
	logrus.SetOutput(io.Discard)
	stages, globals, err := parser.Parse(data)
	if err != nil {
		return nil, d.syntaxError(err)
	}
	if len(stages) == 0 {
		return nil, build.Usagef("%s: no FROM: a Dockerfile needs at least one stage", d.at(0))
	}
	args := map[string]string{}
	for _, command := range globals {
		for _, arg := range command.Args {
			args[arg.Key] = arg.ValueString()
		}
	}
	for _, arg := range buildArgs {
		if name, value, _ := strings.Cut(arg, "="); value != "" {
			args[name] = value
		}
	}
	for _, s := range stages {
		next := stage{name: s.Name, from: s.BaseName, base: expand(s.BaseName, args)}
		if len(s.Location) > 0 {
			next.line = s.Location[0].Start.Line
		}
		for _, c := range s.Commands {
			in := instruction{keyword: strings.ToLower(c.Name())}
			if text, ok := c.(fmt.Stringer); ok {
				in.text = text.String()
			}
			if l := c.Location(); len(l) > 0 {
				in.line = l[0].Start.Line
			}
			next.instructions = append(next.instructions, in)
		}
		d.stages = append(d.stages, next)
	}
	return d, nil
}

// expand puts the global arguments into a FROM; what cannot be expanded stays as it is.
func expand(from string, args map[string]string) string {
	var env []string
	for name, value := range args {
		env = append(env, name+"="+value)
	}
	if base, err := util.ResolveEnvironmentReplacement(from, env, false); err == nil {
		return base
	}
	return from
}

var parserLine = regexp.MustCompile(`^(?:dockerfile )?parse error on line (\d+): (.*)$`)

// suggestion is how the parser proposes another word.
var suggestion = regexp.MustCompile(` \(did you mean (\S+)\?\)`)

// syntaxError brings the parser's error into the form FILE:LINE: what; did you mean "X"?
func (d *dockerfile) syntaxError(err error) error {
	text, line := err.Error(), 0
	if m := parserLine.FindStringSubmatch(text); m != nil {
		line, _ = strconv.Atoi(m[1])
		text = m[2]
	}
	text = suggestion.ReplaceAllString(text, `; did you mean "$1"?`)
	return build.Usagef("%s: %s", d.at(line), text)
}

// check finds what the engine would tell late, badly or not at all.
func (d *dockerfile) check(target string, mounts []string) error {
	if err := d.checkTarget(target); err != nil {
		return err
	}
	for i := range d.stages {
		if err := d.checkSources(i); err != nil {
			return err
		}
		if err := d.checkPaths(&d.stages[i], mounts); err != nil {
			return err
		}
	}
	return nil
}

var fromFlag = regexp.MustCompile(`\s--from=(\S+)`)

// checkSources refuses a COPY --from of a name that is nearly a stage's: taken for an image, it would be looked for in a
// registry for long.
func (d *dockerfile) checkSources(i int) error {
	var names []string
	for _, s := range d.stages[:i] {
		names = append(names, s.name)
	}
	for _, in := range d.stages[i].instructions {
		m := fromFlag.FindStringSubmatch(in.text)
		if in.keyword != "copy" || m == nil || strings.ContainsAny(m[1], "/:.$") {
			continue
		}
		_, notNumber := strconv.Atoi(m[1])
		known := slices.ContainsFunc(names, func(n string) bool { return strings.EqualFold(n, m[1]) })
		if hint := suggest.DidYouMean(m[1], names); notNumber != nil && !known && hint != "" {
			return build.Usagef("%s: no earlier stage named %q%s", d.at(in.line), m[1], hint)
		}
	}
	return nil
}

func (d *dockerfile) checkTarget(target string) error {
	if target == "" {
		return nil
	}
	var names []string
	for _, s := range d.stages {
		if strings.EqualFold(s.name, target) {
			return nil
		}
		if s.name != "" {
			names = append(names, s.name)
		}
	}
	if len(names) == 0 {
		return build.Usagef("%s: no stage named %q; no stage has a name", d.at(0), target)
	}
	return build.Usagef("%s: no stage named %q%s (stages: %s)",
		d.at(0), target, suggest.DidYouMean(target, names), strings.Join(names, ", "))
}

// checkPaths refuses instructions that put files on a mount of the Pod: they would be missing from the image, without a
// word. Paths made of variables are not looked into.
func (d *dockerfile) checkPaths(s *stage, mounts []string) error {
	workdir := "/"
	for _, in := range s.instructions {
		to := in.destination()
		if to == "" || strings.Contains(to, "$") {
			continue
		}
		if !path.IsAbs(to) {
			to = path.Join(workdir, to)
		}
		if in.keyword == "workdir" {
			workdir = to
		}
		if mount := below(to, mounts); mount != "" {
			return build.Usagef("%s: %s is on %s, a volume of the build Pod, so it cannot become part of the image; use another directory",
				d.at(in.line), path.Clean(to), mount)
		}
	}
	return nil
}

// destination is the last word of an instruction that writes files at a fixed place, or nothing.
func (in instruction) destination() string {
	if !slices.Contains([]string{"workdir", "copy", "add"}, in.keyword) || strings.Contains(in.text, "<<") {
		return ""
	}
	words := strings.Fields(in.text)
	return strings.Trim(words[len(words)-1], `"[],`)
}

// below returns the mount that path lies on.
func below(p string, mounts []string) string {
	for _, m := range mounts {
		if p == m || strings.HasPrefix(p, m+"/") {
			return m
		}
	}
	return ""
}

// mountPoints lists the volumes of this container that a Dockerfile might write to by chance. The kernel's own file
// systems and the files the kubelet puts into /etc are left out: nothing expects them in an image.
func mountPoints() []string {
	data, err := os.ReadFile(config.MountInfoPath)
	if err != nil {
		return nil
	}
	return parseMountInfo(string(data))
}

func parseMountInfo(info string) []string {
	var mounts []string
	for line := range strings.Lines(info) {
		fields := strings.Fields(line)
		if len(fields) < 5 {
			continue
		}
		p := fields[4]
		if p == "/" || below(p, []string{"/proc", "/sys", "/dev", "/etc", config.KanikoDir}) != "" {
			continue
		}
		mounts = append(mounts, p)
	}
	slices.Sort(mounts)
	return slices.Compact(mounts)
}
