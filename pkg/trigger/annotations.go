package trigger

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/slipway-dev/slipway/pkg/suggest"
	"github.com/slipway-dev/slipway/pkg/trigger/glob"
)

// Annotations are read under both prefixes; ours win.
const (
	slipwayPrefix = "slipway.dev/"
	pacPrefix     = "pipelinesascode.tekton.dev/"
)

// The names of the annotations that say when and how a run is started.
const (
	onEvent            = "on-event"
	onTargetBranch     = "on-target-branch"
	onPathChange       = "on-path-change"
	onPathChangeIgnore = "on-path-change-ignore"
	onLabel            = "on-label"
	onComment          = "on-comment"
	onCEL              = "on-cel-expression"
	targetNamespace    = "target-namespace"
	maxKeepRuns        = "max-keep-runs"
	cancelInProgress   = "cancel-in-progress"
	remoteTask         = "task"
	remotePipeline     = "pipeline"
)

var knownAnnotations = []string{onEvent, onTargetBranch, onPathChange, onPathChangeIgnore, onLabel, onComment, onCEL,
	targetNamespace, maxKeepRuns, cancelInProgress, remoteTask, remotePipeline}

// taskNumber is task, or task-1 and so on.
var taskNumber = regexp.MustCompile(`^task(-[0-9]+)?$`)

// get returns an annotation by its name without prefix, and its whole key.
func get(annotations map[string]string, name string) (value, key string, ok bool) {
	for _, prefix := range []string{slipwayPrefix, pacPrefix} {
		if value, ok := annotations[prefix+name]; ok {
			return value, prefix + name, true
		}
	}
	return "", "", false
}

// cutPrefix returns the name of an annotation that is for us.
func cutPrefix(key string) (name string, ok bool) {
	if name, ok = strings.CutPrefix(key, slipwayPrefix); ok {
		return name, true
	}
	return strings.CutPrefix(key, pacPrefix)
}

// hasMatcher reports whether an annotation says when the run is started.
func hasMatcher(annotations map[string]string) bool {
	for key := range annotations {
		if name, ok := cutPrefix(key); ok && strings.HasPrefix(name, "on-") {
			return true
		}
	}
	return false
}

// annotations finds what is wrong with the annotations that say when and how a run is
// started, also those that the next event does not ask about.
func (r *reader) annotations() {
	for _, run := range r.set.runs {
		wrong := CheckAnnotations(run.object.Annotations, r.set.templates.restore)
		for _, key := range slices.Sorted(maps.Keys(wrong)) {
			r.problems = append(r.problems, run.problem(annotation(key), "%s: %s", key, wrong[key]))
		}
	}
}

// CheckAnnotations returns what is wrong with those of a PipelineRun that say when
// and how it is started, by their keys; restore is that of Hide. One with a template is
// known when it has its value. Names that are not known are left alone, unless they are
// nearly one that is: other tools use the prefixes too.
func CheckAnnotations(annotations map[string]string, restore func(string) string) map[string]error {
	wrong := map[string]error{}
	for key, value := range annotations {
		name, ok := cutPrefix(key)
		if value = restore(value); !ok || template.MatchString(value) {
			continue
		}
		if err := checkAnnotation(name, value); err != nil {
			wrong[key] = err
		}
	}
	return wrong
}

func checkAnnotation(name, value string) error {
	var err error
	switch {
	case name == onComment:
		_, err = regexp.Compile(strings.TrimSpace(value))
	case name == onCEL:
		_, err = compileCEL(value)
	case name == maxKeepRuns:
		_, err = number(value)
	case name == cancelInProgress:
		_, err = yes(value)
	case name == onEvent:
		err = checkItems(value, checkEvent)
	case slices.Contains([]string{onTargetBranch, onPathChange, onPathChangeIgnore}, name):
		err = checkItems(value, func(item string) error { _, err := glob.Compile(item); return err })
	case name == onLabel:
		_, err = list(value)
	case name == remotePipeline, taskNumber.MatchString(name):
		err = checkItems(value, func(item string) error { _, err := reference(kindTask, item, Reference{}); return err })
	case strings.HasPrefix(name, "on-"):
		if hint := suggest.DidYouMean(name, knownAnnotations); hint != "" {
			err = fmt.Errorf("there is no such annotation%s", hint)
		}
	}
	return err
}

func checkItems(value string, check func(item string) error) error {
	items, err := list(value)
	for _, item := range items {
		if err == nil {
			err = check(item)
		}
	}
	return err
}

// list reads [a, b], or a alone. A comma that belongs to an item is written &#44;.
func list(value string) ([]string, error) {
	text := strings.TrimSpace(value)
	if inner, ok := strings.CutPrefix(text, "["); ok {
		if inner, ok = strings.CutSuffix(inner, "]"); !ok {
			return nil, fmt.Errorf("%q lacks the ] at its end", text)
		}
		text = inner
	} else if strings.ContainsAny(text, " \t\n") {
		return nil, fmt.Errorf("%q is no list: write [a, b]", text)
	}
	var items []string
	for item := range strings.SplitSeq(text, ",") {
		item = strings.TrimSpace(item)
		if n := len(item); n > 1 && (item[0] == '"' || item[0] == '\'') && item[n-1] == item[0] {
			item = item[1 : n-1]
		}
		if item = strings.ReplaceAll(item, "&#44;", ","); item != "" {
			items = append(items, item)
		}
	}
	if len(items) == 0 {
		return nil, errors.New("the list is empty")
	}
	return items, nil
}

// number reads a count.
func number(value string) (int, error) {
	n, err := strconv.Atoi(strings.TrimSpace(value))
	if err != nil || n < 0 {
		return 0, fmt.Errorf("%q is no number of runs", value)
	}
	return n, nil
}

// yes reads true or false.
func yes(value string) (bool, error) {
	switch strings.TrimSpace(value) {
	case "true":
		return true, nil
	case "false":
		return false, nil
	}
	return false, fmt.Errorf("%q is neither true nor false", value)
}
