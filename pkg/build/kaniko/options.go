package kaniko

import (
	"cmp"

	"github.com/containerd/platforms"
	"github.com/osscontainertools/kaniko/pkg/config"
	"github.com/osscontainertools/kaniko/pkg/constants"

	"github.com/slipway-dev/slipway/pkg/build"
)

// flags are the engine's opt-in corrections. Each brings it closer to what the Dockerfile reference says, or makes a
// cache entry depend on all it should.
//
// Left off: FF_KANIKO_CACHE_PROBE_AFTER_MISS, because a cached layer would be laid over one that was just built anew and
// may differ from the one it was made on (the keys hold inputs, not outputs), so an image could mix two package databases;
// FF_KANIKO_INFER_CROSS_STAGE_CACHE_KEY and FF_KANIKO_CACHE_LOOKAHEAD, which store more and save nothing in this version;
// FF_KANIKO_RUN_VIA_TINI, because the step's entrypoint reaps.
var flags = map[string]string{
	"FF_KANIKO_COPY_AS_ROOT":                "true", // COPY makes files of root:root after USER too
	"FF_KANIKO_COPY_CHMOD_ON_IMPLICIT_DIRS": "true", // --chmod holds for the parents it creates
	"FF_KANIKO_RUN_MOUNT_BIND":              "true", // RUN --mount=type=bind is not skipped with a warning
	"FF_KANIKO_PRESERVE_HARDLINKS":          "true", // COPY --from does not multiply hard links
	"FF_KANIKO_VOLUME_SKIP_MKDIR":           "true", // VOLUME makes no directory with the time of the build
	"FF_KANIKO_BUILDKIT_ARG_ENV_PRECEDENCE": "true", // of ARG and ENV the later one wins
	"FF_KANIKO_NO_PROPAGATE_ANNOTATIONS":    "true", // the base image's manifest does not describe this image
	"FF_KANIKO_CACHE_PROBE_AFTER_MISS":      "false",
	"FF_KANIKO_INFER_CROSS_STAGE_CACHE_KEY": "false",
	"FF_KANIKO_CACHE_LOOKAHEAD":             "false",
	"FF_KANIKO_RUN_VIA_TINI":                "false",
}

// unpackRetries is how often the unpacking of a base image is tried again, with a pause that doubles from one second.
// Asking for a manifest is not: the transport does that where it makes sense, and not for an image that does not exist.
const unpackRetries = 2

// engineOptions says in Kaniko's words what o asks for.
func engineOptions(o build.Options, dockerfilePath string) *config.KanikoOptions {
	opts := &config.KanikoOptions{
		RegistryOptions: config.RegistryOptions{
			InsecureRegistries: o.InsecureRegistries,
		},
		CacheOptions:        config.CacheOptions{CacheTTL: cmp.Or(o.Cache.TTL, build.DefaultCacheTTL)},
		Destinations:        o.Destinations,
		BuildArgs:           o.BuildArgs,
		Labels:              o.Labels,
		DockerfilePath:      dockerfilePath,
		SrcContext:          o.Context,
		CustomPlatform:      platforms.Format(platforms.Normalize(platforms.DefaultSpec())),
		CacheRepo:           o.Cache.Repository,
		Cache:               o.Cache.Enabled,
		ImageFSExtractRetry: unpackRetries,
		// Comparing contents, not only times and sizes, is what a layer must not be wrong about.
		SnapshotMode: constants.SnapshotModeFull,
		// Kept in memory, a compressed layer costs its own size; made anew for each use it costs time only.
		CompressedCaching: false,
		// Kaniko's own way to strip times holds every layer in memory, and touches those of the base image too.
		Reproducible: false,
	}
	if o.Target != "" {
		opts.Target = []string{o.Target}
	}
	return opts
}
