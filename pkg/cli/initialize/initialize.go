// Package initialize is `slipway init`.
package initialize

import (
	"bytes"
	_ "embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"text/template"

	"github.com/spf13/cobra"

	"github.com/slipway-dev/slipway/pkg/cli/internal/env"
)

// file is what is written, below the folder of the repository.
const file = ".slipway/ci.yaml"

// noRegistry is in the place of what cannot be known.
const noRegistry = "registry.example.com/team"

type options struct {
	image, branch string
	private       bool
}

// NewCommand makes `slipway init`.
func NewCommand(e *env.Env) *cobra.Command {
	var o options
	cmd := &cobra.Command{
		Use:   "init [DIR]",
		Short: "Write a first pipeline that fits a repository",
		Long: `Write .slipway/ci.yaml: a pipeline that runs on each push to a branch and on pull requests against it. It clones the
repository, runs the tests of what is found (go.mod, package.json, pom.xml, build.gradle, pyproject.toml, requirements.txt,
Cargo.toml) and, where there is a Dockerfile, builds the image of a push.

A file that is there is left alone.`,
		Example: `  slipway init
  slipway init ../app --image registry.example.com/team/app`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			dir := "."
			if len(args) > 0 {
				dir = args[0]
			}
			return run(e, dir, o)
		},
	}
	cmd.Flags().StringVar(&o.image, "image", "", "repository to push images to, without a tag")
	cmd.Flags().BoolVar(&o.private, "private", false, "clone with the credentials that slipway repo create keeps for the repository")
	cmd.Flags().StringVar(&o.branch, "branch", "", "branch to run for (default: the one that is checked out)")
	return cmd
}

func run(e *env.Env, dir string, o options) error {
	p, err := plan(os.DirFS(dir), o)
	if err != nil {
		return fmt.Errorf("%s: %w", dir, err)
	}
	if p.Name == "" {
		p.Name = nameOf(dir)
	}
	if p.Image == "" {
		p.Image = noRegistry + "/" + p.Name
	}
	text, err := p.render()
	if err != nil {
		return err
	}
	if err := write(filepath.Join(dir, file), text); err != nil {
		return err
	}
	fmt.Fprintf(e.Out, "wrote %s: %s\n", filepath.Join(dir, file), p.summary())
	for i, step := range p.next(dir) {
		fmt.Fprintf(e.Out, "%d. %s\n", i+1, step)
	}
	return nil
}

// write makes a file that is not there.
func write(name string, text []byte) error {
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil { //nolint:gosec // a folder of a repository is for all
		return err
	}
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644) //nolint:gosec // so is a file of it
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%s is there already: change it, or move it away", name)
	}
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	return errors.Join(err, f.Close())
}

// pipeline is what is written.
type pipeline struct {
	Name, Branch, Image string
	Tests               []test
	Dockerfile, Private bool
}

// test is a task that tries what was cloned.
type test struct {
	Name string
	// Task is one of those that Slipway ships; Image and Script are for the rest.
	Task, Image string
	Script      []string
	// found is the file that it is there for.
	found string
}

// tests are those that are known, by the file that asks for them. Of a name the
// first counts.
var tests = []test{
	{Name: "go", found: "go.mod", Task: "go-test"},
	{Name: "node", found: "pnpm-lock.yaml", Image: "docker.io/library/node:lts", Script: []string{"corepack enable", "pnpm install --frozen-lockfile", "pnpm test"}},
	{Name: "node", found: "yarn.lock", Image: "docker.io/library/node:lts", Script: []string{"corepack enable", "yarn install", "yarn test"}},
	{Name: "node", found: "package-lock.json", Image: "docker.io/library/node:lts", Script: []string{"npm ci", "npm test"}},
	{Name: "node", found: "package.json", Image: "docker.io/library/node:lts", Script: []string{"npm install", "npm test"}},
	{Name: "maven", found: "pom.xml", Image: "docker.io/library/maven:3-eclipse-temurin-21", Script: []string{"mvn --batch-mode verify"}},
	{Name: "gradle", found: "build.gradle", Image: "docker.io/library/gradle:jdk21", Script: []string{"gradle check"}},
	{Name: "gradle", found: "build.gradle.kts", Image: "docker.io/library/gradle:jdk21", Script: []string{"gradle check"}},
	{Name: "python", found: "pyproject.toml", Image: "docker.io/library/python:3", Script: []string{"pip install . pytest", "python -m pytest"}},
	{Name: "python", found: "requirements.txt", Image: "docker.io/library/python:3", Script: []string{"pip install -r requirements.txt pytest", "python -m pytest"}},
	{Name: "rust", found: "Cargo.toml", Image: "docker.io/library/rust:1", Script: []string{"cargo test"}},
}

