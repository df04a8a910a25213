package build

import (
	"errors"
	"flag"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestParseFlags(t *testing.T) {
	env := map[string]string{"SOURCE_DATE_EPOCH": "1700000000", "TOKEN": "s3cret"}
	getenv := func(name string) string { return env[name] }
	defaults := Options{
		Context: "/workspace/source", Dockerfile: "Dockerfile", Destinations: []string{"r.example/a:1"},
		Cache: Cache{TTL: DefaultCacheTTL}, Created: time.Unix(1700000000, 0).UTC(),
	}
	with := func(change func(*Request)) Request {
		r := Request{Options: defaults}
		change(&r)
		return r
	}
	tests := []struct {
		why  string
		args string
		want Request
	}{
		{"a destination is all that is needed", "", with(func(*Request) {})},
		{"a Task writes CONTEXT ./ after the workspace", "--context=/workspace/source/./",
			with(func(*Request) {})},
		{"a flag may be repeated", "--destination=r.example/b:2",
			with(func(r *Request) { r.Destinations = append(r.Destinations, "r.example/b:2") })},
		{"an array param fills a plural, up to the next option", "--build-args A=1 B=2 --labels --cache=true",
			with(func(r *Request) { r.BuildArgs, r.Cache.Enabled = []string{"A=1", "B=2"}, true })},
		{"an argument without a value is taken from the environment", "--build-arg=TOKEN",
			with(func(r *Request) { r.BuildArgs = []string{"TOKEN=s3cret"} })},
		{"an argument may be empty", "--build-arg=TOKEN=",
			with(func(r *Request) { r.BuildArgs = []string{"TOKEN="} })},
		{"empty params are no options", "--target= --cache-repo= --reproducible=false",
			with(func(*Request) {})},
		{"the results' paths", "--image-url-file=/u --image-digest-file=/d",
			with(func(r *Request) { r.ImageURLFile, r.ImageDigestFile = "/u", "/d" })},
		{"the cache", "--cache --cache-repo=r.example/c --cache-ttl=6h",
			with(func(r *Request) { r.Cache = Cache{Enabled: true, Repository: "r.example/c", TTL: 6 * time.Hour} })},
	}
	for _, tt := range tests {
		t.Run(tt.why, func(t *testing.T) {
			args := append([]string{"--destination=r.example/a:1"}, strings.Fields(tt.args)...)
			got, err := ParseFlags(args, io.Discard, getenv)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestParseFlagsErrors(t *testing.T) {
	tests := []struct{ why, args, epoch, want string }{
		{"a misspelt option", "--cahce", "", `unknown option --cahce; did you mean "--cache"?`},
		{"an option like no other", "--frobnicate", "", "unknown option --frobnicate"},
		{"a word without dashes", "--destination=r/a:1 cache", "", `unexpected argument "cache": every option starts with --`},
		{"nowhere to push", "--cache", "", "no destination: say where the image goes with --destination REGISTRY/REPOSITORY:TAG"},
		{"no reference", "--destination=UPPER/case", "", `destination "UPPER/case" is not REGISTRY/REPOSITORY:TAG`},
		{"a cache repository with a tag", "--destination=r/a:1 --cache-repo=r/c:1", "", `cache repository "r/c:1" is not REGISTRY/REPOSITORY`},
		{"a build argument without a name", "--destination=r/a:1 --build-arg==x", "", `--build-arg "=x" is not NAME=VALUE`},
		{"a label without a value", "--destination=r/a:1 --label=x", "", `--label "x" is not NAME=VALUE`},
		{"the build root as the context", "--destination=r/a:1 --context=/workspace/..", "", `context "/" has to be an absolute path below /`},
		{"a relative context", "--destination=r/a:1 --context=src", "", `context "src" has to be an absolute path below /`},
		{"a date where seconds belong", "--destination=r/a:1", "2026-01-01", `SOURCE_DATE_EPOCH: "2026-01-01" is not a number of seconds since 1970`},
	}
	for _, tt := range tests {
		t.Run(tt.why, func(t *testing.T) {
			_, err := ParseFlags(strings.Fields(tt.args), io.Discard, func(string) string { return tt.epoch })
			var e *Error
			if !errors.As(err, &e) || e.Code != ExitUsage || !strings.HasPrefix(e.Message, tt.want) {
				t.Errorf("got %v, want exit code %d and %q", err, ExitUsage, tt.want)
			}
		})
	}
}

func TestHelpNamesEveryOption(t *testing.T) {
	var out strings.Builder
	if _, err := ParseFlags([]string{"--help"}, &out, func(string) string { return "" }); !errors.Is(err, flag.ErrHelp) {
		t.Fatalf("got %v, want flag.ErrHelp", err)
	}
	for _, single := range plurals {
		if !strings.Contains(out.String(), single[1:]) {
			t.Errorf("help does not explain %s:\n%s", single, out.String())
		}
	}
}
