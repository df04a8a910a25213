package contract

import (
	"bytes"
	"compress/flate"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
)

// Reason is why a step ended, in the words of Tekton's terminationReason.
type Reason string

const (
	ReasonCompleted Reason = "Completed"       // exit code 0
	ReasonError     Reason = "Error"           // another exit code, or could not be run
	ReasonTimeout   Reason = "TimeoutExceeded" // overran the step's timeout
	ReasonSkipped   Reason = "Skipped"         // not run
	ReasonContinued Reason = "Continued"       // failed, and that is passed over; the container exits 0
	ReasonCancelled Reason = "Cancelled"       // ended by a signal from outside, or never started because of one
)

// Cause says more than Reason where that helps to tell the user what to do.
type Cause string

const (
	CausePriorFailed   Cause = "PriorFailed"          // Skipped: a step before it failed
	CausePriorLost     Cause = "PriorLost"            // Skipped: a step before it was killed and left no mark
	CauseWhen          Cause = "When"                 // Skipped: a when expression does not hold
	CauseRestarted     Cause = "Restarted"            // Error: the container was started again; the process was not
	CauseNotFound      Cause = "CommandNotFound"      // Error, exit code 127
	CauseNotExecutable Cause = "CommandNotExecutable" // Error, exit code 126
	CauseSetup         Cause = "Setup"                // Error: what the process needs could not be prepared
	CauseResultsSize   Cause = "ResultsTooLarge"      // Error: more than MaxResults
	CauseBreakpoint    Cause = "Breakpoint"           // Error: ended by a person at the breakpoint before it
	CauseTaskWhen      Cause = "TaskWhen"             // Skipped: a when expression of its task does not hold
	CauseTaskLacks     Cause = "TaskLacks"            // Skipped: its task needs a task that was skipped for a reason of its own
)

// The order in these lists is part of the contract: the compact form of a
// message names reasons and causes by their place.
var (
	reasons = []Reason{ReasonCompleted, ReasonError, ReasonTimeout, ReasonSkipped, ReasonContinued, ReasonCancelled}
	causes  = []Cause{"", CausePriorFailed, CausePriorLost, CauseWhen, CauseRestarted, CauseNotFound, CauseNotExecutable, CauseSetup, CauseResultsSize, CauseBreakpoint, CauseTaskWhen, CauseTaskLacks}
)

// Message is what a step ends with, in its container's termination message.
type Message struct {
	Version int    `json:"v"`
	Reason  Reason `json:"reason"`
	Cause   Cause  `json:"cause,omitempty"`
	// ExitCode is the process's own; 128 + n when signal n ended it. It differs
	// from the container's when Reason is Continued.
	ExitCode int `json:"exitCode"`
	// StartedAt is when the process started; zero when it did not.
	StartedAt  time.Time `json:"startedAt,omitzero"`
	FinishedAt time.Time `json:"finishedAt"`
	// Detail is one line for the user, when there is more to say than Reason.
	Detail string `json:"detail,omitempty"`
	// Results are those of the task that this step wrote.
	Results []Result `json:"results,omitempty"`
	// StepResults are those of the step.
	StepResults []Result `json:"stepResults,omitempty"`
	// Artifacts and StepArtifacts are provenance files, as the step left them.
	Artifacts     json.RawMessage `json:"artifacts,omitempty"`
	StepArtifacts json.RawMessage `json:"stepArtifacts,omitempty"`

	// Log is set by [Decode] when Detail, results and artifacts are in the
	// container's log: give both to [Collect].
	Log *LogRef `json:"-"`
}

// Result is a result file's content.
type Result struct {
	Name string `json:"name"`
	// Type as declared: string (also when empty), array, object.
	Type string `json:"type,omitempty"`
	// Value is the file byte for byte; of type array or object it is JSON if
	// the step did as it should: see [Result.Validate].
	Value string `json:"value"`
}

// MaxResults bounds the results and artifacts of a task together, in bytes.
const MaxResults = 5 << 18

// Bounds of the kubelet, in bytes.
const (
	containerMessage = 4096
	podMessages      = 12 << 10
	// MinMessage is the room that every message fits in.
	MinMessage = 96
)

// MessageLimit is the room for a message, in bytes, in a Pod with that many
// containers and init containers: the kubelet divides 12 KiB among them.
func MessageLimit(containers int) int {
	return min(containerMessage, podMessages/max(1, containers))
}

