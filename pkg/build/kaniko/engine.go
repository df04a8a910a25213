// Package kaniko is the build engine: it drives Kaniko's executor and hides it. No other package imports Kaniko.
//
// Kaniko builds in the root file system of the container it runs in: it unpacks the base image over /, runs each
// instruction there and takes what changed as a layer. It has to be root in that container, with the capabilities CHOWN,
// SETUID, SETGID, FOWNER and DAC_OVERRIDE, and needs no other right. What lies on a mount and in its own directory is left
// alone.
package kaniko

import (
	"context"
	"fmt"
	"io"
	"os"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/osscontainertools/kaniko/pkg/config"
	"github.com/osscontainertools/kaniko/pkg/executor"
	"github.com/osscontainertools/kaniko/pkg/util"
	"github.com/sirupsen/logrus"

	"github.com/slipway-dev/slipway/pkg/build"
)

// Engine builds one image in the root file system of its own container.
type Engine struct{}

// StateDir is where Kaniko keeps what has to outlive a stage: the directory of the running binary.
func StateDir() string { return config.KanikoDir }

// Build implements build.Engine.
func (Engine) Build(ctx context.Context, o build.Options, p *build.Progress) (build.Result, error) {
	path, err := o.FindDockerfile()
	if err != nil {
		return build.Result{}, err
	}
	file, err := readDockerfile(path, o.BuildArgs)
	if err != nil {
		return build.Result{}, err
	}
	if err := file.check(o.Target, mountPoints()); err != nil {
		return build.Result{}, err
	}
	return run(ctx, o, file, p)
}

// run builds and pushes. Kaniko works on globals of the process (its flags are environment variables, its log is
// logrus's, its root is /), which is why an Engine is good for one build.
func run(ctx context.Context, o build.Options, file *dockerfile, p *build.Progress) (build.Result, error) {
	watcher := listen(o.Verbose, file, p)
	opts, err := prepare(o, file.path)
	if err != nil {
		return build.Result{}, err
	}
	limitCache(opts, file, p)
	explain := explainer{file: file, context: o.Context, current: watcher.current}
	for _, destination := range o.Destinations {
		one := *opts
		one.Destinations = []string{destination}
		if err := executor.CheckPushPermissions(&one); err != nil {
			return build.Result{}, explain.registry("push", destination, err)
		}
	}
	img, err := guard(func() (v1.Image, error) { return executor.DoBuild(opts) }, watcher)
	if err != nil {
		return build.Result{}, explain.build(err)
	}
	result := build.Result{Image: o.Destinations[0], Stages: p.Finish()}
	img, err = settle(img, o)
	if err != nil {
		return result, fmt.Errorf("image times: %w", err)
	}
	digest, err := img.Digest()
	if err != nil {
		return result, fmt.Errorf("image digest: %w", err)
	}
	result.Digest = digest.String()
	for _, destination := range o.Destinations {
		p.Notef("pushing %s", destination)
		sent, err := push(ctx, destination, img, opts.RegistryOptions)
		if err != nil {
			return result, explain.registry("push", destination, err)
		}
		result.Push.Sent += sent.Sent
		result.Push.Mounted += sent.Mounted
		result.Push.Time += sent.Time
	}
	return result, nil
}

// limitCache gives up the layers whose keys would be wrong, and says so.
func limitCache(opts *config.KanikoOptions, file *dockerfile, p *build.Progress) {
	copies, runs := file.uncacheable()
	opts.CacheCopyLayers, opts.CacheRunLayers = !copies, !runs
	switch {
	case !opts.Cache:
	case runs:
		p.Notef("note: a WORKDIR has a variable in it, so no layer of this build is cached")
	case copies:
		p.Notef("note: a COPY or ADD has a variable in it, so layers of COPY and ADD are not cached")
	}
}

// prepare sets up what Kaniko keeps in globals and leaves the process in /.
func prepare(o build.Options, dockerfilePath string) (*config.KanikoOptions, error) {
	for name, value := range flags {
		if err := os.Setenv(name, value); err != nil {
			return nil, fmt.Errorf("engine flag %s: %w", name, err)
		}
	}
	for _, path := range []string{"/var/run", "/tekton", "/workspace", o.Context} {
		util.AddToDefaultIgnoreList(util.IgnoreListEntry{Path: path})
	}
	// The Dockerfile may lie in the context and be ignored by it, so Kaniko is given a copy.
	if err := util.CopyFileInternal(dockerfilePath, config.DockerfilePath, util.FileContext{}); err != nil {
		return nil, fmt.Errorf("copy the Dockerfile: %w", err)
	}
	if ignore := dockerfilePath + ".dockerignore"; util.FilepathExists(ignore) {
		if err := util.CopyFileInternal(ignore, config.DockerfilePath+".dockerignore", util.FileContext{}); err != nil {
			return nil, fmt.Errorf("copy %s: %w", ignore, err)
		}
	}
	if err := os.Chdir("/"); err != nil {
		return nil, fmt.Errorf("build root: %w", err)
	}
	return engineOptions(o, config.DockerfilePath), nil
}

// settle gives the image times that do not depend on when it was built.
func settle(img v1.Image, o build.Options) (v1.Image, error) {
	if o.Reproducible {
		var err error
		if img, err = withFileTimes(img, o.Created); err != nil {
			return nil, err
		}
	}
	return mutate.CreatedAt(img, v1.Time{Time: o.Created})
}

// guard runs build and turns Kaniko's ways to end a process (a fatal log entry, a broken assertion) into errors.
func guard(build func() (v1.Image, error), w *watcher) (img v1.Image, err error) {
	logrus.StandardLogger().ExitFunc = func(code int) { panic(fatal(code)) }
	defer func() {
		switch r := recover().(type) {
		case nil:
		case fatal:
			err = fmt.Errorf("engine: %s", w.lastFatal())
		case *logrus.Entry:
			err = fmt.Errorf("engine: %s", r.Message)
		default:
			panic(r)
		}
	}()
	return build()
}

// fatal is what a fatal log entry panics with instead of ending the process.
type fatal int

// listen directs Kaniko's log to p, and to standard error where verbose.
func listen(verbose bool, file *dockerfile, p *build.Progress) *watcher {
	w := &watcher{progress: p, file: file, stage: -1, cursor: map[int]int{}}
	logrus.SetOutput(io.Discard)
	logrus.SetLevel(logrus.InfoLevel)
	if verbose {
		logrus.SetOutput(os.Stderr)
		logrus.SetLevel(logrus.DebugLevel)
	}
	logrus.SetReportCaller(true)
	logrus.AddHook(w)
	return w
}
