package cache

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/slipway-dev/slipway/pkg/argv"
	"github.com/slipway-dev/slipway/pkg/cache/archive"
	"github.com/slipway-dev/slipway/pkg/cache/key"
	"github.com/slipway-dev/slipway/pkg/dockerconfig"
	"github.com/slipway-dev/slipway/pkg/suggest"
)

// ScopeVariable is the variable of the environment that holds the scope of the run: "" or that of a pull request.
const ScopeVariable = "SLIPWAY_CACHE_SCOPE"

// What the process ends with.
const (
	exitOK = iota
	// exitInternal: something nobody foresaw, such as a full disk.
	exitInternal
	// exitUsage: the request is wrong.
	exitUsage
)

// Env is what the process gets from outside.
type Env struct {
	Stdout, Stderr io.Writer
	Getenv         func(string) string
	Now            func() time.Time
	Transport      http.RoundTripper
	// Root is the file system that no other step sees, so that nothing is to be restored into it; "" is none.
	Root string
}

// request is the command line.
type request struct {
	repository, directory, key, dockerConfig string
	paths, hashFiles, restoreKeys            []string
	insecure                                 bool
	// Files to write results to; "" is nowhere.
	hitFile, matchedFile, keyFile, savedFile string
}

// plurals are the options for array parameters, and the one each stands for.
var plurals = map[string]string{"--paths": "--path", "--hash-files": "--hash-file", "--restore-keys": "--restore-key"}

// Main runs `restore` or `save` and returns the exit status. What it does goes to Stdout, warnings too; an error is one line on
// Stderr.
func Main(ctx context.Context, args []string, env Env) int {
	err := run(ctx, args, env)
	switch {
	case err == nil, errors.Is(err, flag.ErrHelp):
		return exitOK
	case IsUsage(err):
		fmt.Fprintf(env.Stderr, "error: %v\n", err)
		return exitUsage
	}
	fmt.Fprintf(env.Stderr, "error: %v\n", err)
	return exitInternal
}

func run(ctx context.Context, args []string, env Env) error {
	commands := map[string]func(context.Context, request, Options) error{"restore": restore, "save": save}
	if len(args) == 0 || commands[args[0]] == nil {
		return usagef("the command is restore or save; got %q", args)
	}
	r, err := parse(args[0], args[1:], env.Stdout)
	if err != nil {
		return err
	}
	folders, err := FoldersBelow(r.directory, r.paths)
	if err != nil {
		return err
	}
	for _, f := range folders {
		if env.Root != "" && archive.SameFileSystem(f.Path, env.Root) {
			return usagef("%s is in this step's own file system, which no other step sees: name a folder in a workspace, or below /tekton/home", f.Path)
		}
	}
	if err := credentials(r, env.Getenv); err != nil {
		return err
	}
	return commands[args[0]](ctx, r, Options{Repository: r.repository, Scope: env.Getenv(ScopeVariable), Folders: folders,
		Insecure: r.insecure, Transport: env.Transport, Now: env.Now, Log: env.Stdout, pause: firstPause})
}

func parse(command string, args []string, usage io.Writer) (request, error) {
	var r request
	fs := flag.NewFlagSet(command, flag.ContinueOnError)
	fs.SetOutput(io.Discard)
	fs.StringVar(&r.repository, "repository", "", "`REGISTRY/REPOSITORY` that caches are kept in")
	fs.StringVar(&r.directory, "directory", "/workspace/source", "`folder` that paths and lock files are below")
	fs.StringVar(&r.key, "key", "", "what the key begins with, or is")
	fs.Var((*argv.List)(&r.paths), "path", "`folder` to keep (repeatable)")
	fs.Var((*argv.List)(&r.hashFiles), "hash-file", "`pattern` of lock files whose hash the key ends with (repeatable)")
	fs.Var((*argv.List)(&r.restoreKeys), "restore-key", "`prefix` of keys to take instead (repeatable)")
	fs.BoolVar(&r.insecure, "insecure", false, "speak to the registry in plain HTTP (not needed for private addresses)")
	fs.StringVar(&r.dockerConfig, "docker-config", "", "`folder` with a Docker configuration for the registry")
	fs.StringVar(&r.hitFile, "cache-hit-file", "", "`file` to write true or false to")
	fs.StringVar(&r.matchedFile, "matched-key-file", "", "`file` to write the key to that was restored")
	fs.StringVar(&r.keyFile, "key-file", "", "`file` to write the whole key to")
	fs.StringVar(&r.savedFile, "saved-file", "", "`file` to write true or false to")
	switch err := fs.Parse(argv.Spread(args, plurals)); {
	case errors.Is(err, flag.ErrHelp):
		fs.SetOutput(usage)
		fs.PrintDefaults()
		return r, err
	case err != nil:
		return r, flagError(fs, err)
	case fs.NArg() > 0:
		return r, usagef("unexpected argument %q: every option starts with --", fs.Arg(0))
	case r.repository == "":
		return r, usagef("no repository: say where caches are kept with --repository REGISTRY/REPOSITORY")
	}
	return r, nil
}

