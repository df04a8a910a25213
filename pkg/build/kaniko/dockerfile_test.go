package kaniko

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/osscontainertools/kaniko/pkg/config"

	"github.com/slipway-dev/slipway/pkg/build"
)

const twoStages = `ARG GO=golang:1.26
FROM ${GO} AS build
WORKDIR /src
COPY . .
RUN go build \
    -o /out
RUN <<EOF
echo hi
EOF

FROM scratch
COPY --from=build /out /app
`

func TestParseDockerfile(t *testing.T) {
	d, err := parseDockerfile("/src/Dockerfile", []byte(twoStages), []string{"GO=mirror.example/golang:1.27", "OTHER=x"})
	if err != nil {
		t.Fatal(err)
	}
	type place struct {
		keyword string
		line    int
	}
	var places []place
	for _, s := range d.stages {
		for _, in := range s.instructions {
			places = append(places, place{in.keyword, in.line})
		}
	}
	want := []place{{"workdir", 3}, {"copy", 4}, {"run", 5}, {"run", 7}, {"copy", 12}}
	if diff := cmp.Diff(want, places, cmp.AllowUnexported(place{})); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if got := d.stages[0]; got.from != "${GO}" || got.base != "mirror.example/golang:1.27" || got.line != 2 {
		t.Errorf("first stage is from %q, base %q, line %d", got.from, got.base, got.line)
	}
	if d.label(0) != "build" || d.label(1) != "1" {
		t.Errorf("stages are called %q and %q", d.label(0), d.label(1))
	}
}

func TestDockerfileErrors(t *testing.T) {
	mounts := []string{"/tekton", "/workspace"}
	tests := []struct{ why, text, target, want string }{
		{"nothing is wrong", twoStages, "build", ""},
		{"a stage's name is not case-sensitive", twoStages, "BUILD", ""},
		{"a misspelt instruction", "FROM scratch\nCOPPY a b\n", "", `Dockerfile:2: unknown instruction: COPPY; did you mean "COPY"?`},
		{"an empty file", "# nothing\n", "", "Dockerfile: file with no instructions"},
		{"a misspelt target", twoStages, "biuld", `Dockerfile: no stage named "biuld"; did you mean "build"? (stages: build)`},
		{"a target where no stage has a name", "FROM scratch\n", "app", `Dockerfile: no stage named "app"; no stage has a name`},
		{"a misspelt source stage", "FROM scratch AS build\nFROM scratch\nCOPY --from=bulid /a /b\n", "",
			`Dockerfile:3: no earlier stage named "bulid"; did you mean "build"?`},
		{"an image as the source", "FROM scratch AS build\nFROM scratch\nCOPY --from=built:1 /a /b\n", "", ""},
		{"a stage's number as the source", "FROM scratch AS x\nFROM scratch\nCOPY --from=0 /a /b\n", "", ""},
		{"files on a volume of the Pod", "FROM scratch\n\nWORKDIR /workspace\n", "",
			"Dockerfile:3: /workspace is on /workspace, a volume of the build Pod, so it cannot become part of the image; use another directory"},
		{"the same by a relative path", "FROM scratch\nWORKDIR /\nCOPY a workspace/src/\n", "",
			"Dockerfile:3: /workspace/src is on /workspace, a volume of the build Pod, so it cannot become part of the image; use another directory"},
		{"the same in JSON", "FROM scratch\nADD [\"a b\", \"/tekton/x\"]\n", "",
			"Dockerfile:2: /tekton/x is on /tekton, a volume of the build Pod, so it cannot become part of the image; use another directory"},
		{"a directory whose name only begins like a volume's", "FROM scratch\nWORKDIR /workspaces\n", "", ""},
		{"a path of variables is left alone", "FROM scratch\nARG D\nWORKDIR $D/workspace\n", "", ""},
	}
	for _, tt := range tests {
		t.Run(tt.why, func(t *testing.T) {
			d, err := parseDockerfile("/src/Dockerfile", []byte(tt.text), nil)
			if err == nil {
				err = d.check(tt.target, mounts)
			}
			if tt.want == "" {
				if err != nil {
					t.Errorf("got %v, want no error", err)
				}
				return
			}
			var e *build.Error
			if !errors.As(err, &e) || e.Message != tt.want || e.Code != build.ExitUsage {
				t.Errorf("got  %v\nwant %s", err, tt.want)
			}
		})
	}
}

func TestParseMountInfo(t *testing.T) {
	const info = `600 500 0:50 / / rw,relatime - overlay overlay rw
601 600 0:51 / /proc rw - proc proc rw
602 600 0:52 / /dev rw - tmpfs tmpfs rw
603 600 8:1 /a /etc/resolv.conf rw - ext4 /dev/sda rw
604 600 8:1 /b /workspace rw - ext4 /dev/sda rw
605 600 8:1 /c /workspace rw - ext4 /dev/sda rw
606 600 8:1 /d /tekton/run rw - ext4 /dev/sda rw
`
	if diff := cmp.Diff([]string{"/tekton/run", "/workspace"}, parseMountInfo(info)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// TestLimitCache: a key that does not hold a variable's value must not find a layer.
func TestLimitCache(t *testing.T) {
	tests := []struct {
		why, text    string
		copies, runs bool
	}{
		{"fixed paths", "FROM $BASE\nARG V\nWORKDIR /src\nCOPY a b\nRUN make $V\n", true, true},
		{"a variable destination", "FROM scratch\nARG D\nCOPY a $D\n", false, true},
		{"a variable owner", "FROM scratch\nARG U\nADD --chown=${U} a b\n", false, true},
		{"a variable in a heredoc's text", "FROM scratch\nCOPY <<EOF /a\n$X\nEOF\n", true, true},
		{"a variable directory", "FROM scratch\nARG D\nWORKDIR /$D\n", false, false},
	}
	for _, tt := range tests {
		t.Run(tt.why, func(t *testing.T) {
			d, err := parseDockerfile("Dockerfile", []byte(tt.text), nil)
			if err != nil {
				t.Fatal(err)
			}
			var out strings.Builder
			opts := &config.KanikoOptions{Cache: true}
			limitCache(opts, d, build.NewProgress(&out, time.Now))
			if opts.CacheCopyLayers != tt.copies || opts.CacheRunLayers != tt.runs {
				t.Errorf("caches COPY: %t, RUN: %t; want %t, %t", opts.CacheCopyLayers, opts.CacheRunLayers, tt.copies, tt.runs)
			}
			if told := strings.HasPrefix(out.String(), "note: "); told == (tt.copies && tt.runs) {
				t.Errorf("the log says %q", out.String())
			}
		})
	}
}
