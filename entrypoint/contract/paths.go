// Package contract is what the compiler of Pods and the entrypoint of their
// steps have agreed on: the paths inside a step's container, the arguments of
// the entrypoint, the marks that steps leave for each other, and the message
// that a step ends with.
//
// Both sides ship together, yet a controller may read Pods that its
// predecessor made. So everything that is written carries [Version], and
// golden files freeze its bytes.
package contract

import (
	"hash/fnv"
	"path"
	"strconv"
)

// Version of everything that this package encodes. It is written into every
// argument list, mark and message.
const Version = 1

// Paths in a step's container that user YAML may name. They are Tekton's.
const (
	WorkspaceDir   = "/workspace"
	ResultsDir     = "/tekton/results"
	StepsDir       = "/tekton/steps"
	HomeDir        = "/tekton/home"
	CredsDir       = "/tekton/creds"
	ArtifactsDir   = "/tekton/artifacts"
	ScriptsDir     = "/tekton/scripts"
	RunDir         = "/tekton/run"
	BinDir         = "/tekton/bin"
	DebugDir       = "/tekton/debug"
	CredsSecretDir = "/tekton/creds-secrets"
)

// Paths that only the compiler and the entrypoint name.
const (
	// Entrypoint is the binary. Its folder is an image volume, or an emptyDir
	// that one init container fills.
	Entrypoint = "/tekton/bin/entrypoint"
	// Termination is every step's terminationMessagePath: not the default, so
	// that a tool which writes to /dev/termination-log does no harm.
	Termination = "/tekton/termination"
	// Install, followed by a path, makes the entrypoint of an init container
	// copy itself there.
	Install = "install"
	// TaskArtifacts is the file behind $(artifacts.path).
	TaskArtifacts = "/tekton/artifacts/provenance.json"
)

// PodResultsDir is, in a Pod that several tasks share, where the folders of results of
// other tasks are, each by the task's name. They are read-only.
const PodResultsDir = "/tekton/pod/results"

// TaskOfMark is the task of a mark at RunDir/TASK/INDEX/out, and TaskOfResult that of a
// file at PodResultsDir/TASK/RESULT.
func TaskOfMark(file string) string   { return path.Base(path.Dir(path.Dir(file))) }
func TaskOfResult(file string) string { return path.Base(path.Dir(file)) }

// ValuePrefix begins the names of variables of the environment that hold a value which
// is taken as it is: what looks like a reference in it stays.
const ValuePrefix = "SLIPWAY_VALUE_"

// The programs in the folder scripts of DebugDir that end a halt at a breakpoint. They are
// Tekton's.
const (
	DebugPrefix         = "debug-"
	DebugContinue       = "debug-continue"
	DebugFail           = "debug-fail-continue"
	DebugBeforeContinue = "debug-beforestep-continue"
	DebugBeforeFail     = "debug-beforestep-fail-continue"
	// DebugHalted, followed by a debug folder, makes the entrypoint exit with 0
	// while the step of that folder halts.
	DebugHalted = "debug-halted"
)

// StepRunDir is where step index of a task keeps its marks. It must be on one
// disk-backed emptyDir that survives the containers: mounted read-only as a
// whole at [RunDir] in every step, and read-write only this folder.
func StepRunDir(index int) string { return path.Join(RunDir, strconv.Itoa(index)) }

// Container is the name of the container that runs a step: step-STEP, or
// step-TASK-STEP in a Pod that several tasks share, with a checksum for what would be
// longer than 63 characters. task is empty for one that has the Pod to itself.
func Container(task, step string) string {
	const prefix, limit = "step-", 63
	if task == "" {
		return prefix + step
	}
	if name := prefix + task + "-" + step; len(name) <= limit {
		return name
	}
	h := fnv.New64a()
	_, _ = h.Write([]byte(task + "/" + step))
	return prefix + strconv.FormatUint(h.Sum64(), 36)
}

// StepDir is the metadata folder of the step that runs in the named container,
// "step-NAME": its exit code, its results, its artifacts.
func StepDir(container string) string { return path.Join(StepsDir, container) }

// StepResultPath is the file behind $(step.results.RESULT.path).
func StepResultPath(stepDir, result string) string { return path.Join(stepDir, "results", result) }

// StepArtifactsPath is the file behind $(step.artifacts.path).
func StepArtifactsPath(stepDir string) string {
	return path.Join(stepDir, "artifacts", "provenance.json")
}

// ExitCodePath is the file behind $(steps.step-NAME.exitCode.path).
func ExitCodePath(stepDir string) string { return path.Join(stepDir, "exitCode") }

// ScriptPath is the file that the script of step index is run from, in the
// form script-INDEX-xxxxx: the suffix follows from the script.
func ScriptPath(index int, script string) string {
	const letters = "bcdfghjklmnpqrstvwxz2456789"
	h := fnv.New64a()
	_, _ = h.Write([]byte(script))
	sum := h.Sum64()
	var suffix [5]byte
	for i := range suffix {
		suffix[i] = letters[sum%uint64(len(letters))]
		sum /= uint64(len(letters))
	}
	return path.Join(ScriptsDir, "script-"+strconv.Itoa(index)+"-"+string(suffix[:]))
}
