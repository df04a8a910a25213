package build

import (
	"context"
	"time"
)

// DefaultCacheTTL is how long a cached layer may be reused when Cache.TTL is not set: two weeks.
const DefaultCacheTTL = 14 * 24 * time.Hour

// Options is all that one build is asked to do.
type Options struct {
	// Context is the directory COPY and ADD read from. It has to lie on a volume of its own, because the build takes over
	// the rest of the root file system.
	Context string
	// Dockerfile is the path of the Dockerfile: absolute, or looked up in the working directory first and in Context second,
	// as other builders do. Default: Dockerfile.
	Dockerfile string
	// Target is the name or number of the stage to build. Default: the last stage.
	Target string
	// BuildArgs are values for ARG instructions, each NAME=VALUE.
	BuildArgs []string
	// Labels are added to the image's configuration, each NAME=VALUE.
	Labels []string
	// Destinations are the references the image is pushed to, at least one. The first one names the image in the Result.
	Destinations []string
	// Cache says whether and where layers are kept between builds.
	Cache Cache
	// InsecureRegistries are hosts (host:port) that are spoken to in plain HTTP. Localhost, names that end in .local and
	// addresses of private networks need no entry: for those HTTPS is tried first and HTTP second.
	InsecureRegistries []string
	// Created is the time written into the image's configuration. It is never the current time, so that the same layers
	// always make the same image. Default: the Unix epoch.
	Created time.Time
	// Reproducible also sets the times of all files in the layers of this build to Created. Two builds without a cache in
	// common then give the same digest if their RUN instructions do the same. The layers are compressed once more for it.
	Reproducible bool
	// Verbose prints the engine's own log.
	Verbose bool
}

// Cache says how layers are reused from build to build.
type Cache struct {
	// Enabled looks up and stores the layer of each RUN, COPY, ADD and WORKDIR.
	Enabled bool
	// Repository is where layers are kept, without a tag. Default: the first destination's repository with /cache appended.
	Repository string
	// TTL is the age at which a cached layer is no longer used. Default: DefaultCacheTTL.
	TTL time.Duration
}

// Result is what a build made.
type Result struct {
	// Image is the first destination as it was given.
	Image string
	// Digest is the digest of the pushed manifest, sha256:….
	Digest string
	// Stages are the stages that were built, in order.
	Stages []Stage
	// Push is what went over the wire.
	Push Push
}

// Stage is what happened in one stage of the Dockerfile.
type Stage struct {
	// Name is the stage's name, or its number where it has none.
	Name string
	// Steps counts the instructions that make a layer; Cached those of them taken from the cache.
	Steps, Cached int
	// Commands counts the RUN instructions that were executed.
	Commands int
	// Time is how long the stage took.
	Time time.Duration
}

// Push counts the bytes of a push, after compression.
type Push struct {
	// Sent is what was uploaded, Mounted what the registry took over from another of its repositories.
	Sent, Mounted int64
	Time          time.Duration
}

// Engine executes builds.
type Engine interface {
	// Build executes the Dockerfile, pushes the image to every destination and reports each step to p while it goes on.
	// Options have passed Validate. What the user can mend comes back as an *Error. An Engine takes over the process's
	// root file system and is good for one build.
	Build(ctx context.Context, o Options, p *Progress) (Result, error)
}