// plan looks at what is in the folder of a repository.
func plan(dir fs.FS, o options) (pipeline, error) {
	if _, err := fs.ReadDir(dir, "."); err != nil {
		return pipeline{}, errors.New("there is no such folder")
	}
	p := pipeline{Branch: o.branch, Image: o.image, Private: o.private}
	if p.Branch == "" {
		p.Branch = branch(dir)
	}
	// In the list of an annotation, in quotes of YAML.
	p.Branch = strings.NewReplacer(",", "&#44;", `"`, `\"`).Replace(p.Branch)
	for _, t := range tests {
		if exists(dir, t.found) && !slices.ContainsFunc(p.Tests, func(have test) bool { return have.Name == t.Name }) {
			p.Tests = append(p.Tests, t)
		}
	}
	p.Dockerfile = exists(dir, "Dockerfile")
	if len(p.Tests) == 0 && !p.Dockerfile {
		p.Tests = []test{{Name: "test", Image: "docker.io/library/busybox", Script: []string{"ls -l", "echo 'write your tests here'"}}}
	}
	return p, nil
}

func exists(dir fs.FS, name string) bool {
	info, err := fs.Stat(dir, name)
	return err == nil && info.Mode().IsRegular()
}

// branch is the one that is checked out, or main.
func branch(dir fs.FS) string {
	head, err := fs.ReadFile(dir, ".git/HEAD")
	if name, ok := strings.CutPrefix(strings.TrimSpace(string(head)), "ref: refs/heads/"); ok && err == nil {
		return name
	}
	return "main"
}

// nameOf is a name for objects and images, after that of a folder.
func nameOf(dir string) string {
	if absolute, err := filepath.Abs(dir); err == nil {
		dir = absolute
	}
	name := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			return r
		}
		return '-'
	}, strings.ToLower(path.Base(filepath.ToSlash(dir))))
	name = strings.Trim(name[:min(len(name), 40)], "-")
	if name == "" {
		return "app"
	}
	return name
}

//go:embed ci.yaml.tmpl
var text string

// render is the file. Its own templates are in double braces, so that those of
// the program are in double brackets.
func (p pipeline) render() ([]byte, error) {
	t, err := template.New(file).Delims("[[", "]]").Parse(text)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	err = t.Execute(&b, p)
	return b.Bytes(), err
}

func (p pipeline) summary() string {
	words := []string{"clone"}
	for _, t := range p.Tests {
		words = append(words, "test ("+t.Name+")")
	}
	if p.Dockerfile {
		words = append(words, "build the image")
	}
	return strings.Join(words, ", ")
}

// next are the steps that are left to the user.
func (p pipeline) next(dir string) []string {
	var steps []string
	if p.Dockerfile && strings.HasPrefix(p.Image, noRegistry) {
		steps = append(steps, "put your registry in the place of "+noRegistry)
	}
	return append(steps,
		"check it: slipway lint "+filepath.Join(dir, ".slipway"),
		"have the tasks that it names in the namespace of its runs: kubectl apply -k pipelines (of Slipway's repository)",
		"connect the repository: slipway repo create",
		"commit the file and push",
	)
}