// flagError adds the nearest flag's name to what package flag says.
func flagError(fs *flag.FlagSet, err error) error {
	given, unknown := strings.CutPrefix(err.Error(), "flag provided but not defined: -")
	if !unknown {
		return usagef("%v", err)
	}
	var known []string
	fs.VisitAll(func(f *flag.Flag) { known = append(known, "--"+f.Name) })
	return usagef("unknown option --%s%s", given, suggest.DidYouMean("--"+given, known))
}

// credentials gathers what the step was given for registries.
func credentials(r request, getenv func(string) string) error {
	folders := dockerconfig.OfStep(getenv)
	if r.dockerConfig != "" {
		folders = append([]string{r.dockerConfig}, folders...)
	}
	err := dockerconfig.Export(folders, filepath.Join(os.TempDir(), fmt.Sprintf("docker-config-%d", os.Getpid())))
	if errors.Is(err, dockerconfig.ErrInvalid) {
		return usagef("registry credentials: %v", err)
	} else if err != nil {
		return fmt.Errorf("registry credentials: %w", err)
	}
	return nil
}

// wholeKey is the key with the hash of the lock files. Patterns that match nothing would make a key that never changes.
func (r request) wholeKey(o Options) (string, error) {
	if len(r.hashFiles) == 0 {
		return r.key, nil
	}
	hash, files, err := key.Hash(os.DirFS(r.directory), r.hashFiles, folderNames(o.Folders))
	if err != nil {
		return "", usagef("hash-files below %s: %v", r.directory, err)
	}
	if len(files) == 0 {
		return "", usagef("hash-files: no file below %s matches %s", r.directory, strings.Join(r.hashFiles, " "))
	}
	whole := key.Prefix(r.key) + hash
	o.note("key %s, of %s", whole, strings.Join(files, ", "))
	return whole, nil
}

// prefixes are those that were given, or else what the key has before its hash.
func (r request) prefixes() []string {
	if len(r.restoreKeys) == 0 && len(r.hashFiles) > 0 && r.key != "" {
		return []string{key.Prefix(r.key)}
	}
	return r.restoreKeys
}

func restore(ctx context.Context, r request, o Options) error {
	wanted, err := r.wholeKey(o)
	if err != nil {
		return err
	}
	restored, err := Restore(ctx, o, wanted, r.prefixes())
	if err != nil {
		return err
	}
	if restored.Key == "" {
		o.note("miss: the run goes on without a cache of %s", strings.Join(folderNames(o.Folders), ", "))
	}
	return write(map[string]string{r.hitFile: strconv.FormatBool(restored.Exact), r.matchedFile: restored.Key, r.keyFile: wanted})
}

func save(ctx context.Context, r request, o Options) error {
	wanted, err := r.wholeKey(o)
	if err != nil {
		return err
	}
	saved, err := Save(ctx, o, wanted)
	if err != nil {
		return err
	}
	return write(map[string]string{r.savedFile: strconv.FormatBool(saved), r.keyFile: wanted})
}

func write(results map[string]string) error {
	delete(results, "")
	for file, value := range results {
		if err := os.WriteFile(file, []byte(value), 0o644); err != nil {
			return err
		}
	}
	return nil
}
