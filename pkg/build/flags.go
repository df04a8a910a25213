package build

import (
	"errors"
	"flag"
	"io"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/slipway-dev/slipway/pkg/argv"
	"github.com/slipway-dev/slipway/pkg/suggest"
)

// Request is the builder's command line.
type Request struct {
	Options
	// ImageURLFile and ImageDigestFile are where the results are written. Default: nowhere.
	ImageURLFile, ImageDigestFile string
}

// ParseFlags reads the builder's command line. The help goes to usage, and getenv answers for SOURCE_DATE_EPOCH and for
// build arguments without a value. It returns flag.ErrHelp if help was asked for, else an *Error for what is wrong.
func ParseFlags(args []string, usage io.Writer, getenv func(string) string) (Request, error) {
	var r Request
	fs := newFlagSet(&r)
	if err := fs.Parse(argv.Spread(args, plurals)); errors.Is(err, flag.ErrHelp) {
		fs.SetOutput(usage)
		fs.PrintDefaults()
		return r, err
	} else if err != nil {
		return r, flagError(fs, err)
	}
	if fs.NArg() > 0 {
		return r, Usagef("unexpected argument %q: every option starts with --", fs.Arg(0))
	}
	created, err := parseEpoch(getenv("SOURCE_DATE_EPOCH"))
	if err != nil {
		return r, err
	}
	r.Created = created
	r.Context = filepath.Clean(r.Context)
	for i, arg := range r.BuildArgs {
		if !strings.Contains(arg, "=") {
			r.BuildArgs[i] = arg + "=" + getenv(arg)
		}
	}
	return r, r.Validate()
}

func newFlagSet(r *Request) *flag.FlagSet {
	fs := flag.NewFlagSet("builder", flag.ContinueOnError)
	fs.SetOutput(io.Discard)
	fs.StringVar(&r.Context, "context", "/workspace/source", "`directory` that COPY and ADD read from")
	fs.StringVar(&r.Dockerfile, "dockerfile", "Dockerfile", "`path` of the Dockerfile, absolute or below the context")
	fs.StringVar(&r.Target, "target", "", "`stage` to build (default the last one)")
	fs.Var((*argv.List)(&r.BuildArgs), "build-arg", "`NAME=VALUE` for an ARG; NAME alone takes the value from the environment (repeatable)")
	fs.Var((*argv.List)(&r.Labels), "label", "`NAME=VALUE` to add to the image's labels (repeatable)")
	fs.Var((*argv.List)(&r.Destinations), "destination", "`reference` to push the image to (repeatable, at least once)")
	fs.BoolVar(&r.Cache.Enabled, "cache", false, "reuse layers of earlier builds from the registry, and keep this build's there")
	fs.StringVar(&r.Cache.Repository, "cache-repo", "", "`repository` of cached layers (default DESTINATION/cache)")
	fs.DurationVar(&r.Cache.TTL, "cache-ttl", DefaultCacheTTL, "`age` at which a cached layer is not used any more")
	fs.Var((*argv.List)(&r.InsecureRegistries), "insecure-registry", "`host` spoken to in plain HTTP (repeatable; not needed for private addresses)")
	fs.BoolVar(&r.Reproducible, "reproducible", false, "set the times of all built files to SOURCE_DATE_EPOCH")
	fs.BoolVar(&r.Verbose, "verbose", false, "print the engine's own log")
	fs.StringVar(&r.ImageURLFile, "image-url-file", "", "`file` to write the image's reference to")
	fs.StringVar(&r.ImageDigestFile, "image-digest-file", "", "`file` to write the image's digest to")
	return fs
}

// plurals are options that take all values up to the next option, for a Task's array params, and the one each stands for.
var plurals = map[string]string{
	"--build-args":          "--build-arg",
	"--labels":              "--label",
	"--destinations":        "--destination",
	"--insecure-registries": "--insecure-registry",
}

// flagError adds the nearest flag's name to what package flag says.
func flagError(fs *flag.FlagSet, err error) *Error {
	given, unknown := strings.CutPrefix(err.Error(), "flag provided but not defined: -")
	if !unknown {
		return Usagef("%v", err)
	}
	var known []string
	fs.VisitAll(func(f *flag.Flag) { known = append(known, "--"+f.Name) })
	return Usagef("unknown option --%s%s", given, suggest.DidYouMean("--"+given, known))
}

// parseEpoch reads SOURCE_DATE_EPOCH, seconds since 1970; nothing is the epoch itself.
func parseEpoch(value string) (time.Time, error) {
	value = strings.TrimSpace(value)
	if value == "" {
		return time.Unix(0, 0).UTC(), nil
	}
	seconds, err := strconv.ParseInt(value, 10, 64)
	if err != nil || seconds < 0 {
		return time.Time{}, Usagef("SOURCE_DATE_EPOCH: %q is not a number of seconds since 1970", value)
	}
	return time.Unix(seconds, 0).UTC(), nil
}
