package kaniko

import (
	"path"
	"strconv"
	"strings"
	"sync"

	"github.com/sirupsen/logrus"

	"github.com/slipway-dev/slipway/pkg/build"
)

// watcher reads Kaniko's log, the only account it gives of its progress, and reports stages and steps. It tells entries
// apart by the function that wrote them first and by their text second.
type watcher struct {
	mu       sync.Mutex
	progress *build.Progress
	file     *dockerfile
	stage    int
	// cursor is, for each stage, the number of instructions of the Dockerfile already seen.
	cursor map[int]int
	// hits and misses count the answers of the cache by instruction, for the stage at hand.
	hits, misses map[string]int
	running      instruction
	fatal        string
}

// Levels implements logrus.Hook.
func (w *watcher) Levels() []logrus.Level { return logrus.AllLevels }

// Fire implements logrus.Hook.
func (w *watcher) Fire(e *logrus.Entry) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case e.Level <= logrus.FatalLevel:
		w.fatal = e.Message
	case e.Level <= logrus.WarnLevel:
		w.progress.Notef("warning: %s", strings.ReplaceAll(e.Message, "\n\t", " "))
	case e.Level == logrus.InfoLevel && e.Caller != nil:
		w.info(path.Base(e.Caller.Function), e.Message)
	}
	return nil
}

// info handles an entry of the function fn, a name such as executor.(*stageBuilder).build.
func (w *watcher) info(fn, message string) {
	switch fn {
	case "executor.DoBuild":
		if rest, ok := strings.CutPrefix(message, "Building stage '"); ok {
			w.startStage(rest)
		}
	case "executor.(*stageBuilder).optimize":
		if text, ok := strings.CutPrefix(message, "Using caching version of cmd: "); ok {
			w.hits[text]++
		} else if text, ok := strings.CutPrefix(message, "No cached layer found for cmd "); ok {
			w.misses[text]++
		}
	case "executor.(*stageBuilder).build":
		w.built(message)
	case "commands.runCommandInExec":
		if strings.HasPrefix(message, "Running: ") {
			w.progress.Executed()
		}
	}
}

// startStage reads `BASE' [idx: 'N', base-idx: 'M']`.
func (w *watcher) startStage(message string) {
	base, rest, _ := strings.Cut(message, "' [idx: '")
	number, _, _ := strings.Cut(rest, "'")
	w.stage, _ = strconv.Atoi(number)
	w.hits, w.misses = map[string]int{}, map[string]int{}
	w.running = instruction{}
	w.progress.StartStage(w.file.label(w.stage), base)
}

// built handles what the build loop of a stage says: notes of its own, or the text of the instruction it comes to.
func (w *watcher) built(message string) {
	for _, note := range []string{"Unpacking rootfs as cmd ", "Skipping unpacking ", "No files were changed"} {
		if strings.HasPrefix(message, note) {
			return
		}
	}
	w.running = w.find(message)
	kind := build.StepMetadata
	switch {
	case w.hits[message] > 0:
		w.hits[message]--
		kind = build.StepCached
	case w.misses[message] > 0, makesLayer(w.running.keyword):
		kind = build.StepBuilt
	}
	w.progress.StartStep(message, kind)
}

func makesLayer(keyword string) bool {
	return keyword == "run" || keyword == "copy" || keyword == "add" || keyword == "workdir"
}

// find returns the next instruction with the text, in this stage or, because a stage may be built as a part of the one
// that builds upon it, in an earlier one. An ONBUILD instruction of a base image is found nowhere and has no line.
func (w *watcher) find(text string) instruction {
	for s := min(w.stage, len(w.file.stages)-1); s >= 0; s-- {
		all := w.file.stages[s].instructions
		for i := w.cursor[s]; i < len(all); i++ {
			if all[i].text == text {
				w.cursor[s] = i + 1
				return all[i]
			}
		}
	}
	keyword, _, _ := strings.Cut(strings.ToLower(text), " ")
	return instruction{keyword: keyword, text: text}
}

// current is the instruction that was begun last, with line 0 if none was.
func (w *watcher) current() instruction {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.running
}

// lastFatal is the message Kaniko wanted to end the process with.
func (w *watcher) lastFatal() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.fatal
}
