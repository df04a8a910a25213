package kaniko

import (
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/sirupsen/logrus"

	"github.com/slipway-dev/slipway/pkg/build"
)

// TestWatcher replays what Kaniko logs for a build whose first stage is half cached, and reads it as stages and steps.
func TestWatcher(t *testing.T) {
	file, err := parseDockerfile("Dockerfile", []byte("FROM a AS build\nENV X=1\nCOPY . .\nRUN make\nRUN make\nFROM b\nCOPY --from=build /o /o\n"), nil)
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	p := build.NewProgress(&out, func() time.Time { return time.Unix(0, 0) })
	w := &watcher{progress: p, file: file, stage: -1, cursor: map[int]int{}}

	const stageBuilder = "github.com/osscontainertools/kaniko/pkg/executor.(*stageBuilder)."
	say := func(fn, message string) {
		t.Helper()
		if err := w.Fire(&logrus.Entry{Level: logrus.InfoLevel, Message: message, Caller: &runtime.Frame{Function: fn}}); err != nil {
			t.Fatal(err)
		}
	}
	say("github.com/osscontainertools/kaniko/pkg/executor.DoBuild", "Building stage 'a' [idx: '0', base-idx: '-1']")
	say(stageBuilder+"optimize", "Using caching version of cmd: COPY . .")
	say(stageBuilder+"optimize", "No cached layer found for cmd RUN make")
	say(stageBuilder+"build", "Unpacking rootfs as cmd COPY . . requires it.")
	say(stageBuilder+"build", "ENV X=1")
	say(stageBuilder+"build", "COPY . .")
	say(stageBuilder+"build", "RUN make")
	say("github.com/osscontainertools/kaniko/pkg/commands.runCommandInExec", "Running: [/bin/sh -c make]")
	if got := w.current(); got.line != 4 {
		t.Errorf("the instruction being run is on line %d, want 4", got.line)
	}
	say(stageBuilder+"build", "RUN make")
	if got := w.current(); got.line != 5 {
		t.Errorf("the second of two equal instructions is on line %d, want 5", got.line)
	}
	say("github.com/osscontainertools/kaniko/pkg/executor.DoBuild", "Building stage 'b' [idx: '1', base-idx: '-1']")
	say(stageBuilder+"build", "COPY --from=build /o /o")
	if err := w.Fire(&logrus.Entry{Level: logrus.WarnLevel, Message: "Error uploading layer to cache: denied"}); err != nil {
		t.Fatal(err)
	}

	want := []build.Stage{{Name: "build", Steps: 3, Cached: 1, Commands: 1}, {Name: "1", Steps: 1}}
	if diff := cmp.Diff(want, p.Finish()); diff != "" {
		t.Errorf("stages, -want +got:\n%s", diff)
	}
	const text = `[build 1] FROM a
[build 2] ENV X=1
[build 3] COPY . .  (cached)
[build 4] RUN make
[build 5] RUN make
[1 1] FROM b
[1 2] COPY --from=build /o /o
warning: Error uploading layer to cache: denied
`
	if diff := cmp.Diff(text, out.String()); diff != "" {
		t.Errorf("log, -want +got:\n%s", diff)
	}
}

// TestGuard: what ends Kaniko's process ends the build with an error.
func TestGuard(t *testing.T) {
	w := listen(false, &dockerfile{}, build.NewProgress(&strings.Builder{}, time.Now))
	t.Cleanup(func() { logrus.StandardLogger().ReplaceHooks(logrus.LevelHooks{}) })
	for name, end := range map[string]func(...any){"fatal": logrus.Fatal, "assertion": logrus.Panic} {
		t.Run(name, func(t *testing.T) {
			_, err := guard(func() (img v1.Image, err error) { end("cannot go on"); return }, w)
			if err == nil || err.Error() != "engine: cannot go on" {
				t.Errorf("got %v", err)
			}
		})
	}
}
