package entrypoint

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"os"
	"path/filepath"
	"syscall"

	"github.com/slipway-dev/slipway/entrypoint/contract"
)

// found is what a step left to be reported.
type found struct {
	results, stepResults     []contract.Result
	artifacts, stepArtifacts json.RawMessage
}

func (e *entry) resultsDir() string {
	return cmp.Or(e.ResultsDir, contract.ResultsDir)
}

func (e *entry) taskArtifacts() string { return cmp.Or(e.TaskArtifacts, contract.TaskArtifacts) }

// snapshot remembers what the task's results are before the process runs, so
// that a step reports those alone that it wrote.
func (e *entry) snapshot() map[string]uint64 {
	seen := map[string]uint64{}
	files := []string{e.taskArtifacts()}
	for _, d := range e.Results {
		files = append(files, filepath.Join(e.resultsDir(), d.Name))
	}
	for _, file := range files {
		if data, err := readResult(file, contract.MaxResults); err == nil {
			seen[file] = fingerprint(data)
		}
	}
	return seen
}

var seed = maphash.MakeSeed()

func fingerprint(data []byte) uint64 { return maphash.Bytes(seed, data) }

// gather reads what the process left. Too much of it makes the step fail.
func (e *entry) gather(end *ending, before map[string]uint64) {
	g := gatherer{before: before, left: contract.MaxResults}
	for _, d := range e.Results {
		g.result(&end.found.results, filepath.Join(e.resultsDir(), d.Name), d)
	}
	for _, d := range e.StepResults {
		g.result(&end.found.stepResults, contract.StepResultPath(e.StepDir, d.Name), d)
	}
	if e.Artifacts {
		end.found.artifacts = g.artifacts(e.taskArtifacts())
		end.found.stepArtifacts = g.artifacts(contract.StepArtifactsPath(e.StepDir))
	}
	for _, problem := range g.problems {
		e.complain("%s", problem)
	}
	if g.left < 0 {
		over := failed(contract.CauseResultsSize, exitFailed, "its results have more than %.2f MiB together, which is all that a task may return: write what is large to a workspace, and return its path", float64(contract.MaxResults)/(1<<20))
		over.StartedAt = end.StartedAt
		*end = over
	}
}

type gatherer struct {
	before   map[string]uint64
	left     int // bytes; below 0 when there was more than is allowed
	problems []string
}

func (g *gatherer) result(into *[]contract.Result, file string, d contract.Declared) {
	data, ok := g.read(file)
	if !ok {
		return
	}
	r := contract.Result{Name: d.Name, Type: d.Type, Value: string(data)}
	if err := r.Validate(); err != nil {
		g.problems = append(g.problems, err.Error())
	}
	*into = append(*into, r)
}

func (g *gatherer) artifacts(file string) json.RawMessage {
	data, ok := g.read(file)
	if !ok {
		return nil
	}
	if !json.Valid(data) {
		g.problems = append(g.problems, fmt.Sprintf("%s is not JSON, so its artifacts are not recorded", file))
		return nil
	}
	return data
}

// read returns a file that is there and is not as it was before.
func (g *gatherer) read(file string) ([]byte, bool) {
	if g.left < 0 {
		return nil, false
	}
	data, err := readResult(file, g.left)
	if errors.Is(err, errTooLarge) {
		g.left = -1
		return nil, false
	}
	if err != nil {
		if !errors.Is(err, os.ErrNotExist) {
			g.problems = append(g.problems, fmt.Sprintf("a result cannot be read: %v", err))
		}
		return nil, false
	}
	g.left -= len(data)
	if old, ok := g.before[file]; ok && old == fingerprint(data) {
		return nil, false
	}
	return data, true
}

var errTooLarge = errors.New("too large")

// readResult reads a regular file of at most limit bytes. Anything else in its
// place must not block or fill the entrypoint.
func readResult(file string, limit int) ([]byte, error) {
	f, err := os.OpenFile(file, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a file", file)
	}
	data, err := io.ReadAll(io.LimitReader(f, int64(limit)+1))
	if err != nil {
		return nil, err
	}
	if len(data) > limit {
		return nil, errTooLarge
	}
	return data, nil
}

// deliver writes the message, and to the log what does not fit into it.
func (e *entry) deliver(end ending) error {
	text, log := contract.Message{
		Reason: end.Reason, Cause: end.Cause, ExitCode: end.ExitCode,
		StartedAt: end.StartedAt.UTC(), FinishedAt: end.FinishedAt.UTC(), Detail: end.detail,
		Results: end.found.results, StepResults: end.found.stepResults,
		Artifacts: end.found.artifacts, StepArtifacts: end.found.stepArtifacts,
	}.Encode(e.MessageLimit)
	if _, err := e.stdout.Write(log); err != nil {
		return fmt.Errorf("its results cannot be written to the log: %w", err)
	}
	return os.WriteFile(cmp.Or(e.TerminationPath, contract.Termination), text, 0o644)
}
