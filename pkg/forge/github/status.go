package github

import (
	"context"
	"net/http"

	"github.com/slipway-dev/slipway/pkg/forge"
	"github.com/slipway-dev/slipway/pkg/forge/rest"
)

// What GitHub has room for.
const (
	maxDescription = 140
	maxText        = 65535 // bytes
	maxAnnotations = 50    // a request
)

// states are the words of commit statuses, which have none for what is cancelled.
var states = map[forge.State]string{forge.StatePending: "pending", forge.StateRunning: "pending", forge.StateSuccess: "success",
	forge.StateFailure: "failure", forge.StateError: "error", forge.StateCancelled: "error"}

// conclusions are those of checks that are at an end.
var conclusions = map[forge.State]string{forge.StateSuccess: "success", forge.StateFailure: "failure", forge.StateError: "failure",
	forge.StateCancelled: "cancelled"}

// SetStatus makes a check run if the client is an App's, and else a commit status. Of
// check runs of one name GitHub shows and counts the newest.
func (c *Client) SetStatus(ctx context.Context, commit string, s forge.Status) error {
	call := rest.Call{Method: http.MethodPost, Path: c.repo + "/statuses" + rest.Path(commit)}
	if c.checks {
		call.Path, call.Body = c.repo+"/check-runs", check(commit, s)
	} else {
		body := map[string]string{"context": s.Name, "state": states[s.State], "description": forge.Cut(s.Description, maxDescription)}
		if s.URL != "" {
			body["target_url"] = s.URL
		}
		call.Body = body
	}
	_, err := c.api.Do(ctx, call)
	return err
}

type checkRun struct {
	Name       string `json:"name"`
	HeadSHA    string `json:"head_sha"`
	Status     string `json:"status"`
	Conclusion string `json:"conclusion,omitempty"`
	DetailsURL string `json:"details_url,omitempty"`
	Output     output `json:"output"`
}

type output struct {
	Title       string       `json:"title"`
	Summary     string       `json:"summary"`
	Annotations []annotation `json:"annotations,omitempty"`
}

type annotation struct {
	Path      string `json:"path"`
	StartLine int    `json:"start_line"`
	EndLine   int    `json:"end_line"`
	Level     string `json:"annotation_level"`
	Message   string `json:"message"`
}

func check(commit string, s forge.Status) checkRun {
	run := checkRun{Name: s.Name, HeadSHA: commit, DetailsURL: s.URL, Output: output{Title: s.Description, Summary: forge.CutBytes(s.Text, maxText)}}
	switch s.State {
	case forge.StatePending:
		run.Status = "queued"
	case forge.StateRunning:
		run.Status = "in_progress"
	default:
		run.Status, run.Conclusion = "completed", conclusions[s.State]
	}
	for _, a := range s.Annotations[:min(len(s.Annotations), maxAnnotations)] {
		line := max(a.Line, 1)
		run.Output.Annotations = append(run.Output.Annotations, annotation{Path: a.Path, StartLine: line, EndLine: line, Level: "failure", Message: a.Message})
	}
	return run
}
