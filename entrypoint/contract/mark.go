package contract

import (
	"encoding/json"
	"fmt"
	"path"
	"time"
)

// Outcome is what a step's end means to the steps that wait for it.
type Outcome string

const (
	// OutcomeOK: the process ended well, or its failure is to be passed over.
	OutcomeOK Outcome = "ok"
	// OutcomeError: the step failed, or did not run because one before it failed.
	OutcomeError Outcome = "err"
	// OutcomeSkipped: a when expression said no. Steps after it run.
	OutcomeSkipped Outcome = "skipped"
	// OutcomeCut: the task did not run, for want of another that was skipped. What waits
	// for it does not run either, and nothing has failed.
	OutcomeCut Outcome = "cut"
)

// Mark is the content of the file that a step leaves when it ends. The file
// appears with its content in one rename, never half-written.
type Mark struct {
	Version    int       `json:"v"`
	Outcome    Outcome   `json:"outcome"`
	Reason     Reason    `json:"reason"`
	Cause      Cause     `json:"cause,omitempty"`
	ExitCode   int       `json:"exitCode"`
	StartedAt  time.Time `json:"startedAt,omitzero"`
	FinishedAt time.Time `json:"finishedAt"`
}

// MarkPath is the end mark in a step's run folder.
func MarkPath(runDir string) string { return path.Join(runDir, "out") }

// StartMarkPath is the file that exists once a step's process has been, or is
// about to be, started. It is created exclusively, and so holds the promise
// that no process is started twice.
func StartMarkPath(runDir string) string { return path.Join(runDir, "started") }

// LockPath is the file that the entrypoint holds a lock (flock) on for as long
// as it lives. A mark that is missing while the lock is free means that the
// entrypoint was killed, by the kernel for want of memory for one.
func LockPath(runDir string) string { return path.Join(runDir, "alive") }

// Encode returns the mark's bytes.
func (m Mark) Encode() []byte {
	m.Version = Version
	data, err := json.Marshal(m)
	if err != nil {
		panic("contract: a mark cannot be encoded: " + err.Error()) // only a year beyond 9999 could do that
	}
	return data
}

// DecodeMark reads what [Mark.Encode] wrote. A mark of another version or with
// an unknown outcome is an error: nothing may start on a guess.
func DecodeMark(data []byte) (Mark, error) {
	var m Mark
	if err := json.Unmarshal(data, &m); err != nil {
		return m, err
	}
	if m.Version != Version {
		return m, fmt.Errorf("mark is of contract %d, not %d", m.Version, Version)
	}
	switch m.Outcome {
	case OutcomeOK, OutcomeError, OutcomeSkipped, OutcomeCut:
		return m, nil
	}
	return m, fmt.Errorf("mark has unknown outcome %q", m.Outcome)
}