const compressedPrefix = "z1:"

// Encode returns the message in at most limit bytes (0 means 4096; never less
// than [MinMessage]), in the first of three forms that fits:
//
//	{"v":1,…}           JSON
//	z1:BASE64           the same, deflated
//	c1:R.C.X.S.F.L.D    reason, cause, exit code and times; the rest is in the log
//
// For the third, log holds what must be written to the container's standard
// output, after all that the process wrote there; it is nil when nothing is left to say.
func (m Message) Encode(limit int) (message, log []byte) {
	if limit == 0 {
		limit = containerMessage
	}
	m.Version = Version
	if data := m.json(); len(data) <= limit {
		return data, nil
	}
	packed := deflate(m.json())
	if n := len(compressedPrefix) + base64.StdEncoding.EncodedLen(len(packed)); n <= limit {
		return base64.StdEncoding.AppendEncode([]byte(compressedPrefix), packed), nil
	}
	if m.Detail == "" && len(m.Results)+len(m.StepResults)+len(m.Artifacts)+len(m.StepArtifacts) == 0 {
		return m.compact(nil), nil
	}
	ref, log := logLines(packed)
	return m.compact(&ref), log
}

func (m Message) json() []byte {
	data, err := marshal(m)
	if err != nil {
		panic("contract: a message cannot be encoded: " + err.Error()) // artifacts were checked to be JSON
	}
	return data
}

// marshal is json.Marshal without the escapes for HTML, which cost room.
func marshal(v any) ([]byte, error) {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	err := enc.Encode(v)
	return bytes.TrimSuffix(buf.Bytes(), []byte("\n")), err
}

// Decode reads what [Message.Encode] wrote. A message that something else
// wrote, or that was cut, is an error.
func Decode(data []byte) (Message, error) {
	text := strings.TrimSpace(string(data))
	switch {
	case text == "":
		return Message{}, errors.New("the termination message is empty: the entrypoint was killed before it could write one")
	case strings.HasPrefix(text, compactPrefix):
		return decodeCompact(text[len(compactPrefix):])
	case strings.HasPrefix(text, compressedPrefix):
		packed, err := base64.StdEncoding.DecodeString(text[len(compressedPrefix):])
		if err != nil {
			return Message{}, fmt.Errorf("termination message: %w", err)
		}
		return inflate(packed)
	default:
		return decodeJSON([]byte(text))
	}
}

func decodeJSON(data []byte) (Message, error) {
	var m Message
	if err := json.Unmarshal(data, &m); err != nil {
		return Message{}, fmt.Errorf("termination message is not an entrypoint's: %w", err)
	}
	if m.Version != Version {
		return Message{}, fmt.Errorf("termination message is of contract %d, not %d", m.Version, Version)
	}
	return m, nil
}

func deflate(data []byte) []byte {
	var buf bytes.Buffer
	w, err := flate.NewWriter(&buf, flate.BestCompression)
	if err != nil {
		panic(err) // only an unknown level could do that
	}
	_, _ = w.Write(data)
	_ = w.Close()
	return buf.Bytes()
}

// maxInflated bounds what a hostile step can make the controller hold: results
// at their limit, JSON's escapes of every byte of them, and some room.
const maxInflated = 6*MaxResults + 64<<10

func inflate(packed []byte) (Message, error) {
	data, err := io.ReadAll(io.LimitReader(flate.NewReader(bytes.NewReader(packed)), maxInflated+1))
	if err != nil {
		return Message{}, fmt.Errorf("termination message: %w", err)
	}
	if len(data) > maxInflated {
		return Message{}, fmt.Errorf("termination message holds more than %d bytes", maxInflated)
	}
	return decodeJSON(data)
}

// Validate says whether the value is what the type promises: any text for a
// string, a JSON array of strings, a JSON object of strings.
func (r Result) Validate() error {
	var err error
	switch r.Type {
	case "array":
		var list []string
		err = json.Unmarshal([]byte(r.Value), &list)
	case "object":
		var object map[string]string
		err = json.Unmarshal([]byte(r.Value), &object)
	}
	if err != nil {
		return fmt.Errorf("result %q is declared an %s, but its file holds %.60q, which is not a JSON %s of strings", r.Name, r.Type, r.Value, r.Type)
	}
	return nil
}
