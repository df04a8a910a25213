package build

import (
	"flag"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// TestProgress freezes what a user reads: the steps as they go, and the summary.
func TestProgress(t *testing.T) {
	clock := time.Unix(0, 0)
	var out strings.Builder
	p := NewProgress(&out, func() time.Time { return clock })
	pass := func(d time.Duration) { clock = clock.Add(d) }

	p.StartStep("before any stage", StepBuilt)
	p.StartStage("build", "golang:1.26")
	p.StartStep("WORKDIR /src", StepCached)
	p.StartStep("ARG VERSION=dev", StepMetadata)
	p.StartStep("RUN go build \\\n  -o /out ./...", StepBuilt)
	p.Executed()
	pass(12300 * time.Millisecond)
	p.StartStep("COPY . .", StepBuilt)
	pass(20 * time.Millisecond)
	p.StartStage("1", "scratch")
	p.StartStep("COPY --from=build /out /app", StepCached)
	p.Notef("pushing %s", "r.example/app:1")
	pass(time.Second)
	stages := p.Finish()

	want := []Stage{
		{Name: "build", Steps: 3, Cached: 1, Commands: 1, Time: 12320 * time.Millisecond},
		{Name: "1", Steps: 1, Cached: 1, Time: time.Second},
	}
	if diff := cmp.Diff(want, stages); diff != "" {
		t.Errorf("stages, -want +got:\n%s", diff)
	}
	WriteSummary(&out, Result{Image: "r.example/app:1", Digest: "sha256:" + strings.Repeat("a", 64), Stages: stages,
		Push: Push{Sent: 1234567, Mounted: 2_500_000_000, Time: 400 * time.Millisecond}})
	golden(t, "testdata/progress.txt", out.String())
}

func golden(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s, -want +got:\n%s", path, diff)
	}
}

func TestSize(t *testing.T) {
	for n, want := range map[int64]string{0: "0 B", 999: "999 B", 1000: "1.0 kB", 1_500_000: "1.5 MB", 8_000_000_000: "8.0 GB"} {
		if got := size(n); got != want {
			t.Errorf("size(%d) = %s, want %s", n, got, want)
		}
	}
}
